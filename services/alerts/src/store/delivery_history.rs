//! Deliveries as their owners see them: listed with their newest attempts, or one with its message.

use deadpool_postgres::{GenericClient, Pool};
use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{StoreError, connection};

/// Most deliveries that one request looks at, whether they pass its filter or not: a filter that nothing passes must
/// not read everything that a user ever got.
const MAX_SCANNED: i64 = 1_000;

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// It is in the outbox.
    Pending,
    Success,
    /// It was given up.
    Failed,
}

impl DeliveryStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failed => "failed",
        }
    }

    /// Reads a value of the column that [`SUMMARY`] makes.
    fn of(text: &str) -> Self {
        match text {
            "success" => Self::Success,
            "failed" => Self::Failed,
            _ => Self::Pending,
        }
    }
}

/// A delivery and its newest attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    pub id: Uuid,
    /// The type of the message.
    pub kind: String,
    pub alert_id: Option<Uuid>,
    pub event_id: Option<Uuid>,
    pub endpoint_id: Uuid,
    pub created_at: Timestamp,
    pub status: DeliveryStatus,
    /// Number of the newest attempt; 0 before the first.
    pub attempt: u32,
    /// Attempts of earlier rounds, before it was sent again.
    pub attempts_before: u32,
    pub response_code: Option<u16>,
    pub error_msg: Option<String>,
    pub latency_ms: Option<u64>,
    pub dispatched_at: Option<Timestamp>,
    /// When the next attempt is due; `None` while one is under way and after the last.
    pub next_attempt_at: Option<Timestamp>,
    pub response_excerpt: Option<String>,
    /// Why it was given up.
    pub failure_reason: Option<String>,
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub created_at: Timestamp,
    pub id: Uuid,
}

/// Which deliveries are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub status: Option<DeliveryStatus>,
    pub endpoint_id: Option<Uuid>,
    pub alert_id: Option<Uuid>,
    /// Created at this time or later.
    pub from: Option<Timestamp>,
    /// Created before this time.
    pub to: Option<Timestamp>,
    /// Older than this one.
    pub before: Option<Position>,
}

/// Some of the deliveries that were looked at.
#[derive(Debug)]
pub struct Found {
    pub items: Vec<Summary>,
    /// The last one that was looked at, if there may be more.
    pub last: Option<Position>,
}

/// SQL: what [`read_summary`] reads of a delivery `d`.
const SUMMARY: &str = "d.id, d.kind, d.alert_id, d.event_id, d.endpoint_id, d.created_at,
    CASE WHEN o.delivery_id IS NOT NULL THEN 'pending' WHEN l.delivery_id IS NOT NULL THEN 'failed' ELSE 'success' END
        AS status,
    coalesce(a.attempt, 0) AS attempt, coalesce(o.attempts_before, 0) AS attempts_before, a.response_code, a.error_msg,
    a.latency_ms, a.dispatched_at, CASE WHEN NOT o.is_claimed THEN o.due_at END AS next_attempt_at, a.response_excerpt,
    l.reason AS failure_reason";

/// SQL: where it is read from.
const JOINS: &str = "LEFT JOIN alerting.outbox o ON o.delivery_id = d.id
    LEFT JOIN alerting.dead_letters l ON l.delivery_id = d.id
    LEFT JOIN LATERAL (
        SELECT * FROM alerting.delivery_attempts WHERE delivery_id = d.id ORDER BY attempt DESC LIMIT 1
    ) a ON true";

/// Lists a user's deliveries, newest first: at most `limit` that pass the filter, of a bounded number that is looked
/// at.
pub async fn list(pool: &Pool, user_id: Uuid, filter: &Filter, limit: i64) -> Result<Found, StoreError> {
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached(&format!(
            "WITH scanned AS MATERIALIZED (
                 SELECT * FROM alerting.deliveries
                 WHERE user_id = $1 AND ($2::timestamptz IS NULL OR created_at >= $2)
                   AND ($3::timestamptz IS NULL OR created_at < $3)
                   AND ($4::timestamptz IS NULL OR (created_at, id) < ($4, $5::uuid))
                 ORDER BY created_at DESC, id DESC LIMIT $9
             ), passed AS (
                 SELECT {SUMMARY} FROM scanned d {JOINS}
                 WHERE ($6::uuid IS NULL OR d.alert_id = $6) AND ($7::uuid IS NULL OR d.endpoint_id = $7)
             )
             SELECT p.*, s.scanned, s.last_created_at, s.last_id
             FROM (SELECT count(*) AS scanned, min(created_at) AS last_created_at,
                          (array_agg(id ORDER BY created_at, id))[1] AS last_id FROM scanned) s
             LEFT JOIN LATERAL (
                 SELECT * FROM passed WHERE $8::text IS NULL OR status = $8
                 ORDER BY created_at DESC, id DESC LIMIT $10
             ) p ON true
             ORDER BY p.created_at DESC, p.id DESC"
        ))
        .await?;
    let (before_at, before_id) = (filter.before.map(|p| p.created_at), filter.before.map(|p| p.id));
    let status = filter.status.map(DeliveryStatus::as_str);
    let rows = client
        .query(
            &statement,
            &[
                &user_id,
                &filter.from,
                &filter.to,
                &before_at,
                &before_id,
                &filter.alert_id,
                &filter.endpoint_id,
                &status,
                &MAX_SCANNED,
                &limit,
            ],
        )
        .await?;
    let items: Vec<Summary> = rows
        .iter()
        .filter(|row| row.get::<_, Option<Uuid>>("id").is_some())
        .map(read_summary)
        .collect();
    let last = if items.len() as i64 == limit {
        items.last().map(|item| Position {
            created_at: item.created_at,
            id: item.id,
        })
    } else {
        rows.first()
            .filter(|row| row.get::<_, i64>("scanned") == MAX_SCANNED)
            .map(|row| Position {
                created_at: row.get("last_created_at"),
                id: row.get("last_id"),
            })
    };
    Ok(Found { items, last })
}

/// The delivery `id` of a user, and the bytes that are posted.
pub async fn find(
    client: &impl GenericClient,
    user_id: Uuid,
    id: Uuid,
) -> Result<Option<(Summary, String)>, StoreError> {
    let statement = client
        .prepare_cached(&format!(
            "SELECT {SUMMARY}, d.body FROM alerting.deliveries d {JOINS} WHERE d.id = $1 AND d.user_id = $2"
        ))
        .await?;
    let row = client.query_opt(&statement, &[&id, &user_id]).await?;
    Ok(row.map(|row| (read_summary(&row), row.get("body"))))
}

fn read_summary(row: &Row) -> Summary {
    Summary {
        id: row.get("id"),
        kind: row.get("kind"),
        alert_id: row.get("alert_id"),
        event_id: row.get("event_id"),
        endpoint_id: row.get("endpoint_id"),
        created_at: row.get("created_at"),
        status: DeliveryStatus::of(row.get("status")),
        attempt: row.get::<_, i32>("attempt").unsigned_abs(),
        attempts_before: row.get::<_, i32>("attempts_before").unsigned_abs(),
        response_code: row
            .get::<_, Option<i32>>("response_code")
            .and_then(|code| u16::try_from(code).ok()),
        error_msg: row.get("error_msg"),
        latency_ms: row.get::<_, Option<i64>>("latency_ms").map(i64::unsigned_abs),
        dispatched_at: row.get("dispatched_at"),
        next_attempt_at: row.get("next_attempt_at"),
        response_excerpt: row.get("response_excerpt"),
        failure_reason: row.get("failure_reason"),
    }
}
