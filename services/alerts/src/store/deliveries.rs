//! Rows of `alerting.deliveries`: messages to endpoints, which never change. Where they stand is in `outbox`, what
//! became of them in `attempts`.

use deadpool_postgres::{GenericClient, Pool};
use jiff::Timestamp;
use uuid::Uuid;

use super::{StoreError, connection, queues};

#[derive(Debug, Clone)]
pub struct NewDelivery<'a> {
    /// The `webhook-id`.
    pub id: Uuid,
    pub user_id: Uuid,
    pub endpoint_id: Uuid,
    pub alert_id: Option<Uuid>,
    pub event_id: Option<Uuid>,
    pub kind: &'static str,
    /// The bytes to post, the same in every attempt.
    pub body: String,
    /// Follows the price or request behind it.
    pub request_id: &'a str,
}

/// The kind of test messages, which are posted even to a disabled endpoint.
pub const TEST_PING: &str = "test.ping";

/// Puts messages into the outbox, due at once. The caller ends the transaction with `queues::mark_ready` or
/// `queues::refresh` of their endpoints, and [`wake_relays`]. Returns how many are new; one whose id is known is left
/// alone.
pub async fn insert(
    client: &impl GenericClient,
    deliveries: &[NewDelivery<'_>],
    now: Timestamp,
) -> Result<u64, StoreError> {
    let statement = client
        .prepare_cached(
            "WITH new AS (
                 INSERT INTO alerting.deliveries
                     (id, user_id, endpoint_id, alert_id, event_id, kind, body, request_id, created_at)
                 SELECT *, $9 FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[],
                                          $7::text[], $8::text[])
                 ON CONFLICT (id) DO NOTHING
                 RETURNING id, user_id, endpoint_id, kind = $10 AS is_test
             )
             INSERT INTO alerting.outbox (delivery_id, user_id, endpoint_id, is_test, due_at)
             SELECT id, user_id, endpoint_id, is_test, $9 FROM new",
        )
        .await?;
    let ids: Vec<Uuid> = deliveries.iter().map(|d| d.id).collect();
    let user_ids: Vec<Uuid> = deliveries.iter().map(|d| d.user_id).collect();
    let endpoint_ids: Vec<Uuid> = deliveries.iter().map(|d| d.endpoint_id).collect();
    let alert_ids: Vec<Option<Uuid>> = deliveries.iter().map(|d| d.alert_id).collect();
    let event_ids: Vec<Option<Uuid>> = deliveries.iter().map(|d| d.event_id).collect();
    let kinds: Vec<&str> = deliveries.iter().map(|d| d.kind).collect();
    let bodies: Vec<&str> = deliveries.iter().map(|d| d.body.as_str()).collect();
    let request_ids: Vec<&str> = deliveries.iter().map(|d| d.request_id).collect();
    let parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)] = &[
        &ids,
        &user_ids,
        &endpoint_ids,
        &alert_ids,
        &event_ids,
        &kinds,
        &bodies,
        &request_ids,
        &now,
        &TEST_PING,
    ];
    Ok(client.execute(&statement, parameters).await?)
}

#[derive(Debug, Clone)]
pub struct TestMessage {
    /// The `webhook-id`.
    pub id: Uuid,
    /// The owner of the endpoint.
    pub user_id: Uuid,
    pub endpoint_id: Uuid,
    /// The bytes to post.
    pub body: String,
    pub request_id: String,
}

/// Puts a test message into the outbox, unless it is there, and wakes the relays. False when the user has no such
/// endpoint, or the id is another message's.
pub async fn create_test(pool: &Pool, test: &TestMessage, now: Timestamp) -> Result<bool, StoreError> {
    let mut client = connection(pool).await?;
    let transaction = client.transaction().await?;
    let belongs = "SELECT 1 FROM alerting.endpoints WHERE id = $1 AND user_id = $2";
    let belongs = transaction.prepare_cached(belongs).await?;
    if transaction
        .query_opt(&belongs, &[&test.endpoint_id, &test.user_id])
        .await?
        .is_none()
    {
        return Ok(false);
    }
    let delivery = NewDelivery {
        id: test.id,
        user_id: test.user_id,
        endpoint_id: test.endpoint_id,
        alert_id: None,
        event_id: None,
        kind: TEST_PING,
        body: test.body.clone(),
        request_id: &test.request_id,
    };
    if insert(&transaction, &[delivery], now).await? == 1 {
        queues::mark_ready(&transaction, &[test.endpoint_id], now).await?;
        wake_relays(&transaction).await?;
        transaction.commit().await?;
        return Ok(true);
    }
    let statement = transaction
        .prepare_cached(
            "SELECT 1 FROM alerting.deliveries
             WHERE id = $1 AND user_id = $2 AND endpoint_id = $3 AND kind = 'test.ping'",
        )
        .await?;
    let known = transaction
        .query_opt(&statement, &[&test.id, &test.user_id, &test.endpoint_id])
        .await?;
    Ok(known.is_some())
}

/// The channel that notifies relays of commits to the outbox.
pub const OUTBOX_CHANNEL: &str = "alerting_outbox";

/// Wakes the relays of all instances when the transaction commits.
pub async fn wake_relays(client: &impl GenericClient) -> Result<(), StoreError> {
    let statement = client.prepare_cached("SELECT pg_notify($1, '')").await?;
    client.execute(&statement, &[&OUTBOX_CHANNEL]).await?;
    Ok(())
}
