//! Wakes the relay, over PostgreSQL's NOTIFY, when any instance commits something to the outbox.
//!
//! Only a shortcut: without notifications the relay checks the outbox every second.

use std::sync::Arc;

use anyhow::Context;
use futures_util::StreamExt;
use futures_util::stream::poll_fn;
use platform::backoff::Backoff;
use platform::postgres;
use platform::retry::Failures;
use platform::settings::PostgresSettings;
use tokio::sync::Notify;
use tokio_postgres::AsyncMessage;
use tokio_util::sync::CancellationToken;

use crate::store::deliveries::OUTBOX_CHANNEL;

/// Wakes the relay with each notification, until the stop.
pub async fn run(settings: PostgresSettings, wake: Arc<Notify>, stop: CancellationToken) -> anyhow::Result<()> {
    let mut failures = Failures::new(Backoff::RECONNECT);
    while let Some(ended) = stop.run_until_cancelled(listen(&settings, &wake, &mut failures)).await {
        if let Err(error) = ended {
            tracing::debug!(error = format!("{error:#}"), "not listening to the outbox");
        }
        stop.run_until_cancelled(failures.wait()).await;
    }
    Ok(())
}

async fn listen(settings: &PostgresSettings, wake: &Notify, failures: &mut Failures) -> anyhow::Result<()> {
    let (client, mut connection) = postgres::open(settings).await?;
    let listen_statement = format!("LISTEN {OUTBOX_CHANNEL}");
    let mut messages = poll_fn(move |context| connection.poll_message(context));
    let subscribe = client.batch_execute(&listen_statement);
    tokio::pin!(subscribe);
    let mut subscribed = false;
    loop {
        tokio::select! {
            done = &mut subscribe, if !subscribed => {
                done.context("LISTEN")?;
                subscribed = true;
                failures.reset();
                // Something may have been committed before LISTEN took effect.
                wake.notify_one();
            }
            message = messages.next() => {
                let message = message.context("the connection ended")??;
                if matches!(&message, AsyncMessage::Notification(heard) if heard.channel() == OUTBOX_CHANNEL) {
                    wake.notify_one();
                }
            }
        }
    }
}
