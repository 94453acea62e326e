//! Our numbers against an independent computation on recorded markets, to 1e-9 relative.
//!
//! The recorded data lie beside the project (`CRYPTOLENS_SHARED`, by default `../shared`) and are not part of it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

/// Velocity of daily rows.
mod velocity;

/// Average prices of trades and candles.
mod vwap;

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::str::FromStr;

use domain::candle::{Tick, from_ticks};
use domain::interval::Interval;
use domain::statistics::{
    CorrelationMethod, Drawdown, ReturnKind, Series, Stats, StatsOptions, TimedReturns, correlation_matrix,
    drawdown_series,
};
use flate2::read::GzDecoder;
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::Value;
use uuid::Uuid;

const DAY: i64 = 86_400;

/// The folder of recorded data; `None` when it is knowingly absent.
fn data() -> Option<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "where the recorded data lie is no setting of the product"
    )]
    let name = std::env::var("CRYPTOLENS_SHARED").ok();
    if name.as_deref() == Some("none") {
        eprintln!("skipped: CRYPTOLENS_SHARED=none says that the recorded data are absent");
        return None;
    }
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let folder = root.join(name.unwrap_or_else(|| "../shared".to_owned())).join("data");
    assert!(
        folder.join("reference.json").exists(),
        "no recorded data in {}: set CRYPTOLENS_SHARED to their folder, or to none",
        folder.display()
    );
    Some(folder)
}

fn reference(data: &std::path::Path) -> Value {
    serde_json::from_reader(File::open(data.join("reference.json")).unwrap()).unwrap()
}

