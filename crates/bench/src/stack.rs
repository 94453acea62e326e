//! A database, a Redis database and a vhost of this run, and alerts by the hundred thousand in them.

use std::time::Duration;

use alerts::index::{AlertIndex, Entry};
use anyhow::Context;
use contracts::keys;
use contracts::messages::{FLAG_SIMULATED, QuoteMessage};
use domain::rule::Condition;
use domain::ticker::Ticker;
use platform::clock::{Clock, SystemClock};
use platform::redis::Connection;
use rust_decimal::Decimal;
use testkit::{TestDatabase, TestRabbit, TestRedis};
use tokio_postgres::{Client, NoTls, Row};
use uuid::Uuid;

/// Credential between the services of this run.
const INTERNAL_TOKEN: &str = "a-credential-that-only-this-bench-uses";
/// Key of the account that requests rates.
pub const API_KEY: &str = "sk_live_benchbenchbenchbenchbenchbenchbenchbenchben";
/// Alerts written by one statement.
const CHUNK: i64 = 50_000;

/// Everything a run needs besides processes; removed with this value.
pub struct TestStack {
    pub database: TestDatabase,
    pub redis: TestRedis,
    pub rabbit: TestRabbit,
    /// A connection without a time limit, for bulk work.
    pub sql: Client,
    user: Uuid,
}

/// Alerts to arm: targets start above `from` and lie `step` apart.
pub struct Batch<'a> {
    pub ticker: &'a Ticker,
    /// The first target is one step above.
    pub from: Decimal,
    /// Distance of targets.
    pub step: Decimal,
    pub count: i64,
    /// Where their webhooks go.
    pub url: &'a str,
}

/// Alerts of several users to arm, each with an endpoint of its own. Targets are 1, 2, 3 and so on above `from`.
pub struct Spread<'a> {
    pub ticker: &'a Ticker,
    pub from: Decimal,
    pub users: i64,
    pub count: i64,
    /// Every endpoint's URL begins with it.
    pub url: &'a str,
}

impl TestStack {
    pub async fn new() -> anyhow::Result<Self> {
        let database = testkit::database().await;
        let (sql, connection) = tokio_postgres::connect(&database.url, NoTls).await?;
        tokio::spawn(connection);
        Ok(Self {
            redis: testkit::redis().await,
            rabbit: testkit::rabbit().await,
            database,
            sql,
            user: Uuid::now_v7(),
        })
    }

