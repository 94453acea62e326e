//! fetch against real servers, the simulator, and recorded answers of the venues.

#![allow(clippy::unwrap_used, reason = "a failed expectation ends the test")]

mod adapters;
mod command;
mod history;
mod outages;
mod recorded;
mod service;
mod sharing;
mod support;
mod trouble;
