//! A price that only passes by: it jumps over all targets and is back before anyone evaluated it.
//!
//! Nothing later reaches a target, so neither the next quote nor the comparison of the index heals a loss: whoever lets
//! go of a quote before its alerts are committed loses them here for good. No scenario counts on time: processes are
//! frozen, killed and locked out, and each step waits until the one before is seen.

use std::collections::HashMap;

use contracts::keys;
use contracts::messages::QuoteMessage;
use testkit::stack::{Postgres, Rabbit};
use testkit::{OwnPostgres, OwnRabbit, Service, TestStack, TestStackOptions, eventually};

use crate::campaign::{ALERTS, Campaign, GAP, START};
use crate::price_to_webhook::{assert_valid, secret};

/// Above every target.
const PEAK: f64 = START + GAP * (ALERTS as f64 + 10.0);
/// What a venue's spread may make of a pinned price.
const TOLERANCE: f64 = 1.0;
/// Newest entries of the stream that are looked at; a spike is over long before so many came.
const LOOKED_AT: usize = 2_000;

/// Longer than any read of the stream waits for a quote.
const LONGEST_READ_MS: u64 = 2_000;

/// Id of an entry, in the order of the stream.
type EntryId = (u64, u64);

#[tokio::test]
async fn spike_while_alerts_is_dead_fires_everything() {
    let mut stack = TestStack::start().await;
    let campaign = Campaign::prepare(&stack).await;
    stack.kill(Service::Alerts);
    spike(&stack).await;
    stack.restart(Service::Alerts).await;
    verify(&campaign, &mut stack).await;
}

#[tokio::test]
async fn spike_in_the_hands_of_a_killed_process_comes_to_the_next() {
    let mut stack = TestStack::start().await;
    let campaign = Campaign::prepare(&stack).await;
    hold_a_spike(&mut stack, 0).await;
    stack.restart(Service::Alerts).await;
    verify(&campaign, &mut stack).await;
}

#[tokio::test]
async fn spike_in_the_hands_of_a_killed_process_comes_to_its_twin() {
    let options = TestStackOptions::shared().await.doubled(&[Service::Alerts]);
    let mut stack = TestStack::start_with(options).await;
    let campaign = Campaign::prepare(&stack).await;
    // The gateway asks the first process, so the second is the one that dies.
    stack.freeze(Service::Alerts, 0);
    hold_a_spike(&mut stack, 1).await;
    stack.wake(Service::Alerts, 0);
    verify(&campaign, &mut stack).await;
}

#[tokio::test]
async fn spike_while_postgres_is_stopped_fires_everything() {
    let mut options = TestStackOptions::shared().await;
    options.postgres = Postgres::Own(Box::new(OwnPostgres::start().await));
    let mut stack = TestStack::start_with(options).await;
    let campaign = Campaign::prepare(&stack).await;
    stack.postgres.own().stop().await;
    let peak = spike(&stack).await;
    // One quote of the spike suffices: the reader goes no further while it cannot commit what that one fires.
    until_taken(&stack, peak.first).await;
    stack.postgres.own().resume().await;
    verify(&campaign, &mut stack).await;
}

#[tokio::test]
async fn spike_while_rabbit_is_stopped_fires_everything() {
    let mut options = TestStackOptions::shared().await;
    options.rabbit = Rabbit::Own(Box::new(OwnRabbit::start().await));
    let mut stack = TestStack::start_with(options).await;
    let campaign = Campaign::prepare(&stack).await;
    stack.rabbit.own().stop().await;
    // Frozen, so that no comparison of the index meets the price while it is high.
    stack.freeze(Service::Alerts, 0);
    let peak = spike(&stack).await;
    stack.wake(Service::Alerts, 0);
    until_taken(&stack, peak.last).await;
    stack.rabbit.own().resume().await;
    verify(&campaign, &mut stack).await;
}

/// Lets one process of `alerts` take a whole spike, and kills it in the middle of firing.
///
/// It is frozen until the spike is over, so that it takes all of it at once and nothing of it is left for others.
async fn hold_a_spike(stack: &mut TestStack, copy: usize) {
    stack.freeze(Service::Alerts, copy);
    until_no_read_waits(stack).await;
    let peak = spike(stack).await;
    let mut client = stack.pool().get().await.unwrap();
    let lock = client.transaction().await.unwrap();
    lock.batch_execute("LOCK TABLE alerting.alerts IN EXCLUSIVE MODE")
        .await
        .unwrap();
    stack.wake(Service::Alerts, copy);
    until_taken(stack, peak.last).await;
    eventually("a process that cannot claim", || async {
        let query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'alerting.alerts'::regclass \
                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        lock.query_one(query, &[]).await.unwrap().get::<_, i64>(0) > 0
    })
    .await;
    stack.kill_copy(Service::Alerts, copy);
    drop(lock);
}

