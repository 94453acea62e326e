//! Webhooks per second to one fast endpoint, each with its attempt written down.

use std::time::{Duration, Instant};

use alerts::metrics::DEFERRED;
use anyhow::bail;
use futures_util::StreamExt as _;
use rust_decimal::Decimal;

use crate::load;
use crate::process::Service;
use crate::scale::Scale;
use crate::sink::Sink;
use crate::stack::{Batch, TestStack, publish, quote, ticker};
use crate::table::{Row, Table};

const DEADLINE: Duration = Duration::from_secs(120);
/// As many as the service has under way by default.
const CONCURRENCY: usize = 256;

/// One tick fires everything; the time runs until the last attempt is a row.
pub async fn measure(stack: &TestStack, scale: &Scale, table: &mut Table) -> anyhow::Result<()> {
    let sink = Sink::start().await?;
    let sol = ticker("SOL");
    let batch = Batch {
        ticker: &sol,
        from: Decimal::from(100),
        step: Decimal::new(1, 3),
        count: scale.webhooks,
        url: &sink.url(),
    };
    stack.arm(&batch).await?;
    let service = Service::start("alerts", &stack.settings()).await?;
    stack.await_index(&sol, scale.webhooks.unsigned_abs()).await?;
    let mut redis = stack.redis.connection.clone();
    let began = Instant::now();
    publish(&mut redis, &quote(&sol, Decimal::from(1_000))).await?;
    let total = usize::try_from(scale.webhooks)?;
    sink.wait_for(total, DEADLINE).await?;
    await_attempts(stack, scale.webhooks, began).await?;
    let ours = scale.webhooks as f64 / began.elapsed().as_secs_f64();
    let put_back = count_deferred(&service).await?;
    service.kill().await?;
    if sink.count() != total {
        bail!("{} webhooks for {total} alerts", sink.count());
    }
    let bare = bare(total).await?;
    table.push(Row {
        what: format!("webhooks to one fast endpoint with attempt rows, {total} at once"),
        ours: format!("{ours:.0} / s ({put_back} put back)"),
        bare: format!("the same client posting 700 bytes: {bare:.0} / s"),
        ratio: format!("{:.0} %", ours / bare * 100.0),
        budget: "\u{2265} 3000 / s".to_owned(),
        kept: Some(ours >= 3_000.0),
    });
    Ok(())
}

async fn await_attempts(stack: &TestStack, wanted: i64, began: Instant) -> anyhow::Result<()> {
    while began.elapsed() < DEADLINE {
        let row = stack.sql.query_one(
            "SELECT count(*) FROM alerting.delivery_attempts WHERE status = 'success'",
            &[],
        );
        let written: i64 = row.await?.get(0);
        if written >= wanted {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bail!("not all attempts were written in {DEADLINE:?}")
}

/// How many messages the worker took and had to put back, which costs more than not taking them.
async fn count_deferred(service: &Service) -> anyhow::Result<u64> {
    let metrics = load::get(service.port, &load::request(service.port, "/metrics", &[])).await?;
    let line = metrics.body.lines().find(|line| line.starts_with(DEFERRED));
    Ok(line.and_then(|line| line.rsplit_once(' ')?.1.parse().ok()).unwrap_or(0))
}

async fn bare(total: usize) -> anyhow::Result<f64> {
    let sink = Sink::start().await?;
    let url = sink.url();
    let http = reqwest::Client::builder().no_proxy().timeout(DEADLINE).build()?;
    let body = "x".repeat(700);
    let began = Instant::now();
    let posts = futures_util::stream::iter(0..total).map(|_| {
        let (http, url, body) = (http.clone(), url.clone(), body.clone());
        tokio::spawn(async move { http.post(url).body(body).send().await.map(|response| response.status()) })
    });
    let mut posts = posts.buffer_unordered(CONCURRENCY);
    while let Some(done) = posts.next().await {
        done??;
    }
    Ok(total as f64 / began.elapsed().as_secs_f64())
}
