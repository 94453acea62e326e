use std::time::Duration;

use platform::stream::{Entry, GroupReader, TailReader, TailStart, append};
use testkit::TestRedis;

const BLOCK: Duration = Duration::from_millis(500);
const STREAM: &str = "quotes";

async fn write(redis: &TestRedis, payloads: &[&str]) {
    let mut connection = redis.connection.clone();
    for payload in payloads {
        let _: String = append(STREAM, 1_000, payload)
            .query_async(&mut connection)
            .await
            .unwrap();
    }
}

fn reader(redis: &TestRedis, consumer: &str) -> GroupReader {
    GroupReader::new(&redis.settings, STREAM, "alerts", consumer)
}

/// Reads until something comes; the harness' deadline ends a test in which nothing does.
async fn some(reader: &mut GroupReader) -> Vec<Entry> {
    let reading = async {
        loop {
            let entries = reader.read(100, BLOCK).await;
            if !entries.is_empty() {
                return entries;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reading)
        .await
        .expect("entries in time")
}

fn payloads(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.payload.as_str()).collect()
}

fn ids(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.id.as_str()).collect()
}

#[tokio::test]
async fn a_group_sees_each_entry_once_from_the_beginning() {
    let redis = testkit::redis().await;
    write(&redis, &["1", "2"]).await;
    let (mut a, mut b) = (reader(&redis, "a"), reader(&redis, "b"));
    let first = some(&mut a).await;
    assert_eq!(payloads(&first), ["1", "2"]);
    a.ack(&ids(&first)).await.unwrap();
    write(&redis, &["3"]).await;
    assert_eq!(payloads(&some(&mut b).await), ["3"]);
    assert!(a.read(100, Duration::from_millis(1)).await.is_empty());
}

#[tokio::test]
async fn unfinished_entries_come_again_to_the_same_consumer() {
    let redis = testkit::redis().await;
    write(&redis, &["1", "2", "3"]).await;
    let mut before = reader(&redis, "a");
    let entries = some(&mut before).await;
    before.ack(&ids(&entries[..1])).await.unwrap();
    drop(before);
    write(&redis, &["4"]).await;

    let mut after = reader(&redis, "a");
    let own = some(&mut after).await;
    assert_eq!(payloads(&own), ["2", "3"]);
    assert_eq!(payloads(&some(&mut after).await), ["4"]);
    after.rewind();
    assert_eq!(payloads(&some(&mut after).await), ["2", "3", "4"]);
}

#[tokio::test]
async fn a_given_up_read_loses_nothing() {
    let redis = testkit::redis().await;
    let mut reader = reader(&redis, "a");
    let waiting = reader.read(100, Duration::from_secs(5));
    tokio::time::timeout(Duration::from_millis(50), waiting)
        .await
        .unwrap_err();
    write(&redis, &["1"]).await;
    assert_eq!(payloads(&some(&mut reader).await), ["1"]);
}

#[tokio::test]
async fn entries_of_a_dead_consumer_are_taken_over() {
    let redis = testkit::redis().await;
    write(&redis, &["1", "2"]).await;
    let held = some(&mut reader(&redis, "dead")).await;
    // Redis is told that the dead one has held them for a minute, so that the test need not wait.
    let mut connection = redis.connection.clone();
    let mut age = redis::cmd("XCLAIM");
    age.arg(STREAM).arg("alerts").arg("dead").arg(0).arg(ids(&held));
    let _: redis::Value = age.arg("IDLE").arg(60_000).query_async(&mut connection).await.unwrap();

    let mut heir = reader(&redis, "heir");
    let taken = some(&mut heir).await;
    assert_eq!(payloads(&taken), ["1", "2"]);
    heir.ack(&ids(&taken)).await.unwrap();
    let pending: (u64, redis::Value, redis::Value, redis::Value) = redis::cmd("XPENDING")
        .arg(STREAM)
        .arg("alerts")
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(pending.0, 0);
}

