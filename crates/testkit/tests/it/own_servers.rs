//! Servers that are stopped and started: our connections come back by themselves.

use std::time::Duration;

use platform::amqp::Message;
use platform::stream::{GroupReader, append};
use testkit::{OwnPostgres, OwnRabbit, OwnRedis};

const DEADLINE: Duration = Duration::from_secs(120);

#[tokio::test]
async fn postgres_comes_back_with_its_data() {
    let mut own = OwnPostgres::start().await;
    let client = own.pool.get().await.unwrap();
    client
        .batch_execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
        .await
        .unwrap();
    own.stop().await;
    platform::postgres::ping(&own.pool).await.unwrap_err();
    client.query_one("SELECT n FROM kept", &[]).await.unwrap_err();
    drop(client);
    own.resume().await;
    let client = own.pool.get().await.unwrap();
    let row = client.query_one("SELECT n FROM kept", &[]).await.unwrap();
    assert_eq!(row.get::<_, i32>(0), 7);
}

#[tokio::test]
async fn redis_comes_back_empty_and_is_read_again() {
    let mut own = OwnRedis::start().await;
    let mut connection = platform::redis::connect(&own.settings).unwrap();
    let mut reader = GroupReader::new(&own.settings, "quotes", "alerts", "a");
    let _: String = append("quotes", 10, "1").query_async(&mut connection).await.unwrap();
    assert_eq!(reader.read(10, DEADLINE).await[0].payload, "1");
    own.stop();
    platform::redis::check(&connection).await.unwrap_err();
    assert!(reader.read(10, Duration::from_millis(10)).await.is_empty());
    own.resume().await;
    let write = async {
        while append("quotes", 10, "2")
            .query_async::<String>(&mut connection)
            .await
            .is_err()
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, write).await.unwrap();
    let read = async {
        loop {
            if let Some(entry) = reader.read(10, Duration::from_secs(1)).await.pop() {
                return entry.payload;
            }
        }
    };
    assert_eq!(tokio::time::timeout(DEADLINE, read).await.unwrap(), "2");
}

#[tokio::test]
async fn rabbit_comes_back_with_its_messages() {
    let mut own = OwnRabbit::start().await;
    let broker = platform::amqp::Broker::connect(&own.settings).unwrap();
    let publisher = broker.publisher();
    let message = |id: &str| Message {
        body: b"{}".to_vec(),
        message_id: id.to_owned(),
        ..Message::default()
    };
    assert_eq!(publisher.publish_all("kept", &[message("1")]).await, [Ok(())]);
    own.stop().await;
    publisher.publish_all("kept", &[message("lost")]).await[0]
        .clone()
        .unwrap_err();
    let mut consumer = broker.consume("kept", 10);
    let waiting = tokio::time::timeout(Duration::from_millis(500), consumer.next()).await;
    assert!(waiting.is_err(), "a consumer waits for the broker");
    own.resume().await;
    let first = tokio::time::timeout(DEADLINE, consumer.next()).await.unwrap();
    assert_eq!(first.message_id.as_deref(), Some("1"));
    let publish = async { while publisher.publish_all("kept", &[message("2")]).await[0].is_err() {} };
    tokio::time::timeout(DEADLINE, publish).await.unwrap();
    let second = tokio::time::timeout(DEADLINE, consumer.next()).await.unwrap();
    assert_eq!(second.message_id.as_deref(), Some("2"));
}
