//! Removing what is older than the retention, a bounded number of rows at a time.

use deadpool_postgres::Pool;
use jiff::Timestamp;

use super::{StoreError, connection};

/// Most rows of one table removed by one statement.
const STEP: i64 = 1_000;

/// Each takes the moment before which rows are removed, and how many at most. Deliveries come first, and only those
/// that are finished: an event stays as long as a delivery of it is under way.
const STATEMENTS: [&str; 5] = [
    "WITH expired AS (
         SELECT id FROM alerting.deliveries d WHERE created_at < $1
         AND NOT EXISTS (SELECT FROM alerting.outbox o WHERE o.delivery_id = d.id)
         ORDER BY created_at LIMIT $2 FOR UPDATE OF d SKIP LOCKED
     ), letters AS (
         DELETE FROM alerting.dead_letters WHERE delivery_id IN (SELECT id FROM expired)
     ), attempts AS (
         DELETE FROM alerting.delivery_attempts WHERE delivery_id IN (SELECT id FROM expired)
     )
     DELETE FROM alerting.deliveries WHERE id IN (SELECT id FROM expired)",
    "DELETE FROM alerting.alert_events WHERE id IN (
         SELECT e.id FROM alerting.alert_events e WHERE e.at < $1
         AND NOT EXISTS (SELECT FROM alerting.deliveries d WHERE d.alert_id = e.alert_id AND d.event_id = e.id)
         ORDER BY e.at LIMIT $2 FOR UPDATE OF e SKIP LOCKED
     )",
    "DELETE FROM alerting.monitor_transitions WHERE id IN (
         SELECT id FROM alerting.monitor_transitions WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED
     )",
    "DELETE FROM alerting.refused WHERE (kind, item) IN (
         SELECT kind, item FROM alerting.refused WHERE last_at < $1 ORDER BY last_at LIMIT $2 FOR UPDATE SKIP LOCKED
     )",
    "DELETE FROM alerting.missed_quotes WHERE (from_at, to_at) IN (
         SELECT from_at, to_at FROM alerting.missed_quotes WHERE from_at < $1 AND done_at IS NOT NULL LIMIT $2
         FOR UPDATE SKIP LOCKED
     )",
];

/// Removes one step of everything that ended before `before`. Returns how many rows; 0 when nothing is left.
pub async fn remove_before(pool: &Pool, before: Timestamp) -> Result<u64, StoreError> {
    let client = connection(pool).await?;
    let mut removed = 0;
    for text in STATEMENTS {
        let statement = client.prepare_cached(text).await?;
        removed += client.execute(&statement, &[&before, &STEP]).await?;
    }
    Ok(removed)
}
