//! All SQL of the gateway.

/// Users: registering and finding.
pub mod users;
