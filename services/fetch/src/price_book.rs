//! All that the providers last said, and the prices made of it. No I/O: time and news are arguments.
//!
//! One task owns this; it is fed by the polls of this process and, through Redis, by those of the others.

use std::collections::{BTreeMap, BTreeSet};

use domain::aggregate::{ClassifiedInput, Input, Memory, Outcome, Parameters, Reason, Verdict, aggregate};
use domain::quote::{Observation, Quote};
use domain::ticker::{ProviderId, Ticker};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use uuid::Uuid;

/// How far a provider is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceTrust {
    /// From 0 to 1.
    pub reliability: Decimal,
    /// Older prices take no part.
    pub max_age: SignedDuration,
}

/// The rules of the market.
#[derive(Debug, Clone)]
pub struct PricingRules {
    pub parameters: Parameters,
    /// How far each provider is trusted. Others are not used.
    pub trust: BTreeMap<ProviderId, SourceTrust>,
    /// Older rates are not used for conversion.
    pub rate_max_age: SignedDuration,
}

/// What is remembered of the last published price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    pub price_id: Uuid,
    pub price: Decimal,
    /// The moment it speaks of.
    pub as_of: Timestamp,
}

#[derive(Debug, Default)]
struct AssetBook {
    observations: BTreeMap<ProviderId, Observation>,
    memory: Memory,
    published: Option<Published>,
    /// False while Redis does not hold what was published last.
    announced: bool,
}

/// An outlier that was not one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOutlier {
    pub observation: Observation,
    /// Why it is flagged: `outlier` or `jump`.
    pub reason: &'static str,
    /// The price of the others, or the last one.
    pub reference: Option<Decimal>,
}

/// What came of pricing one asset.
#[derive(Debug, Clone)]
pub struct Priced {
    pub ticker: Ticker,
    /// The quote to publish, if there is one that is newer than what was published.
    pub publish: Option<Quote>,
    pub outcome: Outcome,
    pub new_outliers: Vec<NewOutlier>,
}

/// The books of all assets.
#[derive(Debug)]
pub struct PriceBook {
    rules: PricingRules,
    books: BTreeMap<Ticker, AssetBook>,
}

impl PriceBook {
    pub fn new(rules: PricingRules) -> Self {
        Self {
            rules,
            books: BTreeMap::new(),
        }
    }

    pub fn rules(&self) -> &PricingRules {
        &self.rules
    }

    /// Takes an observation unless a newer one of that provider is known.
    pub fn record(&mut self, observation: Observation) {
        let book = self.books.entry(observation.ticker.clone()).or_default();
        match book.observations.get(&observation.provider) {
            Some(known) if !observation.is_newer_than(known) => {}
            Some(_) | None => {
                book.observations.insert(observation.provider, observation);
            }
        }
    }

    /// Takes note of what was published, here or by another process.
    pub fn note_published(&mut self, ticker: &Ticker, published: Published) {
        let book = self.books.entry(ticker.clone()).or_default();
        if book
            .published
            .as_ref()
            .is_none_or(|known| published.as_of >= known.as_of)
        {
            book.memory.last = Some(published.price);
            book.published = Some(published);
            book.announced = true;
        }
    }

    /// Takes note that Redis holds no price of this asset: it was never written, or was lost. The next price is
    /// published even if nothing has changed.
    pub fn note_missing(&mut self, ticker: &Ticker) {
        if let Some(book) = self.books.get_mut(ticker) {
            book.announced = false;
        }
    }

    /// USD per unit of the currencies that the observations of these assets are quoted in.
    fn rates(&self, ticker: &Ticker, now: Timestamp) -> BTreeMap<Ticker, Decimal> {
        let Some(book) = self.books.get(ticker) else {
            return BTreeMap::new();
        };
        let currencies: BTreeSet<&Ticker> = book.observations.values().map(|o| &o.quote_currency).collect();
        currencies
            .into_iter()
            .filter(|currency| *currency != ticker)
            .filter_map(|currency| {
                let published = self.books.get(currency)?.published.as_ref()?;
                let fresh = now.duration_since(published.as_of) <= self.rules.rate_max_age;
                fresh.then(|| (currency.clone(), published.price))
            })
            .collect()
    }

