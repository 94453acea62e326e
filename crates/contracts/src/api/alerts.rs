//! What `alerts` answers. The gateway names the user in the header `X-User-Id`.

use std::collections::BTreeMap;

use domain::rule::Condition;
use domain::ticker::Ticker;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::enums::{
    AlertCondition, AlertEventState, AlertKind, AlertState, DeliveryStatus, NoDataReason, RiskCheck, RiskLevel,
};
use crate::number::{Float, Number, Price};
use crate::time::Time;

/// Body of `POST /internal/alerts`, validated by the gateway in form and here in meaning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertCreateRequest {
    /// Id of the new alert, UUID v7. A repetition of the request finds the alert that it made.
    pub id: Uuid,
    /// The asset.
    pub ticker: Ticker,
    /// Strictly above, or strictly below.
    pub condition: Condition,
    /// The target in USD, > 0.
    pub target_price: Number,
    /// Where to post.
    pub webhook_url: String,
    /// What the user's plan has room for.
    #[serde(default)]
    pub limits: PlanLimits,
}

/// What a plan has room for; `None` is without limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanLimits {
    /// Alerts that are active at the same time.
    pub max_active_alerts: Option<u32>,
    /// Endpoints that active alerts name.
    pub max_endpoints: Option<u32>,
}

/// Query of `GET /internal/alerts`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertsQuery {
    /// Only active, or only inactive ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// Only of this asset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticker: Option<Ticker>,
    /// Only of this kind; `price` is the one there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// 1 to 1000; default 500.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Query of the lists below one alert.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// 1 to 1000; default 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// One alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AlertBody {
    /// Its id.
    pub id: Uuid,
    /// Its owner.
    pub user_id: Uuid,
    /// The asset.
    #[schema(value_type = String)]
    pub ticker: Ticker,
    /// `price`.
    #[schema(value_type = AlertKind)]
    pub kind: String,
    /// Target in USD.
    pub target_price: Number,
    /// `gt` strictly above, `lt` strictly below.
    #[schema(value_type = AlertCondition)]
    pub condition: Condition,
    /// Where to post.
    pub webhook_url: String,
    /// The endpoint that was made for that address.
    pub webhook_endpoint_id: Uuid,
    /// Whether it can still fire.
    pub is_active: bool,
    /// `armed`, `no_data` (armed, but no price reaches it: see `no_data`), or `triggered`.
    #[schema(value_type = AlertState)]
    pub state: String,
    /// Why and since when no price reaches it. Absent in every other state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_data: Option<NoDataBody>,
    /// The price that fired it.
    pub last_value: Option<Price>,
    /// How often it fired.
    pub fires: u32,
    /// When it was created.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// When it fired.
    pub triggered_at: Option<Time>,
}

/// Why an armed alert cannot fire at the moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NoDataBody {
    /// When the last price that could have fired it was published, or when it was created if there was none.
    pub since: Time,
    /// `not_watched` (no prices are made of the asset), `no_price`, or `prices_unfit` (prices come, but are too old
    /// to fire).
    #[schema(value_type = NoDataReason)]
    pub reason: String,
}

/// One change of an alert's state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AlertEventBody {
    /// Its id; also in the webhook's body.
    pub id: Uuid,
    /// The alert.
    pub alert_id: Uuid,
    /// When.
    pub at: Time,
    /// State before.
    #[schema(value_type = AlertEventState)]
    pub from_state: String,
    /// State after.
    #[schema(value_type = AlertEventState)]
    pub to_state: String,
    /// The price.
    pub value: Price,
    /// Id of that price.
    pub price_id: Uuid,
    /// Why, such as `price_above_target`, or `delivery_failed` when the message of a firing was given up.
    pub reason: String,
    /// Whether it was found later than it happened.
    pub late: bool,
}