#[tokio::test]
async fn the_group_survives_a_flush_also_while_it_waits() {
    let redis = testkit::redis().await;
    write(&redis, &["1"]).await;
    let mut reader = reader(&redis, "a");
    some(&mut reader).await;
    redis.flush().await;
    write(&redis, &["2"]).await;
    assert_eq!(payloads(&some(&mut reader).await), ["2"]);

    let waiting = tokio::spawn(async move { some(&mut reader).await });
    let mut connection = redis.connection.clone();
    loop {
        let clients: String = redis::cmd("CLIENT")
            .arg("LIST")
            .query_async(&mut connection)
            .await
            .unwrap();
        let number = redis.url.rsplit('/').next().unwrap();
        let mine = |line: &&str| line.contains(&format!(" db={number} "));
        if clients
            .lines()
            .filter(mine)
            .any(|line| line.contains("flags=b") && line.contains("cmd=xreadgroup"))
        {
            break;
        }
        tokio::task::yield_now().await;
    }
    redis.flush().await;
    write(&redis, &["3"]).await;
    assert_eq!(payloads(&waiting.await.unwrap()), ["3"]);
}

#[tokio::test]
async fn entries_trimmed_before_anyone_finished_them_are_let_go() {
    let redis = testkit::redis().await;
    write(&redis, &["1", "2"]).await;
    let mut before = reader(&redis, "a");
    some(&mut before).await;
    drop(before);
    let mut connection = redis.connection.clone();
    let _: i64 = redis::cmd("XTRIM")
        .arg(STREAM)
        .arg("MAXLEN")
        .arg(0)
        .query_async(&mut connection)
        .await
        .unwrap();
    write(&redis, &["3"]).await;
    let mut after = reader(&redis, "a");
    assert_eq!(payloads(&some(&mut after).await), ["3"]);
}

#[tokio::test]
async fn a_killed_connection_is_opened_again() {
    let redis = testkit::redis().await;
    let mut reader = reader(&redis, "a");
    write(&redis, &["1"]).await;
    let first = some(&mut reader).await;
    reader.ack(&ids(&first)).await.unwrap();
    let number = redis.url.rsplit('/').next().unwrap().to_owned();
    let mut connection = redis.connection.clone();
    let clients: String = redis::cmd("CLIENT")
        .arg("LIST")
        .query_async(&mut connection)
        .await
        .unwrap();
    for line in clients.lines().filter(|line| line.contains(&format!(" db={number} "))) {
        let id = line.split_once("id=").unwrap().1.split(' ').next().unwrap();
        let kill = redis::cmd("CLIENT")
            .arg("KILL")
            .arg("ID")
            .arg(id)
            .arg("SKIPME")
            .arg("yes")
            .to_owned();
        let _: i64 = kill.query_async(&mut connection).await.unwrap();
    }
    write(&redis, &["2"]).await;
    assert_eq!(payloads(&some(&mut reader).await), ["2"]);
}

#[tokio::test]
async fn a_tail_follows_from_where_it_was_told() {
    let redis = testkit::redis().await;
    write(&redis, &["1", "2"]).await;
    let tail = |start| TailReader::new(&redis.settings, STREAM, start);
    let mut whole = tail(TailStart::Beginning);
    let all = whole.read(100, BLOCK).await;
    assert_eq!(payloads(&all), ["1", "2"]);
    let mut rest = tail(TailStart::After(all[0].id.clone()));
    assert_eq!(payloads(&rest.read(100, BLOCK).await), ["2"]);

    let mut now = tail(TailStart::Now);
    assert!(now.read(100, Duration::from_millis(1)).await.is_empty());
    write(&redis, &["3"]).await;
    assert_eq!(payloads(&now.read(100, BLOCK).await), ["3"]);
    assert_eq!(payloads(&whole.read(100, BLOCK).await), ["3"]);
}
