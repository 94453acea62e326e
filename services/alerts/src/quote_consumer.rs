//! Reads quotes as a member of the consumer group, and fires what they reach.
//!
//! A batch is acknowledged after everything it fires is committed, so that whoever dies in between leaves it to the next;
//! doing it again finds nothing left to fire. While PostgreSQL or Redis is away the batch waits here and is tried again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use contracts::keys;
use deadpool_postgres::Pool;
use domain::rule::{Condition, QualityGate};
use domain::ticker::Ticker;
use platform::backoff::Backoff;
use platform::clock::SharedClock;
use platform::redis::Connection;
use platform::stream::{GroupReader, append_to};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::evaluation::{Evaluation, EvaluationBatch};
use crate::fire::{self, Fired, Hit};
use crate::index::rebuild::{self, RebuildError};
use crate::index::{AlertIndex, Entry, IndexError, Page, Probe};
use crate::metrics;
use crate::missed_quotes;
use crate::price_data;
use crate::store::refused::{self, Kind};
use crate::store::{StoreError, alerts};

/// Most quotes judged together.
const BATCH_SIZE: usize = 500;

/// Longest wait for a quote before looking at the stop again.
const BLOCK: Duration = Duration::from_secs(1);

/// Why a batch was not evaluated to its end.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    /// Redis, or the index in it.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// PostgreSQL.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index could not be built.
    #[error("building the index failed")]
    Rebuild(#[from] RebuildError),
}

impl EvaluationError {
    /// The refusal of what was given, which no repetition helps. What concerns the index is waited out: it is not the fault of
    /// a price, and passing the price by would lose alerts.
    fn refusal(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) if !error.is_outage() => Some(error),
            Self::Store(_) | Self::Index(_) | Self::Rebuild(_) => None,
        }
    }
}

/// Evaluates quotes.
#[derive(Clone)]
pub struct QuoteConsumer {
    /// Where alerts are.
    pub pool: Pool,
    /// Where candidates are found.
    pub index: AlertIndex,
    /// For announcements.
    pub redis: Connection,
    /// What time it is.
    pub clock: SharedClock,
    /// What a price must be worth.
    pub gate: QualityGate,
    /// Tells this process's relay that something was committed.
    pub relay: Arc<Notify>,
}

