//! The state of batches in Redis, which all instances share.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use contracts::api::price::BatchTrigger;
use contracts::keys;
use contracts::problem::ProblemKind;
use domain::coin_id::CoinId;
use platform::redis::Connection;
use redis::AsyncCommands;
use uuid::Uuid;

use super::outcome::{BatchResult, Outcome};
use super::rules::BatchRules;
use super::scripts::Scripts;

/// How long a result can be read.
const RESULT_TTL: Duration = Duration::from_secs(30);

/// How long a coin that the provider does not know is not asked for again.
const UNKNOWN_TTL: Duration = Duration::from_secs(60);

/// How long the newest price of a coin can answer: the largest age that a request may accept.
const NEWEST_TTL: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub struct Coordinator {
    redis: Connection,
    scripts: Arc<Scripts>,
    rules: BatchRules,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// The coin is known to be unknown.
    UnknownCoin,
    Admitted(Place),
}

/// The place of a request in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub batch_id: Uuid,
    /// The request filled the batch.
    pub is_last: bool,
}

/// What a process that wants to flush a batch is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Flush it.
    Granted(Grant),
    /// Its window ends in this time.
    Early(Duration),
    /// Another process flushes it; its lease ends in this time.
    Busy(Duration),
    /// It was flushed in vain, and nobody has time for another flush.
    Late,
    /// It has a result.
    Done,
    /// Redis has lost it.
    Gone,
}

/// The right to flush a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Requests of the batch.
    pub size: u32,
    pub trigger: BatchTrigger,
    /// Until the first waiter gives up.
    pub time_left: Duration,
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Coordinator {
    pub fn new(redis: Connection, scripts: Scripts, rules: BatchRules) -> Self {
        Self {
            redis,
            scripts: Arc::new(scripts),
            rules,
        }
    }

    pub fn rules(&self) -> &BatchRules {
        &self.rules
    }

    /// Gives a request a place in the open batch of its coin, or in a new one.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub async fn admit(&self, coin: &CoinId) -> anyhow::Result<Admission> {
        let (word, id, is_last): (String, String, bool) = self
            .scripts
            .admit
            .key(keys::open_batch(coin))
            .key(keys::unknown_coin(coin))
            .arg(Uuid::now_v7().to_string())
            .arg(self.rules.threshold)
            .arg(ms(self.rules.window))
            .arg(ms(self.rules.state_ttl()))
            .arg(keys::BATCH_FILLED_CHANNEL)
            .invoke_async(&mut self.redis.clone())
            .await
            .context("admission to a batch")?;
        if word == "unknown" {
            return Ok(Admission::UnknownCoin);
        }
        Ok(Admission::Admitted(Place {
            batch_id: id.parse().context("id of a batch")?,
            is_last,
        }))
    }

    /// Takes a request out of its batch, if that is still open.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub async fn leave(&self, coin: &CoinId, batch_id: Uuid) -> anyhow::Result<()> {
        let () = self
            .scripts
            .leave
            .key(keys::open_batch(coin))
            .key(keys::batch_state(coin, batch_id))
            .arg(batch_id.to_string())
            .invoke_async(&mut self.redis.clone())
            .await
            .context("leaving a batch")?;
        Ok(())
    }

    /// Asks for the right to flush a batch.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub async fn claim(&self, coin: &CoinId, batch_id: Uuid, owner: Uuid) -> anyhow::Result<Claim> {
        let (word, size, trigger, millis): (String, Option<u32>, Option<String>, u64) = self
            .scripts
            .claim
            .key(keys::open_batch(coin))
            .key(keys::batch_state(coin, batch_id))
            .arg(batch_id.to_string())
            .arg(owner.to_string())
            .arg(ms(self.rules.lease))
            .arg(ms(self.rules.upstream_timeout))
            .arg(ms(self.rules.result_timeout))
            .invoke_async(&mut self.redis.clone())
            .await
            .context("claiming a batch")?;
        let left = Duration::from_millis(millis);
        Ok(match word.as_str() {
            "claimed" => Claim::Granted(Grant {
                size: size.unwrap_or_default(),
                trigger: match trigger.as_deref() {
                    Some("threshold") => BatchTrigger::Threshold,
                    Some(_) | None => BatchTrigger::Window,
                },
                time_left: left,
            }),
            "early" => Claim::Early(left),
            "busy" => Claim::Busy(left),
            "late" => Claim::Late,
            "done" => Claim::Done,
            _ => Claim::Gone,
        })
    }

    /// Begins the lease anew; says whether the flush still belongs to `owner`.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub async fn renew(&self, coin: &CoinId, batch_id: Uuid, owner: Uuid) -> anyhow::Result<bool> {
        self.scripts
            .renew
            .key(keys::batch_state(coin, batch_id))
            .arg(owner.to_string())
            .arg(ms(self.rules.lease))
            .invoke_async(&mut self.redis.clone())
            .await
            .context("renewing the lease of a batch")
    }

    /// Stores a result and announces it; says whether it is the batch's: that of a flush that was taken over is not.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub async fn finish(&self, result: &BatchResult, owner: Uuid) -> anyhow::Result<bool> {
        let BatchResult { coin_id, batch_id, .. } = result;
        let json = serde_json::to_string(result)?;
        let (key, value, ttl) = match &result.outcome {
            Outcome::Price(_) => (keys::newest_batch_result(coin_id), json.as_str(), NEWEST_TTL),
            Outcome::Failure(failure) if failure.kind == ProblemKind::CoinNotFound => {
                (keys::unknown_coin(coin_id), "1", UNKNOWN_TTL)
            }
            Outcome::Failure(_) => (keys::unknown_coin(coin_id), "", UNKNOWN_TTL),
        };
        self.scripts
            .finish
            .key(keys::batch_state(coin_id, *batch_id))
            .key(keys::batch_result(coin_id, *batch_id))
            .key(key)
            .arg(owner.to_string())
            .arg(&json)
            .arg(ms(RESULT_TTL))
            .arg(keys::BATCH_RESULTS_CHANNEL)
            .arg(value)
            .arg(ms(ttl))
            .invoke_async(&mut self.redis.clone())
            .await
            .context("storing the result of a batch")
    }

    /// The result of a batch, if it has one.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub async fn find_result(&self, coin: &CoinId, batch_id: Uuid) -> anyhow::Result<Option<BatchResult>> {
        self.read(keys::batch_result(coin, batch_id)).await
    }

    /// The newest result of a coin with a price, for about a minute.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub async fn find_newest(&self, coin: &CoinId) -> anyhow::Result<Option<BatchResult>> {
        self.read(keys::newest_batch_result(coin)).await
    }

    async fn read(&self, key: String) -> anyhow::Result<Option<BatchResult>> {
        let json: Option<String> = self.redis.clone().get(key).await.context("reading a batch")?;
        Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
    }
}
