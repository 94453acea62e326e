//! Validation rules. Each is a function from text to a value or the violation.

use std::net::IpAddr;

use contracts::time::Time;
use domain::coin_id::CoinId;
use domain::interval::{Interval, Window};
use domain::ticker::Ticker;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use uuid::Uuid;

/// What is wrong with one value.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    /// The rule's name, for programs.
    pub kind: &'static str,
    pub msg: String,
    pub params: Value,
}

impl Violation {
    /// A broken rule without parameters.
    pub fn new(kind: &'static str, msg: impl Into<String>) -> Self {
        Self {
            kind,
            msg: msg.into(),
            params: json!({}),
        }
    }

    #[must_use]
    pub fn params(mut self, params: Value) -> Self {
        self.params = params;
        self
    }
}

/// A text of `min` to `max` characters.
pub fn text(min: usize, max: usize) -> impl Fn(&str) -> Result<String, Violation> {
    move |text| {
        // PostgreSQL stores every other character.
        if text.contains('\0') {
            return Err(Violation::new(
                "null_character",
                "must not contain the character U+0000",
            ));
        }
        let count = text.chars().count();
        if count < min {
            Err(
                Violation::new("too_short", format!("must have at least {min} characters"))
                    .params(json!({"min_length": min})),
            )
        } else if count > max {
            Err(
                Violation::new("too_long", format!("must have at most {max} characters"))
                    .params(json!({"max_length": max})),
            )
        } else {
            Ok(text.to_owned())
        }
    }
}

/// A whole number from `min` to `max`.
pub fn integer(min: u32, max: u32) -> impl Fn(&str) -> Result<u32, Violation> {
    move |text| {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Violation::new("int_parsing", "must be a whole number"));
        }
        text.parse().ok().filter(|n| (min..=max).contains(n)).ok_or_else(|| {
            Violation::new("out_of_range", format!("must be from {min} to {max}")).params(json!({"ge": min, "le": max}))
        })
    }
}

/// A finite number from `min` to `max`.
pub fn number(min: f64, max: f64) -> impl Fn(&str) -> Result<f64, Violation> {
    move |text| {
        let number: f64 = text
            .parse()
            .map_err(|_| Violation::new("float_parsing", "must be a number"))?;
        if (min..=max).contains(&number) {
            Ok(number)
        } else {
            Err(Violation::new("out_of_range", format!("must be from {min} to {max}"))
                .params(json!({"ge": min, "le": max})))
        }
    }
}

pub fn boolean(text: &str) -> Result<bool, Violation> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Violation::new("bool_parsing", "must be true or false")),
    }
}

/// The largest amount that can be asked for.
pub const MAX_AMOUNT: f64 = 1e18;

/// A number from 0 to [`MAX_AMOUNT`], as its exact text.
pub fn amount(text: &str) -> Result<String, Violation> {
    number(0.0, MAX_AMOUNT)(text)?;
    // Longer ones have more digits than any amount.
    contracts::number::parse_decimal(text)
        .map(|decimal| decimal.normalize().to_string())
        .ok_or_else(|| Violation::new("decimal_parsing", "must be a decimal number"))
}

pub const TOKEN_NAME_PATTERN: &str = r"^[A-Za-z0-9$][A-Za-z0-9$._-]{0,63}$";

/// The id, slug or symbol of a token. It is a segment of a path, so it has no characters that mean something there.
pub fn token_name(text: &str) -> Result<String, Violation> {
    let begins_well = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '$');
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "$._-".contains(c);
    if begins_well && text.len() <= 64 && text.chars().all(is_allowed) {
        return Ok(text.to_owned());
    }
    let violation = Violation::new("token_name", "must be an id, slug or symbol of 1 to 64 characters");
    Err(violation.params(json!({"pattern": TOKEN_NAME_PATTERN})))
}

/// What somebody types to search: up to 64 characters, not only blanks.
pub fn search_text(typed: &str) -> Result<String, Violation> {
    let typed = text(1, 64)(typed)?;
    if typed.trim().is_empty() {
        return Err(Violation::new("too_short", "must not be blank"));
    }
    Ok(typed)
}

/// Most tokens that a list can name.
const MAX_NAMED_TOKENS: usize = 100;

