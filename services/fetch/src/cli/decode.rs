//! `fetch decode`: what we make of a recorded answer, one JSON object a line.
//!
//! It runs the same code as the polls do, on every entry of the answer, watched or not. It is the tool for checking a
//! provider's change of format.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use contracts::time::Time;
use domain::asset::Asset;
use domain::ticker::ProviderId;
use jiff::Timestamp;
use serde::Serialize;

use crate::assets;
use crate::providers::{
    Entry, ErrorKind, ProviderError, RawCandle, RawResponse, RawTicker, Retry, binance, coingecko, coinmarketcap,
    retry_after,
};
use crate::raw_number::RawNumber;

/// Reads a recorded response and prints what it says.
///
/// One JSON object a line: an observation or a candle for each entry of the response, also of assets that are not
/// watched. Decimals are printed as strings exactly as sent, unknowns are null, times are RFC 3339.
///
/// For an error response one line: {"kind":"error","type","retry","retry_after_s"} and exit code 1. `retry` is what a
/// poll does next: "never" (the same request fails until someone changes something; asked again rarely), "backoff"
/// (soon, then later each time), "not_before" (after `retry_after_s` seconds). An entry that is not what it should be,
/// or whose price is no number or negative, gives such a line in its place; the others are not affected. A response
/// with no good entry among its entries is an error response.
#[derive(Debug, Args)]
pub struct DecodeArgs {
    /// The provider: binance, coingecko or coinmarketcap.
    #[arg(long)]
    provider: String,
    /// The call. binance: ticker_price, ticker_24hr, klines; coingecko: simple_price, markets, market_chart, ohlc;
    /// coinmarketcap: quotes_latest, listings_latest.
    #[arg(long)]
    endpoint: String,
    /// The HTTP status of the response.
    #[arg(long, default_value_t = 200)]
    status: u16,
    /// The header Retry-After of the response: seconds or a date.
    #[arg(long)]
    retry_after: Option<String>,
    /// The asset that was asked for, where the response does not repeat it (candles, market_chart).
    #[arg(long)]
    symbol: Option<String>,
    /// The currency that was asked for, where the response does not repeat it (markets, market_chart).
    #[arg(long)]
    currency: Option<String>,
    /// The response's body; `-` for standard input.
    file: PathBuf,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line<'a> {
    Observation {
        provider: ProviderId,
        symbol: Option<&'a str>,
        ticker: Option<&'a str>,
        currency: Option<&'a str>,
        price: Option<&'a str>,
        volume_24h: Option<&'a str>,
        market_cap: Option<&'a str>,
        circulating_supply: Option<&'a str>,
        total_supply: Option<&'a str>,
        change_24h_percent: Option<&'a str>,
        quoted_at: Option<Time>,
    },
    Candle {
        symbol: Option<&'a str>,
        open_time: Option<Time>,
        open: Option<&'a str>,
        high: Option<&'a str>,
        low: Option<&'a str>,
        close: Option<&'a str>,
        volume: Option<&'a str>,
        closed: bool,
    },
    Error {
        #[serde(rename = "type")]
        kind: ErrorKind,
        retry: &'static str,
        retry_after_s: Option<u64>,
    },
}

impl Line<'_> {
    fn error(kind: ErrorKind, retry: Retry) -> Self {
        Self::Error {
            kind,
            retry: retry.as_str(),
            retry_after_s: retry.after_seconds(),
        }
    }
}

/// Prints what the response says; exit code 1 for an error response.
///
/// # Errors
///
/// Unknown names of providers and calls, a file that cannot be read, an output that cannot be written.
pub fn run(args: &DecodeArgs, now: Timestamp, output: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let provider: ProviderId = args.provider.parse()?;
    let retry_after = args
        .retry_after
        .as_deref()
        .and_then(|text| retry_after::parse(text, now));
    let response = RawResponse::recorded(args.status, read(&args.file)?, retry_after, now);
    let named = |error: String| anyhow::anyhow!("unknown endpoint {:?}: {error}", args.endpoint);
    let result = match provider {
        ProviderId::Binance => binance::decode(args.endpoint.parse().map_err(named)?, &response),
        ProviderId::CoinGecko => coingecko::decode(
            args.endpoint.parse().map_err(named)?,
            &response,
            args.currency.as_deref(),
        ),
        ProviderId::CoinMarketCap => coinmarketcap::decode(args.endpoint.parse().map_err(named)?, &response),
    };
    let assets = assets::load("").map_err(anyhow::Error::msg)?;
    print(provider, &result, args.symbol.as_deref(), &assets, now, output)
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    if file.as_os_str() == "-" {
        std::io::stdin()
            .read_to_end(&mut body)
            .context("cannot read standard input")?;
    } else {
        body = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    }
    Ok(body)
}

