//! The one transaction in which alerts fire: all of the state, the event and the delivery of each, or nothing.
//!
//! Two instances may see the same price, and one price may be seen twice. The transaction that updates an alert's row
//! first fires it; every other one gets no row back.

use std::collections::HashMap;
use std::sync::Arc;

use contracts::messages::{AlertEventMessage, VERSION};
use deadpool_postgres::{GenericClient, Pool};
use domain::rule::Condition;
use jiff::Timestamp;
use uuid::Uuid;

use crate::evaluation::Observed;
use crate::payload::{self, Firing};
use crate::store::alerts::{self, Trigger, Triggered};
use crate::store::deliveries::{self, NewDelivery};
use crate::store::events::{self, NewEvent};
use crate::store::{self, StoreError, queues};

/// An alert that a price reached, according to the index.
#[derive(Debug, Clone)]
pub struct Hit {
    pub alert_id: Uuid,
    pub observed: Arc<Observed>,
}

#[derive(Debug, Clone)]
pub struct Fired {
    pub alert: Triggered,
    pub event_id: Uuid,
    /// Its message, and the `webhook-id` of that.
    pub delivery_id: Uuid,
    pub observed: Arc<Observed>,
    pub at: Timestamp,
}

impl Fired {
    fn event(&self) -> NewEvent {
        NewEvent {
            id: self.event_id,
            alert_id: self.alert.alert_id,
            fire_number: self.alert.fire_number,
            price: self.observed.price,
            price_id: self.observed.price_id,
            reason: match self.alert.condition {
                Condition::Gt => "price_above_target",
                Condition::Lt => "price_below_target",
            },
            is_late: self.observed.is_late,
        }
    }

    fn delivery(&self) -> Result<NewDelivery<'_>, StoreError> {
        let alert = &self.alert;
        let firing = Firing {
            event_id: self.event_id,
            fire_number: alert.fire_number,
            alert_id: alert.alert_id,
            ticker: &alert.ticker,
            condition: alert.condition,
            target_price: alert.target_price,
            observed: &self.observed,
            at: self.at,
        };
        Ok(NewDelivery {
            id: self.delivery_id,
            user_id: alert.user_id,
            endpoint_id: alert.endpoint_id,
            alert_id: Some(alert.alert_id),
            event_id: Some(self.event_id),
            kind: "alert.triggered",
            body: payload::triggered(&firing).map_err(|_| StoreError::Unreadable("alert"))?,
            request_id: &self.observed.request_id,
        })
    }

    pub fn announcement(&self) -> AlertEventMessage {
        let alert = &self.alert;
        AlertEventMessage::Triggered {
            v: VERSION,
            event_id: self.event_id,
            alert_id: alert.alert_id,
            user_id: alert.user_id,
            ticker: alert.ticker.clone(),
            condition: alert.condition,
            target_price: alert.target_price.normalize(),
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
/// When PostgreSQL does not answer, or refuses. Either nothing fired, or all of it did and a repetition finds nothing
/// left to fire.
pub async fn fire_hits(pool: &Pool, hits: &[Hit], now: Timestamp) -> Result<Vec<Fired>, StoreError> {
    let mut client = store::connection(pool).await?;
    let transaction = client.transaction().await?;
    let fired = trigger(&transaction, hits, now).await?;
    if !fired.is_empty() {
        record(&transaction, &fired, now).await?;
        // PostgreSQL sends the notification with the commit, so no relay looks before the delivery can be seen.
        deliveries::wake_relays(&transaction).await?;
    }
    transaction.commit().await?;
    Ok(fired)
}

async fn trigger(client: &impl GenericClient, hits: &[Hit], now: Timestamp) -> Result<Vec<Fired>, StoreError> {
    let triggers = hits.iter().map(|hit| Trigger {
        alert_id: hit.alert_id,
        price: hit.observed.price,
        // A late price fires only what was armed when it was published.
        armed_before: hit.observed.is_late.then_some(hit.observed.published_at),
    });
    let triggered = alerts::trigger(client, &triggers.collect::<Vec<_>>(), now).await?;
    let observed: HashMap<Uuid, &Arc<Observed>> = hits.iter().map(|hit| (hit.alert_id, &hit.observed)).collect();
    let fired = triggered.into_iter().map(|alert| {
        let observed = observed.get(&alert.alert_id);
        Ok(Fired {
            observed: Arc::clone(observed.ok_or(StoreError::Unreadable("triggered alert"))?),
            alert,
            event_id: Uuid::now_v7(),
            delivery_id: Uuid::now_v7(),
            at: now,
        })
    });
    fired.collect()
}

async fn record(client: &impl GenericClient, fired: &[Fired], now: Timestamp) -> Result<(), StoreError> {
    let new_events: Vec<NewEvent> = fired.iter().map(Fired::event).collect();
    events::insert_triggered(client, &new_events, now).await?;
    let new_deliveries = fired.iter().map(Fired::delivery).collect::<Result<Vec<_>, _>>()?;
    deliveries::insert(client, &new_deliveries, now).await?;
    let endpoint_ids: Vec<Uuid> = fired.iter().map(|fired| fired.alert.endpoint_id).collect();
    // Last, because it locks the queues of the users until the commit: whoever delivers to them waits for that.
    queues::mark_ready(client, &endpoint_ids, now).await
}
