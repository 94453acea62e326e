//! The form of an alert: its body, field by field, with every violation named.

use contracts::api::alerts::{AlertCreateRequest, PlanLimits};
use contracts::number::{Number, parse_decimal};
use contracts::problem::ProblemKind;
use domain::rule::Condition;
use domain::ticker::Ticker;
use rust_decimal::Decimal;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use crate::error::ApiError;
use crate::error::violations::Violations;
use crate::extract::body::{BodyFields, DeclareFields};
use crate::extract::query::expect_valid;
use crate::extract::rule;
use crate::extract::validate::{self, Violation};

const MAX_URL_CHARS: usize = 2_048;
const MAX_DECIMALS: u32 = 18;

/// The violation of a ticker that is none of those offered.
const NOT_OFFERED: &str = "enum";

/// What a decimal holds exactly, whatever its digits are.
const MAX_DIGITS: usize = 28;

/// The form of a new alert, as far as it could be read.
#[derive(Debug)]
pub struct AlertForm {
    pub ticker: Option<Ticker>,
    pub condition: Option<Condition>,
    pub target_price: Option<Number>,
    pub webhook_url: Option<String>,
}

impl BodyFields for AlertForm {
    const SCHEMA: &'static str = "AlertCreate";
    const DESCRIPTION: &'static str = "A price alert to be created.";

    fn declare(fields: &mut impl DeclareFields) -> Option<Self> {
        let offered = fields.offered().to_vec();
        let ticker = rule::with_example(
            "BTC",
            ticker(&offered),
            || json!({"type": "string", "pattern": validate::TICKER_PATTERN, "enum": offered}),
        );
        let ticker = fields.required("ticker", rule::string(ticker), "Ticker of the asset, in any case.");
        fields.optional(
            "kind",
            rule::string(rule::one_of("AlertKind", &["price"])),
            "What is watched: `price`, which is also the default.",
        );
        Some(Self {
            ticker,
            condition: fields.required(
                "condition",
                rule::string(rule::rule(condition, || rule::schema_named("AlertCondition"))),
                "`gt`: strictly above the target. `lt`: strictly below it.",
            ),
            target_price: fields.required(
                "target_price",
                rule::rule(target, target_schema),
                "The target price in USD, with at most 18 decimals and 28 significant digits; more are refused, never \
                 rounded.",
            ),
            webhook_url: fields.required(
                "webhook_url",
                rule::string(rule::with_example(
                    "https://your-server.com/webhook",
                    webhook_url,
                    webhook_url_schema,
                )),
                "The URL that receives the webhook when the alert fires: http or https, without user and password.",
            ),
        })
    }
}

impl AlertForm {
    /// The request for an alert with this id and these limits, of a form without violations.
    pub fn into_request(self, id: Uuid, limits: PlanLimits) -> Result<AlertCreateRequest, ApiError> {
        Ok(AlertCreateRequest {
            id,
            ticker: expect_valid(self.ticker)?,
            condition: expect_valid(self.condition)?,
            target_price: expect_valid(self.target_price)?,
            webhook_url: expect_valid(self.webhook_url)?,
            limits,
        })
    }
}

/// The error of a form with these violations.
pub fn refusal(violations: Violations) -> ApiError {
    // With other violations beside it the kind is theirs; all of them are named either way.
    let is_unsupported = violations.len() == 1
        && violations.all(|violation| violation.loc == ["body", "ticker"] && violation.kind == NOT_OFFERED);
    let kind = if is_unsupported {
        ProblemKind::UnsupportedTicker
    } else {
        ProblemKind::ValidationFailed
    };
    ApiError::new(kind).violations(violations)
}

fn ticker(offered: &[Ticker]) -> impl Fn(&str) -> Result<Ticker, Violation> {
    move |text| {
        let ticker = validate::ticker(text)?;
        if offered.contains(&ticker) {
            return Ok(ticker);
        }
        let names: Vec<&str> = offered.iter().map(Ticker::as_str).collect();
        let message = format!("must be one of {}", names.join(", "));
        Err(Violation::new(NOT_OFFERED, message).params(json!({"expected": names})))
    }
}

