//! Range partitions: made when needed, dropped when expired.
//!
//! A partition's range follows from its table and the time alone, aligned to the unix epoch, so every process names
//! the same ones. They are made under an advisory lock, apart from the writes that need them, and then attached:
//! attaching waits neither for readers nor for writers, while `CREATE TABLE … PARTITION OF` locks them all out and
//! meets a reader of all candles in the opposite order, which is a deadlock.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deadpool_postgres::Object;
use domain::interval::Interval;
use jiff::Timestamp;
use platform::postgres::StoreError;
use tokio_postgres::Transaction;

use super::token_history;

/// Any number that no other lock of the same database uses.
const LOCK: i64 = 0x616e_616c_7974;
const DAY: i64 = 86_400;

/// A table that is cut by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    Ticks,
    Candles(Interval),
    /// One of the lengths of [`token_history::STORED`].
    TokenHistory(Interval),
}

/// How long things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    pub ticks: Duration,
    pub minute_candles: Duration,
    /// Cells of 5 minutes.
    pub token_cells: Duration,
    pub token_hours: Duration,
}

impl Table {
    pub fn all() -> impl Iterator<Item = Self> {
        std::iter::once(Self::Ticks)
            .chain(Interval::ALL.map(Self::Candles))
            .chain(token_history::STORED.map(Self::TokenHistory))
    }

    fn name(self) -> String {
        match self {
            Self::Ticks => "ticks".to_owned(),
            Self::Candles(interval) => format!("candles_{interval}"),
            Self::TokenHistory(interval) => format!("token_history_{interval}"),
        }
    }

    /// Some tens of thousands of rows for a few dozen assets; some millions for some thousands of tokens.
    fn width_seconds(self) -> i64 {
        match self {
            Self::Ticks => DAY,
            Self::Candles(Interval::M1) => 7 * DAY,
            Self::Candles(Interval::M5) => 30 * DAY,
            Self::Candles(Interval::M15) => 90 * DAY,
            Self::Candles(Interval::H1) => 365 * DAY,
            Self::Candles(Interval::H4 | Interval::H12 | Interval::D1) => 3_650 * DAY,
            Self::TokenHistory(Interval::M1 | Interval::M5 | Interval::M15) => 2 * DAY,
            Self::TokenHistory(Interval::H1 | Interval::H4 | Interval::H12) => 30 * DAY,
            Self::TokenHistory(Interval::D1) => 365 * DAY,
        }
    }

    /// How long rows are kept; `None` is for ever.
    fn retention(self, retention: Retention) -> Option<Duration> {
        match self {
            Self::Ticks => Some(retention.ticks),
            Self::Candles(Interval::M1) => Some(retention.minute_candles),
            Self::TokenHistory(Interval::M5) => Some(retention.token_cells),
            Self::TokenHistory(Interval::H1) => Some(retention.token_hours),
            Self::Candles(_) | Self::TokenHistory(_) => None,
        }
    }

    fn partition_at(self, at: Timestamp) -> Partition {
        Partition {
            table: self,
            start: at.as_second().div_euclid(self.width_seconds()) * self.width_seconds(),
        }
    }
}

/// One partition; `start` is in unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Partition {
    table: Table,
    start: i64,
}

impl Partition {
    fn end(self) -> i64 {
        self.start + self.table.width_seconds()
    }

    fn name(self) -> String {
        format!("{}_{}", self.table.name(), self.start)
    }

    fn create_statement(self) -> String {
        format!(
            "CREATE TABLE analytics.{name} (LIKE analytics.{table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS); \
             ALTER TABLE analytics.{table} ATTACH PARTITION analytics.{name} \
             FOR VALUES FROM (to_timestamp({start})) TO (to_timestamp({end}))",
            name = self.name(),
            table = self.table.name(),
            start = self.start,
            end = self.end(),
        )
    }

    async fn exists(self, transaction: &Transaction<'_>) -> Result<bool, StoreError> {
        let query = "SELECT to_regclass($1) IS NOT NULL AS found";
        let row = transaction
            .query_one(query, &[&format!("analytics.{}", self.name())])
            .await?;
        Ok(row.try_get("found")?)
    }
}

/// The partitions that one price needs.
pub fn for_tick(at: Timestamp) -> impl Iterator<Item = (Table, Timestamp)> {
    std::iter::once(Table::Ticks)
        .chain(Interval::ALL.map(Table::Candles))
        .map(move |table| (table, at))
}

/// The partitions that one cell of 5 minutes needs.
pub fn for_token_cell(at: Timestamp) -> impl Iterator<Item = (Table, Timestamp)> {
    token_history::STORED
        .map(|interval| (Table::TokenHistory(interval), at))
        .into_iter()
}

