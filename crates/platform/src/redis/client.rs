//! What every kind of connection is opened with.

use std::time::Duration;

use ::redis::Client;
use anyhow::Context;
use secrecy::ExposeSecret;

use crate::settings::RedisSettings;
use crate::tls;

/// Longest time to open a connection.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) fn client(settings: &RedisSettings) -> anyhow::Result<Client> {
    tls::install_provider();
    Client::open(settings.redis_url.expose_secret()).context("REDIS_URL")
}
