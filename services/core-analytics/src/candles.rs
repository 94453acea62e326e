//! From prices and provider history to the candles of every length.

use std::collections::{BTreeMap, BTreeSet};

use contracts::api::fetch::{HistoryBody, HistoryCandle};
use contracts::number::Number;
use domain::aggregate::DOLLAR_TOKENS;
use domain::candle::{Candle, ProviderCandle, Tick, from_ticks, roll_up};
use domain::interval::Interval;
use domain::ticker::Ticker;
use jiff::Timestamp;
use rust_decimal::Decimal;

/// Digits after the point that are stored.
const STORED_DIGITS: u32 = 18;
/// Prices from here on do not fit into what is stored.
const TOO_LARGE: Decimal = Decimal::from_parts(0x6310_0000, 0x6BC7_5E2D, 0x5, false, 0);

/// The price or amount as it is stored; `None` when it does not fit or nothing is left of it.
pub fn storable(value: Decimal) -> Option<Decimal> {
    let rounded = value.round_dp(STORED_DIGITS);
    (rounded > Decimal::ZERO && rounded < TOO_LARGE).then_some(rounded)
}

/// The candles of every length that these prices make, one for each asset, length and opening time.
pub fn candles_of_ticks(ticks: &[(Ticker, Tick)]) -> Vec<(Ticker, Candle)> {
    let mut by_ticker = BTreeMap::<&Ticker, Vec<&Tick>>::new();
    for (ticker, tick) in ticks {
        by_ticker.entry(ticker).or_default().push(tick);
    }
    let mut candles = Vec::new();
    for (ticker, ticks) in by_ticker {
        let [shortest, longer @ ..] = Interval::ALL;
        let mut parts = from_ticks(ticks, shortest);
        candles.extend(parts.iter().map(|candle| (ticker.clone(), *candle)));
        for interval in longer {
            parts = roll_up(&parts, interval);
            candles.extend(parts.iter().map(|candle| (ticker.clone(), *candle)));
        }
    }
    candles
}

/// A provider's history as candles of its own length and of every longer one, reported at `reported_at`. Candles that
/// contradict themselves are left out. Of the longer candles the first may be cut off by the start of the history, so
/// one that the history does not reach the start of is left out as well.
pub fn candles_of_history(
    ticker: &Ticker,
    interval: Interval,
    history: &[HistoryCandle],
    reported_at: Timestamp,
) -> Vec<(Ticker, Candle)> {
    let mut own = Vec::with_capacity(history.len());
    own.extend(history.iter().filter_map(|candle| {
        let candle = ProviderCandle {
            open_time: candle.t.0,
            open: storable(candle.o.0)?,
            high: storable(candle.h.0)?,
            low: storable(candle.l.0)?,
            close: storable(candle.c.0)?,
            volume: candle
                .v
                .map(|volume| volume.0.round_dp(STORED_DIGITS))
                .filter(|volume| *volume < TOO_LARGE),
        };
        Candle::from_provider(interval, &candle, reported_at)
    }));
    own.sort_by_key(|candle| candle.open_time);
    // A history that names a candle twice counts the later one.
    own.dedup_by(|later, kept| {
        let same = later.open_time == kept.open_time;
        if same {
            *kept = *later;
        }
        same
    });
    for candle in &mut own {
        // The volume of a candle that still runs is a part of it and would stay one.
        candle.volume = candle.volume.filter(|_| candle.is_closed(reported_at));
    }
    let start = own.first().map(|candle| candle.open_time);
    let known: BTreeSet<Timestamp> = own
        .iter()
        .filter(|candle| candle.volume.is_some())
        .map(|candle| candle.open_time)
        .collect();
    let longer: Vec<Candle> = Interval::ALL
        .into_iter()
        .filter(|longer| *longer > interval)
        .flat_map(|longer| roll_up(&own, longer))
        .map(|mut candle| {
            // A sum of some parts is no volume either.
            let parts = known.range(candle.open_time..candle.close_time()).count();
            let complete = candle.interval.seconds() / interval.seconds();
            candle.volume = candle.volume.filter(|_| i64::try_from(parts) == Ok(complete));
            candle
        })
        .filter(|candle| start.is_some_and(|start| start <= candle.open_time))
        .collect();
    own.into_iter()
        .chain(longer)
        .map(|candle| (ticker.clone(), candle))
        .collect()
}

/// Our own prices of a currency in USD: those at the opening and at the close of each candle.
pub type Rates = BTreeMap<Timestamp, (Decimal, Decimal)>;