/// The partitions that will be needed within a day.
pub fn near_future(now: Timestamp) -> impl Iterator<Item = (Table, Timestamp)> {
    let tomorrow = now.saturating_add(Duration::from_secs(DAY as u64)).unwrap_or(now);
    Table::all().flat_map(move |table| [(table, now), (table, tomorrow)])
}

/// The partitions known to exist.
#[derive(Debug, Clone, Default)]
pub struct Partitions {
    known: Arc<Mutex<HashSet<Partition>>>,
}

impl Partitions {
    /// Makes what is not known to exist.
    pub async fn ensure(
        &self,
        client: &mut Object,
        needed: impl Iterator<Item = (Table, Timestamp)>,
    ) -> Result<(), StoreError> {
        let missing: BTreeSet<Partition> = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            needed
                .map(|(table, at)| table.partition_at(at))
                .filter(|partition| !known.contains(partition))
                .collect()
        };
        if missing.is_empty() {
            return Ok(());
        }
        let transaction = locked(client).await?;
        for partition in &missing {
            if partition.exists(&transaction).await? {
                continue;
            }
            transaction.batch_execute(&partition.create_statement()).await?;
        }
        transaction.commit().await?;
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(missing);
        Ok(())
    }

    /// Looks at the database again when something is needed next.
    pub fn forget(&self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Drops the partitions whose whole range lies before the retention. Returns their names.
pub async fn drop_expired(
    client: &mut Object,
    now: Timestamp,
    retention: Retention,
) -> Result<Vec<String>, StoreError> {
    let mut dropped = Vec::new();
    for table in Table::all() {
        let Some(kept) = table.retention(retention) else {
            continue;
        };
        let keep_from = now.as_second() - kept.as_secs() as i64;
        for child in children(client, table).await? {
            let start = child.rsplit('_').next().and_then(|start| start.parse().ok());
            let partition = start.map(|start| Partition { table, start });
            if partition.is_some_and(|partition| partition.name() == child && partition.end() <= keep_from) {
                // One in a transaction: a drop locks its parent, and two parents could be locked by a reader the
                // other way round.
                let transaction = locked(client).await?;
                transaction
                    .batch_execute(&format!("DROP TABLE IF EXISTS analytics.{child}"))
                    .await?;
                transaction.commit().await?;
                dropped.push(child);
            }
        }
    }
    Ok(dropped)
}

async fn children(client: &Object, table: Table) -> Result<Vec<String>, StoreError> {
    let query = "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
                 WHERE i.inhparent = ($1::text)::regclass ORDER BY c.relname";
    let rows = client.query(query, &[&format!("analytics.{}", table.name())]).await?;
    Ok(rows
        .iter()
        .map(|row| row.try_get("relname"))
        .collect::<Result<_, tokio_postgres::Error>>()?)
}

/// A transaction that holds the lock of everyone who changes partitions. It waits for tables only shortly, because
/// everyone who writes would queue behind it.
async fn locked(client: &mut Object) -> Result<deadpool_postgres::Transaction<'_>, StoreError> {
    let transaction = client.transaction().await?;
    lock(&transaction).await?;
    Ok(transaction)
}

async fn lock(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    transaction
        .execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK])
        .await?;
    // Set after our turn came: waiting for it hinders nobody.
    let limits = "SET LOCAL lock_timeout = '5s'; SET LOCAL client_min_messages = warning";
    Ok(transaction.batch_execute(limits).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_holds_the_time_it_was_asked_for() {
        for text in ["2026-11-21T04:00:00Z", "1969-12-31T23:59:59Z", "2026-11-20T00:00:00Z"] {
            let at: Timestamp = text.parse().unwrap();
            for table in Table::all() {
                let partition = table.partition_at(at);
                assert!(
                    (partition.start..partition.end()).contains(&at.as_second()),
                    "{text} {table:?}"
                );
            }
        }
    }

    #[test]
    fn statements_name_their_range() {
        let partition = Table::Candles(Interval::M1).partition_at("1970-01-08T00:00:00Z".parse().unwrap());
        assert_eq!(
            partition.create_statement(),
            "CREATE TABLE analytics.candles_1m_604800 \
             (LIKE analytics.candles_1m INCLUDING DEFAULTS INCLUDING CONSTRAINTS); \
             ALTER TABLE analytics.candles_1m ATTACH PARTITION analytics.candles_1m_604800 \
             FOR VALUES FROM (to_timestamp(604800)) TO (to_timestamp(1209600))"
        );
    }
}
