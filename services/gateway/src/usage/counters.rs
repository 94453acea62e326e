//! The running counts in Redis: one hash for a user and a month, with the total and a field for each day and route
//! class.
//!
//! A hash that is not there begins with what PostgreSQL knows, so that a Redis that loses its data does not give the
//! quota back. Before a count is added, its hash is marked as not yet copied to PostgreSQL; so a process that ends at any
//! point leaves nothing that is never copied (docs/adr/0016-usage-in-redis-first.md).

use std::sync::Arc;
use std::time::Duration;

use contracts::keys;
use moka::future::Cache;
use platform::postgres::Pool;
use platform::redis::Connection;
use redis::AsyncCommands;
use uuid::Uuid;

use super::calendar::Month;
use crate::error::ApiError;
use crate::rate_limit::redis::{REDIS_TIMEOUT, SharedError, in_time, within};
use crate::store::usage::{self, UsageRow};

/// Longer than any month, with time to copy its last counts.
pub const HASH_TTL_SECONDS: i64 = 40 * 86_400;

/// How long a mark need not be set again. Well below [`MARK_SECONDS`], so that a mark never goes before its counts are
/// copied.
const MARKED_TTL: Duration = Duration::from_secs(5);

/// How long a mark stands at least.
pub const MARK_SECONDS: i64 = 30;

const MAX_MARKED: u64 = 100_000;

const TOTAL: &str = "total";

/// No request waits for a batch.
const BATCH_TIMEOUT: Duration = Duration::from_secs(1);

/// The hash is not there.
const UNSEEDED: i64 = -1;

/// Adds requests, as many as the limit permits. The expiry is set in the same script. A batch that its sender repeats,
/// because it did not get the answer, is added once.
///
/// `KEYS[1]` the hash; `ARGV` limit or -1, seconds to live, field of the sender or nothing, number of the batch, then a
/// field and a number of requests each. Answers the total before, or -1 if the hash is not there.
const ADD: &str = r"
if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
local before = tonumber(redis.call('HGET', KEYS[1], 'total') or '0')
if ARGV[3] ~= '' then
  if redis.call('HGET', KEYS[1], ARGV[3]) == ARGV[4] then return before end
  redis.call('HSET', KEYS[1], ARGV[3], ARGV[4])
end
local limit = tonumber(ARGV[1])
local total = before
for i = 5, #ARGV, 2 do
  local n = tonumber(ARGV[i + 1])
  if limit >= 0 then n = math.max(0, math.min(n, limit - total)) end
  if n > 0 then
    redis.call('HINCRBY', KEYS[1], ARGV[i], n)
    total = redis.call('HINCRBY', KEYS[1], 'total', n)
  end
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return before
";

/// Begins a hash that is not there. `KEYS[1]` the hash; `ARGV` seconds to live, then a field and its number each.
const SEED: &str = r"
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1
";

/// Marks hashes as not copied. `KEYS[1]` the marks; `ARGV` seconds to live, then the members.
const MARK: &str = r"
local now = redis.call('TIME')[1]
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], now, ARGV[i]) end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1
";

/// Why nothing was counted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CountError {
    #[error("redis: {0}")]
    Redis(#[from] SharedError),
    #[error("postgres: {0}")]
    Postgres(ApiError),
    /// Redis loses hashes as fast as they are made.
    #[error("the counts in Redis do not stay")]
    Unstable,
}

/// The counts in one Redis.
pub struct Counters {
    postgres: Pool,
    redis: Connection,
    add: redis::Script,
    seed: redis::Script,
    mark: redis::Script,
    marked: Cache<String, ()>,
    /// The field under which a hash has the number of the last batch of this process.
    sender: String,
}

impl Counters {
    pub fn new(postgres: Pool, redis: Connection) -> Self {
        Self {
            postgres,
            redis,
            add: redis::Script::new(ADD),
            seed: redis::Script::new(SEED),
            mark: redis::Script::new(MARK),
            marked: Cache::builder()
                .max_capacity(MAX_MARKED)
                .time_to_live(MARKED_TTL)
                .build(),
            sender: format!("@{}", Uuid::now_v7()),
        }
    }

    /// Adds requests of a user in a month to fields of the hash; gives the total before. With a limit as many are added as
    /// it permits. A batch that was added before is not added again: each has a number, and they are sent one after
    /// the other.
    ///
    /// # Errors
    ///
    /// Redis, or PostgreSQL where it is needed, does not answer. The requests may be counted all the same.
    pub async fn add(
        &self,
        user: Uuid,
        month: Month,
        limit: Option<u32>,
        batch: Option<u64>,
        counts: &[(String, u64)],
    ) -> Result<u64, CountError> {
        self.mark(member(user, month)).await?;
        let key = hash(user, month);
        let mut call = self.add.key(&key);
        call.arg(limit.map_or(-1, i64::from)).arg(HASH_TTL_SECONDS);
        call.arg(batch.map_or("", |_| self.sender.as_str()))
            .arg(batch.unwrap_or_default());
        for (field, requests) in counts {
            call.arg(field).arg(*requests);
        }
        // Once more after it was begun, and once more if it was lost right then.
        for _ in 0..3 {
            let mut redis = self.redis.clone();
            let time = if batch.is_some() { BATCH_TIMEOUT } else { REDIS_TIMEOUT };
            let before: i64 = within(time, call.invoke_async(&mut redis)).await?;
            if before != UNSEEDED {
                return Ok(before.unsigned_abs());
            }
            self.begin(user, month, &key).await?;
        }
        Err(CountError::Unstable)
    }

