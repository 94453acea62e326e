//! The index of armed price alerts in Redis: one sorted set per asset and condition, scored by target.
//!
//! It only preselects. Scores are floats, so candidates are compared again exactly with the decimal that is part of
//! each member, and PostgreSQL alone decides which alerts fire. The index may therefore hold too much, which costs a
//! query, but must not hold too little. One hash beside the sets shows whether it does:
//!
//! - `epoch` exists while the index is complete. It names the life of the Redis server and the build, so that a server
//!   that came back from an old dump, or a replica that was promoted, does not pass for the one that was built;
//! - `generation` changes when something was lost, which makes builds that began before it fail;
//! - the name of each set, with the number of its members: a set that was evicted or deleted alone is smaller than
//!   that.
//!
//! Everything is read and written by scripts, because sizes and members must agree at every moment.

pub mod rebuild;
pub mod reconciler;
mod scripts;

use std::sync::{Arc, Mutex, PoisonError};

use contracts::keys;
use domain::rule::Condition;
use domain::ticker::Ticker;
use platform::redis::Connection;
use rust_decimal::Decimal;
use uuid::Uuid;

use self::scripts::SCRIPTS;

/// How many candidates one query returns; more are fetched page by page.
pub const PAGE_SIZE: usize = 2_000;

/// Most entries that are remembered as unconfirmed.
const MAX_UNCONFIRMED: usize = 10_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    id: Uuid,
    generation: String,
    life: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub alert_id: Uuid,
    /// Its exact target.
    pub target: Decimal,
}

impl Entry {
    fn member(&self) -> String {
        format!("{}:{}", self.alert_id, self.target.normalize())
    }

    fn parse(member: &str) -> Option<Self> {
        let (id, target) = member.split_once(':')?;
        Some(Self {
            alert_id: id.parse().ok()?,
            target: target.parse().ok()?,
        })
    }
}

/// The float nearest to a decimal. Rounding to the nearest keeps order, which a preselection by score relies on.
fn score(value: Decimal) -> f64 {
    value.to_string().parse().unwrap_or(f64::MAX)
}

/// A question to the index: which alerts does this price reach?
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    pub ticker: Ticker,
    pub condition: Condition,
    pub price: Decimal,
    /// Candidates that were seen and stay in the index.
    pub skip: usize,
}

/// The result of one probe.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// Alerts that the price reaches, exactly.
    pub reached: Vec<Entry>,
    /// Candidates that share the price's float but that it does not reach.
    pub missed: usize,
}

impl Page {
    /// Says whether there may be more behind this page.
    pub fn is_full(&self) -> bool {
        self.reached.len() + self.missed >= PAGE_SIZE
    }
}

#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// It is not complete: Redis lost its data, or it was never built.
    #[error("the index is not there")]
    Missing,
    #[error("Redis does not answer")]
    Redis(#[from] redis::RedisError),
}

#[derive(Clone)]
pub struct AlertIndex {
    redis: Connection,
    unconfirmed: Arc<Mutex<Vec<Unconfirmed>>>,
}

/// An entry whose alert may not exist.
pub type Unconfirmed = (Ticker, Condition, Entry);

impl AlertIndex {
    pub fn new(redis: Connection) -> Self {
        Self {
            redis,
            unconfirmed: Arc::default(),
        }
    }

    /// Remembers an entry whose alert may not exist, because the answer to its commit was lost. The next comparison
    /// checks it. When there are too many to remember, the next full comparison finds the others.
    pub fn note_unconfirmed(&self, entry: Unconfirmed) {
        let mut unconfirmed = self.unconfirmed.lock().unwrap_or_else(PoisonError::into_inner);
        if unconfirmed.len() < MAX_UNCONFIRMED {
            unconfirmed.push(entry);
        }
    }

