use std::num::NonZeroUsize;
use std::path::Path;

use domain::statistics::percent_change;
use domain::velocity::{Timeframe, Velocity, VelocityInput, VelocityPoint, VelocityTracker, summarise};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde_json::Value;

use super::{DAY, HashMap, assert_close, data, day, reference, rows};

const ONE_DAY: SignedDuration = SignedDuration::from_hours(24);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Prices of a billionth have an exponent.
fn decimal(text: &str) -> Option<Decimal> {
    text.parse().or_else(|_| Decimal::from_scientific(text)).ok()
}

/// The velocity of every daily row, by asset, ascending.
fn daily(data: &Path) -> HashMap<String, Vec<VelocityPoint>> {
    let mut points = HashMap::<String, Vec<VelocityPoint>>::new();
    for row in rows(data, "daily/coingecko_daily.csv.gz") {
        let input = VelocityInput {
            volume_24h: decimal(&row["volume_24h_usd"]),
            market_cap: decimal(&row["market_cap_usd"]),
            fully_diluted_market_cap: None,
        };
        // The reference knows no minimum.
        let velocity = Velocity::of(&input, Decimal::ZERO);
        let point = VelocityPoint::new(at(day(&row["date"])), velocity.value);
        points.entry(row["id"].clone()).or_default().push(point);
    }
    for points in points.values_mut() {
        points.sort_by_key(VelocityPoint::at);
    }
    points
}

#[track_caller]
fn assert_same(ours: Option<f64>, reference: &Value, what: &str) {
    match ours {
        Some(ours) => assert_close(ours, reference, what),
        None => assert!(reference.is_null(), "{what}: unknown, but the reference is {reference}"),
    }
}

#[test]
fn velocities_equal_the_reference() {
    let Some(data) = data() else { return };
    let daily = daily(&data);
    let mut compared = 0;
    for case in reference(&data)["assets"].as_array().unwrap() {
        let text = |key: &str| case[key].as_str().unwrap();
        let (start, end) = (day(text("start")), day(text("end")));
        let inside = at(start)..=at(end);
        let points = daily[text("id")].iter().filter(|point| inside.contains(&point.at()));
        let points: Vec<VelocityPoint> = points.copied().collect();
        let value = |second: i64| points.iter().find(|point| point.at() == at(second))?.value();
        for (date, expected) in case["velocity"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, v)| v.is_object())
        {
            let name = format!("{} {date}", text("id"));
            let today = day(date);
            assert_same(value(today), &expected["velocity"], &name);
            let change = |days: i64| percent_change(value(today - days * DAY)?, value(today)?);
            assert_same(
                change(1),
                &expected["velocity_1d_change_pct"],
                &format!("{name} of a day"),
            );
            assert_same(
                change(7),
                &expected["velocity_7d_change_pct"],
                &format!("{name} of a week"),
            );
            // A row is that of the beginning of its day, so the week ends with the day.
            let now = at(today + DAY);
            let mut tracker = VelocityTracker::new(ONE_DAY, NonZeroUsize::new(1_000).unwrap());
            tracker.record_all(points.iter().copied(), now);
            let week = tracker.summary(Timeframe::D7, now);
            // Where a day is missing the reference has no mean, while ours says how much of the week it covers.
            let whole = (week.coverage > 1.0 - 1e-12).then_some(week.mean).flatten();
            assert_same(whole, &expected["velocity_7d_mean"], &format!("{name} mean of a week"));
            compared += 1;
        }
        let all = summarise(
            &points,
            SignedDuration::from_secs(end - start + DAY),
            at(end + DAY),
            ONE_DAY,
        );
        assert_same(all.mean, &case["velocity"]["window_mean"], text("id"));
        assert_eq!(
            all.points as u64,
            case["velocity"]["defined_days"].as_u64().unwrap(),
            "{}",
            text("id")
        );
    }
    assert!(compared >= 30, "only {compared} days");
}
