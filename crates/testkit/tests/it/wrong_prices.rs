//! A venue whose prices are wrong by thirty percent does not move ours.

use std::time::Duration;

use contracts::messages::QuoteMessage;
use market_sim::{FaultKind, FaultRequest, Venue};
use platform::settings::RedisSettings;
use platform::stream::{TailReader, TailStart};
use testkit::TestStack;

/// Quotes that are looked at.
const QUOTES: usize = 40;
/// What the honest venues' own spread and a moment's delay may make of a price.
const TOLERANCE: f64 = 0.005;

#[tokio::test]
async fn price_wrong_by_thirty_percent_is_excluded() {
    let stack = TestStack::start().await;
    let account = stack.api().register().await;
    let honest = 50_000.0;
    stack.simulator.pin("USDT", 1.0).unwrap();
    stack.simulator.pin("BTC", honest).unwrap();
    account
        .api
        .wait_for_price("BTC", honest, honest * TOLERANCE, Duration::from_secs(180))
        .await;

    for liar in [Venue::Binance, Venue::CoinGecko, Venue::CoinMarketCap] {
        for percent in [30.0, -30.0] {
            let lie = FaultRequest::new(liar, FaultKind::PriceOffset { percent }).for_symbol("BTC");
            stack.simulator.add_fault(lie).unwrap();
            let settings = RedisSettings::from_url(stack.redis.url());
            let mut tail = TailReader::new(&settings, contracts::keys::QUOTES_STREAM, TailStart::Now);
            let mut seen = 0;
            while seen < QUOTES {
                let entries = tail.read(100, Duration::from_secs(60)).await;
                assert!(!entries.is_empty(), "quotes stopped while {liar:?} lied");
                for entry in entries {
                    let quote: QuoteMessage = serde_json::from_str(&entry.payload).unwrap();
                    if quote.ticker.as_str() == "BTC" {
                        let price: f64 = quote.price.to_string().parse().unwrap();
                        let off = (price / honest - 1.0).abs();
                        assert!(off < TOLERANCE, "{liar:?} at {percent} % moved the price to {price}");
                        seen += 1;
                    }
                }
            }
            stack.simulator.clear_faults();
        }
    }
}
