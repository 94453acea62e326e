//! Resident memory of every service that has nothing to do but live on its market.

use std::time::Duration;

use market_sim::{Config, Venue};

use crate::process::Service;
use crate::scale::Scale;
use crate::stack::TestStack;
use crate::table::{Row, Table};

const BUDGET_MIB: f64 = 40.0;

/// Starts all four on an idle market and weighs them after a while.
pub async fn measure(stack: &TestStack, scale: &Scale, table: &mut Table) -> anyhow::Result<()> {
    let simulator = market_sim::start(Config::default())?;
    let mut settings = stack.settings();
    settings.extend([
        ("BINANCE_BASE_URL", simulator.base_url(Venue::Binance)),
        ("COINGECKO_BASE_URL", simulator.base_url(Venue::CoinGecko)),
        ("CMC_BASE_URL", simulator.base_url(Venue::CoinMarketCap)),
    ]);
    let fetch = Service::start("fetch", &settings).await?;
    settings.push(("FETCH_URL", format!("http://127.0.0.1:{}", fetch.port)));
    let analytics = Service::start("core-analytics", &settings).await?;
    settings.push(("ANALYTICS_URL", format!("http://127.0.0.1:{}", analytics.port)));
    let alerts = Service::start("alerts", &settings).await?;
    settings.push(("ALERTS_URL", format!("http://127.0.0.1:{}", alerts.port)));
    settings.push(("INTERNAL_PORT", testkit::ports::free().to_string()));
    let gateway = Service::start("gateway", &settings).await?;
    let bare = Service::bare("{}").await?;
    tokio::time::sleep(Duration::from_secs(scale.idle_seconds)).await;
    let floor = bare.resident_mib()?;
    for (name, service) in [
        ("fetch", fetch),
        ("core-analytics", analytics),
        ("alerts", alerts),
        ("gateway", gateway),
    ] {
        let resident = service.resident_mib()?;
        table.push(Row {
            what: format!("resident memory of {name}, {} s after its start", scale.idle_seconds),
            ours: format!("{resident:.1} MiB"),
            bare: format!("bare actix-web: {floor:.1} MiB"),
            ratio: format!("{:.1} x", resident / floor),
            budget: format!("< {BUDGET_MIB} MiB"),
            kept: Some(resident < BUDGET_MIB),
        });
        service.kill().await?;
    }
    bare.kill().await?;
    simulator.stop().await;
    Ok(())
}
