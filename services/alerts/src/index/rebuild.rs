//! Keeps the index equal to PostgreSQL: builds it when it is missing, and compares it at intervals.
//!
//! A comparison is cheap when nothing is wrong: it counts both sides and adds what was created lately. Where the counts
//! differ, or on request, it goes through both sides page by page. What is missing is added; what is too many is
//! removed only after checking PostgreSQL once more, because an alert may have been created in the meantime.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use deadpool_postgres::Pool;
use domain::rule::Condition;
use domain::ticker::Ticker;
use jiff::Timestamp;
use uuid::Uuid;

use super::{AlertIndex, Entry, IndexError, PAGE_SIZE};
use crate::metrics;
use crate::store::{StoreError, armed_alerts};

/// How much older than the last comparison an alert may be to be added again: a creation writes to
/// PostgreSQL a moment after its time was taken, perhaps on a machine whose clock differs.
const OVERLAP: Duration = Duration::from_secs(120);

#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How thorough a comparison is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReconcileMode {
    /// Counts, and what was created since shortly before this moment.
    Counts(Timestamp),
    Full,
}

/// What a comparison changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Alerts that were missing.
    pub added: u64,
    /// Entries without an armed alert.
    pub removed: u64,
}

/// Builds the index from PostgreSQL and marks it as complete. Several may build at once: they write the same.
///
/// # Errors
/// When one of the two does not answer; `Missing` when Redis lost its data meanwhile.
pub async fn build(index: &AlertIndex, pool: &Pool) -> Result<u64, RebuildError> {
    // Before the first row is read: whatever Redis loses from here on makes `finish_build` fail.
    let build = index.begin_build().await?;
    let mut total = 0;
    for (ticker, condition, _) in armed_alerts::count(pool).await? {
        let mut after = Uuid::nil();
        loop {
            let page = armed_alerts::list(pool, &ticker, condition, after, PAGE_SIZE as i64).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            index.add(&ticker, condition, &entries(&page)).await?;
            total += page.len() as u64;
        }
    }
    if !index.finish_build(&build).await? {
        return Err(IndexError::Missing.into());
    }
    tracing::info!(alerts = total, "index built");
    Ok(total)
}

/// Compares the index with PostgreSQL and repairs it.
///
/// # Errors
/// When one of the two does not answer; `Missing` when the index is not there at all.
pub async fn reconcile(
    index: &AlertIndex,
    pool: &Pool,
    supported: &[Ticker],
    mode: ReconcileMode,
) -> Result<Reconciled, RebuildError> {
    if !index.is_complete().await? {
        return Err(IndexError::Missing.into());
    }
    if let ReconcileMode::Counts(since) = mode {
        add_recent(index, pool, since).await?;
    }
    // An asset whose last alert is gone is not in the counts, but may still be in the index.
    let mut before = BTreeMap::new();
    for ticker in supported {
        for condition in Condition::ALL {
            let size = index.size(ticker, condition).await?;
            before.insert((ticker.clone(), condition), size);
        }
    }
    // Between two counts of the index, because no lock holds PostgreSQL and Redis still together: see `agree`.
    let armed = armed_alerts::count(pool).await?;
    let counted = armed.iter().map(|(ticker, condition, _)| (ticker.clone(), *condition));
    let sets: BTreeSet<(Ticker, Condition)> = before.keys().cloned().chain(counted).collect();
    let mut repaired = Reconciled::default();
    let mut size = 0;
    for (ticker, condition) in sets {
        let wanted = armed
            .iter()
            .find(|(t, c, _)| (t, *c) == (&ticker, condition))
            .map_or(0, |(.., count)| *count);
        let after = index.size(&ticker, condition).await?;
        let before = before.get(&(ticker.clone(), condition)).copied().unwrap_or(after);
        size += wanted;
        if mode == ReconcileMode::Full || !agree(before, wanted, after) {
            repaired.added += add_missing(index, pool, &ticker, condition).await?;
            repaired.removed += remove_superfluous(index, pool, &ticker, condition).await?;
        }
    }
    ::metrics::gauge!(metrics::INDEX_SIZE).set(size as f64);
    ::metrics::counter!(metrics::INDEX_REPAIRED, "kind" => "missing").increment(repaired.added);
    ::metrics::counter!(metrics::INDEX_REPAIRED, "kind" => "superfluous").increment(repaired.removed);
    if repaired != Reconciled::default() {
        tracing::warn!(added = repaired.added, removed = repaired.removed, "index repaired");
    }
    Ok(repaired)
}

/// Says whether a count that was taken between two others may be equal to both: alerts come and go meanwhile, and as
/// many as the two differ by may have come and gone unseen. What is overlooked is found by the next full comparison.
fn agree(before: u64, wanted: u64, after: u64) -> bool {
    let (low, high) = (before.min(after), before.max(after));
    let change = high - low;
    (low.saturating_sub(change)..=high + change).contains(&wanted)
}

