//! The index of armed alerts is what PostgreSQL holds, whatever Redis loses.

use std::sync::Arc;
use std::time::Duration;

use alerts::index::rebuild::{self, ReconcileMode, Reconciled};
use alerts::index::reconciler::Reconciler;
use alerts::index::{AlertIndex, Entry, Probe};
use contracts::keys;
use domain::rule::Condition;
use jiff::SignedDuration;
use platform::clock::{Clock, FakeClock, SystemClock};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::harness::{TestStack, quote};

pub async fn index_size(stack: &TestStack) -> u64 {
    let key = keys::alert_index(Condition::Gt, &"BTC".parse().unwrap());
    redis::cmd("ZCARD")
        .arg(key)
        .query_async(&mut stack.redis.connection.clone())
        .await
        .unwrap()
}

#[tokio::test]
async fn index_is_repaired_in_both_directions() {
    let stack = TestStack::new().await;
    let ids = stack.insert_alerts(10, &stack.sink.url("/hook")).await;
    let evaluator = stack.evaluator();
    let (index, pool) = (&evaluator.index, &evaluator.pool);
    rebuild::build(index, pool).await.unwrap();
    let ticker: domain::ticker::Ticker = "BTC".parse().unwrap();
    let supported = [ticker.clone(), "ETH".parse().unwrap()];
    let since = SystemClock.now() + SignedDuration::from_secs(3600);
    let compare = async |depth| rebuild::reconcile(index, pool, &supported, depth).await.unwrap();
    assert_eq!(compare(ReconcileMode::Full).await, Reconciled::default());

    let lost = Entry {
        alert_id: ids[3],
        target: 4.into(),
    };
    let orphan = |n: u128| Entry {
        alert_id: Uuid::from_u128(n),
        target: 4.into(),
    };
    index.remove(&ticker, Condition::Gt, &[lost]).await.unwrap();
    assert_eq!(
        compare(ReconcileMode::Counts(since)).await,
        Reconciled { added: 1, removed: 0 }
    );
    index
        .add(&supported[1], Condition::Lt, &[orphan(1), orphan(2)])
        .await
        .unwrap();
    assert_eq!(
        compare(ReconcileMode::Counts(since)).await,
        Reconciled { added: 0, removed: 2 }
    );
    let lost = Entry {
        alert_id: ids[4],
        target: 5.into(),
    };
    index.remove(&ticker, Condition::Gt, &[lost]).await.unwrap();
    index.add(&ticker, Condition::Gt, &[orphan(3)]).await.unwrap();
    assert_eq!(
        compare(ReconcileMode::Counts(since)).await,
        Reconciled::default(),
        "equal counts are not gone through"
    );
    assert_eq!(compare(ReconcileMode::Full).await, Reconciled { added: 1, removed: 1 });
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
    compare(ReconcileMode::Counts(just_now)).await;
    assert_eq!(
        index_size(&stack).await,
        10,
        "what was created lately is added without counting"
    );
}

#[tokio::test]
async fn build_that_a_flush_met_does_not_count_although_another_began() {
    let stack = TestStack::new().await;
    let index = stack.evaluator().index;
    let first = index.begin_build().await.unwrap();
    stack.redis.flush().await;
    let second = index.begin_build().await.unwrap();
    assert!(!index.finish_build(&first).await.unwrap());
    assert!(!index.is_complete().await.unwrap());
    assert!(index.finish_build(&second).await.unwrap());
    assert!(index.is_complete().await.unwrap());
}

#[tokio::test]
async fn equal_number_of_missing_and_superfluous_entries_is_found_in_the_end() {
    let stack = TestStack::new().await;
    let ids = stack.insert_alerts(3, &stack.sink.url("/hook")).await;
    let ticker: domain::ticker::Ticker = "BTC".parse().unwrap();
    let index = stack.evaluator().index;
    let reconciler = Reconciler {
        index: index.clone(),
        pool: stack.database.pool.clone(),
        supported: vec![ticker.clone()],
        interval: Duration::from_millis(5),
        // Long after the alerts were created: none of them counts as recent.
        clock: FakeClock::new(SystemClock.now() + SignedDuration::from_secs(3_600)).shared(),
        wake: Arc::new(Notify::new()),
    };
    let stop = CancellationToken::new();
    let keeping = tokio::spawn(reconciler.run(stop.clone()));
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
    let () = remove.query_async(&mut stack.redis.connection.clone()).await.unwrap();
    whole().await;
    let () = redis::pipe()
        .atomic()
        .zrem(&key, format!("{}:2", ids[1]))
        .ignore()
        .zadd(&key, format!("{}:9", Uuid::from_u128(1)), 9)
        .ignore()
        .query_async(&mut stack.redis.connection.clone())
        .await
        .unwrap();
    whole().await;
    stop.cancel();
    keeping.await.unwrap().unwrap();
}

