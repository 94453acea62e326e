//! Redis and PostgreSQL away: prices go on as far as they can, and all is well when the servers return.

use market_sim::Config;
use testkit::OwnRedis;

use crate::harness::{Process, TestApp, find_quote, quote, variables};
use testkit::found;

/// An address where nobody listens.
pub fn nobody() -> String {
    format!("postgres://nobody:nothing@127.0.0.1:{}/none", testkit::ports::free())
}

#[tokio::test]
async fn a_redis_that_went_away_and_lost_everything_is_filled_again() {
    let sim = market_sim::start(Config::default()).unwrap();
    let mut redis = OwnRedis::start().await;
    let database = testkit::database().await;
    let process = Process::start(&variables(&sim, &redis.url, &database.url, &[]));
    let connection = platform::redis::connect(&redis.settings).unwrap();
    quote(&connection, "BTC", "a first price", |_| true).await;
    redis.stop();
    found("the outage", || async {
        find_quote(&connection, "BTC").await.is_none().then_some(())
    })
    .await;
    redis.resume().await;
    for ticker in ["BTC", "ETH", "USDT"] {
        quote(&connection, ticker, "a price after the outage", |quote| {
            quote.n_sources >= 2
        })
        .await;
    }
    process.stop().await;
    sim.stop().await;
}

#[tokio::test]
async fn a_flushed_redis_is_filled_again() {
    let app = TestApp::start(&[]).await;
    app.quote("a price of three", |quote| quote.n_sources == 3).await;
    app.redis.flush().await;
    app.quote("a price after the flush", |quote| quote.n_sources == 3).await;
    app.stop().await;
}

#[tokio::test]
async fn prices_flow_without_postgresql() {
    let sim = market_sim::start(Config::default()).unwrap();
    let redis = testkit::redis().await;
    let process = Process::start(&variables(&sim, &redis.url, &nobody(), &[]));
    quote(&redis.connection, "BTC", "a price of three", |quote| {
        quote.n_sources == 3
    })
    .await;
    process.stop().await;
    sim.stop().await;
}

#[tokio::test]
async fn an_older_schema_is_refused() {
    let sim = market_sim::start(Config::default()).unwrap();
    let redis = testkit::redis().await;
    let database = testkit::database::empty_database().await;
    let process = Process::start(&variables(&sim, &redis.url, &database.url, &[]));
    let error = process.app.join().await.unwrap_err();
    assert!(format!("{error:#}").contains("make migrate"), "{error:#}");
    sim.stop().await;
}