/// A comma-separated list of ids of tokens.
pub fn token_ids(text: &str) -> Result<String, Violation> {
    named_tokens(text, |id| {
        let is_id = (1..=15).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
        is_id
            .then(|| id.to_owned())
            .ok_or_else(|| Violation::new("int_parsing", "must be a list of whole numbers"))
    })
}

/// A comma-separated list of symbols of tokens.
pub fn token_symbols(text: &str) -> Result<String, Violation> {
    named_tokens(text, token_name)
}

fn named_tokens(text: &str, one: impl Fn(&str) -> Result<String, Violation>) -> Result<String, Violation> {
    let names: Result<Vec<String>, Violation> = text.split(',').map(|name| one(name.trim())).collect();
    let names = names?;
    if names.len() > MAX_NAMED_TOKENS {
        return Err(
            Violation::new("list_length", format!("must name at most {MAX_NAMED_TOKENS} tokens"))
                .params(json!({"max_items": MAX_NAMED_TOKENS})),
        );
    }
    Ok(names.join(","))
}

/// One of a few words.
pub fn one_of(words: &'static [&'static str]) -> impl Fn(&str) -> Result<String, Violation> {
    move |text| {
        words
            .iter()
            .find(|word| **word == text)
            .map(|word| (*word).to_owned())
            .ok_or_else(|| {
                Violation::new("enum", format!("must be one of {}", words.join(", ")))
                    .params(json!({"expected": words}))
            })
    }
}

/// A ticker, in any case.
pub fn ticker(text: &str) -> Result<Ticker, Violation> {
    text.parse()
        .map_err(|error| Violation::new("ticker", format!("{error}")).params(json!({"pattern": TICKER_PATTERN})))
}

pub const TICKER_PATTERN: &str = "^[A-Za-z0-9]{1,20}$";

/// The rule that the id of a coin breaks.
pub const COIN_ID: &str = "coin_id";

pub fn coin_id(text: &str) -> Result<CoinId, Violation> {
    text.parse()
        .map_err(|error| Violation::new(COIN_ID, format!("{error}")).params(json!({"pattern": CoinId::PATTERN})))
}

/// A comma list of `min` to `max` different tickers.
pub fn tickers(min: usize, max: usize) -> impl Fn(&str) -> Result<Vec<Ticker>, Violation> {
    move |text| {
        let mut found: Vec<Ticker> = Vec::new();
        let mut named = 0;
        for part in text.split(',') {
            named += 1;
            let ticker = ticker(part.trim())?;
            if !found.contains(&ticker) {
                found.push(ticker);
            }
        }
        if found.len() >= min && named <= max {
            Ok(found)
        } else {
            Err(
                Violation::new("list_length", format!("must name {min} to {max} different tickers"))
                    .params(json!({"min_items": min, "max_items": max})),
            )
        }
    }
}

pub fn id(text: &str) -> Result<Uuid, Violation> {
    // Only the spelling of RFC 9562: `Uuid` would also parse braces, URNs and texts without hyphens.
    let hyphens = [8, 13, 18, 23];
    let spelled = text.len() == 36 && hyphens.iter().all(|at| text.as_bytes().get(*at) == Some(&b'-'));
    spelled
        .then(|| text.parse().ok())
        .flatten()
        .ok_or_else(|| Violation::new("uuid_parsing", "must be a UUID"))
}

/// A time: RFC 3339.
pub fn timestamp(text: &str) -> Result<Time, Violation> {
    let moment = text.parse().ok().filter(is_in_range);
    let violation = || Violation::new("datetime_parsing", "must be an RFC 3339 time");
    moment.map(Time).ok_or_else(violation)
}

/// Years that are written with four digits, from 1970.
fn is_in_range(moment: &Timestamp) -> bool {
    let years = Timestamp::UNIX_EPOCH..Timestamp::from_second(253_402_300_800).unwrap_or(Timestamp::MAX);
    years.contains(moment)
}

