//! Rows of `alerting.alerts`.

use contracts::api::alerts::PlanLimits;
use deadpool_postgres::{GenericClient, Pool};
use domain::rule::Condition;
use domain::ticker::Ticker;
use jiff::Timestamp;
use rust_decimal::Decimal;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{StoreError, connection};
use crate::secrets::StoredSecret;

#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    pub id: Uuid,
    pub user_id: Uuid,
    pub ticker: Ticker,
    pub kind: String,
    pub condition: Condition,
    pub target_price: Decimal,
    pub webhook_url: String,
    pub endpoint_id: Uuid,
    pub is_active: bool,
    pub state: String,
    pub last_value: Option<Decimal>,
    pub fires: u32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub triggered_at: Option<Timestamp>,
}

pub(super) const COLUMNS: &str = "id, user_id, ticker, kind, condition, target_price, webhook_url, endpoint_id, is_active, state, \
                       last_value, fires, created_at, updated_at, triggered_at";

/// A new alert, already validated.
#[derive(Debug, Clone)]
pub struct NewAlert {
    /// Made by the caller, so that a repetition of the request finds what it made.
    pub id: Uuid,
    pub user_id: Uuid,
    pub ticker: Ticker,
    pub condition: Condition,
    pub target_price: Decimal,
    /// Where to post, as the user wrote it.
    pub webhook_url: String,
    /// The same URL in its normal form, which identifies the endpoint.
    pub endpoint_url: String,
    /// The endpoint's id, if the URL is new to its user.
    pub endpoint_id: Uuid,
    pub endpoint_secret: StoredSecret,
    /// What its owner's plan has room for.
    pub limits: PlanLimits,
    pub request_id: String,
}

/// The result of a request for a new alert.
#[derive(Debug, Clone, PartialEq)]
pub enum Creation {
    /// The alert, made now or before under the same id.
    Made(Box<Alert>),
    Duplicate,
    /// The owner's plan has no room for another active alert.
    TooManyAlerts {
        limit: u32,
        count: i64,
    },
    /// The owner's plan has no room for another endpoint.
    TooManyEndpoints {
        limit: u32,
        count: i64,
    },
}

/// Creates an armed alert and, for a URL that is new to its user, the endpoint. Gives the alert that was made
/// before under the same id, if there is one.
///
/// An endpoint that was disabled is enabled again: its owner names its URL in a new alert. A refusal
/// changes nothing.
pub async fn create(pool: &Pool, new: &NewAlert, now: Timestamp) -> Result<Creation, StoreError> {
    let mut client = connection(pool).await?;
    let transaction = client.transaction().await?;
    let is_limited = new.limits != PlanLimits::default();
    if is_limited {
        lock_creation(&transaction, new.user_id).await?;
    }
    if let Some(alert) = insert(&transaction, new, now).await? {
        let refusal = if is_limited {
            beyond_limit(&transaction, &alert, new.limits).await?
        } else {
            None
        };
        if let Some(refusal) = refusal {
            transaction.rollback().await?;
            return Ok(refusal);
        }
        transaction.commit().await?;
        return Ok(Creation::Made(Box::new(alert)));
    }
    // The rollback also undoes what was done to the endpoint.
    transaction.rollback().await?;
    drop(client);
    let before = find(pool, new.user_id, new.id).await?;
    Ok(before.map_or(Creation::Duplicate, |alert| Creation::Made(Box::new(alert))))
}

/// Waits until no other transaction creates alerts of this user: two at once would not see each other in their counts.
async fn lock_creation(client: &impl GenericClient, user_id: Uuid) -> Result<(), StoreError> {
    let statement = client
        .prepare_cached("SELECT pg_advisory_xact_lock(hashtextextended('alerting.alerts ' || $1::uuid::text, 0))")
        .await?;
    client.execute(&statement, &[&user_id]).await?;
    Ok(())
}

