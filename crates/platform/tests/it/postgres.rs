use std::time::{Duration, Instant};

use platform::postgres::{connect, ping};
use platform::settings::PostgresSettings;

#[tokio::test]
async fn connections_the_server_closed_are_replaced() {
    let database = testkit::database().await;
    let pool = &database.pool;
    for _ in 0..3 {
        ping(pool).await.unwrap();
    }
    let admin = testkit::database::empty_database().await;
    let client = admin.pool.get().await.unwrap();
    let name = database.url.rsplit('/').next().unwrap().to_owned();
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1";
    let killed: i64 = client.query_one(kill, &[&name]).await.unwrap().get(0);
    assert!(killed > 0);
    // Nobody has to do anything: whoever still meets the closed connection takes it out of the pool.
    testkit::eventually("the pool is whole again", || async { ping(pool).await.is_ok() }).await;
    for _ in 0..3 {
        ping(pool).await.unwrap();
    }
}

#[tokio::test]
async fn a_statement_that_runs_too_long_is_ended() {
    let database = testkit::database().await;
    let mut settings = database.settings.clone();
    settings.database_statement_timeout_ms = 50;
    let pool = connect(&settings).unwrap();
    let client = pool.get().await.unwrap();
    let error = client.query("SELECT pg_sleep(30)", &[]).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "57014");
}

#[tokio::test]
async fn waiting_for_a_connection_ends() {
    let database = testkit::database().await;
    let mut settings = database.settings.clone();
    settings.database_pool_size = 1;
    settings.database_wait_timeout_ms = 50;
    let pool = connect(&settings).unwrap();
    let _held = pool.get().await.unwrap();
    let started = Instant::now();
    ping(&pool).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_server_without_tls_is_refused_when_tls_is_required() {
    let database = testkit::database().await;
    let strict = PostgresSettings::from_url(&format!("{}?sslmode=require", database.url));
    ping(&connect(&strict).unwrap()).await.unwrap_err();
    let easy = PostgresSettings::from_url(&format!("{}?sslmode=disable", database.url));
    ping(&connect(&easy).unwrap()).await.unwrap();
}
