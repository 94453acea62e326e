//! What fires, once, whoever looks and whatever happens in between.

use std::sync::Arc;
use std::time::Duration;

use alerts::index::keeper::Keeper;
use alerts::index::repair::{self, Depth, Repaired};
use alerts::index::{AlertIndex, Entry, Probe};
use contracts::keys;
use domain::rule::Condition;
use jiff::SignedDuration;
use platform::clock::{Clock, FakeClock, SystemClock};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::harness::{PATIENCE, Stand, quote};

#[tokio::test]
async fn two_instances_that_see_the_same_price_fire_each_alert_once() {
    let stand = Stand::new().await;
    stand.insert_alerts(300, &stand.sink.url("/hook")).await;
    let payload = serde_json::to_string(&quote("BTC", "250.5", SystemClock.now())).unwrap();
    let intake = stand.intake();
    repair::build(&intake.index, &intake.pool).await.unwrap();
    let rivals: Vec<_> = (0..4)
        .map(|_| {
            let (intake, payload) = (intake.clone(), payload.clone());
            tokio::spawn(async move { intake.evaluate(&[&payload]).await.unwrap() })
        })
        .collect();
    let mut fired = 0;
    for rival in rivals {
        fired += rival.await.unwrap();
    }
    assert_eq!(fired, 250);
    assert_eq!(stand.count("SELECT count(*) FROM alerting.alert_events").await, 250);
    assert_eq!(
        stand
            .count("SELECT count(DISTINCT alert_id) FROM alerting.deliveries")
            .await,
        250
    );
    assert_eq!(
        stand
            .count("SELECT count(*) FROM alerting.alerts WHERE is_active")
            .await,
        50
    );
    let again = intake.evaluate(&[&payload]).await.unwrap();
    assert_eq!(again, 0);
    assert_eq!(index_size(&stand).await, 50, "what fired has left the index");
}

async fn index_size(stand: &Stand) -> u64 {
    let key = keys::alert_index(Condition::Gt, &"BTC".parse().unwrap());
    redis::cmd("ZCARD")
        .arg(key)
        .query_async(&mut stand.redis.connection.clone())
        .await
        .unwrap()
}

#[tokio::test]
async fn more_hits_than_fit_one_page_all_fire() {
    let stand = Stand::new().await;
    let user = Uuid::now_v7();
    let client = stand.database.pool.get().await.unwrap();
    let insert = "WITH e AS (
            INSERT INTO alerting.endpoints (id, user_id, url, secret, implicit, created_at, updated_at)
            VALUES ($1, $1, 'http://127.0.0.1:9/', 'whsec_AAAA', true, now(), now()))
        INSERT INTO alerting.alerts (id, user_id, ticker, kind, condition, target_price, webhook_url, endpoint_id,
                                     is_active, state, request_id, created_at, updated_at)
        SELECT gen_random_uuid(), $1, 'BTC', 'price', 'gt', n, 'http://127.0.0.1:9/', $1, true, 'armed', 'r', now(), now()
        FROM generate_series(1, 5000) n";
    client.execute(insert, &[&user]).await.unwrap();
    let intake = stand.intake();
    let payload = serde_json::to_string(&quote("BTC", "4500", SystemClock.now())).unwrap();
    assert_eq!(
        intake.evaluate(&[&payload]).await.unwrap(),
        4499,
        "the target itself does not fire"
    );
    assert_eq!(index_size(&stand).await, 501);
}

