//! Quotes that the stream trimmed before anyone read them.

use std::time::Duration;

use contracts::keys;
use jiff::SignedDuration;
use platform::clock::{Clock, FakeClock, SystemClock};
use serde_json::{Value, json};
use testkit::eventually;
use uuid::Uuid;
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::harness::{DEADLINE, TestStack};

async fn trim_to(stack: &TestStack, length: usize) {
    let mut command = redis::cmd("XTRIM");
    command.arg(keys::QUOTES_STREAM).arg("MAXLEN").arg(length);
    let () = command.query_async(&mut stack.redis.connection.clone()).await.unwrap();
}

fn page(candles: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "data": {"items": candles, "next_cursor": null}, "state": "ok", "as_of": null, "sources": [], "estimated": false
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missed_quotes_are_noticed_and_their_candles_fire_what_was_armed_before() {
    let stack = TestStack::new().await;
    let analytics = MockServer::start().await;
    let clock = FakeClock::new(SystemClock.now());
    let changes = [("ANALYTICS_URL", &*analytics.uri()), ("SUPPORTED_TICKERS", "BTC,ETH")];
    let service = stack.start_with(&changes, clock.shared()).await;
    let user = Uuid::now_v7();
    service
        .create(user, "BTC", "gt", "120", &stack.sink.url("/armed"))
        .await;
    service
        .create(user, "BTC", "gt", "160", &stack.sink.url("/higher"))
        .await;
    stack.publish("BTC", "100").await;
    let evaluated = redis::Cmd::hexists(keys::EVALUATED_PRICES, "BTC");
    eventually("the first quote is evaluated", || async {
        evaluated
            .query_async::<bool>(&mut stack.redis.connection.clone())
            .await
            .unwrap()
    })
    .await;
    clock.advance(Duration::from_secs(60));
    let minute = clock.now();
    clock.advance(Duration::from_secs(60));
    // Armed after the spike: the candle must not fire it.
    service
        .create(user, "BTC", "gt", "130", &stack.sink.url("/later"))
        .await;
    service.stop().await;

    for price in ["101", "150", "102", "103", "104"] {
        stack.publish("BTC", price).await;
    }
    trim_to(&stack, 1).await;
    let candle = |t: jiff::Timestamp, high: u32| {
        json!({"t": t.to_string(), "o": 101, "h": high, "l": 99, "c": 102, "v": null, "n": 9, "closed": true,
               "backfilled": false})
    };
    Mock::given(method("GET"))
        .and(path("/internal/candles/BTC"))
        .and(query_param("interval", "1m"))
        .respond_with(page(json!([
            candle(minute, 150),
            candle(clock.now() + SignedDuration::from_mins(9), 110)
        ])))
        .mount(&analytics)
        .await;
    Mock::given(path("/internal/candles/ETH"))
        .respond_with(page(json!([])))
        .mount(&analytics)
        .await;

    let service = stack.start_with(&changes, clock.shared()).await;
    let received = stack.sink.wait_for(1, DEADLINE).await;
    assert_eq!(
        (received[0].path.as_str(), &received[0].json()["late"]),
        ("/armed", &json!(true))
    );
    assert_eq!(stack.value::<i64>("SELECT quotes FROM alerting.missed_quotes").await, 4);
    let open = "SELECT count(*) FROM alerting.missed_quotes WHERE done_at IS NULL";
    assert_eq!(stack.count(open).await, 1, "there is no candle of ETH yet");
    clock.advance(Duration::from_secs(16 * 60));
    stack.wait_for_count(open, 0).await;
    service.stop().await;
    assert_eq!(stack.sink.count(), 1);
    assert_eq!(stack.count("SELECT count(*) FROM alerting.missed_quotes").await, 1);
}

#[tokio::test]
async fn trimming_of_quotes_that_were_read_is_no_gap() {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    for price in ["100", "101", "102"] {
        stack.publish("BTC", price).await;
    }
    eventually("everything is read", || async {
        let mut command = redis::cmd("XPENDING");
        command.arg(keys::QUOTES_STREAM).arg(keys::ALERTS_GROUP);
        let evaluated = redis::Cmd::hexists(keys::EVALUATED_PRICES, "BTC");
        let mut connection = stack.redis.connection.clone();
        let pending: (u64, redis::Value, redis::Value, redis::Value) =
            command.query_async(&mut connection).await.unwrap();
        pending.0 == 0 && evaluated.query_async::<bool>(&mut connection).await.unwrap()
    })
    .await;
    trim_to(&stack, 1).await;
    stack.publish("BTC", "103").await;
    service.stop().await;
    let service = stack.start().await;
    service.stop().await;
    assert_eq!(stack.count("SELECT count(*) FROM alerting.missed_quotes").await, 0);
}
