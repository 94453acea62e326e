//! What `alerts` answers about deliveries. The gateway names the user in the header `X-User-Id`.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::alerts::DeliveryBody;
use super::enums::{DeliveryFailure, DeliveryStatus, MessageType};
use crate::time::Time;

/// Query of `GET /internal/deliveries`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveriesQuery {
    /// `success`, `failed` or `pending`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Only to this endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_id: Option<Uuid>,
    /// Only about this alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert_id: Option<Uuid>,
    /// Created at this time or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Time>,
    /// Created before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Time>,
    /// 1 to 1000; default 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A delivery: one message to one endpoint, with its newest attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DeliverySummaryBody {
    /// Id of the delivery: the `webhook-id`, the same for all its attempts.
    pub id: Uuid,
    /// Type of the message, as in its body.
    #[serde(rename = "type")]
    #[schema(value_type = MessageType)]
    pub kind: String,
    /// Id of the alert; `null` if the message is not about one.
    pub alert_id: Option<Uuid>,
    /// Id of the event; `null` if the message is not about one.
    pub event_id: Option<Uuid>,
    /// Id of the endpoint.
    pub endpoint_id: Uuid,
    /// Time at which the message was written.
    pub created_at: Time,
    /// State of the delivery: `pending` until an attempt succeeds or the last one fails.
    #[schema(value_type = DeliveryStatus)]
    pub status: String,
    /// Number of the newest attempt, from 1; 0 while none was made.
    pub attempt: u32,
    /// Number of the last attempt that will be made; `null` when the delivery has ended.
    pub max_attempts: Option<u32>,
    /// Status code that the endpoint answered the newest attempt with.
    pub response_code: Option<u16>,
    /// What went wrong in the newest attempt, without secrets.
    pub error_msg: Option<String>,
    /// Milliseconds from the newest attempt's request to the head of its response.
    pub latency_ms: Option<u64>,
    /// Time of the newest attempt.
    pub dispatched_at: Option<Time>,
    /// Time at which the next attempt is due; `null` while one is under way and after the last.
    pub next_attempt_at: Option<Time>,
    /// Beginning of the endpoint's response to the newest attempt.
    pub response_excerpt: Option<String>,
    /// Why the delivery was given up; `null` unless it failed.
    #[schema(value_type = Option<DeliveryFailure>)]
    pub failure_reason: Option<String>,
}

/// A delivery with its message and all its attempts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DeliveryDetailBody {
    /// The delivery with its newest attempt.
    pub delivery: DeliverySummaryBody,
    /// The body that is posted, byte for byte.
    pub body: String,
    /// The attempts, newest first: the newest thousand.
    pub attempts: Vec<DeliveryBody>,
}

/// Body of `POST /internal/deliveries/replay`: which failed deliveries are sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayRequest {
    /// Whose deliveries.
    pub endpoint_id: Uuid,
    /// Created at this time or later.
    pub from: Time,
    /// Created before this time.
    pub to: Time,
}

/// How many deliveries are sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReplayBody {
    /// Number of deliveries that are sent again. When it is 1000, there may be more, which a repeat of the request
    /// sends.
    pub count: u64,
}
