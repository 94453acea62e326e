//! The one transaction in which alerts fire: claim, event, and delivery, or nothing of it.
//!
//! Two instances may see the same price, and one price may be seen twice; whoever updates the row first fires the alert, and
//! everyone else gets no row back.

use std::sync::Arc;

use contracts::messages::{AlertEventMessage, VERSION};
use deadpool_postgres::{GenericClient, Pool};
use domain::rule::Condition;
use domain::ticker::Ticker;
use jiff::Timestamp;
use rust_decimal::Decimal;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::evaluation::Observed;
use crate::payload::{self, Firing};
use crate::store::deliveries::{self, NewDelivery};
use crate::store::{self, StoreError, alerts, queues};

/// An alert that a price reached, according to the index.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The alert.
    pub alert_id: Uuid,
    /// The price.
    pub observed: Arc<Observed>,
}

/// An alert that fired.
#[derive(Debug, Clone)]
pub struct Fired {
    /// The alert.
    pub alert_id: Uuid,
    /// Its owner.
    pub user_id: Uuid,
    /// Where its message goes.
    pub endpoint_id: Uuid,
    /// The asset.
    pub ticker: Ticker,
    /// Above or below.
    pub condition: Condition,
    /// The target.
    pub target_price: Decimal,
    /// How many times it has fired.
    pub fire_number: u32,
    /// The event.
    pub event_id: Uuid,
    /// The message, and its `webhook-id`.
    pub delivery_id: Uuid,
    /// The price.
    pub observed: Arc<Observed>,
    /// When it fired.
    pub at: Timestamp,
}

impl Fired {
    /// Why it fired, as its event tells.
    fn reason(&self) -> &'static str {
        match self.condition {
            Condition::Gt => "price_above_target",
            Condition::Lt => "price_below_target",
        }
    }

    fn delivery(&self) -> Result<NewDelivery<'_>, StoreError> {
        Ok(NewDelivery {
            id: self.delivery_id,
            user_id: self.user_id,
            endpoint_id: self.endpoint_id,
            alert_id: Some(self.alert_id),
            event_id: Some(self.event_id),
            kind: "alert.triggered",
            body: self.body()?,
            request_id: &self.observed.request_id,
        })
    }

    fn body(&self) -> Result<String, StoreError> {
        let firing = Firing {
            event_id: self.event_id,
            fire_number: self.fire_number,
            alert_id: self.alert_id,
            ticker: &self.ticker,
            condition: self.condition,
            target_price: self.target_price,
            observed: &self.observed,
            at: self.at,
        };
        payload::triggered(&firing).map_err(|_| StoreError::Unreadable("alert"))
    }

    /// The announcement for the gateways.
    pub fn announcement(&self) -> AlertEventMessage {
        AlertEventMessage::Triggered {
            v: VERSION,
            event_id: self.event_id,
            alert_id: self.alert_id,
            user_id: self.user_id,
            ticker: self.ticker.clone(),
            condition: self.condition,
            target_price: self.target_price.normalize(),
            price: self.observed.price,
            price_id: self.observed.price_id,
            at: self.at,
            request_id: self.observed.request_id.clone(),
        }
    }
}

/// Fires what may still fire, in one transaction, and wakes the relays with its commit.
///
/// # Errors
/// When PostgreSQL does not answer; then nothing fired, or all of it did and a repetition finds nothing to do.
pub async fn fire_hits(pool: &Pool, hits: &[Hit], now: Timestamp) -> Result<Vec<Fired>, StoreError> {
    let mut client = store::connection(pool).await?;
    let transaction = client.transaction().await?;
    let fired = claim(&transaction, hits, now).await?;
    if !fired.is_empty() {
        record(&transaction, &fired, now).await?;
        deliveries::wake_relays(&transaction).await?;
    }
    transaction.commit().await?;
    Ok(fired)
}

async fn claim(client: &impl GenericClient, hits: &[Hit], now: Timestamp) -> Result<Vec<Fired>, StoreError> {
    // The condition is asked again here, because the index may be behind: rows decide. A price that comes late fires only
    // what was armed when it was published. Rows are locked in the order of their ids, so that two instances never wait
    // for each other in a circle.
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
    let ids: Vec<Uuid> = hits.iter().map(|hit| hit.alert_id).collect();
    let prices: Vec<Decimal> = hits.iter().map(|hit| hit.observed.price).collect();
    let late = |hit: &Hit| hit.observed.is_late.then_some(hit.observed.published_at);
    let armed_before: Vec<Option<Timestamp>> = hits.iter().map(late).collect();
    let rows = client.query(&statement, &[&ids, &prices, &armed_before, &now]).await?;
    let of_alert: std::collections::HashMap<Uuid, &Arc<Observed>> =
        hits.iter().map(|hit| (hit.alert_id, &hit.observed)).collect();
    rows.iter().map(|row| read(row, &of_alert, now)).collect()
}

fn read(
    row: &Row,
    of_alert: &std::collections::HashMap<Uuid, &Arc<Observed>>,
    now: Timestamp,
) -> Result<Fired, StoreError> {
    let alert_id = row.get(0);
    let observed = of_alert.get(&alert_id).ok_or(StoreError::Unreadable("claimed alert"))?;
    Ok(Fired {
        alert_id,
        user_id: row.get(1),
        endpoint_id: row.get(2),
        ticker: alerts::ticker(row.get(3))?,
        condition: alerts::condition(row.get(4))?,
        target_price: row.get(5),
        fire_number: row.get::<_, i32>(6).unsigned_abs(),
        event_id: Uuid::now_v7(),
        delivery_id: Uuid::now_v7(),
        observed: Arc::clone(observed),
        at: now,
    })
}

async fn record(client: &impl GenericClient, fired: &[Fired], now: Timestamp) -> Result<(), StoreError> {
    let statement = client
        .prepare_cached(
            "INSERT INTO alerting.alert_events
                 (id, alert_id, fire_number, at, from_state, to_state, value, price_id, reason, late)
             SELECT event_id, alert_id, fire_number, $8, 'armed', 'triggered', price, price_id, reason, late
             FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::numeric[], $5::uuid[], $6::text[], $7::boolean[])
                 AS f (event_id, alert_id, fire_number, price, price_id, reason, late)",
        )
        .await?;
    let ids = |pick: fn(&Fired) -> Uuid| -> Vec<Uuid> { fired.iter().map(pick).collect() };
    let fire_numbers: Vec<i32> = fired
        .iter()
        .map(|f| i32::try_from(f.fire_number).unwrap_or(i32::MAX))
        .collect();
    let prices: Vec<Decimal> = fired.iter().map(|f| f.observed.price).collect();
    let reasons: Vec<&str> = fired.iter().map(Fired::reason).collect();
    let late: Vec<bool> = fired.iter().map(|f| f.observed.is_late).collect();
    client
        .execute(
            &statement,
            &[
                &ids(|f| f.event_id),
                &ids(|f| f.alert_id),
                &fire_numbers,
                &prices,
                &ids(|f| f.observed.price_id),
                &reasons,
                &late,
                &now,
            ],
        )
        .await?;
    let deliveries = fired.iter().map(Fired::delivery).collect::<Result<Vec<_>, _>>()?;
    deliveries::insert(client, &deliveries, now).await?;
    queues::mark_ready(client, &ids(|f| f.endpoint_id), now).await
}
