//! From a batch of quotes to what the index is queried with: one extreme price per asset and condition.
//!
//! A late price fires only what was armed when it was published, so late prices are evaluated one after the other, in
//! their order, and the fresh ones together after them.
//!
//! Pure: the batch and the time are arguments. Prices that are unfit to fire an alert are left out here and counted by
//! reason.

use std::collections::BTreeMap;
use std::sync::Arc;

use contracts::api::analytics::CandleBody;
use contracts::messages::QuoteMessage;
use domain::quote::Quality;
use domain::rule::{Condition, Extremes, QualityGate};
use domain::ticker::Ticker;
use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

/// A price that may fire alerts.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    pub price: Decimal,
    pub price_id: Uuid,
    /// How many providers stand behind it.
    pub n_sources: u32,
    /// Half-width of its confidence interval.
    pub confidence: Option<Decimal>,
    /// The time of the observations that it is made of.
    pub as_of: Timestamp,
    pub published_at: Timestamp,
    pub request_id: String,
    /// It waited in the stream for longer than it may be old. It still fires what was armed when it was published.
    pub is_late: bool,
}

/// The evaluations of one batch of quotes.
#[derive(Debug, Default, PartialEq)]
pub struct EvaluationBatch {
    /// Each is evaluated after the one before.
    pub evaluations: Vec<Evaluation>,
    /// When the newest evaluated price of each asset was published.
    pub newest: BTreeMap<Ticker, Timestamp>,
    /// How many messages were left out, by reason.
    pub refused: BTreeMap<String, u64>,
}

impl EvaluationBatch {
    /// Reads the JSON texts of a batch; what is unfit is left out and counted.
    pub fn of<'a>(payloads: impl IntoIterator<Item = &'a str>, gate: &QualityGate, now: Timestamp) -> Self {
        let mut batch = Self::default();
        let mut fresh = Evaluation::default();
        let mut late_of: BTreeMap<Ticker, usize> = BTreeMap::new();
        for payload in payloads {
            let admitted = admit(payload, gate, now);
            if let Ok((ticker, observed)) = &admitted {
                let newest = batch.newest.entry(ticker.clone()).or_insert(observed.published_at);
                *newest = observed.published_at.max(*newest);
            }
            match admitted {
                Ok((ticker, observed)) if observed.is_late => {
                    let turn = late_of.entry(ticker.clone()).or_default();
                    if *turn == batch.evaluations.len() {
                        batch.evaluations.push(Evaluation::default());
                    }
                    batch.evaluations[*turn].include(ticker, observed);
                    *turn += 1;
                }
                Ok((ticker, observed)) => fresh.include(ticker, observed),
                Err(reason) => *batch.refused.entry(reason).or_default() += 1,
            }
        }
        if !fresh.extremes.is_empty() {
            batch.evaluations.push(fresh);
        }
        batch
    }
}

/// Prices that are looked up together.
#[derive(Debug, Default, PartialEq)]
pub struct Evaluation {
    pub extremes: BTreeMap<Ticker, Extremes<Arc<Observed>>>,
}

impl Evaluation {
    /// The extremes of a one-minute candle, which fire what was armed before the minute began.
    pub fn of_candle(ticker: &Ticker, candle: &CandleBody) -> Self {
        let observed = |price| Observed {
            price,
            // An extreme of a candle is no published price.
            price_id: Uuid::nil(),
            n_sources: 1,
            confidence: None,
            as_of: candle.t.0,
            published_at: candle.t.0,
            request_id: Uuid::now_v7().to_string(),
            is_late: true,
        };
        let mut evaluation = Self::default();
        evaluation.include(ticker.clone(), observed(candle.h.0));
        evaluation.include(ticker.clone(), observed(candle.l.0));
        evaluation
    }

    fn include(&mut self, ticker: Ticker, observed: Observed) {
        let price = observed.price;
        let observed = Arc::new(observed);
        self.extremes
            .entry(ticker)
            .and_modify(|extremes| extremes.include(price, Arc::clone(&observed)))
            .or_insert_with(|| Extremes::of(price, observed));
    }

    /// The price that decides about a condition on an asset.
    pub fn deciding(&self, ticker: &Ticker, condition: Condition) -> Option<&Arc<Observed>> {
        self.extremes
            .get(ticker)
            .map(|extremes| extremes.for_condition(condition).1)
    }
}

