//! What is measured, in the order that lets one row prepare the next.

mod batched_price;
mod burst;
mod evaluation;
mod isolation;
mod latency;
mod memory;
mod rates;
mod statistics;
mod throughput;

use crate::scale::Scale;
use crate::stack::TestStack;
use crate::table::Table;

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
    if wanted("batched price") {
        batched_price::measure(&TestStack::new().await?, &mut table).await?;
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
