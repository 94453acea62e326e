//! Velocity: how often the capitalisation of a token changes hands in a day.
//!
//! One point is a ratio of what a listing reports; everything else is a time-weighted statistic of many points.
//! Unknown is `None` and never 0. Time is an argument.

/// The velocity of one moment.
mod ratio;

/// The trailing windows.
mod timeframe;

pub use ratio::{DEFAULT_MIN_MARKET_CAP_USD, EXTREME_VELOCITY, Velocity, VelocityInput, VelocityMethod};
pub use timeframe::{Timeframe, UnknownTimeframe};
