//! What is measured, in the order that lets one row prepare the next.

mod burst;
mod evaluation;
mod isolation;
mod latency;
mod memory;
mod rates;
mod statistics;
mod throughput;

use crate::stack::TestStack;
use crate::table::Table;

/// How much of everything.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Armed alerts while latency is measured.
    pub armed: i64,
    /// Ticks whose latency is measured.
    pub ticks: usize,
    /// Armed alerts while evaluation is measured.
    pub armed_many: i64,
    /// Alerts that fire on one tick.
    pub burst: i64,
    /// Webhooks that are delivered as fast as possible.
    pub webhooks: i64,
    /// URLs that hang while another user's first webhook is measured.
    pub hanging: i64,
    /// Points of the series.
    pub points: usize,
    /// Seconds of each round of load.
    pub load_seconds: u64,
    /// Seconds after which a service counts as idle.
    pub idle_seconds: u64,
}

impl Scale {
    /// What the budgets speak of.
    pub const FULL: Self = Self {
        armed: 100_000,
        ticks: 1_000,
        armed_many: 1_000_000,
        burst: 1_000,
        webhooks: 20_000,
        hanging: 10_000,
        points: 1_000_000,
        load_seconds: 3,
        idle_seconds: 20,
    };

    /// Enough to see that every row works.
    pub const QUICK: Self = Self {
        armed: 1_000,
        ticks: 50,
        armed_many: 10_000,
        burst: 100,
        webhooks: 500,
        hanging: 500,
        points: 50_000,
        load_seconds: 1,
        idle_seconds: 3,
    };
}

/// Measures the rows whose name contains `only`.
///
/// # Errors
///
/// Something does not work at all.
pub async fn measure(scale: &Scale, only: &str) -> anyhow::Result<Table> {
    let mut table = Table::default();
    let wanted = |name: &str| name.contains(only);
    if wanted("statistics") {
        statistics::measure(scale, &mut table).await?;
    }
    if wanted("memory") {
        memory::measure(&TestStack::new().await?, scale, &mut table).await?;
    }
    if wanted("rates") {
        rates::measure(&TestStack::new().await?, scale, &mut table).await?;
    }
    if wanted("latency") {
        latency::measure(&TestStack::new().await?, scale, &mut table).await?;
    }
    if wanted("burst") {
        burst::measure(&TestStack::new().await?, scale, &mut table).await?;
    }
    if wanted("throughput") {
        throughput::measure(&TestStack::new().await?, scale, &mut table).await?;
    }
    if wanted("isolation") {
        isolation::measure(&TestStack::new().await?, scale, &mut table).await?;
    }
    if wanted("evaluation") {
        evaluation::measure(&TestStack::new().await?, scale, &mut table).await?;
    }
    Ok(table)
}
