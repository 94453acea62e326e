//! The listing of all tokens: asked for page by page, in our words, under our ids, into the stream `listings`.

pub mod budget;
pub mod ledger;
pub mod matching;
pub mod normalise;
pub mod registry;
