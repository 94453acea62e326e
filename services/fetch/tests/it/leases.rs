//! Two processes share the providers, and publish nothing twice.

use std::collections::HashSet;

use contracts::api::fetch::ExplanationBody;
use domain::ticker::ProviderId;

use crate::harness::{Process, TestApp, context, published, variables};
use testkit::found;

#[tokio::test]
async fn two_processes_publish_each_price_once_and_one_takes_over() {
    let app = TestApp::start(&[]).await;
    app.quote("a price of three", |quote| quote.n_sources == 3).await;
    let variables = variables(&app.sim, &app.redis.url, &app.database.url, &[]);
    let second = Process::start(&variables);
    app.quotes_later(10).await;

    let stream = published(&app.redis.connection).await;
    let ids: HashSet<_> = stream.iter().map(|quote| quote.price_id).collect();
    assert_eq!(ids.len(), stream.len(), "a price was published twice");

    // The one that asks no provider knows all the same how they are and how prices are made.
    let state = second.source(ProviderId::Binance).await;
    assert_eq!(state.state, "ok", "{state:?}");
    let explained: ExplanationBody = second.client.get("/explain/BTC", &(), &context()).await.unwrap();
    assert_eq!(explained.inputs.iter().filter(|input| input.included).count(), 3);

    let TestApp {
        sim, redis, process, ..
    } = app;
    process.stop().await;
    let before = published(&redis.connection).await.len();
    found("the second process takes over", || async {
        (published(&redis.connection).await.len() > before + 5).then_some(())
    })
    .await;
    second.stop().await;
    sim.stop().await;
}
