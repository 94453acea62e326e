//! Copies the counts in Redis to PostgreSQL. Numbers only grow, so doing it twice, late, or in two gateways at once
//! changes nothing.

use std::collections::HashMap;
use std::sync::Arc;

use contracts::keys;
use jiff::civil::Date;
use platform::postgres::Pool;
use platform::redis::Connection;
use redis::AsyncCommands;
use uuid::Uuid;

use super::calendar::Month;
use super::counters::{CountError, MARK_SECONDS, rows};
use crate::error::ApiError;
use crate::rate_limit::redis::{SharedError, in_time};
use crate::store::usage::{self, UsageRow};

/// Months of users that are copied with one call each.
const BATCH: isize = 100;

/// Numbers that are known to be in PostgreSQL at most; beyond, all are forgotten and copied once more.
const MAX_COPIED: usize = 200_000;

/// Removes marks that have stood long enough and were not set again since they were read: a count that follows a mark
/// within some seconds was then there when its hash was read.
///
/// `KEYS[1]` the marks; `ARGV` seconds, then a member and its score each. Answers how many are left of them.
const UNMARK: &str = r"
local oldest = tonumber(redis.call('TIME')[1]) - tonumber(ARGV[1])
local left = 0
for i = 2, #ARGV, 2 do
  local score = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if score and tonumber(score) == tonumber(ARGV[i + 1]) and tonumber(score) < oldest then
    redis.call('ZREM', KEYS[1], ARGV[i])
  elseif score then
    left = left + 1
  end
end
return left
";

/// Copies, and remembers what it has copied.
pub struct UsageCopier {
    postgres: Pool,
    redis: Connection,
    unmark: redis::Script,
    copied: HashMap<(Uuid, Date, String), i64>,
}

impl UsageCopier {
    pub fn new(postgres: Pool, redis: Connection) -> Self {
        Self {
            postgres,
            redis,
            unmark: redis::Script::new(UNMARK),
            copied: HashMap::new(),
        }
    }

    /// Copies everything that is marked.
    ///
    /// # Errors
    ///
    /// A store does not answer. The marks stay.
    pub async fn copy(&mut self) -> Result<(), CountError> {
        let mut from = 0;
        loop {
            let mut redis = self.redis.clone();
            let range = redis.zrange_withscores(keys::UNCOPIED_USAGE, from, from + BATCH - 1);
            let marks: Vec<(String, i64)> = in_time(range).await?;
            if marks.is_empty() {
                return Ok(());
            }
            let rows = self.read(&marks).await?;
            self.store(rows).await.map_err(CountError::Postgres)?;
            let mut call = self.unmark.key(keys::UNCOPIED_USAGE);
            call.arg(MARK_SECONDS);
            for (member, score) in &marks {
                call.arg(member).arg(*score);
            }
            let left: isize = in_time(call.invoke_async(&mut redis)).await?;
            from += left;
        }
    }

    /// The numbers under these marks that are not known to be in PostgreSQL.
    async fn read(&self, marks: &[(String, i64)]) -> Result<Vec<(Uuid, UsageRow)>, CountError> {
        let named: Vec<(Uuid, Month)> = marks.iter().filter_map(|(member, _)| parse(member)).collect();
        let mut pipe = redis::pipe();
        for (user, month) in &named {
            pipe.hgetall(keys::usage(&user.to_string(), &month.to_string()));
        }
        let mut redis = self.redis.clone();
        let answers: Vec<redis::Value> = in_time(pipe.query_async(&mut redis)).await?;
        let mut found = Vec::new();
        for ((user, month), answer) in named.into_iter().zip(answers) {
            let fields = redis::from_redis_value(answer).map_err(|error| SharedError::Redis(Arc::new(error.into())))?;
            let new = rows(fields).into_iter().filter(|row| {
                let known = self.copied.get(&(user, row.day, row.route_class.clone()));
                Month::of(row.day) == month && known.is_none_or(|known| *known < row.requests)
            });
            found.extend(new.map(|row| (user, row)));
        }
        Ok(found)
    }

    async fn store(&mut self, rows: Vec<(Uuid, UsageRow)>) -> Result<(), ApiError> {
        if rows.is_empty() {
            return Ok(());
        }
        let client = self.postgres.get().await?;
        usage::raise(&client, &rows).await?;
        if self.copied.len() + rows.len() > MAX_COPIED {
            self.copied.clear();
        }
        for (user, row) in rows {
            self.copied.insert((user, row.day, row.route_class), row.requests);
        }
        Ok(())
    }
}

/// The user and the month that a mark names.
fn parse(member: &str) -> Option<(Uuid, Month)> {
    let (user, month) = member.split_once(':')?;
    Some((user.parse().ok()?, Month::parse(month)?))
}