fn condition(text: &str) -> Result<Condition, Violation> {
    match text {
        "gt" => Ok(Condition::Gt),
        "lt" => Ok(Condition::Lt),
        _ => Err(Violation::new("enum", "must be one of gt, lt").params(json!({"expected": ["gt", "lt"]}))),
    }
}

fn target_schema() -> Value {
    json!({
        "type": "number", "format": "double", "exclusiveMinimum": 0, "maximum": 1_000_000_000_000_000_000_u64,
        "example": 70000.0,
    })
}

fn target(raw: &RawValue) -> Result<Number, Violation> {
    let text = rule::decimal_text(raw)?;
    let most = Decimal::from(1_000_000_000_000_000_000_u64);
    let too_large = || {
        Violation::new("less_than_equal", "must be at most 10^18 with at most 18 decimals").params(json!({"le": 1e18}))
    };
    if text.starts_with('-')
        || text
            .bytes()
            .take_while(|b| !matches!(b, b'e' | b'E'))
            .all(|b| matches!(b, b'0' | b'.'))
    {
        return Err(Violation::new("greater_than", "must be greater than 0").params(json!({"gt": 0})));
    }
    let too_many_digits = || {
        Violation::new("decimal_max_digits", "must have at most 28 significant digits")
            .params(json!({"max_digits": MAX_DIGITS}))
    };
    let has_too_many = significant_digits(text) > MAX_DIGITS;
    let unreadable = || if has_too_many { too_many_digits() } else { too_large() };
    let price = parse_decimal(&without_trailing_zeros(text))
        .ok_or_else(unreadable)?
        .normalize();
    // Some numbers of 29 digits can be held as well; which ones is nothing that a client could know.
    if has_too_many {
        Err(too_many_digits())
    } else if price > most {
        Err(too_large())
    } else if price.is_zero() || price.scale() > MAX_DECIMALS {
        Err(Violation::new("decimal_max_places", "must have at most 18 decimals")
            .params(json!({"decimal_places": MAX_DECIMALS})))
    } else {
        Ok(Number(price))
    }
}

/// The same number without zeros at the end of its decimals, which would count as digits.
fn without_trailing_zeros(text: &str) -> String {
    let (mantissa, exponent) = text.split_at(text.find(['e', 'E']).unwrap_or(text.len()));
    let mantissa = if mantissa.contains('.') {
        mantissa.trim_end_matches('0').trim_end_matches('.')
    } else {
        mantissa
    };
    format!("{mantissa}{exponent}")
}

/// Digits of a number without those that only move the point.
fn significant_digits(text: &str) -> usize {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').len()
}

fn webhook_url_schema() -> Value {
    json!({
        "type": "string", "minLength": 10, "maxLength": MAX_URL_CHARS, "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://[A-Za-z0-9]",
    })
}

