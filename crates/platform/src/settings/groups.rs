//! The settings that several services share, with their default texts.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::database_url::{AddressError, DatabaseAddress};
use super::errors::{Problems, Validate};

/// Shortest internal credential that is accepted.
const INTERNAL_TOKEN_MIN_CHARS: usize = 32;

/// Where the process runs, which decides how strict and how talkative it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AppEnv {
    /// A person's machine.
    Development,
    /// A test run.
    Test,
    /// A rehearsal of production.
    Staging,
    /// The real thing.
    Production,
}

impl AppEnv {
    /// Says whether strangers can reach the process: staging and production.
    #[must_use]
    pub fn is_exposed(self) -> bool {
        matches!(self, Self::Staging | Self::Production)
    }
}

/// Default lines of [`ProcessSettings`].
pub const PROCESS_DEFAULTS: &str = r#"
# Where this runs: development, test, staging or production. Logs are JSON in the last two.
app_env = "development"
# What is logged: error, warn, info, debug, trace, or directives such as "info,fetch=debug".
log_level = "info"
# Address the HTTP server listens on.
bind_address = "127.0.0.1"
# Port of the HTTP server; 0 takes a free one.
port = 8000
# Threads that answer HTTP requests.
http_workers = 2
# Credential that services show one another, at least 32 characters. Without it every
# internal request is answered with 401.
internal_token = ""
# Longest time a stop may take before what is left is cut off.
shutdown_deadline_seconds = 10
"#;

/// How a process logs, for those that need nothing else of [`PROCESS_DEFAULTS`].
#[derive(Debug, Clone, Deserialize)]
pub struct LogSettings {
    /// Where the process runs.
    pub app_env: AppEnv,
    /// Log filter.
    pub log_level: String,
}

impl Validate for LogSettings {
    fn validate(&self, problems: &mut Problems) {
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&self.log_level) {
            problems.add("LOG_LEVEL", format!("is not a log filter ({error}); set info"));
        }
    }
}

/// What every process needs to run at all.
#[derive(Debug, Clone, Deserialize)]
pub struct ProcessSettings {
    /// Where the process runs.
    pub app_env: AppEnv,
    /// Log filter.
    pub log_level: String,
    /// Address to listen on.
    pub bind_address: IpAddr,
    /// Port to listen on, 0 for any free one.
    pub port: u16,
    /// Threads that answer HTTP requests.
    pub http_workers: usize,
    /// Credential of internal requests.
    pub internal_token: SecretString,
    /// Longest time a stop may take, in seconds.
    pub shutdown_deadline_seconds: u64,
}

impl ProcessSettings {
    /// How it logs.
    #[must_use]
    pub fn log(&self) -> LogSettings {
        LogSettings {
            app_env: self.app_env,
            log_level: self.log_level.clone(),
        }
    }

    /// The address to listen on.
    #[must_use]
    pub fn listen_address(&self) -> SocketAddr {
        SocketAddr::new(self.bind_address, self.port)
    }

    /// Longest time a stop may take.
    #[must_use]
    pub fn shutdown_deadline(&self) -> Duration {
        Duration::from_secs(self.shutdown_deadline_seconds)
    }
}

impl Validate for ProcessSettings {
    fn validate(&self, problems: &mut Problems) {
        self.log().validate(problems);
        let length = self.internal_token.expose_secret().chars().count();
        if length == 0 && self.app_env.is_exposed() {
            problems.add(
                "INTERNAL_TOKEN",
                "is missing; set the same random text of at least 32 characters in all services",
            );
        } else if length != 0 && length < INTERNAL_TOKEN_MIN_CHARS {
            problems.add(
                "INTERNAL_TOKEN",
                format!("has {length} characters; set at least {INTERNAL_TOKEN_MIN_CHARS}"),
            );
        }
        if self.http_workers == 0 || self.http_workers > 256 {
            problems.add("HTTP_WORKERS", "must be from 1 to 256");
        }
        if self.shutdown_deadline_seconds == 0 || self.shutdown_deadline_seconds > 600 {
            problems.add("SHUTDOWN_DEADLINE_SECONDS", "must be from 1 to 600");
        }
    }
}

/// Default lines of [`PostgresSettings`].
pub const POSTGRES_DEFAULTS: &str = r#"
# PostgreSQL, as one URL such as postgres://user:password@host:5432/name?sslmode=require.
# When empty, the DB_* parts below are used. sslmode and sslrootcert mean what they mean to psql: prefer (without one)
# and require encrypt, verify-ca and verify-full also verify, by the PEM file sslrootcert or public authorities.
database_url = ""
db_user = "cryptolens"
db_pass = ""
db_host = "127.0.0.1"
db_port = 5432
db_name = "cryptolens"
# Most connections this process opens.
database_pool_size = 8
# Longest time to open a connection.
database_connect_timeout_ms = 3000
# Longest time to wait for a free connection of the pool.
database_wait_timeout_ms = 3000
# Longest time one statement may run on the server.
database_statement_timeout_ms = 10000
"#;

