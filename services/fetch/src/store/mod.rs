//! The SQL of this service. Functions take any client, so that a caller decides about connections and transactions.

pub mod flagged_points;