/// A time: RFC 3339, or unix seconds or, beyond 10^12, milliseconds.
pub fn time(text: &str) -> Result<Time, Violation> {
    let moment = match text.parse::<i64>() {
        Ok(number) if number > 1_000_000_000_000 => Timestamp::from_millisecond(number).ok(),
        Ok(number) => Timestamp::from_second(number).ok(),
        Err(_) => text.parse().ok(),
    };
    moment.filter(is_in_range).map(Time).ok_or_else(|| {
        Violation::new(
            "datetime_parsing",
            "must be an RFC 3339 time, or unix seconds or milliseconds",
        )
    })
}

/// A day such as `2026-01-31`, or a time, which stands for its day in UTC.
pub fn day(text: &str) -> Result<Date, Violation> {
    let is_date = text.len() == "2026-01-31".len() && text.contains('-');
    let day = if is_date {
        text.parse().ok().filter(|day: &Date| day.year() >= 1970)
    } else {
        time(text).ok().map(|time| time.0.to_zoned(TimeZone::UTC).date())
    };
    day.ok_or_else(|| {
        Violation::new(
            "date_parsing",
            "must be a date, an RFC 3339 time, or unix seconds or milliseconds",
        )
    })
}

pub fn ip_address(text: &str) -> Result<IpAddr, Violation> {
    text.parse()
        .map_err(|_| Violation::new("ip_address", "must be an IPv4 or IPv6 address"))
}

/// A look-back window; the text is passed on.
pub fn window(text: &str) -> Result<String, Violation> {
    text.parse::<Window>()
        .map(|_| text.to_owned())
        .map_err(|_| Violation::new("window", "must be a number and h, d, w or y, from 1h to 5y"))
}

/// The length of a candle; the text is passed on.
pub fn interval(text: &str) -> Result<String, Violation> {
    let words = Interval::ALL.map(Interval::as_str);
    text.parse::<Interval>().map(|_| text.to_owned()).map_err(|_| {
        Violation::new("enum", format!("must be one of {}", words.join(", "))).params(json!({"expected": words}))
    })
}

pub fn currency(text: &str) -> Result<String, Violation> {
    one_of(&["USD"])(text)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("2026-01-01T00:00:00Z", Some("2026-01-01T00:00:00.000Z"))]
    #[case("2026-01-01T01:00:00+01:00", Some("2026-01-01T00:00:00.000Z"))]
    #[case("1767225600", Some("2026-01-01T00:00:00.000Z"))]
    #[case("1767225600123", Some("2026-01-01T00:00:00.123Z"))]
    #[case("1000000000000", None)]
    #[case("2026-01-01", None)]
    #[case("yesterday", None)]
    #[case("-1", None)]
    fn times_are_rfc_3339_or_unix(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(time(text).ok().map(|t| t.to_string()).as_deref(), expected);
    }

    #[test]
    fn null_character_is_refused() {
        assert_eq!(text(1, 10)("a\0b").unwrap_err().kind, "null_character");
        assert_eq!(text(1, 10)("a\u{1}b"), Ok("a\u{1}b".to_owned()));
    }

    #[test]
    fn numbers_are_refused_not_clamped() {
        assert_eq!(integer(1, 10)("10"), Ok(10));
        assert_eq!(integer(1, 10)("11").unwrap_err().params, json!({"ge": 1, "le": 10}));
        assert_eq!(integer(1, 10)("-1").unwrap_err().kind, "out_of_range");
        assert_eq!(integer(1, 10)("1.0").unwrap_err().kind, "int_parsing");
        assert_eq!(integer(1, 10)("+1").unwrap_err().kind, "int_parsing");
        assert!(number(0.0, 1.0)("NaN").is_err());
        assert!(number(0.0, 1.0)("inf").is_err());
    }

    #[test]
    fn lists_of_tickers_are_counted_without_repeats() {
        let read = tickers(2, 3);
        assert_eq!(read("btc, ETH,BTC").unwrap().len(), 2);
        assert_eq!(read("BTC,btc").unwrap_err().kind, "list_length");
        assert_eq!(read("BTC,,ETH").unwrap_err().kind, "ticker");
    }

    #[test]
    fn ids_have_one_spelling() {
        assert!(id("01890a5d-ac96-774b-bcce-b302099a8057").is_ok());
        assert!(id("{01890a5d-ac96-774b-bcce-b302099a8057}").is_err());
        assert!(id("01890a5dac96774bbcceb302099a8057").is_err());
    }
}
