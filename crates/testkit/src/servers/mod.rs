//! Servers of one test alone, which it may stop, kill and start again without disturbing others.
//!
//! Slower to have than a share of the common servers: only for tests of what happens when a
//! server goes away.

mod postgres;
mod rabbit;
mod redis;

pub use postgres::OwnPostgres;
pub use rabbit::OwnRabbit;
pub use redis::OwnRedis;