/// Says whether there is one too many with this alert. Endpoints count while active alerts name them; one that is named
/// already takes no further room.
async fn beyond_limit(
    client: &impl GenericClient,
    alert: &Alert,
    limits: PlanLimits,
) -> Result<Option<Creation>, StoreError> {
    let statement = client
        .prepare_cached(
            "SELECT count(*) AS alerts, count(DISTINCT endpoint_id) AS endpoints,
                    count(*) FILTER (WHERE endpoint_id = $2) AS to_this
             FROM alerting.alerts WHERE user_id = $1 AND is_active",
        )
        .await?;
    let row = client
        .query_one(&statement, &[&alert.user_id, &alert.endpoint_id])
        .await?;
    let (alerts, endpoints, to_this): (i64, i64, i64) = (row.get("alerts"), row.get("endpoints"), row.get("to_this"));
    if let Some(limit) = limits.max_active_alerts.filter(|limit| alerts > i64::from(*limit)) {
        return Ok(Some(Creation::TooManyAlerts {
            limit,
            count: alerts - 1,
        }));
    }
    let limit = limits.max_endpoints.filter(|limit| endpoints > i64::from(*limit));
    Ok(limit.filter(|_| to_this == 1).map(|limit| Creation::TooManyEndpoints {
        limit,
        count: endpoints - 1,
    }))
}

/// One of several equal requests at once gets a row.
async fn insert(client: &impl GenericClient, new: &NewAlert, now: Timestamp) -> Result<Option<Alert>, StoreError> {
    let statement = client
        .prepare_cached(&format!(
            "WITH endpoint AS (
                 INSERT INTO alerting.endpoints AS e (id, user_id, url, secret, implicit, created_at, updated_at)
                 VALUES ($8, $2, $7, $9, true, $11, $11)
                 ON CONFLICT (user_id, url) DO UPDATE
                 SET disabled_reason = NULL, disabled_at = NULL, probe_at = NULL,
                     consecutive_failures = CASE WHEN e.disabled_reason IS NULL THEN e.consecutive_failures ELSE 0 END,
                     failing_since = CASE WHEN e.disabled_reason IS NULL THEN e.failing_since END,
                     last_failure_at = CASE WHEN e.disabled_reason IS NULL THEN e.last_failure_at END,
                     updated_at = $11
                 RETURNING id
             )
             INSERT INTO alerting.alerts
                 (id, user_id, ticker, kind, condition, target_price, webhook_url, endpoint_id, is_active, state,
                  request_id, created_at, updated_at)
             SELECT $1, $2, $3, 'price', $4, $5, $6, endpoint.id, true, 'armed', $10, $11, $11 FROM endpoint
             ON CONFLICT DO NOTHING
             RETURNING {COLUMNS}"
        ))
        .await?;
    let row = client
        .query_opt(
            &statement,
            &[
                &new.id,
                &new.user_id,
                &new.ticker.as_str(),
                &new.condition.as_str(),
                &new.target_price,
                &new.webhook_url,
                &new.endpoint_url,
                &new.endpoint_id,
                &new.endpoint_secret.as_str(),
                &new.request_id,
                &now,
            ],
        )
        .await?;
    row.as_ref().map(read).transpose()
}

pub async fn find(pool: &Pool, user_id: Uuid, id: Uuid) -> Result<Option<Alert>, StoreError> {
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM alerting.alerts WHERE id = $1 AND user_id = $2"
        ))
        .await?;
    client
        .query_opt(&statement, &[&id, &user_id])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// What a list is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only active, or only inactive ones.
    pub active: Option<bool>,
    pub ticker: Option<Ticker>,
    /// Only older than this one.
    pub before: Option<Uuid>,
}

/// Lists a user's alerts, newest first.
pub async fn list(pool: &Pool, user_id: Uuid, filter: &Filter, limit: i64) -> Result<Vec<Alert>, StoreError> {
    let client = connection(pool).await?;
    let statement = client.prepare_cached(&list_statement(filter.active)).await?;
    let ticker = filter.ticker.as_ref().map(Ticker::as_str);
    let rows = client
        .query(&statement, &[&user_id, &ticker, &filter.before, &limit])
        .await?;
    rows.iter().map(read).collect()
}

/// The statement of [`list`]. Whether only active alerts are wanted is part of its text and no parameter: a plan
/// that is kept for any value of a parameter cannot use the index of the active ones.
pub fn list_statement(active: Option<bool>) -> String {
    let active = match active {
        None => "",
        Some(true) => "AND is_active",
        Some(false) => "AND NOT is_active",
    };
    format!(
        "SELECT {COLUMNS} FROM alerting.alerts
         WHERE user_id = $1 {active}
           AND ($2::text IS NULL OR ticker = $2)
           AND ($3::uuid IS NULL OR id < $3)
         ORDER BY id DESC LIMIT $4"
    )
}

