//! One tick against a million armed alerts: finding the ten it reaches, and firing them.

use std::sync::Arc;
use std::time::Instant;

use alerts::evaluator::Evaluator;
use alerts::index::{AlertIndex, Probe, rebuild};
use anyhow::bail;
use contracts::keys;
use domain::rule::{Condition, QualityGate};
use platform::clock::SystemClock;
use platform::redis::Connection;
use rust_decimal::Decimal;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::scale::Scale;
use crate::stack::{Batch, TestStack, quote, ticker};
use crate::table::{Row, Table, millis, percentile};

const HITS: usize = 10;
const TICKS: usize = 300;
const LOOKS: usize = 2_000;

/// Targets lie one dollar apart, so that a rise of ten dollars reaches ten.
pub async fn measure(stack: &TestStack, scale: &Scale, table: &mut Table) -> anyhow::Result<()> {
    let btc = ticker("BTC");
    let from = Decimal::from(50_000);
    let url = "http://127.0.0.1:9/nobody";
    stack
        .arm(&Batch {
            ticker: &btc,
            from,
            step: Decimal::ONE,
            count: scale.armed_many,
            url,
        })
        .await?;
    let index = AlertIndex::new(platform::redis::connect_pool(&stack.redis.settings)?);
    let began = Instant::now();
    rebuild::build(&index, &stack.database.pool).await?;
    eprintln!(
        "    (the index of {} alerts was built in {:.1} s)",
        scale.armed_many,
        began.elapsed().as_secs_f64()
    );

    let price = from + Decimal::from(HITS) + Decimal::new(5, 1);
    query(stack, &index, price, scale, table).await?;
    fire(stack, from, scale, table).await
}

/// The query of the index alone.
async fn query(
    stack: &TestStack,
    index: &AlertIndex,
    price: Decimal,
    scale: &Scale,
    table: &mut Table,
) -> anyhow::Result<()> {
    let btc = ticker("BTC");
    let probes = Condition::ALL.map(|condition| Probe {
        ticker: btc.clone(),
        condition,
        price,
        skip: 0,
    });
    let mut redis = stack.redis.connection.clone();
    let shared = AlertIndex::new(redis.clone());
    let (mut ours, mut multiplexed) = (Vec::with_capacity(LOOKS), Vec::with_capacity(LOOKS));
    let mut bare = Vec::with_capacity(LOOKS);
    for _ in 0..LOOKS {
        let began = Instant::now();
        let pages = index.reached_by(&probes).await?;
        ours.push(began.elapsed().as_secs_f64());
        let reached: usize = pages.iter().map(|page| page.reached.len()).sum();
        if reached != HITS {
            bail!("{reached} alerts reached, expected {HITS}");
        }
        let began = Instant::now();
        shared.reached_by(&probes).await?;
        multiplexed.push(began.elapsed().as_secs_f64());
        let began = Instant::now();
        let found: Vec<String> = redis::cmd("ZRANGEBYSCORE")
            .arg(keys::alert_index(Condition::Gt, &btc))
            .arg("-inf")
            .arg(price.to_string())
            .query_async(&mut redis)
            .await?;
        bare.push(began.elapsed().as_secs_f64());
        if found.len() != HITS {
            bail!("{} members found, expected {HITS}", found.len());
        }
    }
    let p99 = percentile(&ours, 0.99);
    table.push(Row {
        what: format!(
            "one tick against {} armed alerts, {HITS} hit: the query",
            scale.armed_many
        ),
        ours: format!("p50 {}, p99 {}", millis(percentile(&ours, 0.5)), millis(p99)),
        bare: format!(
            "one ZRANGEBYSCORE: p50 {}, p99 {}",
            millis(percentile(&bare, 0.5)),
            millis(percentile(&bare, 0.99))
        ),
        ratio: format!("p50 {:.1} x", percentile(&ours, 0.5) / percentile(&bare, 0.5)),
        budget: "p99 < 5 ms".to_owned(),
        kept: Some(p99 < 0.005),
    });
    table.push(Row {
        what: "the query, Redis through the pool".to_owned(),
        ours: format!("p50 {}, p99 {}", millis(percentile(&ours, 0.5)), millis(p99)),
        bare: format!(
            "shared connection: p50 {}, p99 {}",
            millis(percentile(&multiplexed, 0.5)),
            millis(percentile(&multiplexed, 0.99))
        ),
        ratio: format!("p50 {:.2} x", percentile(&ours, 0.5) / percentile(&multiplexed, 0.5)),
        budget: "p99 < 5 ms".to_owned(),
        kept: None,
    });
    Ok(())
}

