//! Redis connections: a pool for background services, one shared and multiplexed for hot reads, own ones for blocking
//! reads. docs/adr/0013 says why.

use std::time::Duration;

mod answer;
mod client;
mod connection;
mod pool;
mod shared;
mod subscription;

use ::redis::AsyncConnectionConfig;
use ::redis::aio::ConnectionManagerConfig;
pub use ::redis::aio::MultiplexedConnection;
use anyhow::Context;

use crate::settings::RedisSettings;

use client::{CONNECT_TIMEOUT, client};
pub use connection::Connection;
use pool::Pool;
use shared::Shared;
pub use subscription::{Announcement, Subscription};

/// A key that health checks write.
const HEALTH_KEY: &str = "cryptolens:health";
/// How long that key stays.
const HEALTH_KEY_TTL: Duration = Duration::from_secs(60);

/// The shared connection, for reads that a request waits for; it is opened when needed and reopens itself after a
/// failure.
///
/// While Redis is away each command fails within about a second instead of queueing.
///
/// # Errors
///
/// The address is invalid.
pub fn connect(settings: &RedisSettings) -> anyhow::Result<Connection> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(Duration::from_millis(settings.redis_response_timeout_ms)))
        .set_number_of_retries(2)
        .set_min_delay(Duration::from_millis(20))
        .set_max_delay(Duration::from_millis(200));
    let shared = Shared::new(client(settings)?, config).context("Redis connection")?;
    Ok(Connection::shared(shared))
}

/// Connections of a pool, one for each command; they are opened when needed.
///
/// While Redis is away each command fails within about two seconds.
///
/// # Errors
///
/// The address is invalid.
pub fn connect_pool(settings: &RedisSettings) -> anyhow::Result<Connection> {
    let response_timeout = Duration::from_millis(settings.redis_response_timeout_ms);
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(response_timeout));
    let address = client(settings)?.get_connection_info().clone();
    let pool = Pool::new(address, config, CONNECT_TIMEOUT).context("Redis pool")?;
    Ok(Connection::pooled(pool))
}

/// A connection of its own without a response timeout, for reads that block on purpose.
///
/// # Errors
///
/// The address is invalid, or Redis does not answer.
pub async fn connect_blocking(settings: &RedisSettings) -> anyhow::Result<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(None);
    client(settings)?
        .get_multiplexed_async_connection_with_config(&config)
        .await
        .context("Redis connection")
}

/// Makes sure that Redis answers and takes writes: a replica does not, nor one whose memory is full.
///
/// # Errors
///
/// No connection, no answer, or a refusal.
pub async fn check(connection: &Connection) -> anyhow::Result<()> {
    let () = ::redis::cmd("SET")
        .arg(HEALTH_KEY)
        .arg(1)
        .arg("PX")
        .arg(HEALTH_KEY_TTL.as_millis() as u64)
        .query_async(&mut connection.clone())
        .await
        .context("Redis write")?;
    Ok(())
}

/// What is wrong with how Redis is set up, if anything: one that may evict keys loses them one by one, in silence.
///
/// # Errors
///
/// No connection, or no answer.
pub async fn eviction_warning(connection: &Connection) -> anyhow::Result<Option<String>> {
    // INFO and not CONFIG: hosted servers refuse the latter.
    let info: String = ::redis::cmd("INFO")
        .arg("memory")
        .query_async(&mut connection.clone())
        .await
        .context("Redis memory policy")?;
    let policy = info.lines().find_map(|line| line.strip_prefix("maxmemory_policy:"));
    Ok(policy
        .map(str::trim)
        .filter(|policy| *policy != "noeviction")
        .map(|policy| {
            format!("maxmemory-policy is {policy}: Redis may remove keys that are needed; set it to noeviction")
        }))
}
