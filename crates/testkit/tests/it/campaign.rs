//! Two hundred alerts along a climbing price, and the proof that each fired once and arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use serde_json::Value;
use testkit::{Account, Received, TestStack};
use uuid::Uuid;

pub const ALERTS: usize = 200;
/// Steps in which the price climbs over all of them.
pub const STEPS: usize = 20;
/// Path of the sink that the alerts name.
pub const HOOK: &str = "/hook";

/// Where every campaign begins, below all targets.
pub const START: f64 = 50_000.0;
/// Dollars between two targets; the first is so far above the start.
pub const GAP: f64 = 10.0;
/// Pace of the climb, so that every step is polled and the disturbance falls between steps.
const PACE: Duration = Duration::from_millis(200);
const DEADLINE: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(100);
/// Requests under way at once while alerts are made.
const CONCURRENCY: usize = 8;

/// Nails the price where every campaign begins, and waits until the platform shows it.
pub async fn settle(stack: &TestStack, account: &Account) {
    stack.simulator.pin("USDT", 1.0).unwrap();
    stack.simulator.pin("BTC", START).unwrap();
    account.api.wait_for_price("BTC", START, 1.0, DEADLINE).await;
}

/// The alerts of one user.
pub struct Campaign {
    pub account: Account,
    alerts: BTreeSet<Uuid>,
}

impl Campaign {
    /// Makes the alerts, all of them above the present price.
    pub async fn prepare(stack: &TestStack) -> Self {
        let account = stack.api().register().await;
        settle(stack, &account).await;
        let url = stack.sink.url(HOOK);
        let (api, url) = (&account.api, url.as_str());
        let alerts = stream::iter(1..=ALERTS)
            .map(|number| async move {
                let target = START + GAP * number as f64;
                api.create_alert("BTC", "gt", &target.to_string(), url).await
            })
            .buffer_unordered(CONCURRENCY)
            .collect()
            .await;
        Self { account, alerts }
    }

    /// Moves the price through some of the steps; the last one lies above all targets.
    pub async fn climb(&self, stack: &TestStack, steps: Range<usize>) {
        let per_step = ALERTS / STEPS;
        for step in steps {
            let crossed = (step + 1) * per_step;
            stack
                .simulator
                .pin("BTC", START + GAP * (crossed as f64 + 0.5))
                .unwrap();
            tokio::time::sleep(PACE).await;
        }
    }

    /// Waits until everything arrived, then looks at the truth in the database.
    pub async fn verify(&self, stack: &mut TestStack) -> Vec<Received> {
        let received = stack
            .sink
            .wait_until(DEADLINE, "a webhook of every alert", |received| {
                ids(received).len() == ALERTS
            })
            .await;
        assert_eq!(ids(&received), self.alerts, "webhooks are of these alerts");
        let client = wait_for_deliveries(stack).await;

        let query =
            "SELECT count(*), count(DISTINCT alert_id) FROM alerting.alert_events WHERE reason <> 'delivery_failed'";
        let row = client.query_one(query, &[]).await.unwrap();
        assert_eq!(
            (row.get(0), row.get(1)),
            (ALERTS as i64, ALERTS as i64),
            "one event each"
        );

        let query = "SELECT count(*), count(DISTINCT alert_id) FROM alerting.deliveries";
        let row = client.query_one(query, &[]).await.unwrap();
        assert_eq!(
            (row.get(0), row.get(1)),
            (ALERTS as i64, ALERTS as i64),
            "one delivery each"
        );

        let query = "SELECT count(*) FROM (SELECT FROM alerting.delivery_attempts GROUP BY delivery_id \
                     HAVING count(*) <> max(attempt) OR min(attempt) <> 1 OR bool_or(status = 'open')) AS odd";
        let odd: i64 = client.query_one(query, &[]).await.unwrap().get(0);
        assert_eq!(odd, 0, "every attempt has a row with its number, and an end");

        let query = "SELECT (SELECT count(*) FROM alerting.outbox) + (SELECT count(*) FROM alerting.user_queues \
                     WHERE ready_at IS NOT NULL)";
        let left: i64 = client.query_one(query, &[]).await.unwrap().get(0);
        assert_eq!(left, 0, "nothing is left to publish");

        let api = &self.account.api;
        let active: Vec<Value> = api.get("/api/v1/alerts/?active=true").await;
        let triggered: Vec<Value> = api.get("/api/v1/alerts/?active=false&limit=1000").await;
        assert_eq!((active.len(), triggered.len()), (0, ALERTS), "clients see the same");
        let armed = "SELECT count(*) FROM alerting.alerts WHERE is_active";
        assert_eq!(
            client.query_one(armed, &[]).await.unwrap().get::<_, i64>(0),
            0,
            "none is armed any more"
        );
        let received = stack.sink.received();
        assert_one_id_each(&received);
        stack.assert_alive();
        received
    }
}

fn ids(received: &[Received]) -> BTreeSet<Uuid> {
    received.iter().map(alert_of).collect()
}

/// The alert a webhook speaks of.
pub fn alert_of(received: &Received) -> Uuid {
    received.json()["alert_id"].as_str().unwrap().parse().unwrap()
}

/// A repetition is allowed, but only under the id by which an endpoint recognises it.
fn assert_one_id_each(received: &[Received]) {
    let mut webhook_ids: BTreeMap<Uuid, BTreeSet<&str>> = BTreeMap::new();
    for one in received {
        webhook_ids
            .entry(alert_of(one))
            .or_default()
            .insert(one.header("webhook-id"));
    }
    for (alert, ids) in webhook_ids {
        assert_eq!(ids.len(), 1, "alert {alert} was delivered under {ids:?}");
    }
}

/// Waits until every delivery is written down as done.
async fn wait_for_deliveries(stack: &TestStack) -> deadpool_postgres::Client {
    let started = Instant::now();
    loop {
        let client = stack.pool().get().await.unwrap();
        let query = "SELECT status, count(*) FROM alerting.delivery_states GROUP BY status";
        let rows = client.query(query, &[]).await.unwrap();
        let found: Vec<(String, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        if found == [("success".to_owned(), ALERTS as i64)] {
            return client;
        }
        assert!(started.elapsed() < DEADLINE, "deliveries are {found:?}");
        tokio::time::sleep(POLL).await;
    }
}
