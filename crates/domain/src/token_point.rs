//! What is known of a token in one stretch of time, and how short stretches add up to long ones.
//!
//! A listing is kept at a grid of 5 minutes: of several polls in one cell the newest counts. Everything longer is made
//! of whole shorter cells by roll-ups, so that points in any order, and repeated ones, give one history.

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::ticker::ProviderId;
use crate::velocity::VelocityMethod;
use crate::vwap::vwap;

/// The history of a token in one cell. Amounts are in dollars; an unknown is `None`, never 0.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenPoint {
    /// Where the cell begins.
    pub open_time: Timestamp,
    /// The moment that the newest figures speak of.
    pub as_of: Timestamp,
    /// When they arrived.
    pub received_at: Timestamp,
    /// Newest known price.
    pub price: Option<Decimal>,
    /// Newest known market capitalisation.
    pub market_cap: Option<Decimal>,
    /// Newest known fully diluted capitalisation.
    pub fully_diluted_market_cap: Option<Decimal>,
    /// Newest known volume of 24 hours.
    pub volume_24h: Option<Decimal>,
    /// Newest known circulating supply, in units of the token.
    pub circulating_supply: Option<Decimal>,
    /// Mean velocity of the cell.
    pub velocity: Option<f64>,
    /// How the newest velocity was formed.
    pub velocity_method: VelocityMethod,
    /// Mean price of the cell, each part of it weighted by its `volume_24h`.
    pub vwap: Option<Decimal>,
    /// Mean data quality score, 0 to 1.
    pub quality: Option<f64>,
    /// How many cells of 5 minutes are in it.
    pub n: u32,
    /// The provider of the newest figures.
    pub provider: ProviderId,
    /// Whether another provider was the first choice for them.
    pub is_fallback: bool,
    /// Whether anything in it was imported or filled in later.
    pub backfilled: bool,
}