/// How to reach PostgreSQL.
#[derive(Debug, Clone, Deserialize)]
pub struct PostgresSettings {
    /// The whole address; wins over the parts when it is not empty.
    pub database_url: SecretString,
    /// User name.
    pub db_user: String,
    /// Password.
    pub db_pass: SecretString,
    /// Host name or address.
    pub db_host: String,
    /// Port.
    pub db_port: u16,
    /// Database name.
    pub db_name: String,
    /// Most connections this process opens.
    pub database_pool_size: usize,
    /// Longest time to open a connection, in milliseconds.
    pub database_connect_timeout_ms: u64,
    /// Longest time to wait for a pooled connection, in milliseconds.
    pub database_wait_timeout_ms: u64,
    /// Longest time of one statement, in milliseconds.
    pub database_statement_timeout_ms: u64,
}

impl PostgresSettings {
    /// Settings for one URL with every other value at its default.
    #[must_use]
    pub fn from_url(url: &str) -> Self {
        Self {
            database_url: url.into(),
            db_user: String::new(),
            db_pass: "".into(),
            db_host: String::new(),
            db_port: 5432,
            db_name: String::new(),
            database_pool_size: 8,
            database_connect_timeout_ms: 3_000,
            database_wait_timeout_ms: 3_000,
            database_statement_timeout_ms: 10_000,
        }
    }

    /// Where the server is and how its certificate is verified.
    ///
    /// # Errors
    ///
    /// The URL cannot be read, or the file of authorities it names.
    pub fn address(&self) -> Result<DatabaseAddress, AddressError> {
        let url = self.database_url.expose_secret();
        if !url.is_empty() {
            return DatabaseAddress::parse(url);
        }
        let mut parameters = tokio_postgres::Config::new();
        parameters
            .user(&self.db_user)
            .password(self.db_pass.expose_secret())
            .host(&self.db_host)
            .port(self.db_port)
            .dbname(&self.db_name);
        Ok(parameters.into())
    }
}

impl Validate for PostgresSettings {
    fn validate(&self, problems: &mut Problems) {
        match self.address() {
            Err(error) => problems.add("DATABASE_URL", error.to_string()),
            Ok(address) if address.parameters.get_hosts().is_empty() => {
                problems.add("DATABASE_URL", "names no host");
            }
            Ok(_) => {}
        }
        if self.database_pool_size == 0 || self.database_pool_size > 1_000 {
            problems.add("DATABASE_POOL_SIZE", "must be from 1 to 1000");
        }
        for (name, value) in [
            ("DATABASE_CONNECT_TIMEOUT_MS", self.database_connect_timeout_ms),
            ("DATABASE_WAIT_TIMEOUT_MS", self.database_wait_timeout_ms),
            ("DATABASE_STATEMENT_TIMEOUT_MS", self.database_statement_timeout_ms),
        ] {
            if value == 0 || value > 600_000 {
                problems.add(name, "must be from 1 to 600000");
            }
        }
    }
}

/// Default lines of [`RedisSettings`].
pub const REDIS_DEFAULTS: &str = r#"
# Redis, such as redis://:password@host:6379/0, or rediss:// for TLS.
redis_url = "redis://127.0.0.1:6379"
# Longest time to wait for an answer of Redis.
redis_response_timeout_ms = 1000
"#;

/// How to reach Redis.
#[derive(Debug, Clone, Deserialize)]
pub struct RedisSettings {
    /// The address.
    pub redis_url: SecretString,
    /// Longest time to wait for an answer, in milliseconds.
    pub redis_response_timeout_ms: u64,
}

impl RedisSettings {
    /// Settings for one URL with every other value at its default.
    #[must_use]
    pub fn from_url(url: &str) -> Self {
        Self {
            redis_url: url.into(),
            redis_response_timeout_ms: 1_000,
        }
    }
}

impl Validate for RedisSettings {
    fn validate(&self, problems: &mut Problems) {
        if redis::Client::open(self.redis_url.expose_secret()).is_err() {
            problems.add("REDIS_URL", "is not a Redis address; set redis://host:6379");
        }
        if self.redis_response_timeout_ms == 0 || self.redis_response_timeout_ms > 60_000 {
            problems.add("REDIS_RESPONSE_TIMEOUT_MS", "must be from 1 to 60000");
        }
    }
}

/// Default lines of [`RabbitSettings`].
pub const RABBIT_DEFAULTS: &str = r#"
# RabbitMQ, such as amqp://user:password@host:5672/vhost, or amqps:// for TLS.
rabbitmq_url = "amqp://guest:guest@127.0.0.1:5672"
"#;

/// How to reach RabbitMQ.
#[derive(Debug, Clone, Deserialize)]
pub struct RabbitSettings {
    /// The address.
    pub rabbitmq_url: SecretString,
}

impl RabbitSettings {
    /// Settings for one URL.
    #[must_use]
    pub fn from_url(url: &str) -> Self {
        Self {
            rabbitmq_url: url.into(),
        }
    }
}

impl Validate for RabbitSettings {
    fn validate(&self, problems: &mut Problems) {
        let parsed = self.rabbitmq_url.expose_secret().parse::<lapin::uri::AMQPUri>();
        if parsed.is_err() {
            problems.add(
                "RABBITMQ_URL",
                "is not a RabbitMQ address; set amqp://user:password@host:5672",
            );
        }
    }
}