fn admit(payload: &str, gate: &QualityGate, now: Timestamp) -> Result<(Ticker, Observed), String> {
    let quote: QuoteMessage = serde_json::from_str(payload).map_err(|_| "unreadable".to_owned())?;
    match quote.quality {
        Quality::Ok | Quality::Degraded => {}
        Quality::Stale => return Err("stale".to_owned()),
    }
    gate.admit(quote.price, quote.n_sources, quote.as_of, quote.published_at)
        .map_err(|unfit| unfit.to_string())?;
    let observed = Observed {
        price: quote.price,
        price_id: quote.price_id,
        n_sources: quote.n_sources,
        confidence: quote.confidence,
        as_of: quote.as_of,
        published_at: quote.published_at,
        // It is stored with every alert that the price fires, and PostgreSQL takes no such character.
        request_id: quote.request_id.replace('\0', "\u{fffd}"),
        is_late: now.duration_since(quote.published_at) > gate.max_age,
    };
    Ok((quote.ticker, observed))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn now() -> Timestamp {
        "2026-01-01T00:01:00Z".parse().unwrap()
    }

    fn quote(ticker: &str, price: &str, published_seconds_ago: i64, age_seconds: i64) -> QuoteMessage {
        let published_at = now() - SignedDuration::from_secs(published_seconds_ago);
        QuoteMessage {
            as_of: published_at - SignedDuration::from_secs(age_seconds),
            ..testkit::quote(ticker, price, published_at)
        }
    }

    fn evaluate(quotes: &[QuoteMessage]) -> EvaluationBatch {
        let payloads: Vec<String> = quotes
            .iter()
            .map(|quote| serde_json::to_string(quote).unwrap())
            .collect();
        EvaluationBatch::of(payloads.iter().map(String::as_str), &QualityGate::DEFAULT, now())
    }

    fn price(evaluation: &Evaluation, ticker: &str, condition: Condition) -> Option<String> {
        let observed = evaluation.deciding(&ticker.parse().unwrap(), condition)?;
        Some(observed.price.to_string())
    }

    #[test]
    fn each_asset_is_evaluated_at_its_own_extremes() {
        let batch = evaluate(&[
            quote("BTC", "100", 0, 1),
            quote("ETH", "7", 0, 1),
            quote("BTC", "130", 0, 1),
            quote("BTC", "90", 0, 1),
            quote("BTC", "101", 0, 1),
        ]);
        let [evaluation] = batch.evaluations.as_slice() else {
            panic!("{batch:?}")
        };
        assert_eq!(price(evaluation, "BTC", Condition::Gt).as_deref(), Some("130"));
        assert_eq!(price(evaluation, "BTC", Condition::Lt).as_deref(), Some("90"));
        assert_eq!(price(evaluation, "ETH", Condition::Gt).as_deref(), Some("7"));
        assert_eq!(price(evaluation, "SOL", Condition::Gt), None);
    }

    #[test]
    fn late_prices_are_evaluated_one_by_one_and_fresh_ones_last() {
        let batch = evaluate(&[
            quote("BTC", "110", 60, 1),
            quote("BTC", "95", 0, 1),
            quote("ETH", "7", 50, 1),
            quote("BTC", "105", 40, 1),
            quote("BTC", "96", 0, 1),
        ]);
        let asked: Vec<_> = batch
            .evaluations
            .iter()
            .map(|evaluation| {
                let highest = |ticker| price(evaluation, ticker, Condition::Gt);
                (highest("BTC").unwrap(), highest("ETH"))
            })
            .collect();
        let expected = [("110", Some("7")), ("105", None), ("96", None)];
        assert_eq!(
            asked,
            expected.map(|(btc, eth)| (btc.to_owned(), eth.map(str::to_owned)))
        );
    }

    #[test]
    fn unfit_quotes_are_left_out_with_their_reason() {
        let mut stale_by_name = quote("BTC", "500", 0, 1);
        stale_by_name.quality = Quality::Stale;
        let batch = evaluate(&[
            quote("BTC", "100", 0, 1),
            quote("BTC", "200", 0, 16),
            quote("BTC", "0", 0, 1),
            stale_by_name,
        ]);
        assert_eq!(batch.evaluations.len(), 1);
        assert_eq!(
            price(&batch.evaluations[0], "BTC", Condition::Gt).as_deref(),
            Some("100")
        );
        assert_eq!(
            batch.refused,
            [("not_positive".to_owned(), 1), ("stale".to_owned(), 2)].into()
        );
    }

    #[test]
    fn unreadable_message_spoils_only_itself() {
        let good = serde_json::to_string(&quote("BTC", "100", 0, 1)).unwrap();
        let batch = EvaluationBatch::of(["", "{}", "[1]", &good], &QualityGate::DEFAULT, now());
        assert_eq!(batch.evaluations.len(), 1);
        assert_eq!(batch.refused, [("unreadable".to_owned(), 3)].into());
    }

    #[test]
    fn late_price_counts_and_is_flagged() {
        let batch = evaluate(&[quote("BTC", "100", 60, 1), quote("ETH", "5", 15, 1)]);
        let is_late = |turn: usize, ticker: &str| {
            let evaluation: &Evaluation = &batch.evaluations[turn];
            evaluation
                .deciding(&ticker.parse().unwrap(), Condition::Gt)
                .unwrap()
                .is_late
        };
        assert!(is_late(0, "BTC"));
        assert!(!is_late(1, "ETH"));
    }
}
