//! Every recorded answer of the three providers through `fetch decode`.

use clap::Parser;
use fetch::cli::decode::{DecodeArgs, run};
use platform::clock::{Clock, SystemClock};
use rstest::rstest;
use serde_json::Value;

use crate::harness::shared_folder;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: DecodeArgs,
}

/// The lines that `fetch decode` prints for a recorded file.
fn decode(provider: &str, endpoint: &str, status: u16, file: &str) -> Option<Vec<Value>> {
    let path = shared_folder()?.join("providers/fixtures").join(provider).join(file);
    let status = status.to_string();
    let path = path.to_str().unwrap();
    let words = [
        "decode",
        "--provider",
        provider,
        "--endpoint",
        endpoint,
        "--status",
        &status,
        path,
    ];
    let mut output = Vec::new();
    run(&Cli::parse_from(words).args, SystemClock.now(), &mut output).unwrap();
    let text = String::from_utf8(output).unwrap();
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[rstest]
#[case("binance", "ticker_price", "rest_ticker_price.json", 1, r#"{"kind":"observation","provider":"binance","symbol":"BTCUSDT","ticker":"BTC","currency":"USDT","price":"6622.57000000","volume_24h":null,"market_cap":null,"circulating_supply":null,"total_supply":null,"change_24h_percent":null,"quoted_at":null}"#)]
#[case("binance", "ticker_24hr", "rest_ticker_24hr_btcusdt.json", 1, r#"{"kind":"observation","provider":"binance","symbol":"BTCUSDT","ticker":"BTC","currency":"USDT","price":"6705.82000000","volume_24h":"392659910.62660750","market_cap":null,"circulating_supply":null,"total_supply":null,"change_24h_percent":"-2.427","quoted_at":"2020-04-15T22:54:38.494Z"}"#)]
#[case("binance", "ticker_24hr", "rest_ticker_24hr_all.json", 595, r#"{"kind":"observation","provider":"binance","symbol":"ETHBTC","ticker":null,"currency":"BTC","price":"0.01864700","volume_24h":"2866.49184918","market_cap":null,"circulating_supply":null,"total_supply":null,"change_24h_percent":"0.942","quoted_at":"2019-08-22T03:38:26.119Z"}"#)]
#[case("binance", "ticker_24hr", "rest_rolling_ticker.json", 1, r#"{"kind":"observation","provider":"binance","symbol":"BNBBTC","ticker":null,"currency":"BTC","price":"1.00000000","volume_24h":"487.00000000","market_cap":null,"circulating_supply":null,"total_supply":null,"change_24h_percent":"-88.889","quoted_at":"2022-01-12T23:59:59.999Z"}"#)]
#[case("binance", "klines", "rest_klines_btcusdt_5m.json", 24, r#"{"kind":"candle","symbol":null,"open_time":"2020-04-15T21:50:00.000Z","open":"6733.55000000","high":"6737.79000000","low":"6726.61000000","close":"6727.14000000","volume":"121.20139100","closed":true}"#)]
#[case("binance", "klines", "rest_klines_btcusdt_1d_2019.json", 365, r#"{"kind":"candle","symbol":null,"open_time":"2019-01-01T00:00:00.000Z","open":"3701.23000000","high":"3810.16000000","low":"3642.00000000","close":"3797.14000000","volume":"23741.68703300","closed":true}"#)]
#[case("coingecko", "simple_price", "rest_simple_price_bitcoin_usd.json", 1, r#"{"kind":"observation","provider":"coingecko","symbol":"bitcoin","ticker":"BTC","currency":"usd","price":"49253","volume_24h":null,"market_cap":null,"circulating_supply":null,"total_supply":null,"change_24h_percent":null,"quoted_at":null}"#)]
#[case("coingecko", "simple_price", "rest_simple_price_ids_with_blank.json", 1, r#"{"kind":"observation","provider":"coingecko","symbol":"bitcoin","ticker":"BTC","currency":"usd","price":"49357","volume_24h":null,"market_cap":null,"circulating_supply":null,"total_supply":null,"change_24h_percent":null,"quoted_at":null}"#)]
#[case("coingecko", "markets", "rest_markets_bitcoin_usd.json", 1, r#"{"kind":"observation","provider":"coingecko","symbol":"bitcoin","ticker":"BTC","currency":null,"price":"49053","volume_24h":"61679663434","market_cap":"917825524991","circulating_supply":"18710831.0","total_supply":"21000000.0","change_24h_percent":"-4.37931","quoted_at":"2021-05-15T15:59:43.867Z"}"#)]
#[case("coingecko", "markets", "rest_markets_2024.json", 1, r#"{"kind":"observation","provider":"coingecko","symbol":"bitcoin","ticker":"BTC","currency":null,"price":"70187","volume_24h":"20154184933","market_cap":"1381651251183","circulating_supply":"19675987","total_supply":"21000000","change_24h_percent":"3.12502","quoted_at":"2024-04-07T16:49:31.736Z"}"#)]
#[case("coingecko", "markets", "rest_markets_nulls_hive.json", 2, r#"{"kind":"observation","provider":"coingecko","symbol":"hive","ticker":null,"currency":null,"price":"0.552451","volume_24h":"28028938","market_cap":"204906869","circulating_supply":"371261453.714","total_supply":null,"change_24h_percent":"1.1087","quoted_at":"2022-09-16T06:10:47.955Z"}"#)]
#[case("coingecko", "market_chart", "rest_market_chart_2024.json", 3, r#"{"kind":"observation","provider":"coingecko","symbol":null,"ticker":null,"currency":null,"price":"69702.3087473573","volume_24h":"16408802301.8374","market_cap":"1370247487960.09","circulating_supply":null,"total_supply":null,"change_24h_percent":null,"quoted_at":"2024-03-31T00:00:00.000Z"}"#)]
#[case("coingecko", "market_chart", "rest_market_chart_30d_hourly.json", 722, r#"{"kind":"observation","provider":"coingecko","symbol":null,"ticker":null,"currency":null,"price":"62641.967327043465","volume_24h":"65940825884.2999","market_cap":"1172109995119.8372","circulating_supply":null,"total_supply":null,"change_24h_percent":null,"quoted_at":"2021-04-15T15:04:13.863Z"}"#)]
#[case("coingecko", "ohlc", "rest_ohlc_7d.json", 42, r#"{"kind":"candle","symbol":null,"open_time":"2021-05-08T16:00:00.000Z","open":"57945.79","high":"59122.18","low":"57945.79","close":"59122.18","volume":null,"closed":true}"#)]
#[case("coinmarketcap", "listings_latest", "rest_listings_latest_2021.json", 100, r#"{"kind":"observation","provider":"coinmarketcap","symbol":"1","ticker":"BTC","currency":"USD","price":"56507.38254720854","volume_24h":"68130148004.21379","market_cap":"1055965437224.7859","circulating_supply":"18687212","total_supply":"18687212","change_24h_percent":"0.82913441","quoted_at":"2021-04-20T23:29:02.000Z"}"#)]
fn answers(
    #[case] provider: &str,
    #[case] endpoint: &str,
    #[case] file: &str,
    #[case] lines: usize,
    #[case] first: &str,
) {
    let Some(found) = decode(provider, endpoint, 200, file) else {
        return;
    };
    assert_eq!(found.len(), lines);
    assert_eq!(found[0], parse(first));
    assert!(found.iter().all(|line| line["kind"] != "error"));
}

#[rstest]
#[case(
    "binance",
    "ticker_price",
    400,
    "error_400_invalid_symbol.json",
    "bad_request",
    "never",
    None
)]
#[case("binance", "klines", 429, "error_429_weight.json", "rate_limited", "backoff", None)]
#[case(
    "binance",
    "ticker_24hr",
    451,
    "error_451_restricted.json",
    "restricted",
    "never",
    None
)]
#[case(
    "binance",
    "ticker_24hr",
    200,
    "error_451_restricted.json",
    "restricted",
    "never",
    None
)]
#[case("coingecko", "simple_price", 429, "error_429.json", "rate_limited", "backoff", None)]
#[case("coingecko", "markets", 200, "error_429.json", "rate_limited", "backoff", None)]
#[case(
    "coingecko",
    "markets",
    422,
    "error_markets_missing_vs_currency_422.json",
    "bad_request",
    "never",
    None
)]
#[case(
    "coingecko",
    "simple_price",
    422,
    "error_simple_price_missing_ids_422.json",
    "bad_request",
    "never",
    None
)]
#[case(
    "coingecko",
    "ohlc",
    500,
    "error_ohlc_missing_param_500.json",
    "unavailable",
    "backoff",
    None
)]
#[case("coinmarketcap", "quotes_latest", 401, "error_401_1002.json", "auth", "never", None)]
#[case(
    "coinmarketcap",
    "listings_latest",
    429,
    "error_429_1008.json",
    "rate_limited",
    "not_before",
    Some(60)
)]
fn refusals(
    #[case] provider: &str,
    #[case] endpoint: &str,
    #[case] status: u16,
    #[case] file: &str,
    #[case] kind: &str,
    #[case] retry: &str,
    #[case] after: Option<u64>,
) {
    let Some(found) = decode(provider, endpoint, status, file) else {
        return;
    };
    let expected = serde_json::json!({"kind": "error", "type": kind, "retry": retry, "retry_after_s": after});
    assert_eq!(found, [expected]);
}