fn rows(data: &std::path::Path, name: &str) -> Vec<HashMap<String, String>> {
    let mut text = String::new();
    GzDecoder::new(File::open(data.join(name)).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(|row| row.unwrap()).collect()
}

#[track_caller]
fn assert_close(ours: f64, reference: &Value, what: &str) {
    let theirs = reference
        .as_f64()
        .unwrap_or_else(|| panic!("{what}: the reference is {reference}"));
    let relative = (ours - theirs).abs() / theirs.abs().max(1e-300);
    assert!(
        relative <= 1e-9 || ours == theirs,
        "{what}: {ours} is not {theirs} ({relative:e})"
    );
}

fn day(text: &str) -> i64 {
    Date::from_str(text)
        .unwrap()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .unwrap()
        .timestamp()
        .as_second()
}

/// Daily closes per asset id.
struct Daily(HashMap<String, Vec<(i64, f64)>>);

impl Daily {
    fn read(data: &std::path::Path) -> Self {
        let mut series = HashMap::<String, Vec<(i64, f64)>>::new();
        for row in rows(data, "daily/coingecko_daily.csv.gz") {
            let point = (day(&row["date"]), row["price_usd"].parse().unwrap());
            series.entry(row["id"].clone()).or_default().push(point);
        }
        for points in series.values_mut() {
            points.sort_by_key(|point| point.0);
        }
        Self(series)
    }

    fn series(&self, id: &str, start: &str, end: &str) -> Series {
        let inside = day(start)..=day(end);
        let points = self.0[id].iter().filter(|point| inside.contains(&point.0));
        let (times, prices) = points.copied().unzip();
        Series::new(times, prices).unwrap()
    }
}

fn stats(series: &Series, returns: ReturnKind) -> Stats {
    let options = StatsOptions {
        step: DAY,
        returns,
        risk_free: 0.0,
        periods_per_year: 365.0,
        expected_points: None,
    };
    Stats::of(series, &options)
}

#[test]
fn daily_statistics_equal_the_reference() {
    let Some(data) = data() else { return };
    let daily = Daily::read(&data);
    let mut compared = 0;
    for case in reference(&data)["assets"].as_array().unwrap() {
        let text = |key: &str| case[key].as_str().unwrap();
        let series = daily.series(text("id"), text("start"), text("end"));
        let name = format!("{} {}..{}", text("id"), text("start"), text("end"));
        let check = |ours: f64, key: &str| assert_close(ours, &case[key], &format!("{name} {key}"));
        let (simple, log) = (stats(&series, ReturnKind::Simple), stats(&series, ReturnKind::Log));
        assert_eq!(series.len() as u64, case["rows"].as_u64().unwrap(), "{name}");
        for (stats, suffix) in [(&simple, "simple"), (&log, "log")] {
            let basics = &stats.basics;
            assert_eq!(basics.returns.n() as u64, case["returns"].as_u64().unwrap(), "{name}");
            check(basics.first.unwrap(), "first");
            check(basics.last.unwrap(), "last");
            check(basics.average_price.unwrap(), "mean");
            check(basics.min_price.unwrap(), "min");
            check(basics.max_price.unwrap(), "max");
            check(basics.change_percent.unwrap(), "change_pct");
            check(basics.max_drawdown.unwrap(), "max_drawdown");
            check(basics.sharpe_ratio.unwrap(), &format!("sharpe_{suffix}"));
            check(basics.downside_risk.unwrap(), &format!("downside_deviation_{suffix}"));
            check(stats.sortino_ratio.unwrap(), &format!("sortino_{suffix}"));
            check(stats.var_95.unwrap(), &format!("var95_{suffix}"));
            check(stats.cvar_95.unwrap(), &format!("cvar95_{suffix}"));
        }
        check(log.basics.volatility.unwrap(), "volatility");
        check(log.basics.annualized_volatility.unwrap(), "volatility_annualised");
        let drawdown = Drawdown::of(series.prices()).unwrap();
        assert_eq!(series.times()[drawdown.peak], day(text("max_drawdown_peak")), "{name}");
        assert_eq!(
            series.times()[drawdown.trough],
            day(text("max_drawdown_trough")),
            "{name}"
        );
        let missing = case["missing_days"].as_f64().unwrap();
        let expected = series.len() as f64 / (series.len() as f64 + missing);
        assert!((simple.coverage.unwrap() - expected).abs() < 1e-12, "{name}");
        compared += 1;
    }
    assert!(compared >= 12, "only {compared} cases");
}

#[test]
fn correlations_equal_the_reference() {
    let Some(data) = data() else { return };
    let daily = Daily::read(&data);
    for case in reference(&data)["correlations"].as_array().unwrap() {
        let ids: Vec<&str> = case["ids"]
            .as_array()
            .unwrap()
            .iter()
            .map(|id| id.as_str().unwrap())
            .collect();
        let (start, end) = (case["start"].as_str().unwrap(), case["end"].as_str().unwrap());
        let returns: Vec<TimedReturns> = ids
            .iter()
            .map(|id| TimedReturns::of(&daily.series(id, start, end), DAY, ReturnKind::Log))
            .collect();
        let matrix = correlation_matrix(&returns, CorrelationMethod::Pearson);
        for (i, row) in matrix.iter().enumerate() {
            for (j, cell) in row.iter().enumerate() {
                assert_eq!(cell.n_overlap as u64, case["common_dates"].as_u64().unwrap());
                assert_close(
                    cell.value.unwrap(),
                    &case["matrix"][i][j],
                    &format!("{} with {}", ids[i], ids[j]),
                );
            }
        }
    }
}

#[test]
fn statistics_of_candles_equal_the_reference() {
    let Some(data) = data() else { return };
    let reference = reference(&data);
    for (plan, case) in reference["plan"]["candles"]
        .as_array()
        .unwrap()
        .iter()
        .zip(reference["candles"].as_array().unwrap())
    {
        let (start, end, step) = (
            plan[1].as_i64().unwrap(),
            plan[2].as_i64().unwrap(),
            plan[3].as_i64().unwrap(),
        );
        let name = case["file"].as_str().unwrap();
        let rows = rows(&data, plan[0].as_str().unwrap());
        let inside: Vec<_> = rows
            .iter()
            .filter(|row| (start..=end).contains(&row["open_time_s"].parse().unwrap()))
            .collect();
        let column = |key: &str| {
            inside
                .iter()
                .map(|row| row[key].parse::<f64>().unwrap())
                .collect::<Vec<_>>()
        };
        let times = inside.iter().map(|row| row["open_time_s"].parse().unwrap()).collect();
        let closes = Series::new(times, column("close")).unwrap();
        let options = StatsOptions {
            step,
            returns: ReturnKind::Log,
            risk_free: 0.0,
            periods_per_year: 365.0 * 86_400.0 / step as f64,
            expected_points: None,
        };
        let stats = Stats::of(&closes, &options);
        assert_eq!(closes.len() as u64, case["rows"].as_u64().unwrap(), "{name}");
        assert_eq!(
            stats.basics.returns.n() as u64,
            case["returns"].as_u64().unwrap(),
            "{name}"
        );
        assert_close(stats.basics.volatility.unwrap(), &case["volatility_per_bar"], name);
        assert_close(
            stats.basics.annualized_volatility.unwrap(),
            &case["volatility_annualised"],
            name,
        );
        assert_close(stats.basics.max_drawdown.unwrap(), &case["max_drawdown_close"], name);
        let plain = drawdown_series(closes.prices());
        let trough = plain
            .iter()
            .position(|value| *value == stats.basics.max_drawdown.unwrap())
            .unwrap();
        assert_eq!(
            closes.times()[trough],
            case["trough_open_time_s"].as_i64().unwrap(),
            "{name}"
        );
        let extreme = |key: &str, pick: fn(f64, f64) -> f64| column(key).into_iter().reduce(pick).unwrap();
        assert_close(extreme("low", f64::min), &case["low_min"], name);
        assert_close(extreme("high", f64::max), &case["high_max"], name);
        assert_close(
            domain::statistics::sum(&column("volume_base")),
            &case["volume_base_sum"],
            name,
        );
    }
}

#[test]
fn candles_from_trades_equal_the_reference() {
    let Some(data) = data() else { return };
    for case in reference(&data)["ticks"].as_array().unwrap() {
        let name = case["file"].as_str().unwrap();
        let mut ticks: Vec<Tick> = rows(&data, &format!("ticks/{name}"))
            .iter()
            .map(|row| Tick {
                at: Timestamp::from_millisecond(row["trade_time_ms"].parse().unwrap()).unwrap(),
                id: Uuid::from_u128(row["trade_id"].parse().unwrap()),
                published_at: Timestamp::from_millisecond(row["trade_time_ms"].parse().unwrap()).unwrap(),
                price: Decimal::from_str(&row["price"]).unwrap(),
                volume: Some(Decimal::from_str(&row["qty"]).unwrap()),
            })
            .collect();
        assert_eq!(ticks.len() as u64, case["trades"].as_u64().unwrap(), "{name}");
        // Far from the order of arrival, and the same every time.
        ticks.sort_by_key(|tick| tick.id.as_u128().wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let candles = from_ticks(&ticks, Interval::M1);
        let expected = case["candles_1m"].as_array().unwrap();
        assert_eq!(candles.len(), expected.len(), "{name}");
        for (candle, expected) in candles.iter().zip(expected) {
            assert_eq!(
                candle.open_time.as_millisecond(),
                expected["open_time_ms"].as_i64().unwrap()
            );
            assert_eq!(candle.n, expected["trades"].as_u64().unwrap());
            let fields = [
                ("open", candle.open.price),
                ("high", candle.high),
                ("low", candle.low),
                ("close", candle.close.price),
                ("volume", candle.volume.unwrap()),
            ];
            for (key, ours) in fields {
                assert_close(
                    ours.to_string().parse().unwrap(),
                    &expected[key],
                    &format!("{name} {key}"),
                );
            }
        }
    }
}