fn print(
    provider: ProviderId,
    result: &Result<Vec<Entry>, ProviderError>,
    asked_for: Option<&str>,
    assets: &[Asset],
    now: Timestamp,
    output: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let mut write = |line: &Line<'_>| -> anyhow::Result<()> {
        serde_json::to_writer(&mut *output, line)?;
        writeln!(output)?;
        Ok(())
    };
    let entries = match result {
        Ok(entries) => entries,
        Err(error) => {
            write(&Line::error(error.kind(), error.retry()))?;
            return Ok(ExitCode::from(1));
        }
    };
    let malformed = || Line::error(ErrorKind::InvalidPayload, Retry::WithBackoff);
    if !entries.is_empty() && !entries.iter().any(|entry| is_sound(provider, entry)) {
        write(&malformed())?;
        return Ok(ExitCode::from(1));
    }
    for entry in entries {
        let line = match entry {
            Entry::Ticker(raw_ticker) if is_sound(provider, entry) => {
                observation(provider, raw_ticker, asked_for, assets)
            }
            Entry::Candle(raw) if is_sound(provider, entry) => candle(raw, asked_for, now),
            Entry::Ticker(_) | Entry::Candle(_) | Entry::Malformed(_) => malformed(),
        };
        write(&line)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether an entry says what entries of this provider say. Aggregators write `null` for a price they do not know, an
/// exchange writes 0 for a pair without trades; but nothing costs less than nothing.
fn is_sound(provider: ProviderId, entry: &Entry) -> bool {
    match entry {
        Entry::Ticker(raw_ticker) => match &raw_ticker.price {
            Some(price) => !price.is_negative(),
            None => provider != ProviderId::Binance,
        },
        Entry::Candle(candle) => [&candle.open, &candle.high, &candle.low, &candle.close]
            .into_iter()
            .all(|price| price.as_ref().is_some_and(|price| !price.is_negative())),
        Entry::Malformed(_) => false,
    }
}

fn observation<'a>(
    provider: ProviderId,
    raw_ticker: &'a RawTicker,
    asked_for: Option<&'a str>,
    assets: &'a [Asset],
) -> Line<'a> {
    let symbol = raw_ticker.symbol.as_deref().or(asked_for);
    let watched = assets
        .iter()
        .find(|asset| symbol.is_some() && asset.symbol_at(provider).as_deref() == symbol);
    Line::Observation {
        provider,
        symbol,
        ticker: watched.map(|asset| asset.ticker.as_str()),
        currency: raw_ticker.currency.as_deref(),
        price: text(&raw_ticker.price),
        volume_24h: text(&raw_ticker.volume_24h),
        market_cap: text(&raw_ticker.market_cap),
        circulating_supply: text(&raw_ticker.circulating_supply),
        total_supply: text(&raw_ticker.total_supply),
        change_24h_percent: text(&raw_ticker.change_24h_percent),
        quoted_at: raw_ticker.quoted_at.map(Time),
    }
}

fn candle<'a>(candle: &'a RawCandle, asked_for: Option<&'a str>, now: Timestamp) -> Line<'a> {
    Line::Candle {
        symbol: asked_for,
        open_time: candle.open_time.map(Time),
        open: text(&candle.open),
        high: text(&candle.high),
        low: text(&candle.low),
        close: text(&candle.close),
        volume: text(&candle.volume),
        closed: candle.is_closed(now),
    }
}

fn text(number: &Option<RawNumber>) -> Option<&str> {
    number.as_ref().map(RawNumber::as_str)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use rstest::rstest;
    use serde_json::Value;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: DecodeArgs,
    }

    /// The exit code, and of each line its kind and price, or the type of its error.
    fn decode(provider: &str, endpoint: &str, body: &str) -> (ExitCode, Vec<String>) {
        let path = std::env::temp_dir().join(format!("decode-{}.json", uuid::Uuid::now_v7()));
        std::fs::write(&path, body).unwrap();
        let words = ["decode", "--provider", provider, "--endpoint", endpoint];
        let args = Cli::parse_from(words.into_iter().chain([path.to_str().unwrap()])).args;
        let mut output = Vec::new();
        let code = run(&args, "2026-01-01T00:00:00Z".parse().unwrap(), &mut output).unwrap();
        std::fs::remove_file(path).unwrap();
        let word = |line: &str| {
            let line: Value = serde_json::from_str(line).unwrap();
            let price = line
                .get("price")
                .or_else(|| line.get("close"))
                .or_else(|| line.get("type"));
            format!("{} {}", line["kind"].as_str().unwrap(), price.unwrap()).replace('"', "")
        };
        (code, String::from_utf8(output).unwrap().lines().map(word).collect())
    }

    #[rstest]
    #[case(
        "binance",
        "ticker_price",
        r#"[{"symbol":"A","price":"NaN"},{"symbol":"B","price":"-1.5"},{"symbol":"C"},{"symbol":"D","price":"0.00"},
            {"symbol":"E","price":"2.50"}]"#,
        &[
            "error invalid_payload", "error invalid_payload", "error invalid_payload", "observation 0.00",
            "observation 2.50"
        ]
    )]
    #[case(
        "coingecko",
        "simple_price",
        r#"{"a":{"usd":-1},"b":{"usd":null},"c":{"usd":9.7e-10,"btc":1}}"#,
        &["error invalid_payload", "observation null", "observation 9.7e-10", "observation 1"]
    )]
    #[case(
        "binance",
        "klines",
        r#"[[0,"1","2","NaN","1.5","3",59999],[60000,"1","2","1","1.50","3",119999]]"#,
        &["error invalid_payload", "candle 1.50"]
    )]
    #[case("binance", "ticker_price", "[]", &[])]
    fn malformed_price_spoils_only_its_own_line(
        #[case] provider: &str,
        #[case] endpoint: &str,
        #[case] body: &str,
        #[case] expected: &[&str],
    ) {
        let (code, lines) = decode(provider, endpoint, body);
        assert_eq!(lines, expected);
        assert_eq!(code, ExitCode::SUCCESS);
    }

    #[rstest]
    #[case("binance", "ticker_price", r#"{"symbol":"A","price":"NaN"}"#)]
    #[case(
        "binance",
        "ticker_24hr",
        r#"[{"symbol":"A","price":"1"},{"symbol":"B","price":"1"}]"#
    )]
    #[case("coingecko", "simple_price", r#"{"message":"?","hint":7}"#)]
    fn an_answer_without_any_price_is_an_error(#[case] provider: &str, #[case] endpoint: &str, #[case] body: &str) {
        let (code, lines) = decode(provider, endpoint, body);
        assert_eq!(lines, ["error invalid_payload"]);
        assert_eq!(code, ExitCode::from(1));
    }
}
