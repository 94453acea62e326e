//! The provider simulator: the providers' real wire formats, from a seeded synthetic market or a replay of recorded
//! files.
//!
//! One port speaks for all of them under `/binance`, `/coingecko` and `/coinmarketcap`; `/_sim` breaks and moves
//! things. Every response says in `X-Simulated-Market` what it is. The demo and the tests use it; no service depends
//! on it. A simulated provider is called a venue here, as in the control interface. The modules stand in the order in
//! which a price passes through them.

pub mod clock;
pub mod rng;

/// The market: assets, and prices at any time.
pub mod assets;
pub mod brownian;
pub mod market;
pub mod recording;
pub mod replay;
pub mod synthetic;

/// Tokens that only listings know.
pub mod long_tail;

/// The market as one venue shows it, moved by hand.
pub mod overrides;
pub mod price_feed;
pub mod venue;
pub mod venue_view;

/// What goes wrong on purpose.
pub mod fault_effects;
pub mod fault_kind;
pub mod faults;
pub mod limits;

pub mod json;
pub mod server;
pub mod venues;

/// A running simulator and its control interface.
pub mod control;
pub mod simulator;
pub mod state;

pub use clock::{Clock, ManualClock, SystemClock};
pub use fault_kind::{CorruptPrice, FaultKind};
pub use faults::{FaultRequest, Refused};
pub use replay::ReplayOptions;
pub use simulator::{Config, MarketSource, Simulator, StartError, start};
pub use state::PerVenue;
pub use venue::Venue;
