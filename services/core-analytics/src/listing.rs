//! From a page of the listing to cells of history: pure.

use contracts::listing::{ListedToken, ListingPage};
use domain::data_quality::{DataQuality, QualityInput};
use domain::interval::Interval;
use domain::token_point::{TokenPoint, mean_price};
use domain::velocity::{Trend, Velocity, VelocityInput, VelocityPoint, trend};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::store::DayCell;

/// How far ahead of our clock figures may be.
const MAX_CLOCK_LEAD: SignedDuration = SignedDuration::from_mins(5);

pub const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Why a token of a page is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Its figures are of a time that has not come.
    AheadOfTime,
    /// PostgreSQL cannot store one of its texts.
    Unstorable,
}

impl Refusal {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AheadOfTime => "ahead_of_time",
            Self::Unstorable => "unstorable",
        }
    }
}

/// Whether the figures of a token can be stored.
pub fn check(token: &ListedToken, now: Timestamp) -> Result<(), Refusal> {
    if token.quoted_at > now + MAX_CLOCK_LEAD {
        return Err(Refusal::AheadOfTime);
    }
    let lists = token.tags.iter().chain(&token.flags);
    let texts = [&token.slug, &token.symbol, &token.name].into_iter().chain(lists);
    if texts.into_iter().any(|text| text.contains('\0')) {
        return Err(Refusal::Unstorable);
    }
    Ok(())
}

/// The velocity of a token.
pub fn velocity(token: &ListedToken, min_market_cap: Decimal) -> Velocity {
    let input = VelocityInput {
        volume_24h: token.volume_24h,
        market_cap: token.market_cap,
        fully_diluted_market_cap: token.fully_diluted_market_cap,
    };
    Velocity::of(&input, min_market_cap)
}

/// How good the figures of a token are when they are `age` old and their velocity is known for the share `coverage` of the
/// time. Its listing is one source, so nothing confirms it.
pub fn quality(token: &ListedToken, age: SignedDuration, max_age: SignedDuration, coverage: f64) -> DataQuality {
    let figures = [
        token.price,
        token.volume_24h,
        token.market_cap,
        token.circulating_supply,
        token.total_supply,
    ];
    let price = token.price.and_then(|price| price.to_f64());
    DataQuality::of(&QualityInput {
        age: Some(age),
        freshness_limit: max_age,
        reported: price.as_slice(),
        known_fields: figures.iter().flatten().count(),
        expected_fields: figures.len(),
        coverage,
    })
}

/// The cell of 5 minutes in which the figures of a token lie. `None` where its history would have nothing to show, and
/// for figures from before `oldest`: the cells beside theirs may be dropped already, and hours made without them.
pub fn cell(
    page: &ListingPage,
    token: &ListedToken,
    velocity: &Velocity,
    max_age: SignedDuration,
    oldest: Timestamp,
) -> Option<TokenPoint> {
    if token.quoted_at < oldest || (token.price.is_none() && token.market_cap.is_none() && token.volume_24h.is_none()) {
        return None;
    }
    Some(TokenPoint {
        open_time: Interval::M5.open_time(token.quoted_at),
        as_of: token.quoted_at,
        received_at: page.received_at,
        price: token.price,
        market_cap: token.market_cap,
        fully_diluted_market_cap: token.fully_diluted_market_cap,
        volume_24h: token.volume_24h,
        circulating_supply: token.circulating_supply,
        velocity: velocity.value,
        velocity_method: velocity.method,
        vwap: token.price,
        // As it was when it arrived; coverage is of a window, and a cell is none.
        quality: Some(quality(token, page.received_at.duration_since(token.quoted_at), max_age, 1.0).score()),
        n: 1,
        provider: page.provider,
        is_fallback: page.is_fallback,
        backfilled: false,
    })
}

/// The newest day of a token: the trend of its velocity, and its mean price by volume. `cells` are those of the day,
/// ascending; without any of them nothing is known.
pub fn day_metrics(cells: &[DayCell], now: Timestamp, max_hold: SignedDuration) -> (Trend, Option<Decimal>) {
    let points: Vec<VelocityPoint> = cells
        .iter()
        .map(|cell| VelocityPoint::new(cell.as_of, cell.velocity))
        .collect();
    let prices = cells.iter().filter_map(|cell| Some((cell.price?, cell.volume_24h)));
    (trend(&points, DAY, now, max_hold), mean_price(prices))
}
