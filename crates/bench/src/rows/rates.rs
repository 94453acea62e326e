//! `GET /api/v1/rates/` with key and limiter, beside a bare handler that answers the same bytes.

use std::time::Duration;

use anyhow::bail;
use rust_decimal::Decimal;

use crate::load;
use crate::process::Service;
use crate::scale::Scale;
use crate::stack::{API_KEY, TestStack, publish, quote, ticker};
use crate::table::{Row, Table, percentile};

const PATH: &str = "/api/v1/rates/";
const TICKERS: [&str; 5] = ["BTC", "ETH", "DOGE", "SOL", "BNB"];
const ROUNDS: usize = 3;

/// Rounds of load on both in turns; the middle round counts.
pub async fn measure(stack: &TestStack, scale: &Scale, table: &mut Table) -> anyhow::Result<()> {
    let mut redis = stack.redis.connection.clone();
    let publishing = tokio::spawn(async move {
        loop {
            for (index, name) in TICKERS.iter().enumerate() {
                publish(
                    &mut redis,
                    &quote(&ticker(name), Decimal::new(6_542_015, 2) / Decimal::from(index + 1)),
                )
                .await?;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        #[expect(unreachable_code, reason = "names the error that ends the loop")]
        anyhow::Ok(())
    });
    let mut settings = stack.settings();
    settings.push(("INTERNAL_PORT", testkit::ports::free().to_string()));
    let gateway = Service::start("gateway", &settings).await?;
    let request = load::request(gateway.port, PATH, &[("X-API-Key", API_KEY)]);
    let sample = load::get(gateway.port, &request).await?;
    if sample.status != 200 {
        bail!("{PATH} answers {}: {}", sample.status, sample.body);
    }
    let bare = Service::bare(&sample.body).await?;
    let plain = load::request(bare.port, PATH, &[("X-API-Key", API_KEY)]);

    let round = Duration::from_secs(scale.load_seconds);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut commands = f64::NAN;
    for _ in 0..ROUNDS {
        let before = commands_so_far(stack).await?;
        let rate = load::rate(gateway.port, &request, round).await?;
        commands = (commands_so_far(stack).await? - before) / (rate * round.as_secs_f64());
        ours.push(rate);
        theirs.push(load::rate(bare.port, &plain, round).await?);
    }
    publishing.abort();
    gateway.kill().await?;
    bare.kill().await?;
    let (ours, theirs) = (percentile(&ours, 0.5), percentile(&theirs, 0.5));
    table.push(Row {
        what: format!("GET {PATH} with key and limiter ({commands:.2} Redis commands each)"),
        ours: format!("{ours:.0} / s"),
        bare: format!("actix-web, the same bytes: {theirs:.0} / s"),
        ratio: format!("{:.0} %", ours / theirs * 100.0),
        budget: "\u{2265} 60 %".to_owned(),
        kept: Some(ours / theirs >= 0.6),
    });
    Ok(())
}

/// Commands that Redis has processed since its start.
async fn commands_so_far(stack: &TestStack) -> anyhow::Result<f64> {
    let mut redis = stack.redis.connection.clone();
    let info: String = redis::cmd("INFO").arg("stats").query_async(&mut redis).await?;
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("total_commands_processed:"));
    Ok(line.and_then(|number| number.trim().parse().ok()).unwrap_or(f64::NAN))
}
