//! Candles, built from ticks in any order.
//!
//! A candle keeps, besides its prices, the moment and the id of its first and last price. With them two candles of
//! the same time can be merged in any order with the same result, so late and redelivered batches need no special
//! case. A period without a price has no candle; whether a candle is closed is a question to the clock, not a state.

use jiff::{Timestamp, ToSpan};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::interval::Interval;
use crate::ticker::ProviderId;

/// One price, as candles see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// The moment the price speaks of.
    pub at: Timestamp,
    /// Its id; a price is counted once.
    pub id: Uuid,
    /// When it was published, which orders prices of the same moment.
    pub published_at: Timestamp,
    /// The price.
    pub price: Decimal,
    /// The traded amount, where the price is that of a trade.
    pub volume: Option<Decimal>,
}

/// The first or the last price of a candle. Ordered by time, then by order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// The moment of the price.
    pub at: Timestamp,
    /// Orders prices of the same moment: by the time of their publication, then by their id. Nil for a provider's
    /// history.
    pub id: Uuid,
    /// The price.
    pub price: Decimal,
}

/// The prices of one asset over one period, aligned to the unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candle {
    /// The length of the period.
    pub interval: Interval,
    /// When the period begins.
    pub open_time: Timestamp,
    /// The earliest price.
    pub open: Edge,
    /// The highest price.
    pub high: Decimal,
    /// The lowest price.
    pub low: Decimal,
    /// The latest price.
    pub close: Edge,
    /// The traded amount, where it is known.
    pub volume: Option<Decimal>,
    /// How many of our own prices are in it.
    pub n: u64,
    /// Whether a provider's history is in it.
    pub backfilled: bool,
    /// The provider whose history is in it; of two the better one.
    pub source: Option<ProviderId>,
    /// Whether a price in a dollar token was taken at par for want of a rate.
    pub quote_rate_assumed: bool,
}

/// How good a history is: an exchange's candles are made of its trades, an aggregator's of points. 0 without any.
pub fn source_rank(source: Option<ProviderId>) -> i16 {
    match source {
        None => 0,
        Some(provider) if provider.is_exchange() => 2,
        Some(_) => 1,
    }
}

/// A candle as a provider's history reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProviderCandle {
    /// When the period begins.
    pub open_time: Timestamp,
    /// First price.
    pub open: Decimal,
    /// Highest price.
    pub high: Decimal,
    /// Lowest price.
    pub low: Decimal,
    /// Last price.
    pub close: Decimal,
    /// Traded amount.
    pub volume: Option<Decimal>,
}

impl Candle {
    /// The candle that holds one price.
    pub fn of_tick(interval: Interval, tick: &Tick) -> Self {
        let edge = Edge {
            at: tick.at,
            id: publication_order(tick),
            price: tick.price,
        };
        Self {
            interval,
            open_time: interval.open_time(tick.at),
            open: edge,
            high: tick.price,
            low: tick.price,
            close: edge,
            volume: tick.volume,
            n: 1,
            backfilled: false,
            source: None,
            quote_rate_assumed: false,
        }
    }

    /// A provider's candle as it was reported at `reported_at`.
    ///
    /// Its first price stands at the opening time and its last one at the end of the period, or at `reported_at` while
    /// the period runs; so our own prices before it cannot be the first, and later ones are the last. `None` when the
    /// candle's prices contradict one another or its opening time is not aligned.
    pub fn from_provider(interval: Interval, candle: &ProviderCandle, reported_at: Timestamp) -> Option<Self> {
        let ordered = Decimal::ZERO < candle.low
            && candle.low <= candle.open.min(candle.close)
            && candle.open.max(candle.close) <= candle.high
            && candle.volume.is_none_or(|volume| volume >= Decimal::ZERO);
        if !ordered || interval.open_time(candle.open_time) != candle.open_time {
            return None;
        }
        let end = end_of(interval, candle.open_time);
        let last_instant = end.checked_sub(1.microsecond()).unwrap_or(end);
        Some(Self {
            interval,
            open_time: candle.open_time,
            open: Edge {
                at: candle.open_time,
                id: Uuid::nil(),
                price: candle.open,
            },
            high: candle.high,
            low: candle.low,
            close: Edge {
                at: last_instant.min(reported_at).max(candle.open_time),
                id: Uuid::nil(),
                price: candle.close,
            },
            volume: candle.volume,
            n: 0,
            backfilled: true,
            source: None,
            quote_rate_assumed: false,
        })
    }

    /// When the period ends.
    pub fn close_time(&self) -> Timestamp {
        end_of(self.interval, self.open_time)
    }

    /// Whether the period is over at `now`. A late price can still change a closed candle.
    pub fn is_closed(&self, now: Timestamp) -> bool {
        now >= self.close_time()
    }

