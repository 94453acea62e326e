//! Statistics as docs/api.md writes them: an unknown is `null` and named in `undefined`.

use std::collections::BTreeMap;

use contracts::api::analytics::StatsBody;
use contracts::number::{Float, Price};
use domain::statistics::{DEFINITIONS_VERSION, Measured, StandardErrors, Stats, Undefined};
use rust_decimal::Decimal;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatsLabels {
    pub symbol: String,
    pub window: String,
    pub interval: String,
}

/// The prices that statistics pick out, as exact decimals; `None` where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PickedPrices {
    pub first: Option<Decimal>,
    pub last: Option<Decimal>,
    pub max: Option<Decimal>,
    pub min: Option<Decimal>,
}

impl PickedPrices {
    /// Picks from prices in order of time.
    pub fn of(prices: &[Decimal]) -> Self {
        Self {
            first: prices.first().copied(),
            last: prices.last().copied(),
            max: prices.iter().max().copied(),
            min: prices.iter().min().copied(),
        }
    }

    /// The shortest decimals that equal the binary numbers that the statistics hold.
    pub fn shortest(stats: &Stats) -> Self {
        let decimal = |value: Measured| {
            let decimal: Decimal = value.ok()?.to_string().parse().ok()?;
            (!decimal.is_zero()).then_some(decimal)
        };
        Self {
            first: decimal(stats.basics.first),
            last: decimal(stats.basics.last),
            max: decimal(stats.basics.max_price),
            min: decimal(stats.basics.min_price),
        }
    }
}

/// Collects reasons while values become optional.
#[derive(Default)]
struct Reasons(BTreeMap<String, String>);

impl Reasons {
    fn float(&mut self, name: &str, value: Measured) -> Option<Float> {
        value.map(Float).map_err(|reason| self.add(name, reason)).ok()
    }

    fn price(&mut self, name: &str, price: Option<Decimal>, value: Measured) -> Option<Price> {
        if price.is_none() {
            self.add(name, value.err().unwrap_or(Undefined::OutOfRange));
        }
        price.map(Price)
    }

    fn add(&mut self, name: &str, reason: Undefined) {
        self.0.insert(name.to_owned(), reason.to_string());
    }
}

/// The body of these statistics.
pub fn stats_response(labels: StatsLabels, stats: &Stats, prices: PickedPrices, periods_per_year: f64) -> StatsBody {
    let basics = &stats.basics;
    let mut reasons = Reasons::default();
    StatsBody {
        symbol: labels.symbol,
        window: labels.window,
        interval: labels.interval,
        n: basics.n as u64,
        coverage: reasons.float("coverage", stats.coverage),
        first: reasons.price("first", prices.first, basics.first),
        last: reasons.price("last", prices.last, basics.last),
        average_price: reasons.float("average_price", basics.average_price),
        max_price: reasons.price("max_price", prices.max, basics.max_price),
        min_price: reasons.price("min_price", prices.min, basics.min_price),
        change_percent: reasons.float("change_percent", basics.change_percent),
        volatility: reasons.float("volatility", basics.volatility),
        annualized_volatility: reasons.float("annualized_volatility", basics.annualized_volatility),
        max_drawdown: reasons.float("max_drawdown", basics.max_drawdown),
        current_drawdown: reasons.float("current_drawdown", basics.current_drawdown),
        sharpe_ratio: reasons.float("sharpe_ratio", basics.sharpe_ratio),
        sortino_ratio: reasons.float("sortino_ratio", stats.sortino_ratio),
        downside_risk: reasons.float("downside_risk", basics.downside_risk),
        annualized_downside_risk: reasons.float("annualized_downside_risk", stats.annualized_downside_risk),
        calmar_ratio: reasons.float("calmar_ratio", stats.calmar_ratio),
        var_95: reasons.float("var_95", stats.var_95),
        cvar_95: reasons.float("cvar_95", stats.cvar_95),
        skew: reasons.float("skew", stats.skew),
        kurtosis: reasons.float("kurtosis", stats.kurtosis),
        standard_errors: standard_errors(&stats.standard_errors),
        periods_per_year: Float(periods_per_year),
        definitions_version: DEFINITIONS_VERSION.to_owned(),
        undefined: reasons.0,
    }
}

fn standard_errors(errors: &StandardErrors) -> BTreeMap<String, Float> {
    let named = [
        ("mean_return", errors.mean_return),
        ("volatility", errors.volatility),
        ("annualized_volatility", errors.annualized_volatility),
        ("sharpe_ratio", errors.sharpe_ratio),
        ("skew", errors.skew),
        ("kurtosis", errors.kurtosis),
    ];
    named
        .into_iter()
        .filter_map(|(name, error)| Some((name.to_owned(), Float(error.ok()?))))
        .collect()
}

#[cfg(test)]
mod tests {
    use domain::statistics::{ReturnKind, Series, StatsOptions};

    use super::*;

    fn body(prices: &[f64]) -> serde_json::Value {
        let options = StatsOptions {
            step: 1,
            returns: ReturnKind::Simple,
            risk_free: 0.0,
            periods_per_year: 365.0,
            expected_points: None,
        };
        let stats = Stats::of(&Series::evenly_spaced(prices.to_vec()).unwrap(), &options);
        let labels = StatsLabels {
            symbol: "BTC".to_owned(),
            window: "30d".to_owned(),
            interval: "1d".to_owned(),
        };
        let body = stats_response(labels, &stats, PickedPrices::shortest(&stats), 365.0);
        serde_json::from_str(&serde_json::to_string(&body).unwrap()).unwrap()
    }

    #[test]
    fn every_null_is_named_and_every_name_is_null() {
        for prices in [
            &[][..],
            &[5.0],
            &[5.0, 5.0],
            &[1.0, 2.0, 3.0],
            &[3.0, 1.0, 2.0, 4.0, 0.5, 0.7],
        ] {
            let body = body(prices);
            let undefined = body["undefined"].as_object().unwrap();
            for (name, value) in body.as_object().unwrap() {
                assert_eq!(value.is_null(), undefined.contains_key(name), "{name} of {prices:?}");
            }
        }
        assert_eq!(body(&[5.0, 5.0, 5.0])["undefined"]["sharpe_ratio"], "zero_volatility");
    }

    #[test]
    fn a_price_beyond_decimals_is_unknown_and_not_zero() {
        let body = body(&[1e-40, 2e-40, 1e-40]);
        assert_eq!(body["undefined"]["first"], "out_of_range");
        assert_eq!(body["change_percent"], 0.0);
    }

    #[test]
    fn picked_prices_keep_their_digits() {
        let price = |text: &str| text.parse::<Decimal>().unwrap();
        let prices = [
            price("64123.123456789012345678"),
            price("64123.123456789012345679"),
            price("1"),
        ];
        let picked = PickedPrices::of(&prices);
        assert_eq!(picked.max, Some(prices[1]));
        assert_eq!(
            (picked.first, picked.last, picked.min),
            (Some(prices[0]), Some(prices[2]), Some(prices[2]))
        );
    }
}
