use std::collections::BTreeMap;
use std::time::Duration;

use platform::amqp::{Broker, Consumer, Delivery, Message, PublishError, Publisher};
use platform::settings::RabbitSettings;

const QUEUE: &str = "webhooks_queue";
const DEADLINE: Duration = Duration::from_secs(30);

fn message(number: usize) -> Message {
    Message {
        body: format!("{{\"n\":{number}}}").into_bytes(),
        headers: BTreeMap::from([("request_id".to_owned(), format!("r-{number}"))]),
        message_id: format!("m-{number}"),
    }
}

async fn next(consumer: &mut Consumer) -> Delivery {
    tokio::time::timeout(DEADLINE, consumer.next())
        .await
        .expect("a message in time")
}

/// Publishes until it is confirmed, as a relay does.
async fn publish(publisher: &Publisher, message: &Message) {
    let publishing = async {
        while publisher.publish_all(QUEUE, std::slice::from_ref(message)).await[0].is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(DEADLINE, publishing)
        .await
        .expect("a confirmation in time");
}

#[tokio::test]
async fn messages_arrive_whole_and_in_order() {
    let rabbit = testkit::rabbit().await;
    let broker = rabbit.broker();
    broker.check(QUEUE).await.unwrap();
    let messages: Vec<_> = (0..200).map(message).collect();
    let results = broker.publisher().publish_all(QUEUE, &messages).await;
    assert_eq!(results, vec![Ok(()); 200]);
    let mut consumer = broker.consume(QUEUE, 50);
    for sent in &messages {
        let got = next(&mut consumer).await;
        assert_eq!(got.body, sent.body);
        assert_eq!(got.headers, sent.headers);
        assert_eq!(got.message_id.as_deref(), Some(sent.message_id.as_str()));
        assert!(!got.redelivered);
        got.ack().await.unwrap();
    }
}

#[tokio::test]
async fn no_more_than_the_prefetch_is_held_and_a_dead_consumers_share_comes_again() {
    let rabbit = testkit::rabbit().await;
    let broker = rabbit.broker();
    let publisher = broker.publisher();
    publisher
        .publish_all(QUEUE, &[message(0), message(1), message(2)])
        .await;
    let mut dying = broker.consume(QUEUE, 2);
    let _held = [next(&mut dying).await, next(&mut dying).await];
    let more = tokio::time::timeout(Duration::from_millis(100), dying.next()).await;
    assert!(more.is_err(), "the third waits in the queue");
    drop(dying);
    let mut heir = broker.consume(QUEUE, 10);
    let mut numbers = Vec::new();
    for _ in 0..3 {
        let got = next(&mut heir).await;
        numbers.push(got.message_id.clone().unwrap());
        got.ack().await.unwrap();
    }
    numbers.sort();
    assert_eq!(numbers, ["m-0", "m-1", "m-2"]);
}

#[tokio::test]
async fn a_rejected_message_comes_again_when_asked_for() {
    let rabbit = testkit::rabbit().await;
    let broker = rabbit.broker();
    publish(&broker.publisher(), &message(0)).await;
    let mut consumer = broker.consume(QUEUE, 1);
    next(&mut consumer).await.reject(true).await.unwrap();
    let again = next(&mut consumer).await;
    assert!(again.redelivered);
    again.reject(false).await.unwrap();
    publish(&broker.publisher(), &message(1)).await;
    assert_eq!(next(&mut consumer).await.message_id.as_deref(), Some("m-1"));
}

#[tokio::test]
async fn publishers_and_consumers_come_back_after_lost_connections() {
    let rabbit = testkit::rabbit().await;
    let broker = rabbit.broker();
    let publisher = broker.publisher();
    let mut consumer = broker.consume(QUEUE, 10);
    publish(&publisher, &message(0)).await;
    let held = next(&mut consumer).await;
    // The broker lists a connection some time after it was opened.
    while rabbit.close_connections().await.unwrap() == 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    publish(&publisher, &message(1)).await;
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let got = next(&mut consumer).await;
        seen.push(got.message_id.clone().unwrap());
        got.ack().await.unwrap();
    }
    assert!(
        seen.contains(&"m-0".to_owned()),
        "what was not acked comes again: {seen:?}"
    );
    held.ack().await.unwrap_err();
    broker.check(QUEUE).await.unwrap();
}

#[tokio::test]
async fn a_queue_that_vanished_is_made_again() {
    let rabbit = testkit::rabbit().await;
    let broker = rabbit.broker();
    let publisher = broker.publisher();
    let mut consumer = broker.consume(QUEUE, 10);
    publish(&publisher, &message(0)).await;
    next(&mut consumer).await.ack().await.unwrap();
    rabbit.delete_queue(QUEUE).await.unwrap();
    // What is published while the queue goes may go with it, so it is published again, as by a relay.
    let publishing = async {
        loop {
            publish(&publisher, &message(1)).await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::select! {
        got = next(&mut consumer) => assert_eq!(got.message_id.as_deref(), Some("m-1")),
        () = publishing => {}
    }
}

#[tokio::test]
async fn an_absent_broker_is_an_error_for_each_message() {
    let free = platform::server::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("amqp://guest:guest@{}", free.local_addr().unwrap());
    drop(free);
    let broker = Broker::connect(&RabbitSettings::from_url(&url)).unwrap();
    broker.check(QUEUE).await.unwrap_err();
    let results = broker.publisher().publish_all(QUEUE, &[message(0), message(1)]).await;
    assert_eq!(results.len(), 2);
    assert!(
        results
            .iter()
            .all(|result| matches!(result, Err(PublishError::Unavailable(_))))
    );
}