/// The candles of an answer of `fetch`, in USD. Prices in another currency are converted by `rates`, opening prices
/// by the rate at the opening and all others by the one at the close. Where the rate of a dollar token is not known,
/// par is assumed and flagged; a candle in any other currency without a rate is left out.
pub fn candles_of_response(body: &HistoryBody, rates: &Rates, reported_at: Timestamp) -> Vec<(Ticker, Candle)> {
    let mut assumed = BTreeSet::new();
    let history: Vec<HistoryCandle> = match body.currency.as_str() {
        "USD" => body.candles.clone(),
        currency => body
            .candles
            .iter()
            .filter_map(|candle| match rates.get(&candle.t.0) {
                Some(rate) => convert(candle, *rate),
                None => DOLLAR_TOKENS.contains(&currency).then(|| {
                    assumed.insert(candle.t.0);
                    candle.clone()
                }),
            })
            .collect(),
    };
    let mut candles = candles_of_history(&body.ticker, body.interval, &history, reported_at);
    for (_, candle) in &mut candles {
        candle.source = Some(body.source);
        candle.quote_rate_assumed = assumed.range(candle.open_time..candle.close_time()).next().is_some();
    }
    candles
}

fn convert(candle: &HistoryCandle, (at_open, at_close): (Decimal, Decimal)) -> Option<HistoryCandle> {
    let (open, close) = (candle.o.0.checked_mul(at_open)?, candle.c.0.checked_mul(at_close)?);
    let (high, low) = (candle.h.0.checked_mul(at_close)?, candle.l.0.checked_mul(at_close)?);
    Some(HistoryCandle {
        o: Number(open),
        h: Number(high.max(open)),
        l: Number(low.min(open)),
        c: Number(close),
        ..candle.clone()
    })
}

#[cfg(test)]
mod tests {
    use contracts::time::Time;
    use domain::ticker::ProviderId;
    use uuid::Uuid;

    use super::*;

    fn ticker() -> Ticker {
        "BTC".parse().unwrap()
    }

    fn candle(at: &str, price: i64) -> HistoryCandle {
        let price = Number(Decimal::from(price));
        HistoryCandle {
            t: Time(at.parse().unwrap()),
            o: price,
            h: price,
            l: price,
            c: price,
            v: Some(Number(Decimal::ONE)),
            closed: true,
        }
    }

    #[test]
    fn price_that_does_not_fit_the_table_is_refused() {
        assert_eq!(TOO_LARGE.to_string(), "100000000000000000000");
        assert_eq!(storable("0.0000000000000000004".parse().unwrap()), None);
        assert_eq!(storable("100000000000000000000".parse().unwrap()), None);
        assert_eq!(storable(Decimal::ZERO), None);
        assert_eq!(storable("1.50".parse().unwrap()), Some(Decimal::new(15, 1)));
    }

    #[test]
    fn a_price_is_in_one_candle_of_every_length() {
        let tick = Tick {
            at: "2026-01-01T10:31:00Z".parse().unwrap(),
            id: Uuid::from_u128(1),
            published_at: "2026-01-01T10:31:00Z".parse().unwrap(),
            price: Decimal::ONE,
            volume: None,
        };
        let candles = candles_of_ticks(&[(ticker(), tick)]);
        let intervals: Vec<Interval> = candles.iter().map(|(_, candle)| candle.interval).collect();
        assert_eq!(intervals, Interval::ALL);
    }

    #[test]
    fn history_makes_longer_candles_from_where_it_begins() {
        let history = [
            candle("2026-01-01T10:55:00Z", 7),
            candle("2026-01-01T11:00:00Z", 5),
            candle("2026-01-01T11:05:00Z", 9),
        ];
        let reported_at = "2026-01-01T12:00:00Z".parse().unwrap();
        let candles = candles_of_history(&ticker(), Interval::M5, &history, reported_at);
        let hours: Vec<&Candle> = candles
            .iter()
            .map(|(_, candle)| candle)
            .filter(|candle| candle.interval == Interval::H1)
            .collect();
        assert_eq!(hours.len(), 1, "the hour of 10:00 lacks its beginning");
        assert_eq!(hours[0].open_time, "2026-01-01T11:00:00Z".parse().unwrap());
        assert_eq!(
            (hours[0].open.price, hours[0].close.price),
            (Decimal::from(5), Decimal::from(9))
        );
        assert_eq!(hours[0].volume, None, "two twelfths of an hour's volume");
        assert!(candles.iter().all(|(_, candle)| candle.n == 0 && candle.backfilled));
    }

    fn answer(currency: &str, candles: Vec<HistoryCandle>) -> HistoryBody {
        HistoryBody {
            ticker: ticker(),
            interval: Interval::M5,
            source: ProviderId::Binance,
            currency: currency.to_owned(),
            candles,
        }
    }

