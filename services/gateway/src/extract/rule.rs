//! Rules of parameters and of fields: how a value is read, and what OpenAPI says about it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use contracts::time::Time;
use domain::coin_id::CoinId;
use domain::ticker::Ticker;
use jiff::civil::Date;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::auth::{Role, Scope, Tier};
use crate::extract::validate::{self, Violation};

/// Longest cursor of any list.
const MAX_CURSOR_CHARS: usize = 512;

/// A rule for a value that is sent as `Input`: as text in parameters, as JSON in bodies.
pub trait Rule<Input: ?Sized = str> {
    type Value;

    fn read(&self, sent: &Input) -> Result<Self::Value, Violation>;

    /// The schema of the value.
    fn schema(&self) -> Value;

    fn example(&self) -> Option<&'static str>;
}

/// A rule of two functions. The schema is made on demand: a request does not pay for the documentation.
struct RuleOf<R, S> {
    read: R,
    schema: S,
    example: Option<&'static str>,
}

impl<I: ?Sized, T, R: Fn(&I) -> Result<T, Violation>, S: Fn() -> Value> Rule<I> for RuleOf<R, S> {
    type Value = T;

    fn read(&self, sent: &I) -> Result<T, Violation> {
        (self.read)(sent)
    }

    fn schema(&self) -> Value {
        (self.schema)()
    }

    fn example(&self) -> Option<&'static str> {
        self.example
    }
}

/// The rule that `read` checks and `schema` describes.
pub fn rule<I: ?Sized, T>(
    read: impl Fn(&I) -> Result<T, Violation>,
    schema: impl Fn() -> Value,
) -> impl Rule<I, Value = T> {
    RuleOf {
        read,
        schema,
        example: None,
    }
}

/// The same with an example.
pub fn with_example<T>(
    example: &'static str,
    read: impl Fn(&str) -> Result<T, Violation>,
    schema: impl Fn() -> Value,
) -> impl Rule<Value = T> {
    RuleOf {
        read,
        schema,
        example: Some(example),
    }
}

/// A JSON string whose text obeys `rule`.
pub fn string<R: Rule>(rule: R) -> impl Rule<RawValue, Value = R::Value> {
    StringRule(rule)
}

struct StringRule<R>(R);

impl<R: Rule> Rule<RawValue> for StringRule<R> {
    type Value = R::Value;

    fn read(&self, sent: &RawValue) -> Result<R::Value, Violation> {
        let text: String =
            serde_json::from_str(sent.get()).map_err(|_| Violation::new("string_type", "must be a string"))?;
        self.0.read(&text)
    }

    fn schema(&self) -> Value {
        self.0.schema()
    }

    fn example(&self) -> Option<&'static str> {
        self.0.example()
    }
}

/// A JSON object whose values are all strings.
pub fn string_map() -> impl Rule<RawValue, Value = BTreeMap<String, String>> {
    rule(
        |sent: &RawValue| {
            serde_json::from_str(sent.get())
                .map_err(|_| Violation::new("object_type", "must be an object whose values are strings"))
        },
        || {
            let string = json!({"type": "string"});
            json!({"type": "object", "additionalProperties": string, "propertyNames": string})
        },
    )
}

/// A JSON number without fraction.
pub fn json_integer(min: u32, max: u32) -> impl Rule<RawValue, Value = u32> {
    let text = integer(min, max);
    rule(
        move |sent: &RawValue| text.read(sent.get()),
        move || json!({"type": "integer", "format": "int32", "minimum": min, "maximum": max}),
    )
}

pub fn json_boolean() -> impl Rule<RawValue, Value = bool> {
    rule(
        |sent: &RawValue| validate::boolean(sent.get()),
        || json!({"type": "boolean"}),
    )
}

/// A JSON array of `min` to `max` strings that all obey `item`.
pub fn list<R: Rule>(min: usize, max: usize, item: R) -> impl Rule<RawValue, Value = Vec<R::Value>> {
    ListRule { min, max, item }
}

struct ListRule<R> {
    min: usize,
    max: usize,
    item: R,
}

impl<R: Rule> Rule<RawValue> for ListRule<R> {
    type Value = Vec<R::Value>;

    fn read(&self, sent: &RawValue) -> Result<Vec<R::Value>, Violation> {
        let texts: Vec<String> =
            serde_json::from_str(sent.get()).map_err(|_| Violation::new("list_type", "must be an array of strings"))?;
        if !(self.min..=self.max).contains(&texts.len()) {
            let message = format!("must have {} to {} items", self.min, self.max);
            let params = json!({"min_items": self.min, "max_items": self.max});
            return Err(Violation::new("list_length", message).params(params));
        }
        texts.iter().map(|text| self.item.read(text)).collect()
    }

