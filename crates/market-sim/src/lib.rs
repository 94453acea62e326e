//! The venue simulator: the venues' real wire formats, from a seeded synthetic market or a replay of recorded files.
//!
//! One port speaks for all venues under `/binance`, `/coingecko` and `/coinmarketcap`; `/_sim` breaks and moves things. Every
//! answer says in `X-Simulated-Market` what it is. The demo and the tests use it; no service depends on it. The modules stand
//! in the order in which a price passes through them.

/// Time, which a test can move.
pub mod clock;

/// Randomness as a pure function.
pub mod noise;

/// What is traded, and what its market looks like.
pub mod assets;

/// What a market is.
pub mod market;

/// Random walks that can be asked anywhere.
pub mod path;

/// The synthetic market.
pub mod synthetic;

/// Recorded files as series.
pub mod recording;

/// The replay market.
pub mod replay;

/// Prices moved and nailed by hand.
pub mod overrides;

/// The market as each venue prints it.
pub mod tape;

/// One venue's view at this moment.
pub mod view;

/// JSON as the venues spell it.
pub mod json;

/// The venues' wire formats.
pub mod venues;

/// What faults do to an answer.
pub mod effects;

/// What can go wrong.
pub mod faults;

/// What the venues allow per minute.
pub mod limits;

/// Everything a running simulator knows.
pub mod state;

/// The control interface.
pub mod control;

/// The venues over HTTP.
pub mod server;

/// Starting and holding a simulator.
pub mod simulator;

pub use clock::{Clock, ManualClock, SystemClock};
pub use effects::Absurdity;
pub use faults::{FaultKind, FaultRequest, Refused};
pub use replay::ReplayOptions;
pub use simulator::{Config, MarketSource, Simulator, StartError, start};
pub use state::PerVenue;
pub use venues::Venue;