impl TokenPoint {
    /// The cell that begins at `open_time` and consists of `parts`: cells of one length, ascending by time, those that
    /// exist. `None` if there are none.
    ///
    /// A figure is the newest known one. Velocity and quality are means over the parts that have them; parts are of one
    /// length, so these are means over time.
    #[must_use]
    pub fn roll_up(open_time: Timestamp, parts: &[Self]) -> Option<Self> {
        let newest = parts.last()?;
        let known = |pick: fn(&Self) -> Option<Decimal>| parts.iter().rev().find_map(pick);
        let with_velocity = parts.iter().rev().find(|part| part.velocity.is_some());
        Some(Self {
            open_time,
            as_of: newest.as_of,
            received_at: newest.received_at,
            price: known(|part| part.price),
            market_cap: known(|part| part.market_cap),
            fully_diluted_market_cap: known(|part| part.fully_diluted_market_cap),
            volume_24h: known(|part| part.volume_24h),
            circulating_supply: known(|part| part.circulating_supply),
            velocity: mean(parts.iter().filter_map(|part| part.velocity)),
            velocity_method: with_velocity.map_or(VelocityMethod::Unavailable, |part| part.velocity_method),
            vwap: mean_price(parts.iter().filter_map(|part| Some((part.vwap?, part.volume_24h)))),
            quality: mean(parts.iter().filter_map(|part| part.quality)),
            n: parts.iter().fold(0, |n, part| n.saturating_add(part.n)),
            provider: newest.provider,
            is_fallback: newest.is_fallback,
            backfilled: parts.iter().any(|part| part.backfilled),
        })
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// Places after the point of a mean price; a quotient of decimals has up to 28 digits that say nothing.
const PRICE_PLACES: u32 = 18;

/// The mean of prices, each weighted by its volume. Where none has a volume, all count alike.
#[must_use]
pub fn mean_price(prices: impl Iterator<Item = (Decimal, Option<Decimal>)> + Clone) -> Option<Decimal> {
    let by_volume = vwap(prices.clone().filter_map(|(price, volume)| Some((price, volume?))));
    let mean = by_volume.or_else(|| vwap(prices.map(|(price, _)| (price, Decimal::ONE))));
    mean.map(|price| price.round_dp(PRICE_PLACES).normalize())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    const CELL: SignedDuration = SignedDuration::from_mins(5);

    fn point(cell: i32) -> TokenPoint {
        let open_time = Timestamp::UNIX_EPOCH + CELL * cell;
        TokenPoint {
            open_time,
            as_of: open_time + SignedDuration::from_secs(30),
            received_at: open_time + SignedDuration::from_secs(31),
            price: None,
            market_cap: None,
            fully_diluted_market_cap: None,
            volume_24h: None,
            circulating_supply: None,
            velocity: None,
            velocity_method: VelocityMethod::Unavailable,
            vwap: None,
            quality: None,
            n: 1,
            provider: ProviderId::CoinMarketCap,
            is_fallback: false,
            backfilled: false,
        }
    }

    fn priced(cell: i32, price: i64, volume: Option<i64>) -> TokenPoint {
        TokenPoint {
            price: Some(price.into()),
            vwap: Some(price.into()),
            volume_24h: volume.map(Decimal::from),
            ..point(cell)
        }
    }

    fn rolled(parts: &[TokenPoint]) -> TokenPoint {
        TokenPoint::roll_up(Timestamp::UNIX_EPOCH, parts).unwrap()
    }

    #[test]
    fn nothing_rolls_up_to_nothing() {
        assert_eq!(TokenPoint::roll_up(Timestamp::UNIX_EPOCH, &[]), None);
    }

    #[test]
    fn newest_known_figure_counts() {
        let parts = [
            TokenPoint {
                market_cap: Some(5.into()),
                backfilled: true,
                ..priced(0, 10, Some(3))
            },
            TokenPoint {
                provider: ProviderId::CoinGecko,
                ..priced(2, 20, None)
            },
        ];
        let whole = rolled(&parts);
        assert_eq!((whole.price, whole.market_cap), (Some(20.into()), Some(5.into())));
        assert_eq!((whole.volume_24h, whole.circulating_supply), (Some(3.into()), None));
        assert_eq!((whole.as_of, whole.provider), (parts[1].as_of, ProviderId::CoinGecko));
        assert_eq!((whole.n, whole.backfilled), (2, true));
    }

    #[test]
    fn velocity_is_the_mean_of_what_is_known() {
        let with = |cell, velocity| TokenPoint {
            velocity,
            velocity_method: velocity.map_or(VelocityMethod::Unavailable, |_| VelocityMethod::Fdv),
            quality: velocity,
            ..point(cell)
        };
        let whole = rolled(&[with(0, Some(0.1)), with(1, Some(0.3)), with(2, None)]);
        assert_eq!((whole.velocity, whole.quality), (Some(0.2), Some(0.2)));
        assert_eq!(whole.velocity_method, VelocityMethod::Fdv);
        assert_eq!(rolled(&[with(0, None)]).velocity, None);
    }

    #[test]
    fn price_is_weighted_by_volume() {
        assert_eq!(
            rolled(&[priced(0, 10, Some(3)), priced(1, 20, Some(1))]).vwap,
            Some("12.5".parse().unwrap())
        );
        // Without any volume all count alike; one without volume among others does not count.
        assert_eq!(
            rolled(&[priced(0, 10, None), priced(1, 20, Some(0))]).vwap,
            Some(15.into())
        );
        assert_eq!(
            rolled(&[priced(0, 10, None), priced(1, 20, Some(2))]).vwap,
            Some(20.into())
        );
        assert_eq!(rolled(&[point(0)]).vwap, None);
    }

    proptest! {
        #[test]
        fn mean_price_lies_among_the_prices(parts in prop::collection::vec((1_i64..1_000_000, prop::option::of(0_i64..1_000_000_000_000)), 1..20)) {
            let parts: Vec<TokenPoint> = (0..).zip(&parts).map(|(cell, (price, volume))| priced(cell, *price, *volume)).collect();
            let vwap = rolled(&parts).vwap.unwrap();
            let prices = || parts.iter().filter_map(|part| part.price);
            let rounding = Decimal::new(1, PRICE_PLACES);
            prop_assert!(vwap >= prices().min().unwrap() - rounding && vwap <= prices().max().unwrap() + rounding);
        }
    }
}
