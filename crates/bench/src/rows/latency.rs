//! From a published price to the first byte of the webhook, while many alerts wait.

use std::time::{Duration, Instant};

use rust_decimal::Decimal;

use crate::process::Service;
use crate::scale::Scale;
use crate::sink::Sink;
use crate::stack::{Batch, TestStack, publish, quote, ticker};
use crate::table::{Row, Table, millis, percentile};

const DEADLINE: Duration = Duration::from_secs(10);
/// Ticks before measuring: connections are opened and statements prepared.
const WARM_UP: usize = 20;
const BARE_STREAM: &str = "bare";

/// Each tick reaches exactly one more alert; the next tick comes when its webhook has arrived.
pub async fn measure(stack: &TestStack, scale: &Scale, table: &mut Table) -> anyhow::Result<()> {
    let btc = ticker("BTC");
    let sink = Sink::start().await?;
    let (from, step) = (Decimal::from(50_000), Decimal::ONE);
    stack
        .arm(&Batch {
            ticker: &btc,
            from,
            step,
            count: scale.armed,
            url: &sink.url(),
        })
        .await?;
    let service = Service::start("alerts", &stack.settings()).await?;
    stack.await_index(&btc, scale.armed.unsigned_abs()).await?;

    let mut redis = stack.redis.connection.clone();
    let mut ours = Vec::with_capacity(scale.ticks);
    for tick in 0..WARM_UP + scale.ticks {
        // Half a step above the target of this tick's alert.
        let price = from + step * Decimal::from(tick + 1) + Decimal::new(5, 1);
        let message = quote(&btc, price);
        let began = Instant::now();
        publish(&mut redis, &message).await?;
        let took = arrival(&sink, tick, began).await?;
        if tick >= WARM_UP {
            ours.push(took);
        }
    }
    service.kill().await?;
    let bare = bare(stack, scale).await?;
    let (p50, p99) = (percentile(&ours, 0.5), percentile(&ours, 0.99));
    table.push(Row {
        what: format!("price published -> first byte of webhook, {} alerts armed", scale.armed),
        ours: format!("p50 {}, p99 {}", millis(p50), millis(p99)),
        bare: format!(
            "stream -> POST, nothing stored: p50 {}, p99 {}",
            millis(percentile(&bare, 0.5)),
            millis(percentile(&bare, 0.99))
        ),
        ratio: format!("p50 {:.1} x", p50 / percentile(&bare, 0.5)),
        budget: "p99 < 50 ms".to_owned(),
        kept: Some(p99 < 0.050),
    });
    Ok(())
}

async fn arrival(sink: &Sink, index: usize, began: Instant) -> anyhow::Result<f64> {
    sink.wait_for(index + 1, DEADLINE).await?;
    let at = sink.first_byte(index).unwrap_or_else(Instant::now);
    Ok(at.saturating_duration_since(began).as_secs_f64())
}

/// The least there is: a blocking read of the stream and a POST, without evaluation, storage, queue or signature.
async fn bare(stack: &TestStack, scale: &Scale) -> anyhow::Result<Vec<f64>> {
    let sink = Sink::start().await?;
    let url = sink.url();
    let mut reader = platform::redis::connect_blocking(&stack.redis.settings).await?;
    let http = reqwest::Client::builder().no_proxy().timeout(DEADLINE).build()?;
    let forward = tokio::spawn(async move {
        let mut last = "0".to_owned();
        loop {
            let entries: redis::streams::StreamReadReply = redis::cmd("XREAD")
                .arg("BLOCK")
                .arg(1_000)
                .arg("STREAMS")
                .arg(BARE_STREAM)
                .arg(&last)
                .query_async(&mut reader)
                .await?;
            for entry in entries.keys.iter().flat_map(|key| &key.ids) {
                last.clone_from(&entry.id);
                let body: String = entry.get("message").unwrap_or_default();
                http.post(&url).body(body).send().await?;
            }
        }
        #[expect(unreachable_code, reason = "names the error that ends the loop")]
        anyhow::Ok(())
    });
    let mut redis = stack.redis.connection.clone();
    let mut values = Vec::with_capacity(scale.ticks);
    let body = serde_json::to_string(&quote(&ticker("BTC"), Decimal::ONE))?;
    for tick in 0..WARM_UP + scale.ticks {
        let began = Instant::now();
        let () = redis::cmd("XADD")
            .arg(BARE_STREAM)
            .arg("*")
            .arg("message")
            .arg(&body)
            .query_async(&mut redis)
            .await?;
        let took = arrival(&sink, tick, began).await?;
        if tick >= WARM_UP {
            values.push(took);
        }
    }
    forward.abort();
    Ok(values)
}
