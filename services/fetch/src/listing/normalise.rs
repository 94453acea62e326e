//! Pure checks: what a provider lists becomes our words, or is rejected with a reason.
//!
//! Unknown has many spellings (`null`, 0 for caps and supplies, an empty text, nothing at all) and stays unknown in all
//! of them. A figure that cannot be is unknown too, and a flag says so; only a token that nobody could name is rejected.

use contracts::listing::{FIRST_OWN_TOKEN_ID, ListedToken};
use domain::ticker::ProviderId;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::listing::identity::{Identity, Registered};
use crate::providers::RawListedToken;
use crate::raw_number::RawNumber;
use crate::rejection::RejectReason;

/// The price is no number, not positive, or absurd.
pub const INVALID_PRICE: &str = "invalid_price";
/// The volume is negative or does not fit.
pub const INVALID_VOLUME: &str = "invalid_volume";
/// A capitalisation is negative or does not fit.
pub const INVALID_MARKET_CAP: &str = "invalid_market_cap";
/// A supply is negative or does not fit.
pub const INVALID_SUPPLY: &str = "invalid_supply";
/// The provider has not verified the circulating supply; only the issuer states one.
pub const SELF_REPORTED_SUPPLY: &str = "self_reported_supply";
/// The same of the capitalisation.
pub const SELF_REPORTED_MARKET_CAP: &str = "self_reported_market_cap";
/// The volume of a day is more than a hundred times the capitalisation.
pub const SUSPICIOUS_VOLUME: &str = "suspicious_volume";
/// The provider does not say when the figures were made: the time of the response stands in.
pub const QUOTED_AT_UNKNOWN: &str = "quoted_at_unknown";
/// They were made in the future: the time of the response stands in.
pub const QUOTED_AT_IN_FUTURE: &str = "quoted_at_in_future";

/// No price of one unit of anything is larger.
const MAX_PRICE: i64 = 1_000_000_000_000_000_000;

/// Amounts from here on have more digits than the columns that store them, `NUMERIC(38, 18)`.
const AMOUNT_LIMIT: i128 = 100_000_000_000_000_000_000;

/// Decimal places of those columns.
const DECIMAL_PLACES: u32 = 18;

/// How much larger than the capitalisation a day's volume may be.
const MAX_TURNOVER: i64 = 100;

/// A time further ahead of ours is no clock's error.
const MAX_CLOCK_LEAD: SignedDuration = SignedDuration::from_mins(5);

/// Most tags of a token that are kept.
const MAX_TAGS: usize = 50;

/// Longest texts that are kept, in characters.
const MAX_NAME: usize = 200;
const MAX_TAG: usize = 64;

/// A token of a listing in our words, but for its id.
#[derive(Debug, Clone, PartialEq)]
pub struct NormalisedToken {
    pub identity: Identity,
    token: ListedToken,
}

impl NormalisedToken {
    pub fn has_price(&self) -> bool {
        self.token.price.is_some()
    }

    /// The token under this id.
    pub fn with_id(self, token_id: i64) -> ListedToken {
        ListedToken { token_id, ..self.token }
    }

    /// The token under the id and, where another provider names it, the names that the registry has for it.
    pub fn registered(self, registered: &Registered) -> ListedToken {
        let mut token = self.with_id(registered.token_id);
        if let Some(names) = &registered.names {
            token.slug.clone_from(&names.slug);
            token.symbol.clone_from(&names.symbol);
            token.name.clone_from(&names.name);
        }
        token
    }
}

