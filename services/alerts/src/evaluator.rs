//! Evaluates prices: finds in the index what they reach, fires it, and takes it out of the index.
//!
//! Evaluating a price twice fires nothing twice, so whatever fails half way is simply evaluated again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use contracts::keys;
use deadpool_postgres::Pool;
use domain::rule::{Condition, QualityGate};
use domain::ticker::Ticker;
use jiff::Timestamp;
use platform::backoff::Backoff;
use platform::batch::Parts;
use platform::clock::SharedClock;
use platform::redis::Connection;
use platform::retry::Failures;
use platform::stream::append_to;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::error_chain::error_chain;
use crate::evaluation::{Evaluation, EvaluationBatch};
use crate::fire::{self, Fired, Hit};
use crate::index::rebuild::{self, RebuildError};
use crate::index::{AlertIndex, Entry, IndexError, Page, Probe};
use crate::store::refused::{self, Kind};
use crate::store::{StoreError, armed_alerts};
use crate::{metrics, price_data};

/// Why a batch was not evaluated to its end.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("building the index failed")]
    Rebuild(#[from] RebuildError),
}

impl EvaluationError {
    /// The refusal of what was given, which no repetition helps.
    ///
    /// Failures of the index are waited out: no price is to blame for them, and a price that is passed over is an
    /// alert that does not fire.
    fn refusal(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) if !error.is_outage() => Some(error),
            Self::Store(_) | Self::Index(_) | Self::Rebuild(_) => None,
        }
    }
}

#[derive(Clone)]
pub struct Evaluator {
    pub pool: Pool,
    pub index: AlertIndex,
    /// For announcements.
    pub redis: Connection,
    pub clock: SharedClock,
    /// Which prices may fire alerts.
    pub gate: QualityGate,
    /// Wakes this process's relay after a commit.
    pub relay: Arc<Notify>,
}

impl Evaluator {
    /// Evaluates a batch of messages. Outages are waited out; a message that is refused for good takes no other with
    /// it and is set aside. Returns how many alerts fired.
    pub async fn evaluate_with_retry(&self, payloads: &[&str]) -> usize {
        let (mut parts, mut failures, mut total) = (Parts::of(payloads), Failures::new(Backoff::RECONNECT), 0);
        while let Some(part) = parts.next() {
            let done = match self.evaluate(part).await {
                Ok(fired) => {
                    total += fired;
                    Ok(())
                }
                Err(error) => match error.refusal() {
                    Some(refusal) => match parts.split(part) {
                        Some(payload) => self.set_aside(payload, refusal).await,
                        None => Ok(()),
                    },
                    None => Err(error),
                },
            };
            if let Err(error) = done {
                if failures.count() == 0 {
                    tracing::warn!(error = error_chain(&error), "evaluation waits");
                }
                failures.wait().await;
                parts.repeat(part);
            }
        }
        if failures.count() > 0 {
            tracing::info!(attempts = failures.count(), "evaluation goes on");
        }
        total
    }

    async fn set_aside(&self, payload: &str, refusal: &StoreError) -> Result<(), EvaluationError> {
        let now = self.clock.now();
        Ok(refused::set_aside(&self.pool, Kind::Quote, payload, refusal, payload, now).await?)
    }

    /// Evaluates a batch of messages and fires what they reach. Returns how many alerts fired.
    ///
    /// # Errors
    /// When PostgreSQL or Redis does not answer, or refuses. The batch can be given again.
    pub async fn evaluate(&self, payloads: &[&str]) -> Result<usize, EvaluationError> {
        let started = Instant::now();
        let batch = EvaluationBatch::of(payloads.iter().copied(), &self.gate, self.clock.now());
        for (reason, count) in &batch.refused {
            ::metrics::counter!(metrics::QUOTES_REFUSED, "reason" => reason.clone()).increment(*count);
        }
        let mut total = 0;
        for evaluation in &batch.evaluations {
            total += self.query_all_pages(evaluation).await?;
        }
        if let Err(error) = price_data::note_evaluated(&self.redis, &batch.newest).await {
            // At worst an alert is shown as blind until the next price.
            tracing::debug!(%error, "the time of the evaluation is not noted");
        }
        ::metrics::histogram!(metrics::EVALUATION_SECONDS).record(started.elapsed().as_secs_f64());
        Ok(total)
    }

