//! The simulator as its clients see it: over HTTP, against what the venues were recorded to answer.

/// A simulator and a client of it.
mod harness;

/// Bodies have the shape of the recorded ones.
mod payloads;

/// Errors, weights and limits as the venues have them.
mod rate_limits;

/// Candles agree with prices, and time with time.
mod history;

/// What can be made to go wrong.
mod faults;

/// Prices moved and fixed by hand.
mod interventions;
mod listings;

/// Recorded files as a market.
mod replay;