#[tokio::test]
async fn key_that_was_evicted_alone_is_rebuilt_before_its_price_is_done() {
    let stack = TestStack::new().await;
    stack.insert_alerts(30, &stack.sink.url("/hook")).await;
    let evaluator = stack.evaluator();
    let set = keys::alert_index(Condition::Gt, &"BTC".parse().unwrap());
    let evict = async |key: &str| {
        let mut del = redis::cmd("DEL");
        let () = del
            .arg(key)
            .query_async(&mut stack.redis.connection.clone())
            .await
            .unwrap();
    };
    let fired = async |price: &str| {
        let payload = serde_json::to_string(&quote("BTC", price, SystemClock.now())).unwrap();
        evaluator.evaluate(&[&payload]).await.unwrap()
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
    evaluator
        .index
        .add(&"BTC".parse().unwrap(), Condition::Gt, &[orphan])
        .await
        .unwrap();
    assert_eq!(fired("100").await, 5);
}

#[tokio::test]
async fn build_that_lost_a_set_does_not_count() {
    let stack = TestStack::new().await;
    let index = stack.evaluator().index;
    let ticker: domain::ticker::Ticker = "BTC".parse().unwrap();
    let entry = |n: u128| Entry {
        alert_id: Uuid::from_u128(n),
        target: 4.into(),
    };
    let (first, rival) = (index.begin_build().await.unwrap(), index.begin_build().await.unwrap());
    index.add(&ticker, Condition::Gt, &[entry(1), entry(2)]).await.unwrap();
    let lose = redis::Cmd::del(keys::alert_index(Condition::Gt, &ticker));
    let () = lose.query_async(&mut stack.redis.connection.clone()).await.unwrap();
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
async fn loss_of_entries_in_redis_is_noticed_at_the_next_price() {
    let stack = TestStack::new().await;
    let mut own = testkit::OwnRedis::start().await;
    let connection = platform::redis::connect(&own.settings).unwrap();
    let mut evaluator = stack.evaluator();
    (evaluator.index, evaluator.redis) = (AlertIndex::new(connection.clone()), connection.clone());
    rebuild::build(&evaluator.index, &evaluator.pool).await.unwrap();
    let () = redis::cmd("SAVE").query_async(&mut connection.clone()).await.unwrap();
    stack.insert_alerts(3, &stack.sink.url("/hook")).await;
    rebuild::build(&evaluator.index, &evaluator.pool).await.unwrap();
    assert!(evaluator.index.is_complete().await.unwrap());
    own.stop();
    own.resume().await;
    // The old connection would say first that it broke.
    let connection = platform::redis::connect(&own.settings).unwrap();
    (evaluator.index, evaluator.redis) = (AlertIndex::new(connection.clone()), connection.clone());
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg("alerts:*")
        .query_async(&mut connection.clone())
        .await
        .unwrap();
    assert_eq!(keys, [keys::ALERT_INDEX], "the dump is from before the alerts");
    let payload = serde_json::to_string(&quote("BTC", "100", SystemClock.now())).unwrap();
    assert_eq!(evaluator.evaluate(&[&payload]).await.unwrap(), 3);
}

#[tokio::test]
async fn flush_leaves_the_index_missing() {
    let stack = TestStack::new().await;
    stack.insert_alerts(3, &stack.sink.url("/hook")).await;
    let evaluator = stack.evaluator();
    let index: Arc<AlertIndex> = Arc::new(evaluator.index.clone());
    rebuild::build(&index, &evaluator.pool).await.unwrap();
    stack.redis.flush().await;
    assert!(!index.is_complete().await.unwrap());
    let compared = rebuild::reconcile(&index, &evaluator.pool, &[], ReconcileMode::Full).await;
    assert!(matches!(
        compared,
        Err(rebuild::RebuildError::Index(alerts::index::IndexError::Missing))
    ));
    rebuild::build(&index, &evaluator.pool).await.unwrap();
    assert_eq!(index_size(&stack).await, 3);
}