    /// The settings that every service gets.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("DATABASE_URL", self.database.url.clone()),
            ("REDIS_URL", self.redis.url.clone()),
            ("RABBITMQ_URL", self.rabbit.url.clone()),
            ("INTERNAL_TOKEN", INTERNAL_TOKEN.to_owned()),
            ("WEBHOOK_ALLOWED_CIDRS", "127.0.0.0/8".to_owned()),
            ("WEBHOOK_ALLOWED_PORTS", "1024-65535".to_owned()),
            ("DEMO_API_KEY", API_KEY.to_owned()),
            ("RATE_LIMIT_RATES", "10000000/1".to_owned()),
            ("CMC_API_KEY", "bench".to_owned()),
        ]
    }

    /// Arms alerts in PostgreSQL. They are in the index after it is built.
    pub async fn arm(&self, batch: &Batch<'_>) -> anyhow::Result<Vec<Entry>> {
        let endpoint = self.endpoint(batch.url).await?;
        let statement = "INSERT INTO alerting.alerts
                 (id, user_id, ticker, kind, condition, target_price, webhook_url, endpoint_id, is_active, state,
                  request_id, created_at, updated_at)
             SELECT gen_random_uuid(), $1, $2, 'price', 'gt', $3::numeric + n * $4::numeric, $5, $6, true, 'armed',
                    'bench', now(), now()
             FROM generate_series($7::bigint, $8::bigint) AS n
             RETURNING id, target_price";
        let mut entries = Vec::new();
        let mut first = 1;
        while first <= batch.count {
            let last = (first + CHUNK - 1).min(batch.count);
            let ticker = batch.ticker.as_str();
            let rows = self
                .sql
                .query(
                    statement,
                    &[
                        &self.user,
                        &ticker,
                        &batch.from,
                        &batch.step,
                        &batch.url,
                        &endpoint,
                        &first,
                        &last,
                    ],
                )
                .await
                .context("arm alerts")?;
            entries.extend(rows.iter().map(|row| Entry {
                alert_id: row.get(0),
                target: row.get(1),
            }));
            first = last + 1;
        }
        self.sql.batch_execute("ANALYZE alerting.alerts").await?;
        Ok(entries)
    }

    /// Arms alerts of several users in PostgreSQL.
    ///
    /// # Errors
    ///
    /// PostgreSQL does not answer.
    pub async fn arm_spread(&self, spread: &Spread<'_>) -> anyhow::Result<Vec<Entry>> {
        let statement = "WITH owner AS (
                 SELECT gen_random_uuid() AS id, n FROM generate_series(0, $1::bigint - 1) AS n
             ), endpoint AS (
                 INSERT INTO alerting.endpoints (id, user_id, url, secret, implicit, created_at, updated_at)
                 SELECT gen_random_uuid(), owner.id, $2 || n.n, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', true, now(),
                        now()
                 FROM generate_series(1, $3::bigint) AS n JOIN owner ON owner.n = n.n % $1
                 RETURNING id, user_id, url
             )
             INSERT INTO alerting.alerts
                 (id, user_id, ticker, kind, condition, target_price, webhook_url, endpoint_id, is_active, state,
                  request_id, created_at, updated_at)
             SELECT gen_random_uuid(), user_id, $4, 'price', 'gt', $5::numeric + row_number() OVER (), url, id, true,
                    'armed', 'bench', now(), now()
             FROM endpoint
             RETURNING id, target_price";
        let ticker = spread.ticker.as_str();
        let rows = self
            .sql
            .query(
                statement,
                &[&spread.users, &spread.url, &spread.count, &ticker, &spread.from],
            )
            .await
            .context("arm alerts of several users")?;
        let entry = |row: &Row| Entry {
            alert_id: row.get(0),
            target: row.get(1),
        };
        Ok(rows.iter().map(entry).collect())
    }

    /// Adds armed alerts to an index that is built already.
    pub async fn add_to_index(&self, ticker: &Ticker, entries: &[Entry]) -> anyhow::Result<()> {
        let index = AlertIndex::new(self.redis.connection.clone());
        for chunk in entries.chunks(1_000) {
            index.add(ticker, Condition::Gt, chunk).await?;
        }
        Ok(())
    }

    async fn endpoint(&self, url: &str) -> anyhow::Result<Uuid> {
        let row = self
            .sql
            .query_one(
                "INSERT INTO alerting.endpoints (id, user_id, url, secret, implicit, created_at, updated_at)
                 VALUES ($1, $2, $3, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', true, now(), now())
                 ON CONFLICT (user_id, url) DO UPDATE SET updated_at = now()
                 RETURNING id",
                &[&Uuid::now_v7(), &self.user, &url],
            )
            .await
            .context("register the endpoint")?;
        Ok(row.get(0))
    }

    /// Waits until the service's index holds at least so many alerts of an asset and is complete.
    ///
    /// # Errors
    ///
    /// It is not in time.
    pub async fn await_index(&self, ticker: &Ticker, count: u64) -> anyhow::Result<()> {
        let mut redis = self.redis.connection.clone();
        let index = AlertIndex::new(redis.clone());
        for _ in 0..1_200 {
            let key = keys::alert_index(Condition::Gt, ticker);
            let size: u64 = redis::cmd("ZCARD").arg(key).query_async(&mut redis).await?;
            if size >= count && index.is_complete().await? {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!("the index does not hold {count} alerts after two minutes")
    }
}

/// A quote of three providers, made now.
pub fn quote(ticker: &Ticker, price: Decimal) -> QuoteMessage {
    QuoteMessage {
        volume_24h: Some(Decimal::from(1_000_000)),
        flags: vec![FLAG_SIMULATED.to_owned()],
        ..testkit::quote(ticker.as_str(), &price.to_string(), SystemClock.now())
    }
}

/// Publishes a quote as fetch does: the newest value and an entry of the stream, in one round trip.
pub async fn publish(redis: &mut Connection, quote: &QuoteMessage) -> anyhow::Result<()> {
    let text = serde_json::to_string(quote)?;
    let () = redis::pipe()
        .set(keys::quote(&quote.ticker), &text)
        .ignore()
        .cmd("XADD")
        .arg(keys::QUOTES_STREAM)
        .arg("MAXLEN")
        .arg("~")
        .arg(keys::QUOTES_STREAM_MAX_LEN)
        .arg("*")
        .arg(keys::MESSAGE_FIELD)
        .arg(&text)
        .ignore()
        .query_async(redis)
        .await?;
    Ok(())
}

/// A ticker of this bench.
///
/// # Panics
///
/// It is not a ticker.
pub fn ticker(name: &str) -> Ticker {
    name.parse().expect("a ticker")
}
