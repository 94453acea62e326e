//! One coin's price for many callers at the same moment: how often the provider is asked, and how long callers wait.

use std::time::{Duration, Instant};

use anyhow::bail;
use futures_util::future::try_join_all;
use market_sim::{Config, PerVenue, Venue};

use crate::load;
use crate::process::Service;
use crate::stack::{API_KEY, TestStack};
use crate::table::{Row, Table, millis, percentile};

const PATH: &str = "/api/v1/price/bitcoin";
const CALLERS: [usize; 4] = [1, 10, 100, 1_000];
const THRESHOLD: usize = 3;
/// A caller that fills no batch waits for it.
const WINDOW: Duration = Duration::from_secs(5);

/// A round of callers for each number of them.
pub async fn measure(stack: &TestStack, table: &mut Table) -> anyhow::Result<()> {
    let config = Config {
        limits: PerVenue {
            binance: 10_000_000,
            coingecko: 10_000_000,
            coinmarketcap: 10_000_000,
        },
        ..Config::default()
    };
    let simulator = market_sim::start(config)?;
    let mut settings = stack.settings();
    settings.extend([
        ("BINANCE_BASE_URL", simulator.base_url(Venue::Binance)),
        ("COINGECKO_BASE_URL", simulator.base_url(Venue::CoinGecko)),
        ("CMC_BASE_URL", simulator.base_url(Venue::CoinMarketCap)),
        ("BATCH_THRESHOLD", THRESHOLD.to_string()),
        ("BATCH_WINDOW_MS", WINDOW.as_millis().to_string()),
        ("RATE_LIMIT_PRICE", "10000000/1".to_owned()),
        ("INTERNAL_PORT", testkit::ports::free().to_string()),
    ]);
    let fetch = Service::start("fetch", &settings).await?;
    settings.push(("FETCH_URL", format!("http://127.0.0.1:{}", fetch.port)));
    let gateway = Service::start("gateway", &settings).await?;
    let request = load::request(gateway.port, PATH, &[("X-API-Key", API_KEY)]);
    for callers in CALLERS {
        let before = simulator.requests_to(Venue::CoinGecko, "simple/price");
        let waits = try_join_all((0..callers).map(|_| call(gateway.port, &request))).await?;
        let calls = simulator.requests_to(Venue::CoinGecko, "simple/price") - before;
        let most = callers.div_ceil(THRESHOLD) as u64;
        table.push(Row {
            what: format!("batched price, {callers} callers at once"),
            ours: format!(
                "p50 {}, p99 {}, {calls} requests to the provider",
                millis(percentile(&waits, 0.5)),
                millis(percentile(&waits, 0.99))
            ),
            bare: format!("one request each: {callers}"),
            ratio: format!("{:.0} % saved", 100.0 - 100.0 * calls as f64 / callers as f64),
            budget: format!("\u{2264} {most} requests"),
            kept: Some(calls <= most),
        });
    }
    gateway.kill().await?;
    fetch.kill().await?;
    simulator.stop().await;
    Ok(())
}

/// Seconds that one caller waited.
async fn call(port: u16, request: &[u8]) -> anyhow::Result<f64> {
    let began = Instant::now();
    let response = load::get(port, request).await?;
    if response.status != 200 {
        bail!("{PATH} answers {}: {}", response.status, response.body);
    }
    Ok(began.elapsed().as_secs_f64())
}