fn webhook_url(text: &str) -> Result<String, Violation> {
    let text = validate::text(1, MAX_URL_CHARS)(text)?;
    let invalid = |msg: &str| Violation::new("url_parsing", msg);
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(invalid("must not contain blanks or control characters"));
    }
    let url = Url::parse(&text).map_err(|_| invalid("must be an absolute http or https address"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(
            Violation::new("url_scheme", "must be http or https").params(json!({"expected": ["http", "https"]}))
        );
    }
    let authority = text
        .split_once("://")
        .map(|(_, rest)| rest.split(['/', '?', '#', '\\']).next());
    let Some(Some(authority)) = authority else {
        return Err(invalid("must be an absolute http or https address"));
    };
    if authority.contains('@') || !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("must not contain a user or a password"));
    }
    if url.host().is_none() {
        return Err(invalid("must name a host"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::extract::body;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[rstest]
    #[case("70000.00", Ok("70000"))]
    #[case("0.000000000000000001", Ok("0.000000000000000001"))]
    #[case("1e18", Ok("1000000000000000000"))]
    #[case("1.5e3", Ok("1500"))]
    #[case("1000000000000000000.000000001", Err("less_than_equal"))]
    #[case("1e400", Err("less_than_equal"))]
    #[case("700000000000.123456789012345678", Err("decimal_max_digits"))]
    #[case("1234567890.123456789012345678", Ok("1234567890.123456789012345678"))]
    #[case("12345678901.123456789012345678", Err("decimal_max_digits"))]
    #[case("1234567890.12345678901234567800", Ok("1234567890.123456789012345678"))]
    #[case("1.000000000000000000000000000000000000", Ok("1"))]
    #[case("1.50000000000000000000000000000000000e3", Ok("1500"))]
    #[case("12345678901123456789012345678e-18", Err("decimal_max_digits"))]
    #[case("70000.123456789012345678e0", Ok("70000.123456789012345678"))]
    #[case("0.0000000000000000001", Err("decimal_max_places"))]
    #[case("0", Err("greater_than"))]
    #[case("0.00e5", Err("greater_than"))]
    #[case("-1", Err("greater_than"))]
    #[case("\"70000\"", Err("decimal_type"))]
    #[case("null", Err("decimal_type"))]
    #[case("[1]", Err("decimal_type"))]
    fn targets_are_exact_and_bounded(#[case] text: &str, #[case] expected: Result<&str, &str>) {
        let found = target(&raw(text))
            .map(|number| number.to_string())
            .map_err(|broken| broken.kind);
        assert_eq!(found.as_deref().map_err(|kind| *kind), expected);
    }

    #[rstest]
    #[case("https://your-server.com/webhook", None)]
    #[case("http://127.0.0.1:9000/", None)]
    #[case("ftp://a.example/", Some("url_scheme"))]
    #[case("https://user:secret@a.example/", Some("url_parsing"))]
    #[case("https://@a.example/", Some("url_parsing"))]
    #[case("http:a.example/", Some("url_parsing"))]
    #[case("https://", Some("url_parsing"))]
    #[case("/webhook", Some("url_parsing"))]
    #[case("https://a.example/a b", Some("url_parsing"))]
    #[case("https://a.example/\u{0}", Some("null_character"))]
    fn webhook_addresses_are_plain_http(#[case] text: &str, #[case] broken: Option<&str>) {
        assert_eq!(webhook_url(text).err().map(|broken| broken.kind), broken);
        let long = format!("https://a.example/{}", "x".repeat(2_048));
        assert_eq!(webhook_url(&long).unwrap_err().kind, "too_long");
    }

    fn read(body: &[u8]) -> (AlertForm, Violations) {
        let offered = ["BTC", "ETH"].map(|ticker| ticker.parse().unwrap());
        let (form, violations) = body::read(body, &offered).unwrap();
        (form.unwrap(), violations)
    }

    #[test]
    fn every_violation_of_an_alert_is_named() {
        let (form, violations) = read(br#"{"ticker": "B-TC", "condition": "above", "target_price": 0, "note": "x"}"#);
        assert_eq!(form.webhook_url, None);
        let error = refusal(violations);
        assert_eq!(error.kind, ProblemKind::ValidationFailed);
        let found: Vec<_> = error
            .errors
            .iter()
            .map(|e| (e.loc[1].as_str(), e.kind.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("ticker", "ticker"),
                ("condition", "enum"),
                ("target_price", "greater_than"),
                ("webhook_url", "missing"),
                ("note", "extra_forbidden"),
            ]
        );
    }

    #[rstest]
    #[case("DOGE", "gt", ProblemKind::UnsupportedTicker)]
    #[case("DOGE", "above", ProblemKind::ValidationFailed)]
    #[case("B-TC", "gt", ProblemKind::ValidationFailed)]
    fn ticker_that_is_not_offered_has_a_kind_of_its_own_if_nothing_else_is_wrong(
        #[case] ticker: &str,
        #[case] condition: &str,
        #[case] kind: ProblemKind,
    ) {
        let body =
            json!({"ticker": ticker, "condition": condition, "target_price": 1, "webhook_url": "https://a.example/"});
        let (form, violations) = read(body.to_string().as_bytes());
        assert_eq!(form.webhook_url.as_deref(), Some("https://a.example/"));
        assert_eq!(refusal(violations).kind, kind);
    }
}
