//! The bodies of webhooks (docs/api.md, 7.1). Made once, when an alert fires; every attempt sends the same bytes.

use contracts::number::Number;
use contracts::time::Time;
use domain::rule::Condition;
use domain::ticker::Ticker;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

use crate::evaluation::Observed;

/// What a message says of an alert that fired.
#[derive(Debug, Clone, Copy)]
pub struct Firing<'a> {
    pub event_id: Uuid,
    /// How many times the alert has fired, this one included.
    pub fire_number: u32,
    pub alert_id: Uuid,
    pub ticker: &'a Ticker,
    pub condition: Condition,
    pub target_price: Decimal,
    pub observed: &'a Observed,
    pub at: Timestamp,
}

#[derive(Serialize)]
struct Triggered<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: Time,
    event_id: Uuid,
    sequence: u32,
    alert_id: Uuid,
    ticker: &'a Ticker,
    triggered_price: Number,
    price: Number,
    target_price: Number,
    condition: Condition,
    message: &'static str,
    late: bool,
    evidence: Evidence,
}

#[derive(Serialize)]
struct Evidence {
    price_id: Uuid,
    n_sources: u32,
    confidence: Option<Number>,
    as_of: Time,
}

/// The body of `alert.triggered`.
pub fn triggered(firing: &Firing<'_>) -> serde_json::Result<String> {
    let observed = firing.observed;
    serde_json::to_string(&Triggered {
        kind: "alert.triggered",
        timestamp: firing.at.into(),
        event_id: firing.event_id,
        sequence: firing.fire_number,
        alert_id: firing.alert_id,
        ticker: firing.ticker,
        triggered_price: observed.price.into(),
        price: observed.price.into(),
        target_price: firing.target_price.into(),
        condition: firing.condition,
        message: "Price target reached!",
        late: observed.is_late,
        evidence: Evidence {
            price_id: observed.price_id,
            n_sources: observed.n_sources,
            confidence: observed.confidence.map(Number),
            as_of: observed.as_of.into(),
        },
    })
}

/// The body of `test.ping`.
pub fn test_ping(message_id: Uuid, endpoint_id: Uuid, at: Timestamp) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct TestPing {
        #[serde(rename = "type")]
        kind: &'static str,
        timestamp: Time,
        event_id: Uuid,
        endpoint_id: Uuid,
        message: &'static str,
    }
    serde_json::to_string(&TestPing {
        kind: "test.ping",
        timestamp: at.into(),
        event_id: message_id,
        endpoint_id,
        message: "This is a test of your webhook.",
    })
}

/// The body of `endpoint.disabled`, for the owner's other endpoints.
pub fn endpoint_disabled(
    event_id: Uuid,
    endpoint_id: Uuid,
    host: Option<&str>,
    reason: &str,
    at: Timestamp,
) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct EndpointDisabled<'a> {
        #[serde(rename = "type")]
        kind: &'static str,
        timestamp: Time,
        event_id: Uuid,
        endpoint_id: Uuid,
        host: Option<&'a str>,
        reason: &'a str,
        message: &'static str,
    }
    serde_json::to_string(&EndpointDisabled {
        kind: "endpoint.disabled",
        timestamp: at.into(),
        event_id,
        endpoint_id,
        host,
        reason,
        message: "A webhook endpoint of yours is no longer posted to. Enable it when it works again.",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_is_that_of_the_contract_with_exact_numbers() {
        let at: Timestamp = "2026-01-01T00:00:00.0004Z".parse().unwrap();
        let observed = Observed {
            price: "70100.000000000000000001".parse().unwrap(),
            price_id: Uuid::from_u128(3),
            n_sources: 4,
            confidence: Some("3.10".parse().unwrap()),
            as_of: "2025-12-31T23:59:58.1Z".parse().unwrap(),
            published_at: at,
            request_id: "r-1".to_owned(),
            is_late: false,
        };
        let ticker = "BTC".parse().unwrap();
        let body = triggered(&Firing {
            event_id: Uuid::from_u128(1),
            fire_number: 1,
            alert_id: Uuid::from_u128(2),
            ticker: &ticker,
            condition: Condition::Gt,
            target_price: "70000.000000000000000000".parse().unwrap(),
            observed: &observed,
            at,
        })
        .unwrap();
        assert_eq!(
            body,
            concat!(
                r#"{"type":"alert.triggered","timestamp":"2026-01-01T00:00:00.000Z","#,
                r#""event_id":"00000000-0000-0000-0000-000000000001","sequence":1,"#,
                r#""alert_id":"00000000-0000-0000-0000-000000000002","ticker":"BTC","#,
                r#""triggered_price":70100.000000000000000001,"price":70100.000000000000000001,"#,
                r#""target_price":70000,"condition":"gt","message":"Price target reached!","late":false,"#,
                r#""evidence":{"price_id":"00000000-0000-0000-0000-000000000003","n_sources":4,"confidence":3.1,"#,
                r#""as_of":"2025-12-31T23:59:58.100Z"}}"#
            )
        );
    }
}
