//! The SQL of this service. Functions take any client, so that a caller decides about connections and transactions.

pub mod flagged_points;
pub mod price_records;
pub mod provider_credits;
pub mod tokens;

/// The schema this service needs.
pub const SCHEMA_VERSION: u32 = 83;