    /// The candle of both sets of prices together. Both must be of the same period and have no price in common.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        debug_assert_eq!((self.interval, self.open_time), (other.interval, other.open_time));
        Self {
            interval: self.interval,
            open_time: self.open_time,
            open: self.open.min(other.open),
            high: self.high.max(other.high),
            low: self.low.min(other.low),
            close: self.close.max(other.close),
            volume: match (self.volume, other.volume) {
                (Some(a), Some(b)) => Some(a + b),
                (a, b) => a.or(b),
            },
            n: self.n + other.n,
            backfilled: self.backfilled || other.backfilled,
            source: if source_rank(other.source) > source_rank(self.source) {
                other.source
            } else {
                self.source
            },
            quote_rate_assumed: self.quote_rate_assumed || other.quote_rate_assumed,
        }
    }

    /// This candle as a part of the longer candle that holds it.
    #[must_use]
    pub fn widened(&self, interval: Interval) -> Self {
        Self {
            interval,
            open_time: interval.open_time(self.open_time),
            ..*self
        }
    }
}

/// The candles of `interval` that hold `parts`, which are shorter or equally long, ascending by opening time.
pub fn roll_up<'a>(parts: impl IntoIterator<Item = &'a Candle>, interval: Interval) -> Vec<Candle> {
    let mut candles = std::collections::BTreeMap::<Timestamp, Candle>::new();
    for part in parts {
        let part = part.widened(interval);
        candles
            .entry(part.open_time)
            .and_modify(|candle| *candle = candle.merge(&part))
            .or_insert(part);
    }
    candles.into_values().collect()
}

/// The candles of `interval` that `ticks`, in any order, make; ascending by opening time.
pub fn from_ticks<'a>(ticks: impl IntoIterator<Item = &'a Tick>, interval: Interval) -> Vec<Candle> {
    let parts: Vec<Candle> = ticks.into_iter().map(|tick| Candle::of_tick(interval, tick)).collect();
    roll_up(&parts, interval)
}

/// Bits of a UUID v7 between its time and its last 48 bits, version and variant apart.
const DELAY_BITS: u32 = 26;

/// A UUID v7 of the price's moment that ascends with the time of publication, and ends like the price's own id.
///
/// A price's own id ends with a hash, which would make the close of a candle a matter of chance.
fn publication_order(tick: &Tick) -> Uuid {
    const LONGEST: i64 = (1 << DELAY_BITS) - 1;
    let moment = tick.at.as_millisecond();
    let delay = tick
        .published_at
        .as_millisecond()
        .saturating_sub(moment)
        .clamp(0, LONGEST) as u128;
    let moment = u128::from(u64::try_from(moment).unwrap_or(0)) << 80;
    let (high, low) = (delay >> 14, delay & 0x3fff);
    let end = tick.id.as_u128() & 0xffff_ffff_ffff;
    Uuid::from_u128(moment | 0x7 << 76 | high << 64 | 0b10 << 62 | low << 48 | end)
}

