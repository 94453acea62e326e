//! Notices to the owners of endpoints, written in the transaction of the change that they are about.

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use url::Url;
use uuid::Uuid;

use super::StoreError;
use super::deliveries::{self, NewDelivery};
use crate::payload;

/// At most so many endpoints get the notice about one that was disabled: those that took a message last.
const MAX_NOTIFIED: i64 = 10;

/// Puts the notice `endpoint.disabled` about these endpoints into the outbox, for other enabled endpoints of their
/// owners, and wakes the relays. Returns those, whose queues are to be refreshed.
pub async fn endpoints_disabled(
    client: &impl GenericClient,
    disabled: &[Uuid],
    now: Timestamp,
) -> Result<Vec<Uuid>, StoreError> {
    if disabled.is_empty() {
        return Ok(Vec::new());
    }
    let statement = client
        .prepare_cached(
            "SELECT e.id, e.user_id, e.url, e.disabled_reason, o.id AS notified_id
             FROM alerting.endpoints e CROSS JOIN LATERAL (
                 SELECT id FROM alerting.endpoints
                 WHERE user_id = e.user_id AND disabled_reason IS NULL
                 ORDER BY last_success_at DESC NULLS LAST, id LIMIT $2
             ) o
             WHERE e.id = ANY($1) AND e.disabled_reason IS NOT NULL
             ORDER BY e.id",
        )
        .await?;
    let rows = client.query(&statement, &[&disabled, &MAX_NOTIFIED]).await?;
    let mut event: Option<(Uuid, Uuid)> = None;
    let mut notices = Vec::with_capacity(rows.len());
    for row in &rows {
        let endpoint_id: Uuid = row.get("id");
        let event_id = match event {
            Some((of, event_id)) if of == endpoint_id => event_id,
            Some(_) | None => Uuid::now_v7(),
        };
        event = Some((endpoint_id, event_id));
        // The host alone: what follows it in a URL is often a credential, and no business of another endpoint.
        let host = Url::parse(row.get("url"))
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned));
        let body = payload::endpoint_disabled(event_id, endpoint_id, host.as_deref(), row.get("disabled_reason"), now)
            .map_err(|_| StoreError::Unreadable("endpoint"))?;
        notices.push((event_id.to_string(), row.get("user_id"), row.get("notified_id"), body));
    }
    let deliveries: Vec<NewDelivery<'_>> = notices
        .iter()
        .map(|(request_id, user_id, endpoint_id, body)| NewDelivery {
            id: Uuid::now_v7(),
            user_id: *user_id,
            endpoint_id: *endpoint_id,
            alert_id: None,
            event_id: None,
            kind: "endpoint.disabled",
            body: body.clone(),
            request_id,
        })
        .collect();
    if !deliveries.is_empty() {
        deliveries::insert(client, &deliveries, now).await?;
        deliveries::wake_relays(client).await?;
    }
    Ok(deliveries.iter().map(|delivery| delivery.endpoint_id).collect())
}

/// Writes into the events of their alerts that these messages were given up, once for each.
pub async fn deliveries_failed(
    client: &impl GenericClient,
    given_up: &[Uuid],
    now: Timestamp,
) -> Result<(), StoreError> {
    if given_up.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = given_up.iter().map(|_| Uuid::now_v7()).collect();
    // The alert may be deleted meanwhile, and its events with it.
    let statement = client
        .prepare_cached(
            "WITH given_up AS (
                 SELECT g.id, e.alert_id, e.fire_number, a.state, e.value, e.price_id, e.late
                 FROM unnest($1::uuid[], $2::uuid[]) AS g (delivery_id, id)
                 JOIN alerting.deliveries d ON d.id = g.delivery_id
                 JOIN alerting.alert_events e ON e.id = d.event_id
                 JOIN alerting.alerts a ON a.id = e.alert_id
                 ORDER BY a.id FOR KEY SHARE OF a
             )
             INSERT INTO alerting.alert_events
                 (id, alert_id, fire_number, at, from_state, to_state, value, price_id, reason, late)
             SELECT id, alert_id, fire_number, $3, state, state, value, price_id, 'delivery_failed', late FROM given_up
             ON CONFLICT DO NOTHING",
        )
        .await?;
    client.execute(&statement, &[&given_up, &ids, &now]).await?;
    Ok(())
}
