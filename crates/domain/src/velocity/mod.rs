//! Velocity: how often the capitalisation of a token changes hands in a day.
//!
//! One point is a ratio of what a listing reports; everything else is a time-weighted statistic of many points.
//! Unknown is `None` and never 0. Time is an argument.

/// The velocity of one moment.
mod ratio;

/// A velocity with its time, and how long it holds.
mod point;

/// The trailing windows.
mod timeframe;

/// What a window of velocities comes to.
mod summary;

/// Where the velocity is heading.
mod trend;

/// How unsteady the velocity is, and how far the newest hour stands out.
mod momentum;

/// The statistics of a window in one pass over all points.
mod batch;

/// Weighted mean and spread, mergeable.
mod weighted;

/// Sums over any range of a growing list.
mod pyramid;

/// The velocities of one token over the last thirty days.
mod tracker;

#[cfg(test)]
mod tests;

pub use batch::{summarise, trend};
pub use momentum::{MOMENTUM_Z_SCORE, Momentum, volatility_score};
pub use point::VelocityPoint;
pub use ratio::{DEFAULT_MIN_MARKET_CAP_USD, EXTREME_VELOCITY, Velocity, VelocityInput, VelocityMethod};
pub use summary::{MIN_COVERAGE, MIN_POINTS, WindowSummary};
pub use timeframe::{Timeframe, UnknownTimeframe};
pub use tracker::{Recorded, VelocityTracker};
pub use trend::{TREND_THRESHOLD, Trend};
