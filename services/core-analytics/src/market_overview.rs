//! The whole market in a few figures: pure.

use contracts::api::tokens::MarketOverview;
use contracts::number::{Float, Number};
use domain::velocity::EXTREME_VELOCITY;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::store::StoredToken;
use crate::token_list::{SortDirection, SortKey};
use crate::token_response::View;

/// Bitcoin's id.
const BITCOIN: i64 = 1;
/// How many tokens each ranking has.
const RANKED: usize = 10;
/// Tokens that trade less are in no ranking: a single order moves them by any percentage.
const MIN_RANKED_VOLUME_USD: Decimal = Decimal::from_parts(50_000, 0, 0, false, 0);

/// The overview of the tokens whose figures are not stale.
pub fn market_overview(tokens: &[StoredToken], view: &View<'_>) -> MarketOverview {
    let active: Vec<&StoredToken> = tokens.iter().filter(|stored| view.is_active(stored)).collect();
    let sum = |amount: fn(&StoredToken) -> Option<Decimal>| {
        let known = active.iter().filter_map(|stored| amount(stored));
        known.fold(None, |sum: Option<Decimal>, amount| {
            Some(sum.map_or(amount, |sum| sum.saturating_add(amount)))
        })
    };
    let total_market_cap = sum(|stored| stored.token.market_cap);
    let bitcoin = active.iter().find(|stored| stored.token.token_id == BITCOIN);
    let dominance = bitcoin
        .and_then(|stored| stored.token.market_cap?.to_f64())
        .zip(total_market_cap.and_then(|total| total.to_f64()))
        .and_then(|(cap, total)| Float::finite(100.0 * cap / total));
    let mut velocities: Vec<f64> = active
        .iter()
        .filter_map(|stored| stored.velocity)
        .filter(|velocity| *velocity <= EXTREME_VELOCITY)
        .collect();
    velocities.sort_unstable_by(f64::total_cmp);
    let ranked = |key: SortKey, direction, has_value: fn(&StoredToken) -> bool| {
        let mut tokens: Vec<&StoredToken> = active
            .iter()
            .copied()
            .filter(|stored| has_value(stored) && is_ranked(stored))
            .collect();
        tokens.sort_unstable_by(|a, b| key.compare(direction, a, b));
        tokens.into_iter().take(RANKED).map(|stored| view.row(stored)).collect()
    };
    MarketOverview {
        total_market_cap: total_market_cap.map(Number),
        total_volume_24h: sum(|stored| stored.token.volume_24h).map(Number),
        average_velocity: mean(&velocities).and_then(Float::finite),
        median_velocity: median(&velocities).and_then(Float::finite),
        active_tokens: active.len() as u64,
        btc_dominance: dominance,
        top_gainers: ranked(SortKey::PercentChange24h, SortDirection::Descending, |stored| {
            stored.token.percent_change_24h.is_some_and(|change| change > 0.0)
        }),
        top_losers: ranked(SortKey::PercentChange24h, SortDirection::Ascending, |stored| {
            stored.token.percent_change_24h.is_some_and(|change| change < 0.0)
        }),
        velocity_leaders: ranked(SortKey::Velocity, SortDirection::Descending, |stored| {
            stored.velocity.is_some_and(|velocity| velocity <= EXTREME_VELOCITY)
        }),
    }
}

fn is_ranked(stored: &StoredToken) -> bool {
    stored
        .token
        .volume_24h
        .is_some_and(|volume| volume >= MIN_RANKED_VOLUME_USD)
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Of ascending values.
fn median(values: &[f64]) -> Option<f64> {
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        count if count % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}
