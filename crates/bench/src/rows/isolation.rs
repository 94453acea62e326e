//! The first webhook of a user beside thousands of URLs of another that hang.

use std::time::{Duration, Instant};

use anyhow::bail;
use rust_decimal::Decimal;
use tokio::net::{TcpListener, TcpStream};

use crate::process::Service;
use crate::scale::Scale;
use crate::sink::Sink;
use crate::stack::{Batch, Spread, TestStack, publish, quote, ticker};
use crate::table::{Row, Table, millis};

const DEADLINE: Duration = Duration::from_secs(60);

/// Fires the alerts that hang, waits until they are all in the outbox, and measures one that does not, alone and beside
/// them.
pub async fn measure(stack: &TestStack, scale: &Scale, table: &mut Table) -> anyhow::Result<()> {
    let hanging = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://127.0.0.1:{}/", hanging.local_addr()?.port());
    let service = Service::start("alerts", &stack.settings()).await?;
    let bare = first_webhook(stack, "ADA").await?;
    let xrp = ticker("XRP");
    let hostile = Spread {
        ticker: &xrp,
        from: Decimal::ZERO,
        users: 1,
        count: scale.hanging,
        url: &url,
    };
    let entries = stack.arm_spread(&hostile).await?;
    stack.add_to_index(&xrp, &entries).await?;
    stack.await_index(&xrp, scale.hanging.unsigned_abs()).await?;
    tokio::spawn(async move {
        let mut held: Vec<TcpStream> = Vec::new();
        while let Ok((stream, _)) = hanging.accept().await {
            held.push(stream);
        }
    });
    let began = Instant::now();
    publish(
        &mut stack.redis.connection.clone(),
        &quote(&xrp, Decimal::from(1_000_000)),
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