    /// The currencies in which others' prices are quoted come first, so that a poll that brings both is converted
    /// by its own rate.
    fn in_order(&self, tickers: &BTreeSet<Ticker>) -> Vec<Ticker> {
        let currencies: BTreeSet<&Ticker> = self
            .books
            .values()
            .flat_map(|book| book.observations.values().map(|o| &o.quote_currency))
            .collect();
        let (first, rest): (Vec<_>, Vec<_>) = tickers.iter().cloned().partition(|t| currencies.contains(t));
        first.into_iter().chain(rest).collect()
    }

    /// Makes the prices of these assets of all that is known.
    pub fn price(&mut self, tickers: &BTreeSet<Ticker>, now: Timestamp) -> Vec<Priced> {
        self.in_order(tickers)
            .into_iter()
            .map(|ticker| self.price_one(ticker, now))
            .collect()
    }

    fn price_one(&mut self, ticker: Ticker, now: Timestamp) -> Priced {
        let rates = self.rates(&ticker, now);
        let rules = &self.rules;
        let book = self.books.entry(ticker.clone()).or_default();
        let inputs: Vec<Input> = book
            .observations
            .values()
            .filter_map(|observation| {
                let trust = rules.trust.get(&observation.provider)?;
                Some(Input {
                    observation: observation.clone(),
                    reliability: trust.reliability,
                    max_age: trust.max_age,
                })
            })
            .collect();
        let outcome = aggregate(&ticker, &inputs, &rates, &book.memory, &rules.parameters, now);
        let new_outliers = new_outliers(&book.memory, &outcome);
        book.memory = outcome.memory.clone();
        let publish = match &outcome.verdict {
            Verdict::Price(quote) => Some(quote.as_ref().clone()),
            Verdict::Unconfirmed { .. } | Verdict::NoInput => None,
        };
        let publish = publish.filter(|quote| {
            book.published.as_ref().is_none_or(|last| {
                let changed = quote.price_id != last.price_id || !book.announced;
                quote.as_of >= last.as_of && changed
            })
        });
        if let Some(quote) = &publish {
            book.published = Some(Published {
                price_id: quote.price_id,
                price: quote.price,
                as_of: quote.as_of,
            });
            book.announced = true;
        }
        Priced {
            ticker,
            publish,
            outcome,
            new_outliers,
        }
    }
}

