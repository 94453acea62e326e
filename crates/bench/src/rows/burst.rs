//! Many alerts that fire on one tick: those of several users, until the last of their messages is in the broker's
//! queue, and those of one endpoint, which gets them as fast as it takes them, until the last one is delivered.

use std::time::{Duration, Instant};

use anyhow::bail;
use platform::amqp::Message;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::process::Service;
use crate::scale::Scale;
use crate::sink::Sink;
use crate::stack::{Batch, Spread, TestStack, publish, quote, ticker};
use crate::table::{Row, Table, millis};

const DEADLINE: Duration = Duration::from_secs(30);
const ROUNDS: usize = 5;

/// A user may not have everything in the queue at once.
const USERS: i64 = 8;

/// Rounds of a tick that reaches all alerts of an asset.
pub async fn measure(stack: &TestStack, scale: &Scale, table: &mut Table) -> anyhow::Result<()> {
    let sink = Sink::start().await?;
    let service = Service::start("alerts", &stack.settings()).await?;
    let (mut queued, mut delivered) = (f64::INFINITY, f64::INFINITY);
    for round in 1..=ROUNDS {
        let from = Decimal::from(10_000 * round);
        queued = queued.min(until_queued(stack, scale, &sink, from).await?);
        delivered = delivered.min(until_delivered(stack, scale, &sink, from).await?);
    }
    service.kill().await?;
    let bare = bare(stack, scale).await?;
    for (what, ours, budget) in [
        (
            format!("of {USERS} users fire on one tick, until all are queued"),
            queued,
            Some(0.2),
        ),
        (
            "to one endpoint fire on one tick, until all are delivered".to_owned(),
            delivered,
            None,
        ),
    ] {
        table.push(Row {
            what: format!("{} alerts {what}", scale.burst),
            ours: millis(ours),
            bare: format!("one UPDATE, one INSERT, confirmed publishes: {}", millis(bare)),
            ratio: format!("{:.1} x", ours / bare),
            budget: budget.map_or_else(String::new, |seconds| format!("< {}", millis(seconds))),
            kept: budget.map(|seconds| ours < seconds),
        });
    }
    Ok(())
}

async fn until_queued(stack: &TestStack, scale: &Scale, sink: &Sink, from: Decimal) -> anyhow::Result<f64> {
    let ada = ticker("ADA");
    let spread = Spread {
        ticker: &ada,
        from,
        users: USERS,
        count: scale.burst,
        url: &sink.url(),
    };
    let entries = stack.arm_spread(&spread).await?;
    stack.add_to_index(&ada, &entries).await?;
    let fired = deliveries(stack).await? + scale.burst;
    let arrived = sink.count() + usize::try_from(scale.burst)?;
    let began = Instant::now();
    publish(
        &mut stack.redis.connection.clone(),
        &quote(&ada, from + Decimal::from(5_000)),
    )
    .await?;
    await_none(
        stack,
        "SELECT count(*) FROM alerting.outbox WHERE taken_at IS NULL",
        fired,
        began,
    )
    .await?;
    let seconds = began.elapsed().as_secs_f64();
    // The answers must not run into the next measurement.
    sink.wait_for(arrived, DEADLINE).await?;
    await_none(stack, "SELECT count(*) FROM alerting.outbox", fired, began).await?;
    Ok(seconds)
}

async fn until_delivered(stack: &TestStack, scale: &Scale, sink: &Sink, from: Decimal) -> anyhow::Result<f64> {
    let eth = ticker("ETH");
    let batch = Batch {
        ticker: &eth,
        from,
        step: Decimal::new(1, 3),
        count: scale.burst,
        url: &sink.url(),
    };
    let entries = stack.arm(&batch).await?;
    stack.add_to_index(&eth, &entries).await?;
    let fired = deliveries(stack).await? + scale.burst;
    let began = Instant::now();
    publish(
        &mut stack.redis.connection.clone(),
        &quote(&eth, from + Decimal::from(5_000)),
    )
    .await?;
    await_none(stack, "SELECT count(*) FROM alerting.outbox", fired, began).await?;
    Ok(began.elapsed().as_secs_f64())
}

async fn deliveries(stack: &TestStack) -> anyhow::Result<i64> {
    let row = stack
        .sql
        .query_one("SELECT count(*) FROM alerting.deliveries", &[])
        .await?;
    Ok(row.get(0))
}

/// Waits until so many alerts have fired in all and the count is zero.
async fn await_none(stack: &TestStack, count: &str, fired: i64, began: Instant) -> anyhow::Result<()> {
    while began.elapsed() < DEADLINE {
        let left: i64 = stack.sql.query_one(count, &[]).await?.get(0);
        if left == 0 && deliveries(stack).await? >= fired {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    bail!("not all of {fired} messages were done in {DEADLINE:?}")
}

/// The least that keeps the same promise: the rows are changed and written in one transaction, the broker confirms.
async fn bare(stack: &TestStack, scale: &Scale) -> anyhow::Result<f64> {
    stack
        .sql
        .batch_execute(
            "CREATE TABLE IF NOT EXISTS public.bare (id uuid PRIMARY KEY, armed boolean NOT NULL);
             CREATE TABLE IF NOT EXISTS public.bare_outbox (id uuid PRIMARY KEY, body text NOT NULL)",
        )
        .await?;
    let publisher = stack.rabbit.broker().publisher();
    let body = "x".repeat(600);
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let ids: Vec<Uuid> = (0..scale.burst).map(|_| Uuid::now_v7()).collect();
        stack
            .sql
            .execute(
                "INSERT INTO public.bare SELECT id, true FROM unnest($1::uuid[]) AS id",
                &[&ids],
            )
            .await?;
        let messages: Vec<Message> = ids
            .iter()
            .map(|id| Message {
                body: id.to_string().into_bytes(),
                headers: [].into(),
                message_id: id.to_string(),
            })
            .collect();
        let began = Instant::now();
        stack.sql.batch_execute("BEGIN").await?;
        stack
            .sql
            .execute("UPDATE public.bare SET armed = false WHERE id = ANY($1)", &[&ids])
            .await?;
        let insert = "INSERT INTO public.bare_outbox SELECT id, $2 FROM unnest($1::uuid[]) AS id";
        stack.sql.execute(insert, &[&ids, &body]).await?;
        stack.sql.batch_execute("COMMIT").await?;
        let results = publisher.publish_all("bare", &messages).await;
        best = best.min(began.elapsed().as_secs_f64());
        if let Some(error) = results.into_iter().find_map(Result::err) {
            bail!("the broker refused a message: {error}");
        }
    }
    Ok(best)
}
