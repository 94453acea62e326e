//! Background tasks. None of them ends before the process does: a failure is logged and tried again in the next round.

pub mod erasures;
pub mod identities;
pub mod ip_blocks;
pub mod purge;
pub mod usage;
