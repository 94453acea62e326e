//! Usage: how many requests each user makes, by day and route class, and the month's quota.
//!
//! Redis has the running counts of all gateways, PostgreSQL the durable ones. Where there is a quota, each request is
//! counted before it is let through. Where there is none, requests are counted in this process, and added to the others
//! every second, so that a plain request costs no round trip.
//!
//! While Redis is down, a quota goes by the last total that is known, and what this process has let through since; a user
//! of whom nothing is known has the whole quota. Those requests are added once Redis is back.

pub mod calendar;
pub mod copy;
pub mod counters;
pub mod quotas;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use contracts::problem::ProblemKind;
use futures_util::StreamExt;
use jiff::Timestamp;
use jiff::civil::Date;
use platform::postgres::Pool;
use platform::redis::Connection;
use uuid::Uuid;

use self::calendar::{Day, Month};
use self::counters::{CountError, CountRequests, CountTerms, Counted, Counters, field};
use self::quotas::QuotaSettings;
use crate::auth::{Identity, limit_override};
use crate::bounded_map::evict;
use crate::error::ApiError;
use crate::rate_limit::redis::SharedError;
use crate::shared_calls::SharedCalls;
use crate::store::usage::{self, UsageRow};

/// Requests that were let through and are in no count, because too many users wait to be counted.
const LOST: &str = "usage_lost_requests_total";

/// Counts that wait in this process at most.
const MAX_PENDING: usize = 100_000;

/// Users whose last total is known at most.
const MAX_KNOWN: usize = 50_000;

/// Calls of one flush at a time.
const FLUSH_CONCURRENCY: usize = 16;

/// How often, and in what distance, an ending process tries to add its counts.
const FINAL_FLUSHES: u32 = 4;
const FLUSH_PAUSE: Duration = Duration::from_millis(200);

/// After a failure, requests do not wait for Redis again during this time.
const PAUSE: Duration = Duration::from_secs(1);

