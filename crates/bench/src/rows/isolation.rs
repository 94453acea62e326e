//! The first webhook of a user beside thousands of URLs of another that hang.

use std::time::{Duration, Instant};

use anyhow::bail;
use rust_decimal::Decimal;
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::process::Service;
use crate::scale::Scale;
use crate::sink::Sink;
use crate::stack::{Batch, TestStack, publish, quote, ticker};
use crate::table::{Row, Table, millis};

const DEADLINE: Duration = Duration::from_secs(60);

/// Fires the alerts that hang, waits until they are all in the outbox, and measures one that does not, alone and beside
/// them.
pub async fn measure(stack: &TestStack, scale: &Scale, table: &mut Table) -> anyhow::Result<()> {
    let hanging = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://127.0.0.1:{}/", hanging.local_addr()?.port());
    let service = Service::start("alerts", &stack.settings()).await?;
    let bare = first_webhook(stack, "ADA").await?;
    arm_hanging(stack, scale.hanging, &url).await?;
    stack.await_index(&ticker("XRP"), scale.hanging.unsigned_abs()).await?;
    tokio::spawn(async move {
        let mut held: Vec<TcpStream> = Vec::new();
        while let Ok((stream, _)) = hanging.accept().await {
            held.push(stream);
        }
    });
    let began = Instant::now();
    publish(
        &mut stack.redis.connection.clone(),
        &quote(&ticker("XRP"), Decimal::from(1_000_000)),
    )
    .await?;
    loop {
        let row = stack.sql.query_one("SELECT count(*) FROM alerting.outbox", &[]).await?;
        if row.get::<_, i64>(0) >= scale.hanging {
            break;
        }
        if began.elapsed() > DEADLINE {
            bail!("not all alerts fired in {DEADLINE:?}");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let ours = first_webhook(stack, "SOL").await?;
    service.kill().await?;
    table.push(Row {
        what: format!(
            "first webhook of a user beside {} URLs of another that hang",
            scale.hanging
        ),
        ours: millis(ours),
        bare: format!("alone: {}", millis(bare)),
        ratio: format!("{:.1} x", ours / bare),
        budget: "< 1 s".to_owned(),
        kept: Some(ours < 1.0),
    });
    Ok(())
}

/// Seconds from a price to the first webhook of an endpoint that nothing is known about.
async fn first_webhook(stack: &TestStack, name: &str) -> anyhow::Result<f64> {
    let sink = Sink::start().await?;
    let asset = ticker(name);
    let batch = Batch {
        ticker: &asset,
        from: Decimal::ONE,
        step: Decimal::ONE,
        count: 1,
        url: &sink.url(),
    };
    let entries = stack.arm(&batch).await?;
    stack.add_to_index(&asset, &entries).await?;
    let began = Instant::now();
    publish(
        &mut stack.redis.connection.clone(),
        &quote(&asset, Decimal::from(1_000)),
    )
    .await?;
    sink.wait_for(1, DEADLINE).await?;
    Ok(began.elapsed().as_secs_f64())
}

/// Arms alerts of another user, each with an endpoint of its own.
async fn arm_hanging(stack: &TestStack, count: i64, url: &str) -> anyhow::Result<()> {
    let user = Uuid::now_v7();
    stack
        .sql
        .execute(
            "WITH endpoint AS (
                 INSERT INTO alerting.endpoints (id, user_id, url, secret, implicit, created_at, updated_at)
                 SELECT gen_random_uuid(), $1, $2 || n, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', true, now(), now()
                 FROM generate_series(1, $3::bigint) AS n RETURNING id, url
             )
             INSERT INTO alerting.alerts
                 (id, user_id, ticker, kind, condition, target_price, webhook_url, endpoint_id, is_active, state,
                  request_id, created_at, updated_at)
             SELECT gen_random_uuid(), $1, 'XRP', 'price', 'gt', row_number() OVER (), url, id, true, 'armed', 'bench',
                    now(), now()
             FROM endpoint",
            &[&user, &url, &count],
        )
        .await?;
    Ok(())
}