#[test]
fn a_coin_in_an_unknown_currency_gives_no_line() {
    let Some(found) = decode(
        "coingecko",
        "simple_price",
        200,
        "rest_simple_price_unknown_currency.json",
    ) else {
        return;
    };
    assert_eq!(found, [] as [Value; 0]);
}

#[test]
fn zero_caps_and_supplies_of_coingecko_are_unknown() {
    let Some(found) = decode("coingecko", "markets", 200, "rest_markets_nulls_hive.json") else {
        return;
    };
    assert_eq!(found[1]["symbol"], "hive_dollar");
    assert_eq!(
        (&found[1]["market_cap"], &found[1]["circulating_supply"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn binance_pairs_have_the_quote_assets_that_exchange_info_tells() {
    let Some(folder) = shared_folder() else { return };
    let path = folder.join("providers/fixtures/binance/rest_exchange_info_2021.json");
    let info: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for pair in info["symbols"].as_array().unwrap() {
        let symbol = pair["symbol"].as_str().unwrap();
        assert_eq!(
            fetch::providers::binance::quote_asset(symbol),
            pair["quoteAsset"].as_str(),
            "{symbol}"
        );
    }
}

/// Whatever a provider sends to whichever call: lines or a typed error, never a panic. Cut off anywhere, too.
#[test]
fn every_recorded_answer_is_survived_by_every_decoder() {
    let Some(folder) = shared_folder() else { return };
    let endpoints = [
        ("binance", vec!["ticker_price", "ticker_24hr", "klines"]),
        ("coingecko", vec!["simple_price", "markets", "market_chart", "ohlc"]),
        ("coinmarketcap", vec!["quotes_latest", "listings_latest"]),
    ];
    let mut decoded = 0;
    for provider in std::fs::read_dir(folder.join("providers/fixtures")).unwrap() {
        let provider = provider.unwrap().path();
        if !provider.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(&provider).unwrap() {
            let file = file.unwrap().path();
            let body = std::fs::read(&file).unwrap();
            let cut = std::env::temp_dir().join(format!("fetch-cut-{}", std::process::id()));
            std::fs::write(&cut, &body[..body.len() / 2]).unwrap();
            for (provider, names) in &endpoints {
                for (endpoint, path) in names.iter().flat_map(|name| [(name, &file), (name, &cut)]) {
                    let path = path.to_str().unwrap();
                    let words = ["decode", "--provider", provider, "--endpoint", endpoint, path];
                    let mut output = Vec::new();
                    run(&Cli::parse_from(words).args, SystemClock.now(), &mut output).unwrap();
                    decoded += 1;
                }
            }
            std::fs::remove_file(&cut).unwrap();
        }
    }
    assert!(decoded > 1_000, "{decoded}");
}
