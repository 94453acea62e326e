//! fetch against real servers, the simulator, and recorded answers of the providers.

#![allow(clippy::unwrap_used, reason = "a failed expectation ends the test")]

mod adapters;
mod batch;
mod batch_scripts;
mod command;
mod harness;
mod history;
mod leases;
mod listings;
mod outages;
mod provider_faults;
mod recorded;
mod service;
