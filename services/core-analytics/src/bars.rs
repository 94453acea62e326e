//! From prices and venue history to the bars of every length.

use std::collections::{BTreeMap, BTreeSet};

use contracts::api::fetch::{HistoryBody, HistoryCandle};
use contracts::number::Number;
use domain::aggregate::DOLLAR_TOKENS;
use domain::candle::{Candle, Tick, VenueBar, from_ticks, roll_up};
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

/// The bars of every length that these prices make, one for each asset, length and opening time.
pub fn bars_of(ticks: &[(Ticker, Tick)]) -> Vec<(Ticker, Candle)> {
    let mut by_ticker = BTreeMap::<&Ticker, Vec<&Tick>>::new();
    for (ticker, tick) in ticks {
        by_ticker.entry(ticker).or_default().push(tick);
    }
    let mut bars = Vec::new();
    for (ticker, ticks) in by_ticker {
        let [shortest, longer @ ..] = Interval::ALL;
        let mut parts = from_ticks(ticks, shortest);
        bars.extend(parts.iter().map(|bar| (ticker.clone(), *bar)));
        for interval in longer {
            parts = roll_up(&parts, interval);
            bars.extend(parts.iter().map(|bar| (ticker.clone(), *bar)));
        }
    }
    bars
}

/// A venue's history as bars of its own length and of every longer one, told at `told_at`. Bars that contradict
/// themselves are left out. Of the longer bars the first may be cut off by the start of the history, so one that the
/// history does not reach the start of is left out as well.
pub fn bars_of_history(
    ticker: &Ticker,
    interval: Interval,
    history: &[HistoryCandle],
    told_at: Timestamp,
) -> Vec<(Ticker, Candle)> {
    let mut own = Vec::with_capacity(history.len());
    own.extend(history.iter().filter_map(|bar| {
        let bar = VenueBar {
            open_time: bar.t.0,
            open: storable(bar.o.0)?,
            high: storable(bar.h.0)?,
            low: storable(bar.l.0)?,
            close: storable(bar.c.0)?,
            volume: bar
                .v
                .map(|volume| volume.0.round_dp(STORED_DIGITS))
                .filter(|volume| *volume < TOO_LARGE),
        };
        Candle::of_venue(interval, &bar, told_at)
    }));
    own.sort_by_key(|bar| bar.open_time);
    // A history that names a bar twice counts the later one.
    own.dedup_by(|later, kept| {
        let same = later.open_time == kept.open_time;
        if same {
            *kept = *later;
        }
        same
    });
    for bar in &mut own {
        // The volume of a candle that still runs is a part of it and would stay one.
        bar.volume = bar.volume.filter(|_| bar.is_closed(told_at));
    }
    let start = own.first().map(|bar| bar.open_time);
    let known: BTreeSet<Timestamp> = own
        .iter()
        .filter(|bar| bar.volume.is_some())
        .map(|bar| bar.open_time)
        .collect();
    let longer: Vec<Candle> = Interval::ALL
        .into_iter()
        .filter(|longer| *longer > interval)
        .flat_map(|longer| roll_up(&own, longer))
        .map(|mut bar| {
            // A sum of some parts is no volume either.
            let parts = known.range(bar.open_time..bar.close_time()).count();
            let complete = bar.interval.seconds() / interval.seconds();
            bar.volume = bar.volume.filter(|_| i64::try_from(parts) == Ok(complete));
            bar
        })
        .filter(|bar| start.is_some_and(|start| start <= bar.open_time))
        .collect();
    own.into_iter().chain(longer).map(|bar| (ticker.clone(), bar)).collect()
}

/// Our own prices of a currency in USD: those at the opening and at the close of each candle.
pub type Rates = BTreeMap<Timestamp, (Decimal, Decimal)>;