    fn schema(&self) -> Value {
        json!({"type": "array", "items": self.item.schema(), "minItems": self.min, "maxItems": self.max})
    }

    fn example(&self) -> Option<&'static str> {
        None
    }
}

/// A scope of credentials.
pub fn scope() -> impl Rule<Value = Scope> {
    named("Scope", Scope::ALL, Scope::as_str)
}

/// A role of users.
pub fn role() -> impl Rule<Value = Role> {
    named("Role", Role::ALL, Role::as_str)
}

/// A tier of users.
pub fn tier() -> impl Rule<Value = Tier> {
    named("Tier", Tier::ALL, Tier::as_str)
}

/// One of the values of the enumeration `schema`, by its name.
fn named<T: Copy + 'static>(
    schema: &'static str,
    values: &'static [T],
    name: impl Fn(T) -> &'static str,
) -> impl Rule<Value = T> {
    rule(
        move |text: &str| {
            values
                .iter()
                .copied()
                .find(|value| name(*value) == text)
                .ok_or_else(|| {
                    let names: Vec<&str> = values.iter().map(|value| name(*value)).collect();
                    Violation::new("enum", format!("must be one of {}", names.join(", ")))
                        .params(json!({"expected": names}))
                })
        },
        move || schema_named(schema),
    )
}

/// A JSON number as its exact text.
pub fn decimal_text(sent: &RawValue) -> Result<&str, Violation> {
    let text = sent.get();
    if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        Ok(text)
    } else {
        Err(Violation::new("decimal_type", "must be a number"))
    }
}

/// A text of `min` to `max` characters.
pub fn text(min: usize, max: usize) -> impl Rule<Value = String> {
    rule(
        validate::text(min, max),
        move || json!({"type": "string", "minLength": min, "maxLength": max}),
    )
}

