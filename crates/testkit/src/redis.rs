//! A Redis database number of one test.
//!
//! Numbers are claimed by a key in database 0 that expires, so that parallel processes never
//! share one and a killed test's number comes back by itself.

use std::collections::HashMap;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client};
use anyhow::{Context, bail};
use platform::redis::Connection;
use platform::settings::RedisSettings;
use url::Url;
use uuid::Uuid;

use crate::{cleanup, environment};

/// The first numbers belong to the stacks that run beside the tests (`deploy/local/stack`): demo, live, test.
const RESERVED: u32 = 3;

/// Longer than any test runs.
const CLAIM_SECONDS: u64 = 900;

/// A database number of its own, empty at first; it is emptied and given back with this value.
#[derive(Debug)]
pub struct TestRedis {
    pub settings: RedisSettings,
    /// The shared connection to it.
    pub connection: Connection,
    pub url: String,
    number: u32,
    owner: String,
}

/// A free database number.
///
/// # Panics
///
/// Redis cannot be reached, or all its numbers are taken.
pub async fn redis() -> TestRedis {
    claim().await.expect("a Redis database")
}

impl TestRedis {
    /// Removes everything in it, as a Redis that lost its data.
    ///
    /// # Panics
    ///
    /// Redis does not answer.
    pub async fn flush(&self) {
        let mut connection = open(&self.url).await.expect("Redis");
        let () = ::redis::cmd("FLUSHDB")
            .query_async(&mut connection)
            .await
            .expect("FLUSHDB");
    }
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        let (number, owner, url) = (self.number, &self.owner, &self.url);
        cleanup::run(&format!("Redis database {number}"), async {
            let mut own = open(url).await?;
            let () = ::redis::cmd("FLUSHDB").query_async(&mut own).await?;
            let mut claims = open(&numbered(0)?).await?;
            let release = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end";
            let () = ::redis::Script::new(release)
                .key(claim_key(number))
                .arg(owner)
                .invoke_async(&mut claims)
                .await?;
            Ok(())
        });
    }
}

async fn claim() -> anyhow::Result<TestRedis> {
    let mut claims = open(&numbered(0)?).await?;
    let config: HashMap<String, u32> = ::redis::cmd("CONFIG")
        .arg("GET")
        .arg("databases")
        .query_async(&mut claims)
        .await?;
    let numbers = config.get("databases").copied().unwrap_or(16) - RESERVED;
    let owner = Uuid::new_v4().to_string();
    let first: u32 = rand::random_range(0..numbers);
    for step in 0..numbers {
        let number = RESERVED + (first + step) % numbers;
        let taken: Option<String> = ::redis::cmd("SET")
            .arg(claim_key(number))
            .arg(&owner)
            .arg("NX")
            .arg("EX")
            .arg(CLAIM_SECONDS)
            .query_async(&mut claims)
            .await?;
        if taken.is_some() {
            let url = numbered(number)?;
            let mut own = open(&url).await?;
            let () = ::redis::cmd("FLUSHDB").query_async(&mut own).await?;
            let settings = RedisSettings::from_url(&url);
            let connection = platform::redis::connect(&settings)?;
            return Ok(TestRedis {
                settings,
                connection,
                url,
                number,
                owner,
            });
        }
    }
    bail!("all {numbers} Redis databases are taken")
}

fn claim_key(number: u32) -> String {
    format!("testkit:database:{number}")
}

fn numbered(number: u32) -> anyhow::Result<String> {
    let mut url: Url = environment::address(environment::REDIS)
        .parse()
        .context(environment::REDIS)?;
    url.set_path(&number.to_string());
    Ok(url.into())
}

async fn open(url: &str) -> anyhow::Result<MultiplexedConnection> {
    // Many tests start at once on few cores, so Redis may be slow to answer.
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(std::time::Duration::from_secs(10)))
        .set_response_timeout(Some(std::time::Duration::from_secs(10)));
    Client::open(url)?
        .get_multiplexed_async_connection_with_config(&config)
        .await
        .with_context(|| format!("{} does not answer: run `make test`", environment::REDIS))
}