impl QuoteConsumer {
    /// Evaluates until the stop.
    ///
    /// # Errors
    /// Never: every failure is waited out.
    pub async fn run(self, mut reader: GroupReader, stop: CancellationToken) -> anyhow::Result<()> {
        loop {
            let reading = async {
                missed_quotes::note(&self.pool, &self.clock, &mut reader).await;
                reader.read(BATCH_SIZE, BLOCK).await
            };
            let Some(entries) = stop.run_until_cancelled(reading).await else {
                return Ok(());
            };
            if entries.is_empty() {
                continue;
            }
            ::metrics::counter!(metrics::QUOTES_IN).increment(entries.len() as u64);
            let payloads: Vec<&str> = entries.iter().map(|entry| entry.payload.as_str()).collect();
            if stop
                .run_until_cancelled(self.evaluate_with_retry(&payloads))
                .await
                .is_none()
            {
                return Ok(());
            }
            let ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
            if let Err(error) = reader.ack(&ids).await {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "quotes not acknowledged, they will come again"
                );
            }
        }
    }

    async fn evaluate_with_retry(&self, payloads: &[&str]) {
        let mut attempt = 0;
        while let Err(error) = self.evaluate_or_set_aside(payloads).await {
            if attempt == 0 {
                tracing::warn!(error = format!("{:#}", anyhow::Error::new(error)), "evaluation waits");
            }
            tokio::time::sleep(Backoff::RECONNECT.random_delay(attempt)).await;
            attempt += 1;
        }
        if attempt > 0 {
            tracing::info!(attempts = attempt, "evaluation goes on");
        }
    }

    /// Evaluates a batch; messages that are refused for good are found by halving it, and set aside.
    ///
    /// # Errors
    /// When PostgreSQL or Redis does not answer. The batch can be given again.
    pub async fn evaluate_or_set_aside(&self, payloads: &[&str]) -> Result<usize, EvaluationError> {
        let (mut parts, mut total) = (vec![payloads], 0);
        while let Some(part) = parts.pop() {
            let error = match self.evaluate(part).await {
                Ok(fired) => {
                    total += fired;
                    continue;
                }
                Err(error) => error,
            };
            match (error.refusal(), part) {
                (Some(refusal), [payload]) => {
                    let now = self.clock.now();
                    refused::set_aside(&self.pool, Kind::Quote, payload, refusal, payload, now).await?;
                }
                (Some(_), [_, ..]) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                (Some(_) | None, _) => return Err(error),
            }
        }
        Ok(total)
    }

    /// Evaluates a batch of messages and fires what they reach. Returns how many alerts fired.
    ///
    /// # Errors
    /// When PostgreSQL or Redis does not answer. The batch can be given again.
    pub async fn evaluate(&self, payloads: &[&str]) -> Result<usize, EvaluationError> {
        let started = Instant::now();
        let batch = EvaluationBatch::of(payloads.iter().copied(), &self.gate, self.clock.now());
        for (reason, count) in &batch.refused {
            ::metrics::counter!(metrics::QUOTES_REFUSED, "reason" => reason.clone()).increment(*count);
        }
        let mut total = 0;
        for evaluation in &batch.evaluations {
            total += self.ask(evaluation).await?;
        }
        if let Err(error) = price_data::note_evaluated(&self.redis, &batch.newest).await {
            // At worst an alert is shown as blind until the next price.
            tracing::debug!(%error, "the time of the evaluation is not noted");
        }
        ::metrics::histogram!(metrics::EVALUATION_SECONDS).record(started.elapsed().as_secs_f64());
        Ok(total)
    }

    /// Asks the index about prices, page by page, and fires what they reach. Returns how many fired.
    ///
    /// # Errors
    /// When PostgreSQL or Redis does not answer.
    pub async fn ask(&self, evaluation: &Evaluation) -> Result<usize, EvaluationError> {
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
            let pages = self.look(&probes).await?;
            let (fired, next) = self.fire(evaluation, probes, pages).await?;
            total += fired;
            probes = next;
        }
        Ok(total)
    }

    /// Asks the index, and builds it first where it is missing.
    async fn look(&self, probes: &[Probe]) -> Result<Vec<Page>, EvaluationError> {
        match self.index.reached_by(probes).await {
            Err(IndexError::Missing) => {
                tracing::warn!("the index is missing, building it");
                rebuild::build(&self.index, &self.pool).await?;
                Ok(self.index.reached_by(probes).await?)
            }
            pages => Ok(pages?),
        }
    }

    /// Fires what one look found. Returns how many fired, and where to look on.
    async fn fire(
        &self,
        evaluation: &Evaluation,
        probes: Vec<Probe>,
        pages: Vec<Page>,
    ) -> Result<(usize, Vec<Probe>), EvaluationError> {
        let mut hits = Vec::new();
        for (probe, page) in probes.iter().zip(&pages) {
            let Some(observed) = evaluation.deciding(&probe.ticker, probe.condition) else {
                continue;
            };
            let hit = |entry: &Entry| Hit {
                alert_id: entry.alert_id,
                observed: Arc::clone(observed),
            };
            hits.extend(page.reached.iter().map(hit));
        }
        if hits.is_empty() {
            let next = probes
                .into_iter()
                .zip(&pages)
                .filter_map(|(probe, page)| next_probe(probe, page, 0));
            return Ok((0, next.collect()));
        }
        let fired = self.claim(&hits).await?;
        self.relay.notify_one();
        let staying = self.staying(&hits, &fired).await?;
        self.clean_up(&probes, &pages, &staying, &fired).await;
        self.put_back(&probes, &pages, &staying, &fired).await?;
        count(&fired, self.clock.now());
        let next = probes.into_iter().zip(&pages).filter_map(|(probe, page)| {
            let removed = page
                .reached
                .iter()
                .filter(|entry| !staying.contains(&entry.alert_id))
                .count();
            next_probe(probe, page, removed)
        });
        Ok((fired.len(), next.collect()))
    }

    /// Fires hits. One that PostgreSQL refuses for good takes no other with it: it is found by halving, and set aside.
    async fn claim(&self, hits: &[Hit]) -> Result<Vec<Fired>, StoreError> {
        let (mut parts, mut fired) = (vec![hits], Vec::new());
        while let Some(part) = parts.pop() {
            let now = self.clock.now();
            match (fire::fire_hits(&self.pool, part, now).await, part) {
                (Ok(some), _) => fired.extend(some),
                (Err(error), _) if error.is_outage() => return Err(error),
                (Err(error), [hit]) => {
                    let (item, observed) = (hit.alert_id.to_string(), &hit.observed);
                    let payload = format!("price {} of {}", observed.price, observed.as_of);
                    refused::set_aside(&self.pool, Kind::Alert, &item, &error, &payload, now).await?;
                }
                (Err(_), _) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
            }
        }
        Ok(fired)
    }

    /// Of the hits that did not fire, those that still wait: a late price may not fire what was armed after it.
    async fn staying(&self, hits: &[Hit], fired: &[Fired]) -> Result<BTreeSet<Uuid>, StoreError> {
        if fired.len() == hits.len() {
            return Ok(BTreeSet::new());
        }
        let done: BTreeSet<Uuid> = fired.iter().map(|f| f.alert_id).collect();
        let open: Vec<Uuid> = hits
            .iter()
            .map(|hit| hit.alert_id)
            .filter(|id| !done.contains(id))
            .collect();
        Ok(alerts::still_armed(&self.pool, &open).await?.into_iter().collect())
    }

    /// Asks once more about what was taken out without having fired: an alert whose row was committed in the meantime may
    /// have been put into the index just before.
    async fn put_back(
        &self,
        probes: &[Probe],
        pages: &[Page],
        staying: &BTreeSet<Uuid>,
        fired: &[Fired],
    ) -> Result<(), EvaluationError> {
        let done: BTreeSet<Uuid> = fired.iter().map(|f| f.alert_id).collect();
        let is_open = |entry: &&Entry| !staying.contains(&entry.alert_id) && !done.contains(&entry.alert_id);
        let open: Vec<Uuid> = pages
            .iter()
            .flat_map(|page| page.reached.iter().filter(is_open))
            .map(|entry| entry.alert_id)
            .collect();
        if open.is_empty() {
            return Ok(());
        }
        let armed: BTreeSet<Uuid> = alerts::still_armed(&self.pool, &open).await?.into_iter().collect();
        for (probe, page) in probes.iter().zip(pages) {
            let entries = page.reached.iter().filter(|entry| armed.contains(&entry.alert_id));
            let entries: Vec<Entry> = entries.cloned().collect();
            self.index.add(&probe.ticker, probe.condition, &entries).await?;
        }
        Ok(())
    }

    /// Takes out of the index what does not wait any more, and announces what fired. All of it is committed: a failure
    /// here costs a look at the next price, and a live notice.
    async fn clean_up(&self, probes: &[Probe], pages: &[Page], staying: &BTreeSet<Uuid>, fired: &[Fired]) {
        let mut removed: BTreeMap<(&Ticker, Condition), Vec<Entry>> = BTreeMap::new();
        for (probe, page) in probes.iter().zip(pages) {
            let gone = page
                .reached
                .iter()
                .filter(|entry| !staying.contains(&entry.alert_id))
                .cloned();
            removed
                .entry((&probe.ticker, probe.condition))
                .or_default()
                .extend(gone);
        }
        for ((ticker, condition), entries) in &removed {
            if let Err(error) = self.index.remove(ticker, *condition, entries).await {
                tracing::warn!(%error, "index not cleaned up after firing, it will be compared later");
            }
        }
        let mut pipeline = redis::pipe();
        for event in fired.iter().map(Fired::announcement) {
            match serde_json::to_string(&event) {
                Ok(text) => {
                    append_to(
                        &mut pipeline,
                        keys::ALERT_EVENTS_STREAM,
                        keys::ALERT_EVENTS_STREAM_MAX_LEN,
                        &text,
                    );
                }
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

fn count(fired: &[Fired], now: jiff::Timestamp) {
    ::metrics::counter!(metrics::FIRED).increment(fired.len() as u64);
    for alert in fired {
        let age = now.duration_since(alert.observed.as_of).as_secs_f64();
        ::metrics::histogram!(metrics::FIRING_AGE_SECONDS).record(age.max(0.0));
        tracing::info!(
            alert_id = %alert.alert_id,
            delivery_id = %alert.delivery_id,
            ticker = %alert.ticker,
            request_id = alert.observed.request_id,
            late = alert.observed.is_late,
            "alert fired"
        );
    }
}

/// The next page of the same question, if this one was full: behind what stays in the index.
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
    fn looking_on_starts_behind_what_stays() {
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