    /// Queries the index about prices, page by page, and fires what they reach. Returns how many alerts fired.
    ///
    /// # Errors
    /// When PostgreSQL or Redis does not answer, or refuses.
    pub async fn query_all_pages(&self, evaluation: &Evaluation) -> Result<usize, EvaluationError> {
        let mut probes: Vec<Probe> = evaluation
            .extremes
            .iter()
            .flat_map(|(ticker, extremes)| {
                Condition::ALL.map(|condition| {
                    let (price, _) = extremes.for_condition(condition);
                    Probe {
                        ticker: ticker.clone(),
                        condition,
                        price,
                        skip: 0,
                    }
                })
            })
            .collect();
        let mut total = 0;
        while !probes.is_empty() {
            let pages = self.query_index(&probes).await?;
            let (fired, next) = self.process(evaluation, probes, pages).await?;
            total += fired;
            probes = next;
        }
        Ok(total)
    }

    /// Queries the index, and builds it first where it is missing.
    async fn query_index(&self, probes: &[Probe]) -> Result<Vec<Page>, EvaluationError> {
        match self.index.reached_by(probes).await {
            Err(IndexError::Missing) => {
                tracing::warn!("the index is missing, building it");
                rebuild::build(&self.index, &self.pool).await?;
                Ok(self.index.reached_by(probes).await?)
            }
            pages => Ok(pages?),
        }
    }

    /// Fires what is on these pages. Returns how many alerts fired, and the probes of the next pages.
    async fn process(
        &self,
        evaluation: &Evaluation,
        probes: Vec<Probe>,
        pages: Vec<Page>,
    ) -> Result<(usize, Vec<Probe>), EvaluationError> {
        let hits = hits(evaluation, &probes, &pages);
        if hits.is_empty() {
            let pages = probes.into_iter().zip(&pages);
            let next = pages.filter_map(|(probe, page)| next_probe(probe, page, 0));
            return Ok((0, next.collect()));
        }
        let fired = self.fire(&hits).await?;
        // Spares this process the way of the notification through PostgreSQL.
        self.relay.notify_one();
        let still_armed = self.still_armed(&hits, &fired).await?;
        // Entries are removed before PostgreSQL is asked again: an alert that was committed in between is then put
        // back. The other way round it would be removed for good, and not fire until the index is reconciled.
        self.unindex(&probes, &pages, &still_armed).await;
        self.announce(&fired).await;
        self.reindex_armed(&probes, &pages, &still_armed, &fired).await?;
        record_metrics(&fired, self.clock.now());
        let next = probes.into_iter().zip(&pages).filter_map(|(probe, page)| {
            let is_removed = |entry: &&Entry| !still_armed.contains(&entry.alert_id);
            next_probe(probe, page, page.reached.iter().filter(is_removed).count())
        });
        Ok((fired.len(), next.collect()))
    }

    /// Fires hits. One that PostgreSQL refuses for good takes no other with it and is set aside.
    async fn fire(&self, hits: &[Hit]) -> Result<Vec<Fired>, StoreError> {
        let (mut parts, mut fired) = (Parts::of(hits), Vec::new());
        while let Some(part) = parts.next() {
            let now = self.clock.now();
            match fire::fire_hits(&self.pool, part, now).await {
                Ok(some) => fired.extend(some),
                // Waited out by the caller, with the whole batch.
                Err(error) if error.is_outage() => return Err(error),
                Err(error) => {
                    if let Some(Hit { alert_id, observed }) = parts.split(part) {
                        let payload = format!("price {} of {}", observed.price, observed.as_of);
                        refused::set_aside(&self.pool, Kind::Alert, &alert_id.to_string(), &error, &payload, now)
                            .await?;
                    }
                }
            }
        }
        Ok(fired)
    }

    /// Of the hits that did not fire, those that are still armed: a late price may not fire what was armed after it.
    async fn still_armed(&self, hits: &[Hit], fired: &[Fired]) -> Result<BTreeSet<Uuid>, StoreError> {
        if fired.len() == hits.len() {
            return Ok(BTreeSet::new());
        }
        let fired = ids_of(fired);
        let others = hits.iter().map(|hit| hit.alert_id).filter(|id| !fired.contains(id));
        let others: Vec<Uuid> = others.collect();
        Ok(armed_alerts::still_armed(&self.pool, &others)
            .await?
            .into_iter()
            .collect())
    }

    /// Takes out of the index what is not armed any more. A failure costs a query with the next price.
    async fn unindex(&self, probes: &[Probe], pages: &[Page], still_armed: &BTreeSet<Uuid>) {
        let mut removed: BTreeMap<(&Ticker, Condition), Vec<Entry>> = BTreeMap::new();
        for (probe, page) in probes.iter().zip(pages) {
            let gone = page.reached.iter().filter(|e| !still_armed.contains(&e.alert_id));
            let of_set = removed.entry((&probe.ticker, probe.condition)).or_default();
            of_set.extend(gone.cloned());
        }
        for ((ticker, condition), entries) in &removed {
            if let Err(error) = self.index.remove(ticker, *condition, entries).await {
                tracing::warn!(%error, "index not cleaned up after firing, it will be reconciled later");
            }
        }
    }