/// The quotes above all targets: the first and the last of them.
struct Peak {
    first: EntryId,
    last: EntryId,
}

/// Pins the price above all targets and then below them again, each until a quote says so.
async fn spike(stack: &TestStack) -> Peak {
    stack.simulator.pin("BTC", PEAK).unwrap();
    eventually("a quote above all targets", || async { is_peak(newest(stack).await) }).await;
    stack.simulator.pin("BTC", START).unwrap();
    eventually("a quote below all targets again", || async {
        newest(stack).await < START + GAP / 2.0
    })
    .await;
    let quotes = quotes(stack).await;
    let mut peak = quotes.iter().filter(|(_, price)| is_peak(*price)).map(|(id, _)| *id);
    let last = peak.next().unwrap();
    Peak {
        first: peak.next_back().unwrap_or(last),
        last,
    }
}

fn is_peak(price: f64) -> bool {
    (price - PEAK).abs() <= TOLERANCE
}

/// Every alert arrived once, with the price of the spike and a valid signature.
async fn verify(campaign: &Campaign, stack: &mut TestStack) {
    let received = campaign.verify(stack).await;
    assert_eq!(received.len(), ALERTS, "nothing was repeated");
    let secret = secret(&campaign.account.api).await;
    for webhook in &received {
        assert_valid(webhook, &secret);
        let body = webhook.json();
        assert!(body["price"].as_f64().is_some_and(is_peak), "{body}");
    }
    // Had it not come back below, any later quote could have fired them.
    assert!(newest(stack).await < START + GAP / 2.0, "the price stayed below");
}

async fn newest(stack: &TestStack) -> f64 {
    quotes(stack).await.first().map_or(START, |(_, price)| *price)
}

/// The quotes of BTC in the stream, newest first.
async fn quotes(stack: &TestStack) -> Vec<(EntryId, f64)> {
    let mut command = redis::cmd("XREVRANGE");
    command.arg(keys::QUOTES_STREAM).arg("+").arg("-");
    let entries: Vec<(String, HashMap<String, String>)> = ask(stack, command.arg("COUNT").arg(LOOKED_AT)).await;
    let quotes = entries.iter().map(|(id, fields)| {
        let quote: QuoteMessage = serde_json::from_str(&fields[keys::MESSAGE_FIELD]).unwrap();
        (entry_id(id), quote)
    });
    quotes
        .filter(|(_, quote)| quote.ticker.as_str() == "BTC")
        .map(|(id, quote)| (id, quote.price.to_string().parse().unwrap()))
        .collect()
}

/// Waits until the group of `alerts` was given this entry.
async fn until_taken(stack: &TestStack, entry: EntryId) {
    eventually("the spike was taken", || async {
        let mut command = redis::cmd("XINFO");
        let groups: Vec<HashMap<String, redis::Value>> =
            ask(stack, command.arg("GROUPS").arg(keys::QUOTES_STREAM)).await;
        let text = |group: &HashMap<String, redis::Value>, name: &str| -> String {
            redis::from_redis_value(group[name].clone()).unwrap()
        };
        let mut alerts = groups.iter().filter(|group| text(group, "name") == keys::ALERTS_GROUP);
        alerts.any(|group| entry_id(&text(group, "last-delivered-id")) >= entry)
    })
    .await;
}

/// Waits until no read of `alerts` waits in Redis: one of a frozen process would take a quote that nobody looks at yet.
async fn until_no_read_waits(stack: &TestStack) {
    eventually("all reads of the frozen came to their end", || async {
        let mut command = redis::cmd("XINFO");
        command
            .arg("CONSUMERS")
            .arg(keys::QUOTES_STREAM)
            .arg(keys::ALERTS_GROUP);
        let consumers: Vec<HashMap<String, redis::Value>> = ask(stack, &command).await;
        let idle = |consumer: &HashMap<String, redis::Value>| -> u64 {
            redis::from_redis_value(consumer["idle"].clone()).unwrap()
        };
        consumers.iter().all(|consumer| idle(consumer) > LONGEST_READ_MS)
    })
    .await;
}

async fn ask<T: redis::FromRedisValue>(stack: &TestStack, command: &redis::Cmd) -> T {
    let client = redis::Client::open(stack.redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    command.query_async(&mut connection).await.unwrap()
}

fn entry_id(text: &str) -> EntryId {
    let (milliseconds, number) = text.split_once('-').unwrap();
    (milliseconds.parse().unwrap(), number.parse().unwrap())
}