    fn take_unconfirmed(&self) -> Vec<Unconfirmed> {
        std::mem::take(&mut *self.unconfirmed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds alerts; one that is there already changes nothing.
    pub async fn add(&self, ticker: &Ticker, condition: Condition, entries: &[Entry]) -> Result<(), IndexError> {
        for chunk in entries.chunks(PAGE_SIZE) {
            let mut add = SCRIPTS.add.key(keys::ALERT_INDEX);
            add.key(keys::alert_index(condition, ticker));
            for entry in chunk {
                add.arg(score(entry.target)).arg(entry.member());
            }
            let () = add.invoke_async(&mut self.redis.clone()).await?;
        }
        Ok(())
    }

    pub async fn remove(&self, ticker: &Ticker, condition: Condition, entries: &[Entry]) -> Result<(), IndexError> {
        let members: Vec<String> = entries.iter().map(Entry::member).collect();
        self.remove_members(ticker, condition, &members).await
    }

    async fn remove_members(
        &self,
        ticker: &Ticker,
        condition: Condition,
        members: &[String],
    ) -> Result<(), IndexError> {
        for chunk in members.chunks(PAGE_SIZE) {
            let mut remove = SCRIPTS.remove.key(keys::ALERT_INDEX);
            remove.key(keys::alert_index(condition, ticker)).arg(chunk);
            let () = remove.invoke_async(&mut self.redis.clone()).await?;
        }
        Ok(())
    }

    /// Looks up, in one round trip, what each price reaches.
    ///
    /// # Errors
    /// `Missing` when the index is not complete.
    pub async fn reached_by(&self, probes: &[Probe]) -> Result<Vec<Page>, IndexError> {
        let mut query = SCRIPTS.query.key(keys::ALERT_INDEX);
        query.arg(next_generation()).arg(PAGE_SIZE);
        for probe in probes {
            query.key(keys::alert_index(probe.condition, &probe.ticker));
            match probe.condition {
                Condition::Gt => query.arg("-inf").arg(score(probe.price)),
                Condition::Lt => query.arg(score(probe.price)).arg("+inf"),
            };
            query.arg(probe.skip);
        }
        let pages: Option<Vec<Vec<String>>> = query.invoke_async(&mut self.redis.clone()).await?;
        let pages = pages.ok_or(IndexError::Missing)?;
        Ok(probes
            .iter()
            .zip(pages)
            .map(|(probe, page)| read_page(probe, page))
            .collect())
    }

    /// The identity of this complete index; `None` while it is not complete.
    pub async fn epoch(&self) -> Result<Option<String>, IndexError> {
        let mut epoch = SCRIPTS.epoch.key(keys::ALERT_INDEX);
        let epoch = epoch.arg(next_generation());
        Ok(epoch.invoke_async(&mut self.redis.clone()).await?)
    }

    pub async fn is_complete(&self) -> Result<bool, IndexError> {
        Ok(self.epoch().await?.is_some())
    }

    /// Announces that a build begins.
    pub async fn begin_build(&self) -> Result<Build, IndexError> {
        let id = Uuid::now_v7();
        let mut begin = SCRIPTS.begin.key(keys::ALERT_INDEX);
        let begin = begin.arg(id.to_string());
        let (generation, life) = begin.invoke_async(&mut self.redis.clone()).await?;
        Ok(Build { id, generation, life })
    }

    /// Marks the index as complete, unless Redis lost what was built since the build began. False if it did.
    pub async fn finish_build(&self, build: &Build) -> Result<bool, IndexError> {
        let mut finish = SCRIPTS.finish.key(keys::ALERT_INDEX);
        finish.arg(next_generation()).arg(&build.generation).arg(&build.life);
        finish.arg(build.id.to_string());
        let finished: i64 = finish.invoke_async(&mut self.redis.clone()).await?;
        Ok(finished == 1)
    }

    /// How many alerts the index holds for this asset and condition.
    async fn size(&self, ticker: &Ticker, condition: Condition) -> Result<u64, IndexError> {
        let key = keys::alert_index(condition, ticker);
        Ok(redis::cmd("ZCARD")
            .arg(key)
            .query_async(&mut self.redis.clone())
            .await?)
    }

    /// Of the given alerts, those that the index lacks.
    async fn missing(
        &self,
        ticker: &Ticker,
        condition: Condition,
        entries: &[Entry],
    ) -> Result<Vec<Entry>, IndexError> {
        let mut command = redis::cmd("ZMSCORE");
        command.arg(keys::alert_index(condition, ticker));
        for entry in entries {
            command.arg(entry.member());
        }
        let scores: Vec<Option<f64>> = command.query_async(&mut self.redis.clone()).await?;
        let missing = entries.iter().zip(scores).filter(|(_, score)| score.is_none());
        Ok(missing.map(|(entry, _)| entry.clone()).collect())
    }

    /// Walks over what the index holds: a cursor (0 to begin, 0 at the end) and some members with each step.
    async fn scan(
        &self,
        ticker: &Ticker,
        condition: Condition,
        cursor: u64,
    ) -> Result<(u64, Vec<Result<Entry, String>>), IndexError> {
        let mut command = redis::cmd("ZSCAN");
        command
            .arg(keys::alert_index(condition, ticker))
            .arg(cursor)
            .arg("COUNT")
            .arg(PAGE_SIZE);
        let (next, found): (u64, Vec<(String, f64)>) = command.query_async(&mut self.redis.clone()).await?;
        let read = |(member, _): (String, f64)| Entry::parse(&member).ok_or(member);
        Ok((next, found.into_iter().map(read).collect()))
    }

    async fn remove_unreadable(&self, ticker: &Ticker, condition: Condition, member: &str) -> Result<(), IndexError> {
        self.remove_members(ticker, condition, &[member.to_owned()]).await
    }
}

/// A name that no generation has had.
fn next_generation() -> String {
    Uuid::now_v7().to_string()
}

fn read_page(probe: &Probe, members: Vec<String>) -> Page {
    let mut page = Page::default();
    for member in members {
        match Entry::parse(&member) {
            Some(entry) if probe.condition.holds(probe.price, entry.target) => page.reached.push(entry),
            Some(_) | None => page.missed += 1,
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn member_holds_the_exact_target() {
        let entry = Entry {
            alert_id: Uuid::nil(),
            target: "64123.123456789012345600".parse().unwrap(),
        };
        assert_eq!(
            entry.member(),
            "00000000-0000-0000-0000-000000000000:64123.1234567890123456"
        );
        let read = Entry::parse(&entry.member()).unwrap();
        assert_eq!(read, entry);
        for garbage in [
            "",
            "x:1",
            "00000000-0000-0000-0000-000000000000",
            "00000000-0000-0000-0000-000000000000:x",
        ] {
            assert_eq!(Entry::parse(garbage), None, "{garbage:?}");
        }
    }

    fn decimals() -> impl Strategy<Value = Decimal> {
        (1_i64..i64::MAX, 0_u32..=18).prop_map(|(digits, scale)| Decimal::new(digits, scale))
    }

    proptest! {
        #[test]
        fn scores_keep_the_order_of_targets(a in decimals(), b in decimals()) {
            let (low, high) = if a <= b { (a, b) } else { (b, a) };
            prop_assert!(score(low) <= score(high), "{low} {high}");
        }

        #[test]
        fn neighbours_are_never_out_of_order(a in decimals()) {
            let next = a + Decimal::new(1, a.scale());
            prop_assert!(score(a) <= score(next), "{a} {next}");
        }
    }
}
