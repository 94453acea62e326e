//! Rows of `alerting.refused`: items that were set aside because no repetition would have helped.

use deadpool_postgres::Pool;
use jiff::Timestamp;

use super::{StoreError, connection};
use crate::metrics;

/// Longest part of a payload or reason that is kept.
const MAX_CHARS: usize = 4_000;

/// Longest name of an item: it is part of a key.
const MAX_ITEM_CHARS: usize = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A message of the stream of quotes.
    Quote,
    /// An alert that a price reached.
    Alert,
    Metrics,
    /// An attempt to deliver that cannot be claimed or recorded.
    Attempt,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Quote => "quote",
            Self::Alert => "alert",
            Self::Metrics => "metrics",
            Self::Attempt => "attempt",
        }
    }
}

/// Records an item that was refused. The first time is logged, later ones are only counted.
///
/// # Errors
/// When PostgreSQL is away: then nothing was set aside. A record that is itself refused is logged and given up.
pub async fn set_aside(
    pool: &Pool,
    kind: Kind,
    item: &str,
    reason: &StoreError,
    payload: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (name, item) = (kind.as_str(), fit(item, MAX_ITEM_CHARS));
    let reason = match reason {
        StoreError::Statement(error) => error
            .as_db_error()
            .map_or_else(|| error.to_string(), ToString::to_string),
        StoreError::Unreachable(_) | StoreError::Unreadable(_) => reason.to_string(),
    };
    let first = match record(
        pool,
        name,
        &item,
        &fit(&reason, MAX_CHARS),
        &fit(payload, MAX_CHARS),
        now,
    )
    .await
    {
        Err(error) if error.is_outage() => return Err(error),
        Err(error) => {
            tracing::error!(kind = name, item, reason, %error, "set aside without a record");
            false
        }
        Ok(times) => times == 1,
    };
    ::metrics::counter!(metrics::REFUSED, "kind" => name).increment(1);
    if first {
        tracing::error!(kind = name, item, reason, "refused for good and set aside");
    }
    Ok(())
}

async fn record(
    pool: &Pool,
    kind: &str,
    item: &str,
    reason: &str,
    payload: &str,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached(
            "INSERT INTO alerting.refused AS r (kind, item, reason, payload, first_at, last_at)
             VALUES ($1, $2, $3, $4, $5, $5)
             ON CONFLICT (kind, item) DO UPDATE
             SET reason = $3, payload = $4, times = r.times + 1, last_at = $5
             RETURNING times",
        )
        .await?;
    let row = client
        .query_one(&statement, &[&kind, &item, &reason, &payload, &now])
        .await?;
    Ok(row.get("times"))
}

/// What PostgreSQL takes as text, and not too much of it.
fn fit(text: &str, most: usize) -> String {
    let visible = |char| if char == '\0' { '\u{fffd}' } else { char };
    text.chars().take(most).map(visible).collect()
}