    async fn begin(&self, user: Uuid, month: Month, key: &str) -> Result<(), CountError> {
        let known = self.stored(user, month).await.map_err(CountError::Postgres)?;
        let total: i64 = known.iter().map(|row| row.requests).sum();
        let mut call = self.seed.key(key);
        call.arg(HASH_TTL_SECONDS).arg(TOTAL).arg(total);
        for row in &known {
            call.arg(field(row.day, &row.route_class)).arg(row.requests);
        }
        let mut redis = self.redis.clone();
        within(BATCH_TIMEOUT, call.invoke_async::<i64>(&mut redis)).await?;
        Ok(())
    }

    async fn stored(&self, user: Uuid, month: Month) -> Result<Vec<UsageRow>, ApiError> {
        let client = self.postgres.get().await?;
        Ok(usage::list(&client, user, month.first_day(), month.last_day()).await?)
    }

    async fn mark(&self, member: String) -> Result<(), CountError> {
        if self.marked.contains_key(&member) {
            return Ok(());
        }
        let mut call = self.mark.key(keys::UNCOPIED_USAGE);
        call.arg(HASH_TTL_SECONDS).arg(&member);
        let mut redis = self.redis.clone();
        in_time(call.invoke_async::<i64>(&mut redis)).await?;
        self.marked.insert(member, ()).await;
        Ok(())
    }

    /// What Redis has counted for a user in a month, with the total; `None` if it has nothing.
    pub async fn read(&self, user: Uuid, month: Month) -> Result<Option<(u64, Vec<UsageRow>)>, CountError> {
        let mut redis = self.redis.clone();
        let fields: Vec<(String, i64)> = in_time(redis.hgetall(hash(user, month))).await?;
        if fields.is_empty() {
            return Ok(None);
        }
        let total = fields
            .iter()
            .find(|(name, _)| name == TOTAL)
            .map_or(0, |(_, total)| *total);
        Ok(Some((u64::try_from(total).unwrap_or(0), rows(fields))))
    }
}

/// The fields of a hash that are requests of a day; others are not ours.
pub fn rows(fields: Vec<(String, i64)>) -> Vec<UsageRow> {
    let row = |(name, requests): (String, i64)| {
        let (day, route_class) = name.split_once(':')?;
        Some(UsageRow {
            day: day.parse().ok()?,
            route_class: route_class.to_owned(),
            requests,
        })
    };
    fields
        .into_iter()
        .filter_map(row)
        .filter(|row| row.requests > 0 && (1..=32).contains(&row.route_class.len()))
        .collect()
}

/// The field of a day and a route class.
pub fn field(day: jiff::civil::Date, route_class: &str) -> String {
    format!("{day}:{route_class}")
}

fn hash(user: Uuid, month: Month) -> String {
    keys::usage(&user.to_string(), &month.to_string())
}

fn member(user: Uuid, month: Month) -> String {
    format!("{user}:{month}")
}

/// The requests of many checks under one name, added at once.
pub struct CountRequests(pub Arc<Counters>);

/// What the checks of one name have in common.
pub struct CountTerms {
    pub user: Uuid,
    pub month: Month,
    pub field: String,
    pub limit: u32,
}

/// What a check is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    pub is_within: bool,
    /// The total after it.
    pub total: u64,
}

impl crate::shared_calls::SharedCall for CountRequests {
    type Terms = CountTerms;
    type Answer = Counted;
    type Error = CountError;

    async fn call(&self, _: &str, terms: &CountTerms, wanted: usize) -> Result<Vec<Counted>, CountError> {
        let counts = [(terms.field.clone(), wanted as u64)];
        let before = self
            .0
            .add(terms.user, terms.month, Some(terms.limit), None, &counts)
            .await?;
        Ok(in_turn(before, u64::from(terms.limit), wanted))
    }
}

/// What one check after the other is told when there were `before` requests.
fn in_turn(before: u64, limit: u64, wanted: usize) -> Vec<Counted> {
    (1..=wanted as u64)
        .map(|nth| Counted {
            is_within: before + nth <= limit,
            total: before + nth.min(limit.saturating_sub(before)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_within_the_limit_in_turn() {
        let within = |before, limit| -> Vec<(bool, u64)> {
            let counted = in_turn(before, limit, 3);
            counted.iter().map(|one| (one.is_within, one.total)).collect()
        };
        assert_eq!(within(0, 10), [(true, 1), (true, 2), (true, 3)]);
        assert_eq!(within(8, 10), [(true, 9), (true, 10), (false, 10)]);
        assert_eq!(within(12, 10), [(false, 12), (false, 12), (false, 12)]);
    }

    #[test]
    fn fields_that_are_not_ours_are_passed_over() {
        let fields = [
            ("total", 9),
            ("2026-01-02:market", 7),
            ("2026-01-02:me", 0),
            ("x:y", 1),
            ("2026-01-03:", 1),
        ];
        let found = rows(fields.map(|(name, requests)| (name.to_owned(), requests)).into());
        assert_eq!(found.len(), 1);
        assert_eq!(field(found[0].day, &found[0].route_class), "2026-01-02:market");
    }
}