/// Removes what failed creations left: entries whose alert PostgreSQL does not have. What cannot be checked stays
/// remembered.
pub async fn remove_unconfirmed(index: &AlertIndex, pool: &Pool) -> Result<u64, RebuildError> {
    let mut removed = 0;
    let mut unconfirmed = index.take_unconfirmed().into_iter();
    while let Some((ticker, condition, entry)) = unconfirmed.next() {
        let settled = async {
            if armed_alerts::still_armed(pool, &[entry.alert_id]).await?.is_empty() {
                index.remove(&ticker, condition, std::slice::from_ref(&entry)).await?;
                // A repetition of the request may have stored it between the check and the removal.
                if !armed_alerts::still_armed(pool, &[entry.alert_id]).await?.is_empty() {
                    index.add(&ticker, condition, std::slice::from_ref(&entry)).await?;
                }
                return Ok(1);
            }
            Ok::<u64, RebuildError>(0)
        };
        match settled.await {
            Ok(count) => removed += count,
            Err(error) => {
                index.note_unconfirmed((ticker, condition, entry));
                unconfirmed.for_each(|rest| index.note_unconfirmed(rest));
                return Err(error);
            }
        }
    }
    ::metrics::counter!(metrics::INDEX_REPAIRED, "kind" => "superfluous").increment(removed);
    Ok(removed)
}

async fn add_recent(index: &AlertIndex, pool: &Pool, since: Timestamp) -> Result<(), RebuildError> {
    let mut after = first_id_of(since - jiff::SignedDuration::try_from(OVERLAP).unwrap_or_default());
    loop {
        let page = armed_alerts::list_since(pool, after, PAGE_SIZE as i64).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id;
        let sets: BTreeSet<(Ticker, Condition)> = page.iter().map(|a| (a.ticker.clone(), a.condition)).collect();
        for (ticker, condition) in sets {
            let of_set: Vec<_> = page
                .iter()
                .filter(|a| (&a.ticker, a.condition) == (&ticker, condition))
                .cloned()
                .collect();
            index.add(&ticker, condition, &entries(&of_set)).await?;
        }
    }
}

async fn add_missing(
    index: &AlertIndex,
    pool: &Pool,
    ticker: &Ticker,
    condition: Condition,
) -> Result<u64, RebuildError> {
    let (mut after, mut added) = (Uuid::nil(), 0);
    loop {
        let page = armed_alerts::list(pool, ticker, condition, after, PAGE_SIZE as i64).await?;
        let Some(last) = page.last() else { return Ok(added) };
        after = last.id;
        let missing = index.missing(ticker, condition, &entries(&page)).await?;
        added += missing.len() as u64;
        index.add(ticker, condition, &missing).await?;
    }
}

async fn remove_superfluous(
    index: &AlertIndex,
    pool: &Pool,
    ticker: &Ticker,
    condition: Condition,
) -> Result<u64, RebuildError> {
    let (mut cursor, mut removed) = (0, 0);
    loop {
        let (next, members) = index.scan(ticker, condition, cursor).await?;
        let mut found = Vec::with_capacity(members.len());
        for member in members {
            match member {
                Ok(entry) => found.push(entry),
                Err(unreadable) => index.remove_unreadable(ticker, condition, &unreadable).await?,
            }
        }
        let ids: Vec<Uuid> = found.iter().map(|entry| entry.alert_id).collect();
        let armed: BTreeSet<Uuid> = armed_alerts::still_armed(pool, &ids).await?.into_iter().collect();
        found.retain(|entry| !armed.contains(&entry.alert_id));
        removed += found.len() as u64;
        index.remove(ticker, condition, &found).await?;
        // A row that was committed between the check and the removal is put back.
        let ids: Vec<Uuid> = found.iter().map(|entry| entry.alert_id).collect();
        let armed: BTreeSet<Uuid> = armed_alerts::still_armed(pool, &ids).await?.into_iter().collect();
        found.retain(|entry| armed.contains(&entry.alert_id));
        index.add(ticker, condition, &found).await?;
        if next == 0 {
            return Ok(removed);
        }
        cursor = next;
    }
}

fn entries(armed: &[armed_alerts::Armed]) -> Vec<Entry> {
    armed
        .iter()
        .map(|alert| Entry {
            alert_id: alert.id,
            target: alert.target_price,
        })
        .collect()
}

/// The smallest UUID v7 of a moment.
fn first_id_of(at: Timestamp) -> Uuid {
    let milliseconds = u64::try_from(at.as_millisecond()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(milliseconds, &[0; 10]).into_uuid()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::quiet(10, 10, 10, true)]
    #[case::one_lost(10, 11, 10, false)]
    #[case::one_too_many(10, 9, 10, false)]
    #[case::growing(10, 12, 15, true)]
    #[case::shrinking(15, 12, 10, true)]
    #[case::coming_and_going(10, 14, 12, true)]
    #[case::more_than_changed(10, 15, 12, false)]
    #[case::emptied(0, 7, 0, false)]
    fn counts_agree_if_changes_meanwhile_explain_them(
        #[case] before: u64,
        #[case] wanted: u64,
        #[case] after: u64,
        #[case] expected: bool,
    ) {
        assert_eq!(agree(before, wanted, after), expected);
    }

    #[test]
    fn ids_made_after_a_moment_come_after_its_first_id() {
        let at: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let first = first_id_of(at);
        assert!(first < Uuid::now_v7());
        assert_eq!(first.get_timestamp().map(|t| t.to_unix().0), Some(1_767_225_600));
    }
}