/// The query, the transaction, and the clean-up of the index: through the pool as `alerts` does it, and in turn with it
/// through a shared connection.
async fn fire(stack: &TestStack, from: Decimal, scale: &Scale, table: &mut Table) -> anyhow::Result<()> {
    let btc = ticker("BTC");
    let evaluator = |redis: &Connection| Evaluator {
        pool: stack.database.pool.clone(),
        index: AlertIndex::new(redis.clone()),
        redis: redis.clone(),
        clock: SystemClock::shared(),
        gate: QualityGate::DEFAULT,
        relay: Arc::new(Notify::new()),
    };
    let pooled = evaluator(&platform::redis::connect_pool(&stack.redis.settings)?);
    let shared = evaluator(&stack.redis.connection);
    let ticks = TICKS.min(usize::try_from(scale.armed_many)? / HITS / 4);
    let (mut ours, mut multiplexed) = (Vec::with_capacity(ticks), Vec::with_capacity(ticks));
    for tick in 1..=2 * ticks {
        let price = from + Decimal::from(HITS * tick) + Decimal::new(5, 1);
        let text = serde_json::to_string(&quote(&btc, price))?;
        let (evaluator, times) = match tick % 2 {
            0 => (&pooled, &mut ours),
            _ => (&shared, &mut multiplexed),
        };
        let began = Instant::now();
        let fired = evaluator.evaluate(&[&text]).await?;
        times.push(began.elapsed().as_secs_f64());
        if fired != HITS {
            bail!("{fired} alerts fired, expected {HITS}");
        }
    }
    let bare = bare(stack, ticks).await?;
    let p99 = percentile(&ours, 0.99);
    table.push(Row {
        what: format!(
            "one tick against {} armed alerts, {HITS} hit: fired and committed",
            scale.armed_many
        ),
        ours: format!("p50 {}, p99 {}", millis(percentile(&ours, 0.5)), millis(p99)),
        bare: format!(
            "UPDATE and INSERT of {HITS} rows: p50 {}, p99 {}",
            millis(percentile(&bare, 0.5)),
            millis(percentile(&bare, 0.99))
        ),
        ratio: format!("p50 {:.1} x", percentile(&ours, 0.5) / percentile(&bare, 0.5)),
        budget: "(part of the 50 ms)".to_owned(),
        kept: None,
    });
    table.push(Row {
        what: "the same, Redis through the pool".to_owned(),
        ours: format!("p50 {}, p99 {}", millis(percentile(&ours, 0.5)), millis(p99)),
        bare: format!(
            "shared connection: p50 {}, p99 {}",
            millis(percentile(&multiplexed, 0.5)),
            millis(percentile(&multiplexed, 0.99))
        ),
        ratio: format!("p50 {:.2} x", percentile(&ours, 0.5) / percentile(&multiplexed, 0.5)),
        budget: "(part of the 50 ms)".to_owned(),
        kept: None,
    });
    Ok(())
}

/// The least that is durable: ten rows changed, ten written, one commit.
async fn bare(stack: &TestStack, ticks: usize) -> anyhow::Result<Vec<f64>> {
    stack
        .sql
        .batch_execute(
            "CREATE TABLE IF NOT EXISTS public.bare (id uuid PRIMARY KEY, armed boolean NOT NULL);
             CREATE TABLE IF NOT EXISTS public.bare_outbox (id uuid PRIMARY KEY, body text NOT NULL)",
        )
        .await?;
    let statement = stack
        .sql
        .prepare(
            "WITH claimed AS (UPDATE public.bare SET armed = false WHERE id = ANY($1) AND armed RETURNING id)
             INSERT INTO public.bare_outbox SELECT id, $2 FROM claimed",
        )
        .await?;
    let body = "x".repeat(600);
    let mut values = Vec::with_capacity(ticks);
    for _ in 0..ticks {
        let ids: Vec<Uuid> = (0..HITS).map(|_| Uuid::now_v7()).collect();
        stack
            .sql
            .execute(
                "INSERT INTO public.bare SELECT id, true FROM unnest($1::uuid[]) AS id",
                &[&ids],
            )
            .await?;
        let began = Instant::now();
        stack.sql.execute(&statement, &[&ids, &body]).await?;
        values.push(began.elapsed().as_secs_f64());
    }
    Ok(values)
}