/// Reads a token.
///
/// # Errors
///
/// It has no id, symbol or name, or an id that is not one of this provider.
pub fn normalise(
    provider: ProviderId,
    raw: &RawListedToken,
    received_at: Timestamp,
) -> Result<NormalisedToken, RejectReason> {
    let identity = identity(provider, raw)?;
    let mut flags = Flags::default();
    let price = flags.amount(&raw.price, INVALID_PRICE, |price| {
        price > Decimal::ZERO && price <= Decimal::from(MAX_PRICE)
    });
    // Nothing traded is a volume; no capitalisation and no supply are not.
    let volume_24h = flags.amount(&raw.volume_24h, INVALID_VOLUME, |volume| volume >= Decimal::ZERO);
    let market_cap = flags.size(&raw.market_cap, INVALID_MARKET_CAP);
    let fully_diluted_market_cap = flags.size(&raw.fully_diluted_market_cap, INVALID_MARKET_CAP);
    let circulating_supply = flags.size(&raw.circulating_supply, INVALID_SUPPLY);
    let total_supply = flags.size(&raw.total_supply, INVALID_SUPPLY);
    let max_supply = flags.size(&raw.max_supply, INVALID_SUPPLY);
    let states = |number: &Option<RawNumber>| number.as_ref().is_some_and(|n| !n.is_zero() && !n.is_negative());
    if circulating_supply.is_none() && states(&raw.self_reported_supply) {
        flags.add(SELF_REPORTED_SUPPLY);
    }
    if market_cap.is_none() && states(&raw.self_reported_market_cap) {
        flags.add(SELF_REPORTED_MARKET_CAP);
    }
    // Divided, because a hundred times a capitalisation may be more than a decimal holds.
    if volume_24h
        .zip(market_cap)
        .is_some_and(|(volume, cap)| volume / Decimal::from(MAX_TURNOVER) > cap)
    {
        flags.add(SUSPICIOUS_VOLUME);
    }
    let quoted_at = match raw.quoted_at.filter(|at| *at >= Timestamp::UNIX_EPOCH) {
        Some(at) if at.duration_since(received_at) <= MAX_CLOCK_LEAD => at,
        Some(_) => {
            flags.add(QUOTED_AT_IN_FUTURE);
            received_at
        }
        None => {
            flags.add(QUOTED_AT_UNKNOWN);
            received_at
        }
    };
    let token = ListedToken {
        // Given by the registry.
        token_id: 0,
        slug: identity.slug.clone(),
        symbol: identity.symbol.clone(),
        name: identity.name.clone(),
        rank: rank(&raw.rank),
        price,
        volume_24h,
        market_cap,
        fully_diluted_market_cap,
        circulating_supply,
        total_supply,
        max_supply,
        percent_change_1h: percent(&raw.percent_change_1h),
        percent_change_24h: percent(&raw.percent_change_24h),
        percent_change_7d: percent(&raw.percent_change_7d),
        quoted_at,
        // PostgreSQL knows fewer years than the calendar here, and no token is older than the unix epoch.
        date_added: raw
            .date_added
            .filter(|at| *at >= Timestamp::UNIX_EPOCH && at.duration_since(received_at) <= MAX_CLOCK_LEAD),
        tags: tags(&raw.tags),
        flags: flags.0,
    };
    Ok(NormalisedToken { identity, token })
}

fn identity(provider: ProviderId, raw: &RawListedToken) -> Result<Identity, RejectReason> {
    let named = |text: &Option<String>| text.as_deref().and_then(|text| printable(text, MAX_NAME));
    let id = named(&raw.id).ok_or(RejectReason::Unnamed)?;
    let provider_id = match provider {
        // Our own numbers begin where theirs end.
        ProviderId::CoinMarketCap => id
            .parse::<i64>()
            .ok()
            .filter(|id| (1..FIRST_OWN_TOKEN_ID).contains(id))
            .map(|id| id.to_string())
            .ok_or(RejectReason::Unnamed)?,
        ProviderId::CoinGecko | ProviderId::Binance => id,
    };
    Ok(Identity {
        slug: named(&raw.slug).unwrap_or_else(|| provider_id.clone()),
        symbol: named(&raw.symbol).ok_or(RejectReason::Unnamed)?.to_uppercase(),
        name: named(&raw.name).ok_or(RejectReason::Unnamed)?,
        provider_id,
    })
}

/// A text without control characters, which neither PostgreSQL nor a reader can use; `None` if nothing is left.
fn printable(text: &str, longest: usize) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    let text: String = text.trim().chars().take(longest).collect();
    (!text.is_empty()).then_some(text)
}

fn rank(number: &Option<RawNumber>) -> Option<u32> {
    let rank = u32::try_from(number.as_ref()?.to_u64()?).ok()?;
    (rank > 0).then_some(rank)
}

fn percent(number: &Option<RawNumber>) -> Option<f64> {
    number.as_ref()?.to_decimal().ok()?.to_f64()
}

fn tags(raw: &[String]) -> Vec<String> {
    raw.iter()
        .filter_map(|tag| printable(tag, MAX_TAG))
        .take(MAX_TAGS)
        .collect()
}

/// Notes on the figures of one token, each once.
#[derive(Default)]
struct Flags(Vec<String>);

impl Flags {
    fn add(&mut self, flag: &str) {
        if self.0.iter().all(|known| known != flag) {
            self.0.push(flag.to_owned());
        }
    }

    /// A figure that is `plausible` and fits; any other is unknown and flagged.
    fn amount(
        &mut self,
        number: &Option<RawNumber>,
        flag: &'static str,
        plausible: impl FnOnce(Decimal) -> bool,
    ) -> Option<Decimal> {
        let number = number.as_ref()?;
        let read = number
            .to_decimal()
            .ok()
            .filter(|value| value.abs() < Decimal::from(AMOUNT_LIMIT));
        let kept = read
            .map(|value| value.round_dp(DECIMAL_PLACES))
            // One that is only rounded to zero is not known to be zero.
            .filter(|value| !value.is_zero() || number.is_zero())
            .filter(|value| plausible(*value));
        if kept.is_none() {
            self.add(flag);
        }
        kept
    }

