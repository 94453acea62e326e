use std::collections::BTreeMap;

use domain::vwap::{typical_price, vwap};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::{assert_close, data, reference, rows};

fn price(trades: impl IntoIterator<Item = (Decimal, Decimal)>) -> f64 {
    vwap(trades).unwrap().to_f64().unwrap()
}

#[test]
fn vwap_of_trades_equals_the_reference() {
    let Some(data) = data() else { return };
    for case in reference(&data)["ticks"].as_array().unwrap() {
        let name = case["file"].as_str().unwrap();
        let mut minutes = BTreeMap::<i64, Vec<(Decimal, Decimal)>>::new();
        for row in rows(&data, &format!("ticks/{name}")) {
            let time: i64 = row["trade_time_ms"].parse().unwrap();
            let trade = (row["price"].parse().unwrap(), row["qty"].parse().unwrap());
            minutes.entry(time - time % 60_000).or_default().push(trade);
        }
        assert_close(price(minutes.values().flatten().copied()), &case["vwap"], name);
        let expected = case["candles_1m"].as_array().unwrap();
        assert_eq!(minutes.len(), expected.len(), "{name}");
        for ((open_time, trades), expected) in minutes.into_iter().zip(expected) {
            assert_eq!(open_time, expected["open_time_ms"].as_i64().unwrap(), "{name}");
            assert_close(price(trades), &expected["vwap"], &format!("{name} at {open_time}"));
        }
    }
}

#[test]
fn vwap_of_candles_equals_the_reference() {
    let Some(data) = data() else { return };
    let reference = reference(&data);
    let plans = reference["plan"]["candles"].as_array().unwrap();
    for (plan, case) in plans.iter().zip(reference["candles"].as_array().unwrap()) {
        let span = plan[1].as_i64().unwrap()..=plan[2].as_i64().unwrap();
        let rows = rows(&data, plan[0].as_str().unwrap());
        let candles = rows
            .iter()
            .filter(|row| span.contains(&row["open_time_s"].parse().unwrap()));
        let trades = candles.map(|row| {
            let column = |name: &str| row[name].parse::<Decimal>().unwrap();
            let typical = typical_price(column("high"), column("low"), column("close")).unwrap();
            (typical, column("volume_base"))
        });
        let name = case["file"].as_str().unwrap();
        assert_close(price(trades), &case["vwap_typical_price"], name);
    }
}
