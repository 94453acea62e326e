//! The index of armed price alerts in Redis: one sorted set per asset and condition, scored by target.
//!
//! It only preselects. Scores are floats, so candidates are compared again exactly with the decimal that is part of each
//! member; and who fires is decided in PostgreSQL alone. The index may therefore hold too much, which costs a look, but must
//! not hold too little: a marker beside the sets says that they are complete, and is gone with them after a flush.

use contracts::keys;
use domain::rule::Condition;
use domain::ticker::Ticker;
use redis::Pipeline;
use redis::aio::ConnectionManager;
use rust_decimal::Decimal;
use uuid::Uuid;

/// Making it from PostgreSQL, and comparing it with PostgreSQL.
pub mod repair;

/// The loop that does so.
pub mod keeper;

/// How many candidates one look brings; more are fetched page by page.
pub const PAGE_SIZE: usize = 2_000;

/// Marks the index as complete if everything since the build began is still there: a flush takes the build's key away.
const FINISH_SCRIPT: &str = "if redis.call('DEL', KEYS[1]) == 0 then return 0 end
redis.call('SET', KEYS[2], ARGV[1])
return 1";

/// Longest time a build may take, in seconds.
const BUILD_TTL_SECONDS: u64 = 600;

/// One armed alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The alert.
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

/// Stands while a build runs; in the slot of the marker, so that one script can look at both.
fn build_key(build: Uuid) -> String {
    format!("{{{}}}:build:{build}", keys::ALERT_INDEX_MARKER)
}

/// The float nearest to a decimal. Rounding to the nearest keeps order, which a preselection by score relies on.
fn score(value: Decimal) -> f64 {
    value.to_string().parse().unwrap_or(f64::MAX)
}

/// A question to the index: which alerts does this price reach?
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// The asset.
    pub ticker: Ticker,
    /// Above or below.
    pub condition: Condition,
    /// The extreme price.
    pub price: Decimal,
    /// Candidates that were seen and stay in the index.
    pub skip: usize,
}

/// What one look brought.
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

/// Why the index gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// It is not complete: Redis lost its data, or it was never built.
    #[error("the index is not there")]
    Missing,
    /// Redis does not answer.
    #[error("Redis does not answer")]
    Redis(#[from] redis::RedisError),
}

/// Reads and writes the index.
#[derive(Clone)]
pub struct AlertIndex {
    redis: ConnectionManager,
}

impl AlertIndex {
    /// The index in this Redis.
    pub fn new(redis: ConnectionManager) -> Self {
        Self { redis }
    }

    /// Adds alerts; one that is there already changes nothing.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn add(&self, ticker: &Ticker, condition: Condition, entries: &[Entry]) -> Result<(), IndexError> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut command = redis::cmd("ZADD");
        command.arg(keys::alert_index(condition, ticker));
        for entry in entries {
            command.arg(score(entry.target)).arg(entry.member());
        }
        Ok(command.query_async(&mut self.redis.clone()).await?)
    }

    /// Adds to a pipeline the removal of alerts, for callers that write more in the same round trip.
    pub fn remove_in(pipeline: &mut Pipeline, ticker: &Ticker, condition: Condition, entries: &[Entry]) {
        if !entries.is_empty() {
            let members: Vec<String> = entries.iter().map(Entry::member).collect();
            pipeline.zrem(keys::alert_index(condition, ticker), members).ignore();
        }
    }

    /// Removes alerts.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn remove(&self, ticker: &Ticker, condition: Condition, entries: &[Entry]) -> Result<(), IndexError> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut pipeline = redis::pipe();
        Self::remove_in(&mut pipeline, ticker, condition, entries);
        Ok(pipeline.query_async(&mut self.redis.clone()).await?)
    }

    /// Looks up, in one round trip, what each price reaches.
    ///
    /// # Errors
    /// `Missing` when the index was not complete for the whole of the look.
    pub async fn reached_by(&self, probes: &[Probe]) -> Result<Vec<Page>, IndexError> {
        let mut pipeline = redis::pipe();
        pipeline.get(keys::ALERT_INDEX_MARKER);
        for probe in probes {
            let key = keys::alert_index(probe.condition, &probe.ticker);
            let (skip, page) = (probe.skip as isize, PAGE_SIZE as isize);
            match probe.condition {
                Condition::Gt => pipeline.zrangebyscore_limit(key, "-inf", score(probe.price), skip, page),
                Condition::Lt => pipeline.zrangebyscore_limit(key, score(probe.price), "+inf", skip, page),
            };
        }
        pipeline.get(keys::ALERT_INDEX_MARKER);
        let answers: Vec<redis::Value> = pipeline.query_async(&mut self.redis.clone()).await?;
        let [before, looks @ .., after] = answers.as_slice() else {
            return Err(IndexError::Missing);
        };
        // Asked on both sides of the look: between two equal answers nobody flushed and nobody finished a build.
        if matches!(before, redis::Value::Nil) || before != after {
            return Err(IndexError::Missing);
        }
        probes
            .iter()
            .zip(looks)
            .map(|(probe, look)| read_page(probe, look.clone()))
            .collect()
    }

    /// Says whether the index is complete.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn is_complete(&self) -> Result<bool, IndexError> {
        let marker: Option<String> = redis::cmd("GET")
            .arg(keys::ALERT_INDEX_MARKER)
            .query_async(&mut self.redis.clone())
            .await?;
        Ok(marker.is_some())
    }

    /// Announces that a build begins.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn begin_build(&self, build: Uuid) -> Result<(), IndexError> {
        let mut command = redis::cmd("SET");
        command.arg(build_key(build)).arg("").arg("EX").arg(BUILD_TTL_SECONDS);
        Ok(command.query_async(&mut self.redis.clone()).await?)
    }

    /// Marks the index as complete, unless Redis lost what was built since the build began. False if it did.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn finish_build(&self, build: Uuid) -> Result<bool, IndexError> {
        let finished: i64 = redis::Script::new(FINISH_SCRIPT)
            .key(build_key(build))
            .key(keys::ALERT_INDEX_MARKER)
            .arg(build.to_string())
            .invoke_async(&mut self.redis.clone())
            .await?;
        Ok(finished == 1)
    }

    /// Tells one life of the Redis server from another: it may come back with less than it had.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn server_life(&self) -> Result<String, IndexError> {
        let mut command = redis::cmd("INFO");
        let info: String = command.arg("server").query_async(&mut self.redis.clone()).await?;
        let line = info.lines().find_map(|line| line.strip_prefix("run_id:"));
        Ok(line.unwrap_or_default().to_owned())
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
    async fn lacking(
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
        let lacking = entries.iter().zip(scores).filter(|(_, score)| score.is_none());
        Ok(lacking.map(|(entry, _)| entry.clone()).collect())
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

    /// Removes a member that nobody can read.
    async fn remove_unreadable(&self, ticker: &Ticker, condition: Condition, member: &str) -> Result<(), IndexError> {
        let mut command = redis::cmd("ZREM");
        command.arg(keys::alert_index(condition, ticker)).arg(member);
        Ok(command.query_async(&mut self.redis.clone()).await?)
    }
}

fn read_page(probe: &Probe, look: redis::Value) -> Result<Page, IndexError> {
    let members: Vec<String> = redis::from_redis_value(look).map_err(redis::RedisError::from)?;
    let mut page = Page::default();
    for member in members {
        match Entry::parse(&member) {
            Some(entry) if probe.condition.holds(probe.price, entry.target) => page.reached.push(entry),
            Some(_) | None => page.missed += 1,
        }
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_member_holds_the_exact_target() {
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