/// One attempt to deliver a webhook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DeliveryBody {
    /// Id of the delivery: the `webhook-id`, the same for all its attempts.
    pub id: Uuid,
    /// The alert, `null` for a test.
    pub alert_id: Option<Uuid>,
    /// The event, `null` for a test.
    pub event_id: Option<Uuid>,
    /// The endpoint.
    pub endpoint_id: Uuid,
    /// Number of the attempt, from 1; 0 while none was made.
    pub attempt: u32,
    /// `success`, `failed` or `pending`.
    #[schema(value_type = DeliveryStatus)]
    pub status: String,
    /// Status code that the endpoint answered with.
    pub response_code: Option<u16>,
    /// What went wrong, without secrets.
    pub error_msg: Option<String>,
    /// Milliseconds from the request to the head of the response.
    pub latency_ms: Option<u64>,
    /// When the attempt was made.
    pub dispatched_at: Option<Time>,
    /// When the next one is due.
    pub next_attempt_at: Option<Time>,
    /// Beginning of the endpoint's response.
    pub response_excerpt: Option<String>,
}

/// A URL that webhooks are posted to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EndpointBody {
    /// Its id.
    pub id: Uuid,
    /// Its address.
    pub url: String,
    /// Whether it was made for an alert's `webhook_url`.
    pub implicit: bool,
    /// Whether it is posted to.
    pub is_enabled: bool,
    /// Why it is not, such as `gone` or `too_many_failures`.
    pub disabled_reason: Option<String>,
    /// Since when it is not.
    pub disabled_at: Option<Time>,
    /// Failed messages since the last success.
    pub consecutive_failures: u32,
    /// When it was created.
    pub created_at: Time,
    /// When it last answered with success.
    pub last_success_at: Option<Time>,
}

/// The secret of an endpoint.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SecretBody {
    /// `whsec_` and 32 bytes in base64.
    pub secret: String,
}

/// Body of `POST /internal/webhooks/endpoints/{id}/test`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestCreateRequest {
    /// Id of the test message, UUID v7. A repetition of the request finds the message that it made.
    #[serde(default)]
    pub id: Option<Uuid>,
}

/// Body of `POST /internal/webhooks/check`, for an alert that is refused for other reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddressCheckRequest {
    /// Where the alert would post.
    pub webhook_url: String,
}

/// Body of `POST /internal/webhooks/verify`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyRequest {
    /// The endpoint's secret.
    #[schema(max_length = 128)]
    pub secret: String,
    /// The headers that were received, at least the three `webhook-*`.
    pub headers: BTreeMap<String, String>,
    /// The body that was received, to the byte.
    pub body: String,
}

/// Whether a signature is valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VerifyBody {
    /// True if so.
    pub valid: bool,
    /// Why not.
    pub reason: Option<String>,
}

/// Query of `GET /internal/risk/monitors`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MonitorsQuery {
    /// Comma list of assets; all by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbols: Option<String>,
}

/// The risk level of one asset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MonitorBody {
    /// The asset.
    pub symbol: String,
    /// `OK`, `Warning` or `Alert`: the worst of its checks; `null` while none has a value.
    #[schema(value_type = Option<RiskLevel>)]
    pub level: Option<String>,
    /// Since when.
    pub since: Option<Time>,
    /// The time of the price that the checks come from; `null` while there was none.
    pub as_of: Option<Time>,
    /// The checks.
    pub checks: Vec<MonitorCheckBody>,
}

/// One check of a monitor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MonitorCheckBody {
    /// `price_drop` (percent over 24 h), `volatility_spike` (ratio) or `drawdown` (percent over 30 d).
    #[schema(value_type = RiskCheck)]
    pub name: String,
    /// The value, `null` while unknown.
    pub value: Option<Float>,
    /// From here on `Warning`.
    pub warning: Float,
    /// From here on `Alert`.
    pub alert: Float,
    /// Its level, `null` while unknown.
    #[schema(value_type = Option<RiskLevel>)]
    pub level: Option<String>,
    /// Why the value is unknown.
    pub reason: Option<String>,
}

/// What `POST /internal/users/erase` answers: it removes a bounded part of what is held of a user at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureBody {
    /// Whether nothing of the user is left.
    pub is_complete: bool,
}