    #[test]
    fn volume_of_a_running_candle_is_unknown() {
        let history: Vec<HistoryCandle> = (0..12)
            .map(|i| candle(&format!("2026-01-01T11:{:02}:00Z", i * 5), 5))
            .collect();
        let volumes = |reported_at: &str| -> Vec<Option<Decimal>> {
            let candles = candles_of_history(&ticker(), Interval::M5, &history, reported_at.parse().unwrap());
            let pick = |interval| {
                candles
                    .iter()
                    .rfind(|(_, candle)| candle.interval == interval)
                    .unwrap()
                    .1
                    .volume
            };
            vec![pick(Interval::M5), pick(Interval::H1)]
        };
        assert_eq!(volumes("2026-01-01T11:59:59Z"), [None, None]);
        let twelve = Some(Decimal::from(12));
        assert_eq!(volumes("2026-01-02T00:00:00Z"), [Some(Decimal::ONE), twelve]);
    }

    #[test]
    fn dollar_token_is_converted_by_our_own_rate_or_flagged() {
        let history = vec![candle("2026-01-01T11:00:00Z", 100), candle("2026-01-01T11:05:00Z", 100)];
        let rate = |text: &str| text.parse::<Decimal>().unwrap();
        let rates = Rates::from([("2026-01-01T11:00:00Z".parse().unwrap(), (rate("0.99"), rate("0.986")))]);
        let reported_at = "2026-01-01T12:00:00Z".parse().unwrap();
        let candles = candles_of_response(&answer("USDT", history.clone()), &rates, reported_at);
        let short: Vec<&Candle> = candles
            .iter()
            .map(|(_, candle)| candle)
            .filter(|candle| candle.interval == Interval::M5)
            .collect();
        assert_eq!(
            (
                short[0].open.price,
                short[0].high,
                short[0].close.price,
                short[0].quote_rate_assumed
            ),
            (Decimal::from(99), Decimal::from(99), rate("98.6"), false)
        );
        assert_eq!(
            (short[1].close.price, short[1].quote_rate_assumed),
            (Decimal::from(100), true)
        );
        let longer = candles.iter().filter(|(_, candle)| candle.interval > Interval::M5);
        assert!(longer.into_iter().all(|(_, candle)| candle.quote_rate_assumed));
        assert!(
            candles
                .iter()
                .all(|(_, candle)| candle.source == Some(ProviderId::Binance))
        );

        // Whatever has USD in its name is no dollar: only what the price method takes at par is.
        for currency in ["EUR", "USDX", "BUSDX", "USDR"] {
            let candles = candles_of_response(&answer(currency, history.clone()), &Rates::new(), reported_at);
            assert_eq!(candles, [], "{currency}");
        }
        for currency in DOLLAR_TOKENS {
            let candles = candles_of_response(&answer(currency, history.clone()), &Rates::new(), reported_at);
            assert!(!candles.is_empty(), "{currency}");
        }
        let plain = candles_of_response(&answer("USD", history), &rates, reported_at);
        assert!(
            plain
                .iter()
                .all(|(_, candle)| candle.close.price == Decimal::from(100) && !candle.quote_rate_assumed)
        );
    }

    #[test]
    fn a_repeated_or_contradictory_candle_changes_nothing() {
        let mut upside_down = candle("2026-01-01T11:05:00Z", 5);
        upside_down.h = Number(Decimal::ONE);
        let one = candle("2026-01-01T11:00:00Z", 5);
        let history = [one.clone(), one.clone(), upside_down];
        let reported_at = "2026-01-01T12:00:00Z".parse().unwrap();
        let clean = candles_of_history(&ticker(), Interval::M5, &[one], reported_at);
        assert_eq!(
            candles_of_history(&ticker(), Interval::M5, &history, reported_at),
            clean
        );
    }

    #[test]
    fn history_in_any_order_is_ascending_and_its_later_word_counts() {
        let history = [
            candle("2026-01-01T11:05:00Z", 9),
            candle("2026-01-01T11:00:00Z", 5),
            candle("2026-01-01T11:05:00Z", 8),
        ];
        let reported_at = "2026-01-01T12:00:00Z".parse().unwrap();
        let candles = candles_of_history(&ticker(), Interval::M5, &history, reported_at);
        let closes = |interval| -> Vec<Decimal> {
            let own = candles.iter().filter(|(_, candle)| candle.interval == interval);
            own.map(|(_, candle)| candle.close.price).collect()
        };
        assert_eq!(closes(Interval::M5), [Decimal::from(5), Decimal::from(8)]);
        assert_eq!(closes(Interval::H1), [Decimal::from(8)]);
    }
}
