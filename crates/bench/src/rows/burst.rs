//! Many alerts that fire on one tick, until the last of their messages has been queued, posted, and written down as
//! delivered.

use std::time::{Duration, Instant};

use anyhow::bail;
use platform::amqp::Message;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::process::Service;
use crate::scale::Scale;
use crate::sink::Sink;
use crate::stack::{Batch, TestStack, publish, quote, ticker};
use crate::table::{Row, Table, millis};

const DEADLINE: Duration = Duration::from_secs(30);
const ROUNDS: usize = 5;

/// Rounds of a tick that reaches all alerts of an asset.
pub async fn measure(stack: &TestStack, scale: &Scale, table: &mut Table) -> anyhow::Result<()> {
    let sink = Sink::start().await?;
    let eth = ticker("ETH");
    let service = Service::start("alerts", &stack.settings()).await?;
    stack.await_index(&eth, 0).await?;
    let mut redis = stack.redis.connection.clone();
    let mut ours = f64::INFINITY;
    for round in 0..ROUNDS {
        let from = Decimal::from(10_000 * (round + 1));
        let batch = Batch {
            ticker: &eth,
            from,
            step: Decimal::new(1, 3),
            count: scale.burst,
            url: &sink.url(),
        };
        let entries = stack.arm(&batch).await?;
        stack.add_to_index(&eth, &entries).await?;
        let began = Instant::now();
        publish(&mut redis, &quote(&eth, from + Decimal::from(5_000))).await?;
        sink.wait_for(usize::try_from(scale.burst)? * (round + 1), DEADLINE)
            .await?;
        await_delivered(stack, began).await?;
        ours = ours.min(began.elapsed().as_secs_f64());
    }
    service.kill().await?;
    let bare = bare(stack, scale).await?;
    table.push(Row {
        what: format!("{} alerts fire on one tick, until all are delivered", scale.burst),
        ours: millis(ours),
        bare: format!("one UPDATE, one INSERT, confirmed publishes: {}", millis(bare)),
        ratio: format!("{:.1} x", ours / bare),
        budget: "< 200 ms".to_owned(),
        kept: Some(ours < 0.200),
    });
    Ok(())
}

async fn await_delivered(stack: &TestStack, began: Instant) -> anyhow::Result<()> {
    while began.elapsed() < DEADLINE {
        let row = stack.sql.query_one("SELECT count(*) FROM alerting.outbox", &[]).await?;
        if row.get::<_, i64>(0) == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    bail!("not all messages were delivered in {DEADLINE:?}")
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