pub fn schema_named(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

pub fn id() -> impl Rule<Value = Uuid> {
    rule(validate::id, || json!({"type": "string", "format": "uuid"}))
}

pub fn ticker() -> impl Rule<Value = Ticker> {
    with_example(
        "BTC",
        validate::ticker,
        || json!({"type": "string", "pattern": validate::TICKER_PATTERN}),
    )
}

pub fn coin_id() -> impl Rule<Value = CoinId> {
    with_example(
        "bitcoin",
        validate::coin_id,
        || json!({"type": "string", "pattern": CoinId::PATTERN}),
    )
}

/// A comma-separated list of `min` to `max` different tickers.
pub fn tickers(min: usize, max: usize) -> impl Rule<Value = Vec<Ticker>> {
    with_example("BTC,ETH", validate::tickers(min, max), move || {
        let one = "[A-Za-z0-9]{1,20}";
        json!({"type": "string", "pattern": format!("^{one}(,{one}){{{},{}}}$", min - 1, max - 1)})
    })
}

pub fn boolean() -> impl Rule<Value = bool> {
    rule(validate::boolean, || json!({"type": "boolean"}))
}

pub fn integer(min: u32, max: u32) -> impl Rule<Value = u32> {
    rule(
        validate::integer(min, max),
        move || json!({"type": "integer", "format": "int32", "minimum": min, "maximum": max}),
    )
}

pub fn number(min: i32, max: i32) -> impl Rule<Value = f64> {
    rule(
        validate::number(f64::from(min), f64::from(max)),
        move || json!({"type": "number", "format": "double", "minimum": min, "maximum": max}),
    )
}

/// A number from 0 on, as its exact text.
pub fn amount() -> impl Rule<Value = String> {
    rule(
        validate::amount,
        || json!({"type": "number", "format": "double", "minimum": 0, "maximum": validate::MAX_AMOUNT}),
    )
}

/// The id, slug or symbol of a token.
pub fn token_name() -> impl Rule<Value = String> {
    with_example(
        "bitcoin",
        validate::token_name,
        || json!({"type": "string", "pattern": validate::TOKEN_NAME_PATTERN}),
    )
}

/// A comma-separated list of ids of tokens.
pub fn token_ids() -> impl Rule<Value = String> {
    with_example(
        "1,1027",
        validate::token_ids,
        || json!({"type": "string", "pattern": "^[0-9]{1,15}(,[0-9]{1,15}){0,99}$"}),
    )
}

/// A comma-separated list of symbols of tokens, in any case.
pub fn token_symbols() -> impl Rule<Value = String> {
    with_example(
        "BTC,ETH",
        validate::token_symbols,
        || json!({"type": "string", "pattern": "^[A-Za-z0-9$][A-Za-z0-9$._-]{0,63}(,[A-Za-z0-9$][A-Za-z0-9$._-]{0,63}){0,99}$"}),
    )
}

/// What somebody types to search.
pub fn search_text() -> impl Rule<Value = String> {
    with_example(
        "bitco",
        validate::search_text,
        || json!({"type": "string", "minLength": 1, "maxLength": 64, "pattern": r"\S"}),
    )
}

/// How many items a page has at most.
pub fn limit() -> impl Rule<Value = u32> {
    integer(1, 1_000)
}

pub fn cursor() -> impl Rule<Value = String> {
    text(1, MAX_CURSOR_CHARS)
}

/// One of the words of the enumeration `schema`.
pub fn one_of(schema: &'static str, words: &'static [&'static str]) -> impl Rule<Value = String> {
    rule(validate::one_of(words), move || schema_named(schema))
}

pub fn interval() -> impl Rule<Value = String> {
    rule(validate::interval, || schema_named("CandleInterval"))
}

pub fn currency() -> impl Rule<Value = String> {
    rule(validate::currency, || schema_named("Currency"))
}

pub fn window() -> impl Rule<Value = String> {
    with_example("30d", validate::window, || {
        // Up to five years in each unit.
        let hours = "([1-9][0-9]{0,3}|[1-3][0-9]{4}|4[0-2][0-9]{3}|43[0-7][0-9]{2}|43800)h";
        let days = "([1-9][0-9]{0,2}|1[0-7][0-9]{2}|18[01][0-9]|182[0-5])d";
        let weeks = "([1-9][0-9]?|1[0-9]{2}|2[0-5][0-9]|260)w";
        json!({"type": "string", "pattern": format!("^({hours}|{days}|{weeks}|[1-5]y)$")})
    })
}

/// A comma-separated list of some of the words.
pub fn words(example: &'static str, words: &'static [&'static str]) -> impl Rule<Value = String> {
    with_example(
        example,
        move |text: &str| {
            let one = validate::one_of(words);
            for word in text.split(',') {
                one(word.trim())?;
            }
            Ok(text.to_owned())
        },
        move || {
            let (one, more) = (words.join("|"), words.len() - 1);
            json!({"type": "string", "pattern": format!("^({one})(,({one})){{0,{more}}}$")})
        },
    )
}

pub fn time() -> impl Rule<Value = Time> {
    rule(validate::time, || schema_named("TimeParameter"))
}

/// A day, or a time, which stands for its day (UTC).
pub fn day() -> impl Rule<Value = Date> {
    rule(validate::day, || schema_named("DayParameter"))
}

pub fn ip_address() -> impl Rule<Value = IpAddr> {
    // JSON Schema has no format for both kinds.
    with_example(
        "203.0.113.7",
        validate::ip_address,
        || json!({"type": "string", "format": "ip-address", "minLength": 2, "maxLength": 45}),
    )
}

/// The schema `DayParameter`: a date, or what `TimeParameter` is.
pub fn day_schema() -> Value {
    let mut schema = time_schema();
    if let Some(forms) = schema["anyOf"].as_array_mut() {
        forms.insert(0, json!({"type": "string", "format": "date"}));
    }
    schema
}

/// A time in a body: RFC 3339.
pub fn timestamp() -> impl Rule<Value = Time> {
    with_example(
        "2026-01-01T00:00:00Z",
        validate::timestamp,
        || json!({"type": "string", "format": "date-time"}),
    )
}

/// A word that is the only one allowed.
pub fn word(only: &'static str) -> impl Rule<Value = ()> {
    rule(
        move |text: &str| {
            if text == only {
                return Ok(());
            }
            Err(Violation::new("enum", format!("must be {only}")).params(json!({"expected": [only]})))
        },
        move || json!({"type": "string", "enum": [only]}),
    )
}

/// The schema `TimeParameter`: RFC 3339, unix seconds, or unix milliseconds, which are told from seconds by their size.
/// No value is two of them, and still it is not `oneOf`: openapi-generator's `typescript-fetch` makes a type error of
/// that.
pub fn time_schema() -> Value {
    json!({"anyOf": [
        {"type": "string", "format": "date-time"},
        {"type": "integer", "minimum": 0, "maximum": 253_402_300_799_i64, "description": "Unix seconds"},
        {"type": "integer", "minimum": 1_000_000_000_001_i64, "maximum": 253_402_300_799_999_i64,
            "description": "Unix milliseconds"},
    ]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_of_words_accepts_lists_of_them() {
        let words = words("a", &["a", "b", "c"]);
        assert_eq!(words.schema()["pattern"], "^(a|b|c)(,(a|b|c)){0,2}$");
        assert_eq!(words.read("c,a").unwrap(), "c,a");
        assert_eq!(words.read("a,d").unwrap_err().kind, "enum");
    }

    #[test]
    fn pattern_of_tickers_counts_them() {
        let schema = tickers(2, 50).schema();
        assert_eq!(schema["pattern"], "^[A-Za-z0-9]{1,20}(,[A-Za-z0-9]{1,20}){1,49}$");
    }
}