    /// Puts entries back that were taken out without having fired and turn out to be armed: an alert whose row was
    /// committed in the meantime may have been put into the index just before.
    async fn reindex_armed(
        &self,
        probes: &[Probe],
        pages: &[Page],
        still_armed: &BTreeSet<Uuid>,
        fired: &[Fired],
    ) -> Result<(), EvaluationError> {
        let fired = ids_of(fired);
        let is_open = |entry: &&Entry| !still_armed.contains(&entry.alert_id) && !fired.contains(&entry.alert_id);
        let open: Vec<Uuid> = pages
            .iter()
            .flat_map(|page| page.reached.iter().filter(is_open))
            .map(|entry| entry.alert_id)
            .collect();
        if open.is_empty() {
            return Ok(());
        }
        let armed: BTreeSet<Uuid> = armed_alerts::still_armed(&self.pool, &open)
            .await?
            .into_iter()
            .collect();
        for (probe, page) in probes.iter().zip(pages) {
            let entries = page.reached.iter().filter(|entry| armed.contains(&entry.alert_id));
            let entries: Vec<Entry> = entries.cloned().collect();
            self.index.add(&probe.ticker, probe.condition, &entries).await?;
        }
        Ok(())
    }

    /// Announces what fired to the gateways. It is committed: a failure costs a live notice.
    async fn announce(&self, fired: &[Fired]) {
        let mut pipeline = redis::pipe();
        for event in fired.iter().map(Fired::announcement) {
            match serde_json::to_string(&event) {
                Ok(text) => append_to(
                    &mut pipeline,
                    keys::ALERT_EVENTS_STREAM,
                    keys::ALERT_EVENTS_STREAM_MAX_LEN,
                    &text,
                ),
                Err(error) => tracing::error!(%error, "an alert event cannot be written"),
            }
        }
        if pipeline.is_empty() {
            return;
        }
        let done: redis::RedisResult<()> = pipeline.query_async(&mut self.redis.clone()).await;
        if let Err(error) = done {
            tracing::warn!(%error, "what fired is not announced; it is stored");
        }
    }
}

fn hits(evaluation: &Evaluation, probes: &[Probe], pages: &[Page]) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (probe, page) in probes.iter().zip(pages) {
        let Some(observed) = evaluation.deciding(&probe.ticker, probe.condition) else {
            continue;
        };
        hits.extend(page.reached.iter().map(|entry| Hit {
            alert_id: entry.alert_id,
            observed: Arc::clone(observed),
        }));
    }
    hits
}

fn ids_of(fired: &[Fired]) -> BTreeSet<Uuid> {
    fired.iter().map(|fired| fired.alert.alert_id).collect()
}

fn record_metrics(fired: &[Fired], now: Timestamp) {
    ::metrics::counter!(metrics::FIRED).increment(fired.len() as u64);
    for Fired {
        alert,
        observed,
        delivery_id,
        ..
    } in fired
    {
        let age = now.duration_since(observed.as_of).as_secs_f64();
        ::metrics::histogram!(metrics::FIRING_AGE_SECONDS).record(age.max(0.0));
        tracing::info!(
            alert_id = %alert.alert_id,
            %delivery_id,
            ticker = %alert.ticker,
            request_id = observed.request_id,
            late = observed.is_late,
            "alert fired"
        );
    }
}

/// The probe of the next page, if this one was full. It skips what stays in the index.
fn next_probe(probe: Probe, page: &Page, removed: usize) -> Option<Probe> {
    let stays = page.reached.len() + page.missed - removed;
    page.is_full().then(|| Probe {
        skip: probe.skip + stays,
        ..probe
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::PAGE_SIZE;

    #[test]
    fn next_page_starts_behind_what_stays_in_the_index() {
        let probe = Probe {
            ticker: "BTC".parse().unwrap(),
            condition: Condition::Gt,
            price: 1.into(),
            skip: 10,
        };
        let entry = Entry {
            alert_id: Uuid::nil(),
            target: 1.into(),
        };
        let full = Page {
            reached: vec![entry; PAGE_SIZE - 3],
            missed: 3,
        };
        assert_eq!(next_probe(probe.clone(), &full, PAGE_SIZE - 3).unwrap().skip, 13);
        assert_eq!(next_probe(probe.clone(), &full, 0).unwrap().skip, 10 + PAGE_SIZE);
        let last = Page {
            reached: Vec::new(),
            missed: 3,
        };
        assert_eq!(next_probe(probe, &last, 0), None);
    }
}