/// Deletes a user's alert and gives back what it was. Its deliveries stay: what fired is still delivered.
pub async fn delete(pool: &Pool, user_id: Uuid, id: Uuid) -> Result<Option<Alert>, StoreError> {
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached(&format!(
            "DELETE FROM alerting.alerts WHERE id = $1 AND user_id = $2 RETURNING {COLUMNS}"
        ))
        .await?;
    client
        .query_opt(&statement, &[&id, &user_id])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// The alert in a row of [`COLUMNS`].
///
/// # Errors
/// When a column holds no value of its kind.
pub(super) fn read(row: &Row) -> Result<Alert, StoreError> {
    Ok(Alert {
        id: row.get("id"),
        user_id: row.get("user_id"),
        ticker: ticker(row.get("ticker"))?,
        kind: row.get("kind"),
        condition: condition(row.get("condition"))?,
        target_price: row.get("target_price"),
        webhook_url: row.get("webhook_url"),
        endpoint_id: row.get("endpoint_id"),
        is_active: row.get("is_active"),
        state: row.get("state"),
        last_value: row.get("last_value"),
        fires: row.get::<_, i32>("fires").unsigned_abs(),
        created_at: row.get("created_at"),
        updated_at: row.get("updated_at"),
        triggered_at: row.get("triggered_at"),
    })
}

/// Reads a ticker's column.
///
/// # Errors
/// When it holds no ticker.
pub fn ticker(text: &str) -> Result<Ticker, StoreError> {
    text.parse().map_err(|_| StoreError::Unreadable("ticker"))
}

/// Reads a condition's column.
///
/// # Errors
/// When it holds no condition.
pub fn condition(text: &str) -> Result<Condition, StoreError> {
    text.parse().map_err(|_| StoreError::Unreadable("condition"))
}

/// An alert that a price reached.
#[derive(Debug, Clone, Copy)]
pub struct Trigger {
    pub alert_id: Uuid,
    pub price: Decimal,
    /// Only if it was created before.
    pub armed_before: Option<Timestamp>,
}

#[derive(Debug, Clone)]
pub struct Triggered {
    pub alert_id: Uuid,
    pub user_id: Uuid,
    pub endpoint_id: Uuid,
    pub ticker: Ticker,
    pub condition: Condition,
    pub target_price: Decimal,
    /// How many times it has fired, this one included.
    pub fire_number: u32,
}

/// Triggers the alerts that are still armed and that their price exactly reaches. Returns those.
pub async fn trigger(
    client: &impl GenericClient,
    triggers: &[Trigger],
    now: Timestamp,
) -> Result<Vec<Triggered>, StoreError> {
    // The condition is checked again here, because the index may be behind: rows decide. Rows are locked in the order
    // of their ids, so that two instances never wait for each other in a circle.
    let statement = client
        .prepare_cached(
            "WITH hit AS (
                 SELECT * FROM unnest($1::uuid[], $2::numeric[], $3::timestamptz[]) AS h (id, price, armed_before)
             ), locked AS (
                 SELECT a.id, h.price FROM alerting.alerts a JOIN hit h ON h.id = a.id
                 WHERE a.is_active
                   AND CASE a.condition WHEN 'gt' THEN h.price > a.target_price ELSE h.price < a.target_price END
                   AND (h.armed_before IS NULL OR a.created_at <= h.armed_before)
                 ORDER BY a.id FOR NO KEY UPDATE OF a
             )
             UPDATE alerting.alerts a
             SET is_active = false, state = 'triggered', last_value = l.price, fires = a.fires + 1,
                 triggered_at = $4, updated_at = $4
             FROM locked l WHERE a.id = l.id
             RETURNING a.id, a.user_id, a.endpoint_id, a.ticker, a.condition, a.target_price, a.fires",
        )
        .await?;
    let ids: Vec<Uuid> = triggers.iter().map(|t| t.alert_id).collect();
    let prices: Vec<Decimal> = triggers.iter().map(|t| t.price).collect();
    let armed_before: Vec<Option<Timestamp>> = triggers.iter().map(|t| t.armed_before).collect();
    let rows = client.query(&statement, &[&ids, &prices, &armed_before, &now]).await?;
    rows.iter().map(read_triggered).collect()
}

fn read_triggered(row: &Row) -> Result<Triggered, StoreError> {
    Ok(Triggered {
        alert_id: row.get("id"),
        user_id: row.get("user_id"),
        endpoint_id: row.get("endpoint_id"),
        ticker: ticker(row.get("ticker"))?,
        condition: condition(row.get("condition"))?,
        target_price: row.get("target_price"),
        fire_number: row.get::<_, i32>("fires").unsigned_abs(),
    })
}
