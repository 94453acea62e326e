//! CoinGecko's history: points at steps that depend on the length asked for, never exactly on the clock, the last one
//! now.

use super::coingecko_common::{find, needed, refusal};
use super::figures::per_dollar;
use super::message::{Reply, Request};
use crate::assets::AssetId;
use crate::clock::{DAY, HOUR, MINUTE, Millis, SECOND, iso};
use crate::json::Json;
use crate::rng;
use crate::venue_view::VenueView;

/// How far back the public plan goes.
const MAX_DAYS: i64 = 365;

/// Answers `/coins/{coin}/{rest}`.
pub(super) fn answer(view: &VenueView<'_>, request: &Request<'_>, coin: &str, rest: &str) -> Result<Reply, Reply> {
    match rest {
        "market_chart" => {
            let (asset, rate) = subject(view, request, coin)?;
            let days = days(view, needed(request, "days")?)?;
            let to = view.at(asset);
            let daily = request.get("interval") == Some("daily");
            Ok(chart(view, asset, rate, to - (days * DAY as f64) as Millis, to, daily))
        }
        "market_chart/range" => {
            let (asset, rate) = subject(view, request, coin)?;
            let (from, to) = (seconds(request, "from")?, seconds(request, "to")?);
            if to < from {
                return Err(refusal(422, "Invalid from or to parameter"));
            }
            if from < view.now() - (MAX_DAYS + 1) * DAY {
                return Err(beyond_plan(view));
            }
            Ok(chart(view, asset, rate, from, to.min(view.at(asset)), false))
        }
        // The recorded answer to a missing parameter here is a 500.
        "ohlc" => match (request.get("vs_currency"), request.get("days")) {
            (Some(_), Some(days)) => {
                let (asset, rate) = subject(view, request, coin)?;
                ohlc(view, asset, rate, days)
            }
            _ => Err(Reply::error(
                500,
                Json::object([
                    ("status", Json::Int(500)),
                    ("error", Json::text("Internal Server Error")),
                ]),
            )),
        },
        _ => Err(refusal(
            404,
            "Incorrect path. Please check https://www.coingecko.com/api/",
        )),
    }
}

fn subject(view: &VenueView<'_>, request: &Request<'_>, coin: &str) -> Result<(AssetId, f64), Reply> {
    let asset = find(view, coin).ok_or_else(|| refusal(404, "coin not found"))?;
    let currency = needed(request, "vs_currency")?;
    let rate = per_dollar(view, currency).ok_or_else(|| refusal(422, "invalid vs_currency"))?;
    Ok((asset, rate))
}

fn days(view: &VenueView<'_>, text: &str) -> Result<f64, Reply> {
    if text == "max" {
        return Err(beyond_plan(view));
    }
    let days: f64 = text.parse().map_err(|_| refusal(422, "Invalid days parameter"))?;
    if !days.is_finite() || days <= 0.0 {
        return Err(refusal(422, "Invalid days parameter"));
    }
    if days > MAX_DAYS as f64 {
        Err(beyond_plan(view))
    } else {
        Ok(days)
    }
}

fn seconds(request: &Request<'_>, name: &str) -> Result<Millis, Reply> {
    let text = needed(request, name)?;
    let value: f64 = text
        .parse()
        .map_err(|_| refusal(422, &format!("Invalid {name} parameter")))?;
    if value.is_finite() {
        Ok((value * SECOND as f64) as Millis)
    } else {
        Err(refusal(422, &format!("Invalid {name} parameter")))
    }
}

fn beyond_plan(view: &VenueView<'_>) -> Reply {
    let message = "Your request exceeds the allowed time range. Public API users are limited to querying \
        historical data within the past 365 days. Upgrade to a paid plan to enjoy full historical data access: https://www.coingecko.com/en/api/pricing.";
    let status = Json::object([
        ("timestamp", Json::text(iso(view.now()))),
        ("error_code", Json::Int(10_012)),
        ("error_message", Json::text(message)),
    ]);
    Reply::error(401, Json::object([("error", Json::object([("status", status)]))]))
}

fn chart(view: &VenueView<'_>, asset: AssetId, rate: f64, from: Millis, to: Millis, daily: bool) -> Reply {
    let length = to - from;
    let (step, shift) = if daily || length > 90 * DAY {
        (DAY, 0)
    } else if length > DAY {
        (HOUR, 4 * MINUTE)
    } else {
        (5 * MINUTE, 20 * SECOND)
    };
    let key = rng::key(asset as u64, "chart");
    let mut times = Vec::new();
    let mut knot = from.div_euclid(step) * step;
    while knot <= to {
        let time = knot + (rng::uniform(key, knot / step) * shift as f64) as Millis;
        if time >= from && time < to {
            times.push(time);
        }
        knot += step;
    }
    times.push(to);
    let supply = view.supply(asset);
    let (mut prices, mut caps, mut volumes) = (Vec::new(), Vec::new(), Vec::new());
    for time in times {
        if time < view.begins(view.catalogue().get(asset)) {
            continue;
        }
        let Some(price) = view.price_at(asset, time) else {
            continue;
        };
        let point = |value: Json| Json::Array(vec![Json::Int(time), value]);
        let price = price * rate;
        prices.push(point(Json::Price {
            asset,
            spelling: format!("{price}"),
            quoted: false,
        }));
        caps.push(point(Json::optional(supply.map(|supply| supply * price), Json::float)));
        volumes.push(point(Json::optional(
            view.turnover(asset, time).map(|turnover| turnover * rate),
            Json::float,
        )));
    }
    Reply::ok(Json::object([
        ("prices", Json::Array(prices)),
        ("market_caps", Json::Array(caps)),
        ("total_volumes", Json::Array(volumes)),
    ]))
}

fn ohlc(view: &VenueView<'_>, asset: AssetId, rate: f64, days: &str) -> Result<Reply, Reply> {
    let (days, step) = match days {
        "1" => (1, 30 * MINUTE),
        "7" => (7, 4 * HOUR),
        "14" => (14, 4 * HOUR),
        "30" => (30, 4 * HOUR),
        "90" => (90, 4 * DAY),
        "180" => (180, 4 * DAY),
        "365" => (365, 4 * DAY),
        "max" => return Err(beyond_plan(view)),
        _ => return Err(refusal(422, "Invalid days parameter")),
    };
    let now = view.at(asset);
    let mut start = (now - days * DAY).div_euclid(step) * step;
    let mut rows = Vec::new();
    while start < now {
        // The time of a row is its close.
        let close = start + step;
        if let Some(candle) = view.candle(asset, start, close) {
            let money = |price: f64| Json::Price {
                asset,
                spelling: rounded(price * rate),
                quoted: false,
            };
            rows.push(Json::Array(vec![
                Json::Int(close),
                money(candle.open),
                money(candle.high),
                money(candle.low),
                money(candle.close),
            ]));
        }
        start = close;
    }
    Ok(Reply::ok(Json::Array(rows)))
}

/// At least one decimal, so that a whole price is still a float, as recorded.
fn rounded(price: f64) -> String {
    let decimals = if price >= 10.0 { 2 } else { 6 };
    let short = crate::json::shorten(&format!("{price:.decimals$}"));
    if short.contains('.') {
        short
    } else {
        format!("{short}.0")
    }
}