fn new_outliers(before: &Memory, outcome: &Outcome) -> Vec<NewOutlier> {
    let reference = match &outcome.verdict {
        Verdict::Price(quote) => Some(quote.price),
        Verdict::Unconfirmed { .. } | Verdict::NoInput => before.last,
    };
    let flagged = |input: &ClassifiedInput, reason| NewOutlier {
        observation: input.observation.clone(),
        reason,
        reference,
    };
    let mut found: Vec<NewOutlier> = outcome
        .inputs
        .iter()
        .filter(|j| j.excluded == Some(Reason::Outlier) && !before.removed.contains(&j.observation.provider))
        .map(|j| flagged(j, "outlier"))
        .collect();
    if before.pending.is_none()
        && let Some(pending) = &outcome.memory.pending
    {
        let jumped = outcome
            .inputs
            .iter()
            .filter(|j| pending.seen.contains_key(&j.observation.provider));
        found.extend(jumped.map(|j| flagged(j, "jump")));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + seconds).unwrap()
    }

    fn observation(provider: ProviderId, ticker: &str, price: i64, currency: &str, seconds: i64) -> Observation {
        Observation {
            provider,
            symbol: ticker.to_owned(),
            ticker: ticker.parse().unwrap(),
            price: Decimal::from(price),
            quote_currency: currency.parse().unwrap(),
            bid: None,
            ask: None,
            volume_24h: None,
            market_cap: None,
            circulating_supply: None,
            total_supply: None,
            change_24h_percent: None,
            quoted_at: Some(at(seconds)),
            received_at: at(seconds),
            simulated: false,
        }
    }

    fn price_book() -> PriceBook {
        let trust = SourceTrust {
            reliability: Decimal::ONE,
            max_age: SignedDuration::from_secs(60),
        };
        PriceBook::new(PricingRules {
            parameters: Parameters::default(),
            trust: ProviderId::ALL.into_iter().map(|provider| (provider, trust)).collect(),
            rate_max_age: SignedDuration::from_secs(600),
        })
    }

    fn tickers(names: &[&str]) -> BTreeSet<Ticker> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn published(priced: &[Priced]) -> Vec<(String, Decimal)> {
        priced
            .iter()
            .filter_map(|p| Some((p.ticker.to_string(), p.publish.as_ref()?.price)))
            .collect()
    }

    #[test]
    fn the_quote_currency_is_priced_first_and_used() {
        let mut price_book = price_book();
        price_book.record(observation(ProviderId::Binance, "BTC", 100, "USDT", 0));
        price_book.record(observation(ProviderId::CoinGecko, "USDT", 2, "USD", 0));
        let priced = price_book.price(&tickers(&["BTC", "USDT"]), at(1));
        let two = Decimal::from(2);
        assert_eq!(
            published(&priced),
            [("USDT".to_owned(), two), ("BTC".to_owned(), Decimal::from(200))]
        );
    }

    #[test]
    fn an_older_word_changes_nothing_and_an_unchanged_market_publishes_nothing() {
        let mut price_book = price_book();
        price_book.record(observation(ProviderId::CoinGecko, "BTC", 100, "USD", 10));
        price_book.record(observation(ProviderId::CoinGecko, "BTC", 50, "USD", 5));
        let btc = tickers(&["BTC"]);
        assert_eq!(
            published(&price_book.price(&btc, at(11))),
            [("BTC".to_owned(), Decimal::from(100))]
        );
        assert_eq!(published(&price_book.price(&btc, at(12))), []);
        price_book.record(observation(ProviderId::CoinGecko, "BTC", 100, "USD", 13));
        assert_eq!(published(&price_book.price(&btc, at(14))).len(), 1);
    }

    #[test]
    fn a_price_that_was_lost_is_published_again() {
        let mut price_book = price_book();
        price_book.record(observation(ProviderId::CoinGecko, "BTC", 100, "USD", 10));
        let btc = tickers(&["BTC"]);
        assert_eq!(published(&price_book.price(&btc, at(11))).len(), 1);
        price_book.note_missing(&"BTC".parse().unwrap());
        assert_eq!(published(&price_book.price(&btc, at(12))).len(), 1);
        assert_eq!(published(&price_book.price(&btc, at(13))).len(), 0);
    }

    #[test]
    fn a_price_older_than_the_published_one_is_kept_back() {
        let mut price_book = price_book();
        let btc = "BTC".parse().unwrap();
        let newer = Published {
            price_id: Uuid::nil(),
            price: Decimal::from(99),
            as_of: at(20),
        };
        price_book.note_published(&btc, newer);
        price_book.record(observation(ProviderId::CoinGecko, "BTC", 100, "USD", 10));
        assert_eq!(published(&price_book.price(&tickers(&["BTC"]), at(21))), []);
    }

    #[test]
    fn an_outlier_is_reported_when_it_begins() {
        let mut price_book = price_book();
        for (provider, price) in ProviderId::ALL.into_iter().zip([130, 100, 100]) {
            price_book.record(observation(provider, "BTC", price, "USD", 0));
        }
        let btc = tickers(&["BTC"]);
        let first = price_book.price(&btc, at(1));
        assert_eq!(first[0].new_outliers.len(), 1);
        assert_eq!(first[0].new_outliers[0].reference, Some(Decimal::from(100)));
        price_book.record(observation(ProviderId::Binance, "BTC", 130, "USD", 2));
        assert!(price_book.price(&btc, at(3))[0].new_outliers.is_empty());
    }
}
