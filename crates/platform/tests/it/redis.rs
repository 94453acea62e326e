//! The pool of Redis connections.

use ::redis::RedisResult;
use futures_util::future::join_all;
use platform::redis::{self, Announcement, Connection, Subscription};
use testkit::OwnRedis;

async fn increment(connection: &Connection) -> RedisResult<u32> {
    ::redis::cmd("INCR")
        .arg("count")
        .query_async(&mut connection.clone())
        .await
}

#[tokio::test]
async fn more_commands_than_connections_take_turns() {
    let test = testkit::redis().await;
    let pool = redis::connect_pool(&test.settings).unwrap();
    let results = join_all((0..100).map(|_| increment(&pool))).await;
    assert_eq!(results.into_iter().map(Result::unwrap).max(), Some(100));
    assert_eq!(
        increment(&test.connection).await.unwrap(),
        101,
        "in the database of the address"
    );
}

#[tokio::test]
async fn restart_of_redis_fails_no_later_command() {
    let mut own = OwnRedis::start().await;
    let pool = redis::connect_pool(&own.settings).unwrap();
    let all = || join_all((0..20).map(|_| increment(&pool)));
    all()
        .await
        .into_iter()
        .for_each(|done| assert!(done.is_ok(), "{done:?}"));
    own.stop();
    all()
        .await
        .into_iter()
        .for_each(|done| assert!(done.is_err(), "{done:?}"));
    own.resume().await;
    all()
        .await
        .into_iter()
        .for_each(|done| assert!(done.is_ok(), "{done:?}"));
}

async fn publish(own: &OwnRedis, message: &str) {
    let connection = redis::connect(&own.settings).unwrap();
    let () = ::redis::cmd("PUBLISH")
        .arg("news")
        .arg(message)
        .query_async(&mut connection.clone())
        .await
        .unwrap();
}

#[tokio::test]
async fn subscription_says_what_it_may_have_missed() {
    let mut own = OwnRedis::start().await;
    let mut subscription = Subscription::new(&own.settings, &["news"]);
    let message = |payload: &str| Announcement::Message {
        channel: "news".to_owned(),
        payload: payload.to_owned(),
    };
    assert_eq!(subscription.next().await, Announcement::Subscribed);
    publish(&own, "one").await;
    assert_eq!(subscription.next().await, message("one"));
    own.stop();
    assert_eq!(subscription.next().await, Announcement::Lost);
    own.resume().await;
    assert_eq!(subscription.next().await, Announcement::Subscribed);
    publish(&own, "two").await;
    assert_eq!(subscription.next().await, message("two"));
}