fn end_of(interval: Interval, open_time: Timestamp) -> Timestamp {
    Timestamp::from_second(open_time.as_second() + interval.seconds()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn tick(at: Timestamp, id: u128, price: i64) -> Tick {
        Tick {
            at,
            id: Uuid::from_u128(id),
            published_at: at,
            price: Decimal::new(price, 2),
            volume: Some(Decimal::ONE),
        }
    }

    fn provider_candle(open_time: Timestamp) -> ProviderCandle {
        ProviderCandle {
            open_time,
            open: Decimal::from(10),
            high: Decimal::from(12),
            low: Decimal::from(9),
            close: Decimal::from(11),
            volume: None,
        }
    }

    #[test]
    fn the_last_of_two_prices_of_one_moment_was_published_later() {
        let moment = at("2026-01-01T00:00:10Z");
        let published = |millisecond, id, price| Tick {
            published_at: moment + SignedDuration::from_millis(millisecond),
            ..tick(moment, id, price)
        };
        for (first_id, second_id) in [(1, 2), (2, 1), (u128::MAX, 0)] {
            let ticks = [published(7_001, second_id, 200), published(7_000, first_id, 100)];
            let candles = from_ticks(&ticks, Interval::M1);
            assert_eq!(
                (candles[0].open.price, candles[0].close.price),
                (Decimal::new(100, 2), Decimal::new(200, 2))
            );
        }
        // A delay longer than fits is the longest, one below zero is none.
        let far = [published(200_000_000, 1, 300), published(-5, 2, 200)];
        assert_eq!(from_ticks(&far, Interval::M1)[0].close.price, Decimal::new(300, 2));
    }

    #[test]
    fn a_price_of_our_own_is_later_than_a_history_of_the_same_moment() {
        let open_time = at("2026-01-01T10:00:00Z");
        let provider =
            Candle::from_provider(Interval::H1, &provider_candle(open_time), at("2026-01-01T10:20:00Z")).unwrap();
        let own = Candle::of_tick(Interval::H1, &tick(at("2026-01-01T10:20:00Z"), 0, 1150));
        assert_eq!(provider.merge(&own).close.price, Decimal::new(1150, 2));
    }

    #[test]
    fn the_first_of_two_prices_published_together_has_the_smaller_id() {
        let moment = at("2026-01-01T00:00:10Z");
        let candles = from_ticks(&[tick(moment, 2, 200), tick(moment, 1, 100)], Interval::M1);
        assert_eq!(candles.len(), 1);
        assert_eq!(
            (candles[0].open.price, candles[0].close.price),
            (Decimal::new(100, 2), Decimal::new(200, 2))
        );
    }

    #[test]
    fn a_candle_closes_when_its_time_is_over() {
        let candle = Candle::of_tick(Interval::M5, &tick(at("2026-01-01T00:04:59Z"), 1, 100));
        assert!(!candle.is_closed(at("2026-01-01T00:04:59.999Z")));
        assert!(candle.is_closed(at("2026-01-01T00:05:00Z")));
    }

    #[test]
    fn an_open_provider_candle_is_continued_by_our_own_prices() {
        let open_time = at("2026-01-01T10:00:00Z");
        let reported_at = at("2026-01-01T10:20:00Z");
        let provider = Candle::from_provider(Interval::H1, &provider_candle(open_time), reported_at).unwrap();
        let own = Candle::of_tick(Interval::H1, &tick(at("2026-01-01T10:20:01Z"), 1, 1150));
        for merged in [provider.merge(&own), own.merge(&provider)] {
            assert_eq!(merged.open.price, Decimal::from(10));
            assert_eq!(merged.close.price, Decimal::new(1150, 2));
            assert_eq!((merged.n, merged.backfilled), (1, true));
        }
    }

    #[test]
    fn a_contradictory_provider_candle_is_refused() {
        let open_time = at("2026-01-01T10:00:00Z");
        let good = provider_candle(open_time);
        let spoiled = [
            ProviderCandle {
                high: Decimal::from(8),
                ..good
            },
            ProviderCandle {
                low: Decimal::from(11),
                ..good
            },
            ProviderCandle {
                low: Decimal::ZERO,
                ..good
            },
            ProviderCandle {
                volume: Some(Decimal::NEGATIVE_ONE),
                ..good
            },
            ProviderCandle {
                open_time: at("2026-01-01T10:30:00Z"),
                ..good
            },
        ];
        assert!(Candle::from_provider(Interval::H1, &good, open_time).is_some());
        for candle in spoiled {
            assert_eq!(
                Candle::from_provider(Interval::H1, &candle, open_time),
                None,
                "{candle:?}"
            );
        }
    }

    fn ticks() -> impl Strategy<Value = Vec<Tick>> {
        prop::collection::vec((0..20_000_000_i64, 1..5_000_i64), 1..120).prop_map(|raw| {
            let start = at("2026-01-01T00:00:00Z").as_millisecond();
            (1..)
                .zip(raw)
                .map(|(id, (millisecond, price))| {
                    tick(Timestamp::from_millisecond(start + millisecond).unwrap(), id, price)
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn any_order_of_ticks_gives_the_same_candles(
            (ticks, shuffled) in ticks().prop_flat_map(|t| (Just(t.clone()), Just(t).prop_shuffle())),
        ) {
            for interval in [Interval::M1, Interval::M15, Interval::H4] {
                prop_assert_eq!(from_ticks(&ticks, interval), from_ticks(&shuffled, interval));
            }
        }

        #[test]
        fn candles_hold_every_tick_once_and_bound_every_price(ticks in ticks()) {
            let candles = from_ticks(&ticks, Interval::M5);
            prop_assert_eq!(candles.iter().map(|candle| candle.n).sum::<u64>(), ticks.len() as u64);
            prop_assert!(candles.windows(2).all(|pair| pair[0].open_time < pair[1].open_time));
            for tick in &ticks {
                let candle = candles.iter().find(|candle| candle.open_time == Interval::M5.open_time(tick.at)).unwrap();
                prop_assert!(candle.low <= tick.price && tick.price <= candle.high);
                prop_assert!(candle.open.at <= tick.at && tick.at <= candle.close.at);
            }
        }

        #[test]
        fn rolling_up_candles_equals_building_from_ticks(ticks in ticks()) {
            let mut shorter = from_ticks(&ticks, Interval::M1);
            for interval in &Interval::ALL[1..] {
                shorter = roll_up(&shorter, *interval);
                prop_assert_eq!(&shorter, &from_ticks(&ticks, *interval));
            }
        }

        #[test]
        fn merging_batches_equals_one_batch(ticks in ticks(), cut in 0..120_usize) {
            let (first, second) = ticks.split_at(cut.min(ticks.len()));
            let batches = [second, first].into_iter();
            let parts: Vec<Candle> = batches.flat_map(|batch| from_ticks(batch, Interval::H1)).collect();
            prop_assert_eq!(roll_up(&parts, Interval::H1), from_ticks(&ticks, Interval::H1));
        }
    }
}
