//! The harness itself, and the whole platform end to end.

#![expect(clippy::unwrap_used, reason = "a failed expectation ends the test")]

mod own_servers;