#[tokio::test]
async fn prices_of_less_than_a_float_apart_are_told_apart() {
    let stand = Stand::new().await;
    let service = stand.start().await;
    let user = Uuid::now_v7();
    let url = stand.sink.url("/exact");
    service
        .create(user, "BTC", "gt", "\"70000.000000000000000001\"", &url)
        .await;
    service
        .create(user, "BTC", "gt", "\"70000.000000000000000003\"", &url)
        .await;
    service
        .create(user, "BTC", "lt", "\"70000.000000000000000002\"", &url)
        .await;
    stand.publish("BTC", "70000.000000000000000002").await;
    let received = stand.sink.wait_for(1, PATIENCE).await;
    assert_eq!(received[0].json()["condition"], "gt");
    assert!(String::from_utf8_lossy(&received[0].body).contains(r#""target_price":70000.000000000000000001,"#));
    stand
        .wait_for_count("SELECT count(*) FROM alerting.alerts WHERE is_active", 2)
        .await;
    service.stop().await;
    assert_eq!(stand.sink.count(), 1);
}

#[tokio::test]
async fn a_spike_that_came_and_went_fires_both_ways() {
    let stand = Stand::new().await;
    let user = Uuid::now_v7();
    for price in ["100", "150", "60", "100"] {
        stand.publish("BTC", price).await;
    }
    let intake = stand.intake();
    stand.insert_alerts(120, &stand.sink.url("/hook")).await;
    let now = SystemClock.now();
    let payloads: Vec<String> = ["100", "110", "60", "100"]
        .map(|price| serde_json::to_string(&quote("BTC", price, now)).unwrap())
        .into();
    let payloads: Vec<&str> = payloads.iter().map(String::as_str).collect();
    assert_eq!(intake.evaluate(&payloads).await.unwrap(), 109, "{user}");
}

#[tokio::test]
async fn a_stale_price_fires_nothing() {
    let stand = Stand::new().await;
    stand.insert_alerts(1, &stand.sink.url("/hook")).await;
    let intake = stand.intake();
    let mut stale = quote("BTC", "100", SystemClock.now());
    stale.as_of = stale.published_at - SignedDuration::from_secs(16);
    let payload = serde_json::to_string(&stale).unwrap();
    assert_eq!(intake.evaluate(&[&payload]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_price_that_waited_fires_what_was_armed_then_and_says_so() {
    let stand = Stand::new().await;
    let published_at = SystemClock.now() - SignedDuration::from_secs(60);
    let ids = stand.insert_alerts(2, &stand.sink.url("/hook")).await;
    let client = stand.database.pool.get().await.unwrap();
    let before = published_at - SignedDuration::from_secs(1);
    client
        .execute(
            "UPDATE alerting.alerts SET created_at = $1 WHERE id = $2",
            &[&before, &ids[0]],
        )
        .await
        .unwrap();
    let payload = serde_json::to_string(&quote("BTC", "100", published_at)).unwrap();
    let intake = stand.intake();
    assert_eq!(intake.evaluate(&[&payload]).await.unwrap(), 1);
    assert_eq!(
        stand
            .count("SELECT count(*) FROM alerting.alert_events WHERE late")
            .await,
        1
    );
    assert_eq!(index_size(&stand).await, 1, "what was armed later stays in the index");
    let fresh = serde_json::to_string(&quote("BTC", "100", SystemClock.now())).unwrap();
    assert_eq!(intake.evaluate(&[&fresh]).await.unwrap(), 1);
}

#[tokio::test]
async fn a_flush_of_redis_loses_no_alert() {
    let stand = Stand::new().await;
    let service = stand.start().await;
    let user = Uuid::now_v7();
    for target in 100..120 {
        service
            .create(user, "BTC", "gt", &target.to_string(), &stand.sink.url("/hook"))
            .await;
    }
    stand.publish("BTC", "50").await;
    stand.redis.flush().await;
    // Published again until it is seen: a flush may take the first one with it.
    for _ in 0..100 {
        stand.publish("BTC", "500").await;
        if stand
            .count("SELECT count(*) FROM alerting.alerts WHERE is_active")
            .await
            == 0
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stand.sink.wait_for(20, PATIENCE).await;
    stand
        .wait_for_count(
            "SELECT count(*) FROM alerting.delivery_attempts WHERE status = 'success'",
            20,
        )
        .await;
    service.stop().await;
    assert_eq!(stand.sink.count(), 20);
}

#[tokio::test]
async fn the_index_is_repaired_in_both_directions() {
    let stand = Stand::new().await;
    let ids = stand.insert_alerts(10, &stand.sink.url("/hook")).await;
    let intake = stand.intake();
    let (index, pool) = (&intake.index, &intake.pool);
    repair::build(index, pool).await.unwrap();
    let ticker: domain::ticker::Ticker = "BTC".parse().unwrap();
    let supported = [ticker.clone(), "ETH".parse().unwrap()];
    let since = SystemClock.now() + SignedDuration::from_secs(3600);
    let compare = async |depth| repair::compare(index, pool, &supported, depth).await.unwrap();
    assert_eq!(compare(Depth::Full).await, Repaired::default());

    let lost = Entry {
        alert_id: ids[3],
        target: 4.into(),
    };
    let orphan = |n: u128| Entry {
        alert_id: Uuid::from_u128(n),
        target: 4.into(),
    };
    index.remove(&ticker, Condition::Gt, &[lost]).await.unwrap();
    assert_eq!(compare(Depth::Counts(since)).await, Repaired { added: 1, removed: 0 });
    index
        .add(&supported[1], Condition::Lt, &[orphan(1), orphan(2)])
        .await
        .unwrap();
    assert_eq!(compare(Depth::Counts(since)).await, Repaired { added: 0, removed: 2 });
    let lost = Entry {
        alert_id: ids[4],
        target: 5.into(),
    };
    index.remove(&ticker, Condition::Gt, &[lost]).await.unwrap();
    index.add(&ticker, Condition::Gt, &[orphan(3)]).await.unwrap();
    assert_eq!(
        compare(Depth::Counts(since)).await,
        Repaired::default(),
        "equal counts are not gone through"
    );
    assert_eq!(compare(Depth::Full).await, Repaired { added: 1, removed: 1 });
    let just_now = SystemClock.now();
    index
        .remove(
            &ticker,
            Condition::Gt,
            &[Entry {
                alert_id: ids[5],
                target: 6.into(),
            }],
        )
        .await
        .unwrap();
    index.add(&ticker, Condition::Gt, &[orphan(4)]).await.unwrap();
    compare(Depth::Counts(just_now)).await;
    assert_eq!(
        index_size(&stand).await,
        10,
        "what was created lately is added without counting"
    );
}

#[tokio::test]
async fn a_build_that_a_flush_met_does_not_count_although_another_began() {
    let stand = Stand::new().await;
    let index = stand.intake().index;
    let first = index.begin_build().await.unwrap();
    stand.redis.flush().await;
    let second = index.begin_build().await.unwrap();
    assert!(!index.finish_build(&first).await.unwrap());
    assert!(!index.is_complete().await.unwrap());
    assert!(index.finish_build(&second).await.unwrap());
    assert!(index.is_complete().await.unwrap());
}

#[tokio::test]
async fn an_equal_number_of_missing_and_superfluous_entries_is_found_in_the_end() {
    let stand = Stand::new().await;
    let ids = stand.insert_alerts(3, &stand.sink.url("/hook")).await;
    let ticker: domain::ticker::Ticker = "BTC".parse().unwrap();
    let index = stand.intake().index;
    let keeper = Keeper {
        index: index.clone(),
        pool: stand.database.pool.clone(),
        supported: vec![ticker.clone()],
        every: Duration::from_millis(5),
        // Long after the alerts were created: none of them counts as recent.
        clock: FakeClock::new(SystemClock.now() + SignedDuration::from_secs(3_600)).shared(),
        wake: Arc::new(Notify::new()),
    };
    let stop = CancellationToken::new();
    let keeping = tokio::spawn(keeper.run(stop.clone()));
    let probe = Probe {
        ticker: ticker.clone(),
        condition: Condition::Gt,
        price: 100.into(),
        skip: 0,
    };
    let whole = || async {
        testkit::eventually("the index holds what it should", || async {
            let Ok(pages) = index.reached_by(std::slice::from_ref(&probe)).await else {
                return false;
            };
            let mut found: Vec<Uuid> = pages[0].reached.iter().map(|entry| entry.alert_id).collect();
            found.sort();
            found == ids
        })
        .await;
    };
    whole().await;
    // The first comparison is a full one. What it repairs does not prove anything yet.
    let key = keys::alert_index(Condition::Gt, &ticker);
    let remove = redis::Cmd::zrem(&key, format!("{}:1", ids[0]));
    let () = remove.query_async(&mut stand.redis.connection.clone()).await.unwrap();
    whole().await;
    let () = redis::pipe()
        .atomic()
        .zrem(&key, format!("{}:2", ids[1]))
        .ignore()
        .zadd(&key, format!("{}:9", Uuid::from_u128(1)), 9)
        .ignore()
        .query_async(&mut stand.redis.connection.clone())
        .await
        .unwrap();
    whole().await;
    stop.cancel();
    keeping.await.unwrap().unwrap();
}

#[tokio::test]
async fn of_late_prices_each_fires_what_was_armed_when_it_was_published() {
    let stand = Stand::new().await;
    let now = SystemClock.now();
    let ago = |seconds: i64| now - SignedDuration::from_secs(seconds);
    stand.insert_alerts(1, &stand.sink.url("/hook")).await;
    let created = "UPDATE alerting.alerts SET created_at = $1";
    let client = stand.database.pool.get().await.unwrap();
    client.execute(created, &[&ago(50)]).await.unwrap();
    drop(client);
    // The highest came before the alert; a later one that is lower still reaches it.
    let batch: Vec<String> = [("110", ago(60)), ("105", ago(40)), ("0.5", now)]
        .iter()
        .map(|(price, at)| serde_json::to_string(&quote("BTC", price, *at)).unwrap())
        .collect();
    let batch: Vec<&str> = batch.iter().map(String::as_str).collect();
    assert_eq!(stand.intake().evaluate(&batch).await.unwrap(), 1);
    let value = "SELECT count(*) FROM alerting.alert_events WHERE value = 105 AND late";
    assert_eq!(stand.count(value).await, 1);
}

#[tokio::test]
async fn a_key_that_was_evicted_alone_is_rebuilt_before_its_price_is_done() {
    let stand = Stand::new().await;
    stand.insert_alerts(30, &stand.sink.url("/hook")).await;
    let intake = stand.intake();
    let set = keys::alert_index(Condition::Gt, &"BTC".parse().unwrap());
    let evict = async |key: &str| {
        let mut del = redis::cmd("DEL");
        let () = del
            .arg(key)
            .query_async(&mut stand.redis.connection.clone())
            .await
            .unwrap();
    };
    let fired = async |price: &str| {
        let payload = serde_json::to_string(&quote("BTC", price, SystemClock.now())).unwrap();
        intake.evaluate(&[&payload]).await.unwrap()
    };
    assert_eq!(fired("10.5").await, 10);
    evict(&set).await;
    assert_eq!(fired("15.5").await, 5, "the set is gone, what is known of it is not");
    evict(keys::ALERT_INDEX).await;
    assert_eq!(fired("20.5").await, 5, "what is known of the sets is gone");
    evict(&set).await;
    evict(keys::ALERT_INDEX).await;
    assert_eq!(fired("25.5").await, 5, "both are gone");
    // Something is added between the loss and the next price.
    evict(&set).await;
    let orphan = Entry {
        alert_id: Uuid::from_u128(1),
        target: 1000.into(),
    };
    intake
        .index
        .add(&"BTC".parse().unwrap(), Condition::Gt, &[orphan])
        .await
        .unwrap();
    assert_eq!(fired("100").await, 5);
}

#[tokio::test]
async fn a_build_that_lost_a_set_does_not_count() {
    let stand = Stand::new().await;
    let index = stand.intake().index;
    let ticker: domain::ticker::Ticker = "BTC".parse().unwrap();
    let entry = |n: u128| Entry {
        alert_id: Uuid::from_u128(n),
        target: 4.into(),
    };
    let (first, rival) = (index.begin_build().await.unwrap(), index.begin_build().await.unwrap());
    index.add(&ticker, Condition::Gt, &[entry(1), entry(2)]).await.unwrap();
    let lose = redis::Cmd::del(keys::alert_index(Condition::Gt, &ticker));
    let () = lose.query_async(&mut stand.redis.connection.clone()).await.unwrap();
    index.add(&ticker, Condition::Gt, &[entry(3)]).await.unwrap();
    assert!(!index.finish_build(&first).await.unwrap());
    assert!(
        !index.finish_build(&rival).await.unwrap(),
        "it may have built what was lost as well"
    );
    let next = index.begin_build().await.unwrap();
    assert!(index.finish_build(&next).await.unwrap());
}

#[tokio::test]
async fn a_redis_that_comes_back_with_less_is_noticed_at_the_next_price() {
    let stand = Stand::new().await;
    let mut own = testkit::OwnRedis::start().await;
    let connection = platform::redis::connect(&own.settings).unwrap();
    let mut intake = stand.intake();
    (intake.index, intake.redis) = (AlertIndex::new(connection.clone()), connection.clone());
    repair::build(&intake.index, &intake.pool).await.unwrap();
    let () = redis::cmd("SAVE").query_async(&mut connection.clone()).await.unwrap();
    stand.insert_alerts(3, &stand.sink.url("/hook")).await;
    repair::build(&intake.index, &intake.pool).await.unwrap();
    assert!(intake.index.is_complete().await.unwrap());
    own.stop();
    own.resume().await;
    // The old connection would say first that it broke.
    let connection = platform::redis::connect(&own.settings).unwrap();
    (intake.index, intake.redis) = (AlertIndex::new(connection.clone()), connection.clone());
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg("alerts:*")
        .query_async(&mut connection.clone())
        .await
        .unwrap();
    assert_eq!(keys, [keys::ALERT_INDEX], "the dump is from before the alerts");
    let payload = serde_json::to_string(&quote("BTC", "100", SystemClock.now())).unwrap();
    assert_eq!(intake.evaluate(&[&payload]).await.unwrap(), 3);
}

#[tokio::test]
async fn a_flush_leaves_the_index_missing() {
    let stand = Stand::new().await;
    stand.insert_alerts(3, &stand.sink.url("/hook")).await;
    let intake = stand.intake();
    let index: Arc<AlertIndex> = Arc::new(intake.index.clone());
    repair::build(&index, &intake.pool).await.unwrap();
    stand.redis.flush().await;
    assert!(!index.is_complete().await.unwrap());
    let compared = repair::compare(&index, &intake.pool, &[], Depth::Full).await;
    assert!(matches!(
        compared,
        Err(repair::RepairError::Index(alerts::index::IndexError::Missing))
    ));
    repair::build(&index, &intake.pool).await.unwrap();
    assert_eq!(index_size(&stand).await, 3);
}

#[tokio::test]
async fn announcements_reach_the_gateways_stream() {
    let stand = Stand::new().await;
    stand.insert_alerts(1, &stand.sink.url("/hook")).await;
    let payload = serde_json::to_string(&quote("BTC", "100", SystemClock.now())).unwrap();
    stand.intake().evaluate(&[&payload]).await.unwrap();
    let entries: redis::Value = redis::cmd("XRANGE")
        .arg(keys::ALERT_EVENTS_STREAM)
        .arg("-")
        .arg("+")
        .query_async(&mut stand.redis.connection.clone())
        .await
        .unwrap();
    let text = format!("{entries:?}");
    assert!(text.contains("triggered") && text.contains("target_price"), "{text}");
}
