//! A migrated PostgreSQL database of one test.
//!
//! The migrations run once into a template; each test gets a copy of it, which takes a tenth of a
//! second. The template's name is the fingerprint of the migrations, so it is never out of date.

use std::time::Duration;

use anyhow::Context;
use deadpool_postgres::Pool;
use jiff::Timestamp;
use platform::clock::{Clock, SystemClock};
use platform::settings::PostgresSettings;
use tokio_postgres::{Client, NoTls};
use url::Url;
use uuid::Uuid;

use crate::{cleanup, environment};

/// Lock that serialises the making of templates.
const LOCK: i64 = 0x7465_7374_6b69;
/// Databases of tests that were killed are removed when they are this old.
const LEFTOVER_AGE: Duration = Duration::from_secs(3_600);
const PREFIX: &str = "testkit_";

/// A database of its own; it is dropped with this value.
#[derive(Debug)]
pub struct TestDatabase {
    pub settings: PostgresSettings,
    pub pool: Pool,
    pub url: String,
    name: String,
}

/// A new database with the whole schema.
///
/// # Panics
///
/// PostgreSQL cannot be reached, or a migration fails.
pub async fn database() -> TestDatabase {
    create(true).await.expect("a test database")
}

/// A new database without any schema.
///
/// # Panics
///
/// PostgreSQL cannot be reached.
pub async fn empty_database() -> TestDatabase {
    create(false).await.expect("a test database")
}

impl TestDatabase {
    /// Refuses writes, or takes them again, as a server that became a standby: open connections are cut.
    ///
    /// # Panics
    ///
    /// PostgreSQL cannot be reached.
    pub async fn set_read_only(&self, read_only: bool) {
        let admin = Admin::connect().await.expect("PostgreSQL");
        let name = &self.name;
        let change = format!(
            "ALTER DATABASE {name} SET default_transaction_read_only = {read_only}; \
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        );
        admin.execute(&change).await.expect("a setting of the database");
    }
}

async fn create(migrated: bool) -> anyhow::Result<TestDatabase> {
    let admin = Admin::connect().await?;
    let template = if migrated {
        admin.template().await?
    } else {
        "template0".to_owned()
    };
    let name = format!("{PREFIX}{}_{}", now_ms(), Uuid::new_v4().simple());
    admin
        .execute(&format!("CREATE DATABASE {name} TEMPLATE {template}"))
        .await?;
    let url = address_of(&name)?;
    let settings = patient(PostgresSettings::from_url(&url));
    let pool = platform::postgres::connect(&settings)?;
    Ok(TestDatabase {
        settings,
        pool,
        url,
        name,
    })
}

/// Waits longer than a service would: the machine may be busy with other tests.
pub(crate) fn patient(mut settings: PostgresSettings) -> PostgresSettings {
    settings.database_connect_timeout_ms = 30_000;
    settings.database_wait_timeout_ms = 30_000;
    settings
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        self.pool.close();
        cleanup::run(&self.name, async {
            let admin = Admin::connect().await?;
            admin
                .execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name))
                .await
        });
    }
}

fn address_of(name: &str) -> anyhow::Result<String> {
    let mut url: Url = environment::address(environment::DATABASE)
        .parse()
        .context(environment::DATABASE)?;
    url.set_path(name);
    Ok(url.into())
}

fn now_ms() -> i64 {
    SystemClock.now().as_millisecond()
}

/// A connection to the database that always exists.
struct Admin {
    client: Client,
}

impl Admin {
    async fn connect() -> anyhow::Result<Self> {
        let url = environment::address(environment::DATABASE);
        let (client, connection) = tokio_postgres::connect(&url, NoTls)
            .await
            .with_context(|| format!("{} does not answer: run `make test`", environment::DATABASE))?;
        tokio::spawn(connection);
        Ok(Self { client })
    }

    async fn execute(&self, statement: &str) -> anyhow::Result<()> {
        self.client
            .batch_execute(statement)
            .await
            .with_context(|| statement.to_owned())
    }

    async fn exists(&self, name: &str) -> anyhow::Result<bool> {
        let query = "SELECT 1 FROM pg_database WHERE datname = $1";
        Ok(self.client.query_opt(query, &[&name]).await?.is_some())
    }

    /// The name of the migrated template, made first if there is none.
    async fn template(&self) -> anyhow::Result<String> {
        let name = format!("{PREFIX}template_{:016x}", platform::migrate::fingerprint());
        if self.exists(&name).await? {
            return Ok(name);
        }
        self.client.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await?;
        let made = self.make_template(&name).await;
        self.client.execute("SELECT pg_advisory_unlock($1)", &[&LOCK]).await?;
        made.map(|()| name)
    }

    async fn make_template(&self, name: &str) -> anyhow::Result<()> {
        self.drop_leftovers().await?;
        if self.exists(name).await? {
            return Ok(());
        }
        // Renamed when complete, so that no test copies half a schema.
        let unfinished = format!("{name}_unfinished");
        self.execute(&format!("DROP DATABASE IF EXISTS {unfinished} WITH (FORCE)"))
            .await?;
        self.execute(&format!("CREATE DATABASE {unfinished} TEMPLATE template0"))
            .await?;
        let settings = patient(PostgresSettings::from_url(&address_of(&unfinished)?));
        platform::migrate::run(&settings).await?;
        self.execute(&format!("ALTER DATABASE {unfinished} RENAME TO {name}"))
            .await
    }

    async fn drop_leftovers(&self) -> anyhow::Result<()> {
        let age = i64::try_from(LEFTOVER_AGE.as_millis())?;
        let oldest = Timestamp::from_millisecond(now_ms() - age)?.as_millisecond();
        let query = "SELECT datname FROM pg_database WHERE datname ~ ('^' || $1 || '[0-9]+_')";
        for row in self.client.query(query, &[&PREFIX]).await? {
            let name: String = row.get(0);
            let made = name[PREFIX.len()..]
                .split('_')
                .next()
                .and_then(|ms| ms.parse::<i64>().ok());
            if made.is_some_and(|made| made < oldest) {
                self.execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
                    .await?;
            }
        }
        Ok(())
    }
}
