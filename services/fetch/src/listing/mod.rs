//! The listing of all tokens: asked for page by page, in our words, under our ids, into the stream `listings`.

/// From a provider's words to ours.
pub mod identity;
pub mod matching;
pub mod normalise;
pub mod registry;

/// How often a plan allows it.
pub mod budget;
pub mod ledger;

/// One poll, and the loop of polls.
pub mod collect;
pub mod poll;
pub mod publisher;