    /// A figure of which 0 means unknown.
    fn size(&mut self, number: &Option<RawNumber>, flag: &'static str) -> Option<Decimal> {
        let number = number.clone().and_then(RawNumber::unless_zero);
        self.amount(&number, flag, |size| size > Decimal::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn now() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    fn raw() -> RawListedToken {
        RawListedToken {
            id: Some("1".to_owned()),
            slug: Some("bitcoin".to_owned()),
            symbol: Some("btc".to_owned()),
            name: Some("Bitcoin".to_owned()),
            quoted_at: Some(now()),
            ..RawListedToken::default()
        }
    }

    fn token(raw: &RawListedToken) -> ListedToken {
        normalise(ProviderId::CoinMarketCap, raw, now()).unwrap().with_id(1)
    }

    fn decimal(text: &str) -> Option<Decimal> {
        Some(text.parse().unwrap())
    }

    #[rstest]
    #[case(None, None, false)]
    #[case(Some("0"), None, false)]
    #[case(Some("0.0"), None, false)]
    #[case(Some("0e9"), None, false)]
    #[case(Some("19685.5"), Some("19685.5"), false)]
    #[case(Some("99999999999999999999"), Some("99999999999999999999"), false)]
    #[case(Some("100000000000000000000"), None, true)]
    #[case(Some("1e300"), None, true)]
    #[case(Some("-5"), None, true)]
    fn unknown_supplies_stay_unknown(
        #[case] text: Option<&str>,
        #[case] expected: Option<&str>,
        #[case] is_flagged: bool,
    ) {
        let number = text.and_then(RawNumber::parse);
        let token = token(&RawListedToken {
            circulating_supply: number.clone(),
            market_cap: number,
            ..raw()
        });
        let expected = expected.and_then(decimal);
        assert_eq!((token.circulating_supply, token.market_cap), (expected, expected));
        let flags: &[&str] = if is_flagged {
            &[INVALID_MARKET_CAP, INVALID_SUPPLY]
        } else {
            &[]
        };
        assert_eq!(token.flags, flags);
    }

    #[rstest]
    #[case("56507.38254720854", Some("56507.38254720854"))]
    #[case("9.722410112328183e-10", Some("0.000000000972241011"))]
    #[case("1e-18", Some("0.000000000000000001"))]
    #[case("1e-19", None)]
    #[case("1e18", Some("1000000000000000000"))]
    #[case("1.1e18", None)]
    #[case("0", None)]
    #[case("-1", None)]
    #[case("1e300", None)]
    fn prices_are_plausible_or_unknown(#[case] text: &str, #[case] expected: Option<&str>) {
        let token = token(&RawListedToken {
            price: RawNumber::parse(text),
            ..raw()
        });
        assert_eq!(token.price, expected.and_then(decimal));
        assert_eq!(token.flags.is_empty(), expected.is_some(), "{:?}", token.flags);
    }

    #[rstest]
    #[case("10000", "100", false)]
    #[case("10000.1", "100", true)]
    #[case("0", "100", false)]
    #[case("5", "0", false)]
    #[case("99999999999999999999", "0.000000000000000001", true)]
    fn volume_is_compared_with_the_capitalisation(#[case] volume: &str, #[case] cap: &str, #[case] is_flagged: bool) {
        let token = token(&RawListedToken {
            volume_24h: RawNumber::parse(volume),
            market_cap: RawNumber::parse(cap),
            ..raw()
        });
        assert_eq!(token.volume_24h, decimal(volume));
        assert_eq!(token.flags.contains(&SUSPICIOUS_VOLUME.to_owned()), is_flagged);
    }

    #[rstest]
    #[case(Some("2025-12-31T00:00:00Z"), "2025-12-31T00:00:00Z", None)]
    #[case(Some("2026-01-01T00:05:00Z"), "2026-01-01T00:05:00Z", None)]
    #[case(Some("2026-01-01T00:05:01Z"), "2026-01-01T00:00:00Z", Some(QUOTED_AT_IN_FUTURE))]
    #[case(Some("1960-01-01T00:00:00Z"), "2026-01-01T00:00:00Z", Some(QUOTED_AT_UNKNOWN))]
    #[case(None, "2026-01-01T00:00:00Z", Some(QUOTED_AT_UNKNOWN))]
    fn time_of_the_response_stands_in(#[case] at: Option<&str>, #[case] expected: &str, #[case] flag: Option<&str>) {
        let token = token(&RawListedToken {
            quoted_at: at.map(|at| at.parse().unwrap()),
            ..raw()
        });
        assert_eq!(token.quoted_at, expected.parse().unwrap());
        assert_eq!(token.flags.first().map(String::as_str), flag);
    }

    #[rstest]
    #[case("2013-04-28T00:00:00Z", true)]
    #[case("1970-01-01T00:00:00Z", true)]
    #[case("1969-12-31T23:59:59Z", false)]
    #[case("-009998-01-01T00:00:00Z", false)]
    #[case("2026-01-01T00:05:00Z", true)]
    #[case("2026-01-01T00:05:01Z", false)]
    fn impossible_dates_are_unknown(#[case] at: &str, #[case] is_kept: bool) {
        let at: Timestamp = at.parse().unwrap();
        let token = token(&RawListedToken {
            date_added: Some(at),
            ..raw()
        });
        assert_eq!(token.date_added, is_kept.then_some(at));
    }

    #[test]
    fn self_reported_figures_are_only_told() {
        let reported = RawListedToken {
            self_reported_supply: RawNumber::parse("1000"),
            self_reported_market_cap: RawNumber::parse("2e6"),
            ..raw()
        };
        let unverified = token(&reported);
        assert_eq!((unverified.circulating_supply, unverified.market_cap), (None, None));
        assert_eq!(unverified.flags, [SELF_REPORTED_SUPPLY, SELF_REPORTED_MARKET_CAP]);
        let verified = token(&RawListedToken {
            circulating_supply: RawNumber::parse("900"),
            market_cap: RawNumber::parse("1.8e6"),
            ..reported
        });
        assert_eq!(verified.flags, Vec::<String>::new());
    }

    #[rstest]
    #[case("1", "BTC", "Bitcoin", true)]
    #[case("", "BTC", "Bitcoin", false)]
    #[case("bitcoin", "BTC", "Bitcoin", false)]
    #[case("0", "BTC", "Bitcoin", false)]
    #[case("1000000000", "BTC", "Bitcoin", false)]
    #[case("1", " \u{0}", "Bitcoin", false)]
    #[case("1", "BTC", "", false)]
    fn tokens_without_a_name_are_rejected(
        #[case] id: &str,
        #[case] symbol: &str,
        #[case] name: &str,
        #[case] accepted: bool,
    ) {
        let raw = RawListedToken {
            id: Some(id.to_owned()),
            symbol: Some(symbol.to_owned()),
            name: Some(name.to_owned()),
            ..raw()
        };
        assert_eq!(normalise(ProviderId::CoinMarketCap, &raw, now()).is_ok(), accepted);
    }

    #[test]
    fn names_are_cleaned_and_ranks_are_whole() {
        let token = token(&RawListedToken {
            slug: None,
            symbol: Some(" b\u{0}tc ".to_owned()),
            name: Some("x".repeat(500)),
            rank: RawNumber::parse("0"),
            percent_change_1h: RawNumber::parse("-0.5"),
            tags: vec!["pow\n".to_owned(); 70],
            ..raw()
        });
        assert_eq!((token.slug.as_str(), token.symbol.as_str()), ("1", "BTC"));
        assert_eq!((token.name.chars().count(), token.rank), (MAX_NAME, None));
        assert_eq!((token.tags.len(), token.tags[0].as_str()), (MAX_TAGS, "pow"));
        assert_eq!(token.percent_change_1h, Some(-0.5));
    }

    proptest! {
        #[test]
        fn whatever_is_listed_fits_the_columns(texts in proptest::collection::vec("-?[0-9]{1,30}(\\.[0-9]{0,30})?(e-?[0-9]{1,3})?", 8)) {
            let number = |at: usize| RawNumber::parse(&texts[at]);
            let token = token(&RawListedToken {
                price: number(0), volume_24h: number(1), market_cap: number(2), fully_diluted_market_cap: number(3),
                circulating_supply: number(4), total_supply: number(5), max_supply: number(6), rank: number(7), ..raw()
            });
            let amounts = [token.price, token.volume_24h, token.market_cap, token.fully_diluted_market_cap,
                token.circulating_supply, token.total_supply, token.max_supply];
            for amount in amounts.into_iter().flatten() {
                prop_assert!(amount >= Decimal::ZERO && amount < Decimal::from(AMOUNT_LIMIT) && amount.scale() <= 18);
            }
            prop_assert!(token.price != Some(Decimal::ZERO) && token.market_cap != Some(Decimal::ZERO));
        }
    }
}