/// Requests of one user on one day to the routes of one policy.
type Counter = (Uuid, Day, &'static str);

/// What Redis said last of a user's month, and what this process has let through since.
#[derive(Debug, Clone, Copy)]
struct Known {
    month: Month,
    total: u64,
}

/// Counts requests.
pub struct UsageMeter {
    postgres: Pool,
    quotas: QuotaSettings,
    counters: Arc<Counters>,
    calls: Arc<SharedCalls<CountRequests>>,
    /// What is not yet in Redis.
    pending: Mutex<HashMap<Counter, u64>>,
    known: Mutex<HashMap<Uuid, Known>>,
    paused_until: Mutex<Option<Instant>>,
    /// What is on its way to Redis, or may be there already without an answer.
    batches: tokio::sync::Mutex<HashMap<(Uuid, Month), Batch>>,
    next_batch: AtomicU64,
}

/// Counts of one user's month that are added together, once.
#[derive(Debug, Clone)]
struct Batch {
    number: u64,
    counts: Vec<(Counter, u64)>,
}

/// The usage of one user.
#[derive(Debug)]
pub struct UserUsage {
    /// Days with requests, newest first.
    pub days: Vec<UsageRow>,
    /// Requests of the current month.
    pub used: u64,
}

impl UsageMeter {
    /// A meter over these stores.
    pub fn new(postgres: Pool, redis: Connection, quotas: QuotaSettings) -> Self {
        let counters = Arc::new(Counters::new(postgres.clone(), redis));
        Self {
            postgres,
            quotas,
            calls: Arc::new(SharedCalls::new(CountRequests(Arc::clone(&counters)))),
            counters,
            pending: Mutex::default(),
            known: Mutex::default(),
            paused_until: Mutex::default(),
            batches: tokio::sync::Mutex::default(),
            next_batch: AtomicU64::new(1),
        }
    }

    /// The user's quota in a month; `None` if there is none.
    pub fn quota_of(&self, caller: &Identity, now: Timestamp) -> Option<u32> {
        match limit_override::find(&caller.limits, limit_override::QUOTA, now) {
            Some(found) => Some(found.requests),
            None => self.quotas.quota(caller.tier),
        }
    }

    /// Counts a request. Where it `heeds_quota`, it is refused, and not counted, once the quota is used up.
    pub async fn count(
        &self,
        caller: &Identity,
        route_class: &'static str,
        heeds_quota: bool,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let (user, day) = (caller.user_id, Day::of(now));
        let Some(limit) = self.quota_of(caller, now).filter(|_| heeds_quota) else {
            self.note((user, day, route_class), 1);
            return Ok(());
        };
        let month = Month::of(day.date());
        let counted = match self.count_shared(user, month, day, route_class, limit).await {
            Ok(counted) => {
                self.remember(user, month, counted.total);
                counted
            }
            Err(error) => {
                if !self.is_paused() {
                    tracing::warn!(%error, "quotas are counted in this process");
                    *lock(&self.paused_until) = Some(Instant::now() + PAUSE);
                }
                // A call that was only late has very probably counted.
                let is_counted = matches!(error, CountError::Redis(SharedError::Timeout));
                self.count_locally((user, day, route_class), month, limit, is_counted)
            }
        };
        if counted.is_within {
            return Ok(());
        }
        let wait = month.end().duration_since(now).as_secs();
        Err(ApiError::new(ProblemKind::QuotaExceeded)
            .detail(format!("Monthly quota exhausted. Maximum {limit} requests per month."))
            .retry_after(u64::try_from(wait).unwrap_or(0) + 1))
    }

    async fn count_shared(
        &self,
        user: Uuid,
        month: Month,
        day: Day,
        route_class: &str,
        limit: u32,
    ) -> Result<Counted, CountError> {
        let stopped = || CountError::Redis(SharedError::Stopped);
        if self.is_paused() {
            return Err(stopped());
        }
        let field = field(day.date(), route_class);
        let name = format!("{user}:{field}");
        let terms = CountTerms {
            user,
            month,
            field,
            limit,
        };
        self.calls.check(&name, terms).await.unwrap_or_else(|| Err(stopped()))
    }

    fn count_locally(&self, counter: Counter, month: Month, limit: u32, is_counted: bool) -> Counted {
        let user = counter.0;
        let before = {
            let known = lock(&self.known);
            let current = known.get(&user).filter(|known| known.month == month);
            current.map_or(0, |known| known.total)
        };
        let is_within = before < u64::from(limit);
        let total = before + u64::from(is_within);
        if is_within {
            self.remember(user, month, total);
            if !is_counted {
                self.note(counter, 1);
            }
        }
        Counted { is_within, total }
    }

    fn remember(&self, user: Uuid, month: Month, total: u64) {
        let mut known = lock(&self.known);
        if !known.contains_key(&user) {
            // A month that is over goes first.
            evict(&mut known, MAX_KNOWN, |known| known.month == month);
        }
        known.insert(user, Known { month, total });
    }

    fn note(&self, counter: Counter, requests: u64) {
        let mut pending = lock(&self.pending);
        if pending.len() >= MAX_PENDING && !pending.contains_key(&counter) {
            metrics::counter!(LOST).increment(requests);
            return;
        }
        *pending.entry(counter).or_default() += requests;
    }

    /// Adds what this process has counted to the counts in Redis. What cannot be added waits for the next time.
    pub async fn flush(&self) {
        // One after the other, so that who waits for the end of a flush finds everything in Redis.
        let mut batches = self.batches.lock().await;
        self.fill(&mut batches);
        let is_failing = AtomicBool::new(false);
        let sent = futures_util::stream::iter(batches.clone())
            .map(|((user, month), batch)| self.send(user, month, batch, &is_failing))
            .buffer_unordered(FLUSH_CONCURRENCY);
        let sent: Vec<Option<(Uuid, Month)>> = sent.collect().await;
        for added in sent.into_iter().flatten() {
            batches.remove(&added);
        }
    }

    /// The same, several times for some seconds, at the end of the process.
    pub async fn flush_all(&self) {
        for _ in 0..FINAL_FLUSHES {
            self.flush().await;
            if self.batches.lock().await.is_empty() && lock(&self.pending).is_empty() {
                return;
            }
            tokio::time::sleep(FLUSH_PAUSE).await;
        }
        tracing::warn!("some usage is not counted");
    }

    /// Makes batches of what is pending. A month with a batch of which it is unknown whether it was added waits: the
    /// number of a batch stands for what was in it.
    fn fill(&self, batches: &mut HashMap<(Uuid, Month), Batch>) {
        let unsure: HashSet<(Uuid, Month)> = batches.keys().copied().collect();
        // Not within the head of the loop, where the lock would be held until its end.
        let pending = std::mem::take(&mut *lock(&self.pending));
        for (counter, requests) in pending {
            let key = (counter.0, Month::of(counter.1.date()));
            if unsure.contains(&key) {
                self.note(counter, requests);
                continue;
            }
            let batch = batches.entry(key).or_insert_with(|| Batch {
                number: self.next_batch.fetch_add(1, Ordering::Relaxed),
                counts: Vec::new(),
            });
            batch.counts.push((counter, requests));
        }
    }

    /// Adds a batch; gives whose it was if it is added for certain.
    async fn send(&self, user: Uuid, month: Month, batch: Batch, is_failing: &AtomicBool) -> Option<(Uuid, Month)> {
        // The others would fail as well, each after its time.
        if is_failing.load(Ordering::Relaxed) {
            return None;
        }
        let fields: Vec<(String, u64)> = batch
            .counts
            .iter()
            .map(|((_, day, class), requests)| (field(day.date(), class), *requests))
            .collect();
        match self.counters.add(user, month, None, Some(batch.number), &fields).await {
            Ok(_) => Some((user, month)),
            Err(error) => {
                if !is_failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "usage waits to be counted in Redis");
                }
                None
            }
        }
    }

    /// What a user requested from one day to another, both included.
    ///
    /// # Errors
    ///
    /// PostgreSQL does not answer.
    pub async fn usage_of(&self, user: Uuid, from: Date, to: Date, now: Timestamp) -> Result<UserUsage, ApiError> {
        self.flush().await;
        let month = Month::of(Day::of(now).date());
        let client = self.postgres.get().await?;
        let stored = usage::list(&client, user, from.min(month.first_day()), to.max(month.last_day())).await?;
        drop(client);
        let mut days = BTreeMap::new();
        raise(&mut days, stored);
        // What is newer than PostgreSQL's copy; without Redis the copy has to do.
        for month in [month.previous(), month] {
            if let Ok(Some((_, rows))) = self.counters.read(user, month).await {
                raise(&mut days, rows);
            }
        }
        for ((_, day, class), requests) in self.waiting(user).await {
            *days.entry((day.date(), class.to_owned())).or_default() += i64::try_from(requests).unwrap_or(0);
        }
        let used = days
            .iter()
            .filter(|((day, _), _)| Month::of(*day) == month)
            .map(|(_, n)| n)
            .sum::<i64>();
        let days = days
            .into_iter()
            .filter(|((day, _), _)| (from..=to).contains(day))
            .rev()
            .map(|((day, route_class), requests)| UsageRow {
                day,
                route_class,
                requests,
            })
            .collect();
        Ok(UserUsage {
            days,
            used: u64::try_from(used).unwrap_or(0),
        })
    }

    /// What of a user is not known to be in Redis.
    async fn waiting(&self, user: Uuid) -> Vec<(Counter, u64)> {
        let batches = self.batches.lock().await;
        let batched = batches.values().flat_map(|batch| &batch.counts);
        let mut waiting: Vec<(Counter, u64)> = batched.filter(|(counter, _)| counter.0 == user).copied().collect();
        let pending = lock(&self.pending);
        let own = pending.iter().filter(|(counter, _)| counter.0 == user);
        waiting.extend(own.map(|(counter, requests)| (*counter, *requests)));
        waiting
    }

    fn is_paused(&self) -> bool {
        lock(&self.paused_until).is_some_and(|until| Instant::now() < until)
    }
}

/// The larger number of each day and class.
fn raise(days: &mut BTreeMap<(Date, String), i64>, rows: Vec<UsageRow>) {
    for row in rows {
        let known = days.entry((row.day, row.route_class)).or_default();
        *known = (*known).max(row.requests);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