/// The candles of an answer of `fetch`, in USD. Prices in another currency are converted by `rates`, opening prices
/// by the rate at the opening and all others by the one at the close. Where the rate of a dollar token is not known,
/// par is assumed and flagged; a candle in any other currency without a rate is left out.
pub fn candles_of_answer(body: &HistoryBody, rates: &Rates, told_at: Timestamp) -> Vec<(Ticker, Candle)> {
    let mut assumed = BTreeSet::new();
    let history: Vec<HistoryCandle> = match body.currency.as_str() {
        "USD" => body.candles.clone(),
        currency => body
            .candles
            .iter()
            .filter_map(|bar| match rates.get(&bar.t.0) {
                Some(rate) => convert(bar, *rate),
                None => DOLLAR_TOKENS.contains(&currency).then(|| {
                    assumed.insert(bar.t.0);
                    bar.clone()
                }),
            })
            .collect(),
    };
    let mut candles = bars_of_history(&body.ticker, body.interval, &history, told_at);
    for (_, candle) in &mut candles {
        candle.source = Some(body.source);
        candle.quote_rate_assumed = assumed.range(candle.open_time..candle.close_time()).next().is_some();
    }
    candles
}

fn convert(bar: &HistoryCandle, (at_open, at_close): (Decimal, Decimal)) -> Option<HistoryCandle> {
    let (open, close) = (bar.o.0.checked_mul(at_open)?, bar.c.0.checked_mul(at_close)?);
    let (high, low) = (bar.h.0.checked_mul(at_close)?, bar.l.0.checked_mul(at_close)?);
    Some(HistoryCandle {
        o: Number(open),
        h: Number(high.max(open)),
        l: Number(low.min(open)),
        c: Number(close),
        ..bar.clone()
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

    fn bar(at: &str, price: i64) -> HistoryCandle {
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
    fn what_does_not_fit_the_table_is_refused() {
        assert_eq!(TOO_LARGE.to_string(), "100000000000000000000");
        assert_eq!(storable("0.0000000000000000004".parse().unwrap()), None);
        assert_eq!(storable("100000000000000000000".parse().unwrap()), None);
        assert_eq!(storable(Decimal::ZERO), None);
        assert_eq!(storable("1.50".parse().unwrap()), Some(Decimal::new(15, 1)));
    }

    #[test]
    fn a_price_is_in_one_bar_of_every_length() {
        let tick = Tick {
            at: "2026-01-01T10:31:00Z".parse().unwrap(),
            id: Uuid::from_u128(1),
            published_at: "2026-01-01T10:31:00Z".parse().unwrap(),
            price: Decimal::ONE,
            volume: None,
        };
        let bars = bars_of(&[(ticker(), tick)]);
        let intervals: Vec<Interval> = bars.iter().map(|(_, bar)| bar.interval).collect();
        assert_eq!(intervals, Interval::ALL);
    }

    #[test]
    fn history_makes_longer_bars_from_where_it_begins() {
        let history = [
            bar("2026-01-01T10:55:00Z", 7),
            bar("2026-01-01T11:00:00Z", 5),
            bar("2026-01-01T11:05:00Z", 9),
        ];
        let told_at = "2026-01-01T12:00:00Z".parse().unwrap();
        let bars = bars_of_history(&ticker(), Interval::M5, &history, told_at);
        let hours: Vec<&Candle> = bars
            .iter()
            .map(|(_, bar)| bar)
            .filter(|bar| bar.interval == Interval::H1)
            .collect();
        assert_eq!(hours.len(), 1, "the hour of 10:00 lacks its beginning");
        assert_eq!(hours[0].open_time, "2026-01-01T11:00:00Z".parse().unwrap());
        assert_eq!(
            (hours[0].open.price, hours[0].close.price),
            (Decimal::from(5), Decimal::from(9))
        );
        assert_eq!(hours[0].volume, None, "two twelfths of an hour's volume");
        assert!(bars.iter().all(|(_, bar)| bar.n == 0 && bar.backfilled));
    }

    fn answer(currency: &str, bars: Vec<HistoryCandle>) -> HistoryBody {
        HistoryBody {
            ticker: ticker(),
            interval: Interval::M5,
            source: ProviderId::Binance,
            currency: currency.to_owned(),
            candles: bars,
        }
    }

    #[test]
    fn volume_of_a_running_candle_is_unknown() {
        let history: Vec<HistoryCandle> = (0..12)
            .map(|i| bar(&format!("2026-01-01T11:{:02}:00Z", i * 5), 5))
            .collect();
        let volumes = |told_at: &str| -> Vec<Option<Decimal>> {
            let candles = bars_of_history(&ticker(), Interval::M5, &history, told_at.parse().unwrap());
            let pick = |interval| {
                candles
                    .iter()
                    .rfind(|(_, bar)| bar.interval == interval)
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
        let bars = vec![bar("2026-01-01T11:00:00Z", 100), bar("2026-01-01T11:05:00Z", 100)];
        let rate = |text: &str| text.parse::<Decimal>().unwrap();
        let rates = Rates::from([("2026-01-01T11:00:00Z".parse().unwrap(), (rate("0.99"), rate("0.986")))]);
        let told_at = "2026-01-01T12:00:00Z".parse().unwrap();
        let candles = candles_of_answer(&answer("USDT", bars.clone()), &rates, told_at);
        let short: Vec<&Candle> = candles
            .iter()
            .map(|(_, bar)| bar)
            .filter(|bar| bar.interval == Interval::M5)
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
        let longer = candles.iter().filter(|(_, bar)| bar.interval > Interval::M5);
        assert!(longer.into_iter().all(|(_, bar)| bar.quote_rate_assumed));
        assert!(candles.iter().all(|(_, bar)| bar.source == Some(ProviderId::Binance)));

        // Whatever has USD in its name is no dollar: only what the price method takes at par is.
        for currency in ["EUR", "USDX", "BUSDX", "USDR"] {
            let candles = candles_of_answer(&answer(currency, bars.clone()), &Rates::new(), told_at);
            assert_eq!(candles, [], "{currency}");
        }
        for currency in DOLLAR_TOKENS {
            let candles = candles_of_answer(&answer(currency, bars.clone()), &Rates::new(), told_at);
            assert!(!candles.is_empty(), "{currency}");
        }
        let plain = candles_of_answer(&answer("USD", bars), &rates, told_at);
        assert!(
            plain
                .iter()
                .all(|(_, bar)| bar.close.price == Decimal::from(100) && !bar.quote_rate_assumed)
        );
    }

    #[test]
    fn a_repeated_or_contradictory_bar_changes_nothing() {
        let mut upside_down = bar("2026-01-01T11:05:00Z", 5);
        upside_down.h = Number(Decimal::ONE);
        let one = bar("2026-01-01T11:00:00Z", 5);
        let history = [one.clone(), one.clone(), upside_down];
        let told_at = "2026-01-01T12:00:00Z".parse().unwrap();
        let clean = bars_of_history(&ticker(), Interval::M5, &[one], told_at);
        assert_eq!(bars_of_history(&ticker(), Interval::M5, &history, told_at), clean);
    }

    #[test]
    fn history_in_any_order_is_ascending_and_its_later_word_counts() {
        let history = [
            bar("2026-01-01T11:05:00Z", 9),
            bar("2026-01-01T11:00:00Z", 5),
            bar("2026-01-01T11:05:00Z", 8),
        ];
        let told_at = "2026-01-01T12:00:00Z".parse().unwrap();
        let bars = bars_of_history(&ticker(), Interval::M5, &history, told_at);
        let closes = |interval| -> Vec<Decimal> {
            let own = bars.iter().filter(|(_, bar)| bar.interval == interval);
            own.map(|(_, bar)| bar.close.price).collect()
        };
        assert_eq!(closes(Interval::M5), [Decimal::from(5), Decimal::from(8)]);
        assert_eq!(closes(Interval::H1), [Decimal::from(8)]);
    }
}
