//! Reads quotes as a member of the consumer group and has them evaluated.
//!
//! A batch is acknowledged after everything it fires is committed. When a process dies before that, another one gets
//! the batch and finds nothing left to fire.

use std::time::Duration;

use platform::stream::GroupReader;
use tokio_util::sync::CancellationToken;

use crate::evaluator::Evaluator;
use crate::{metrics, missed_quotes};

/// Most quotes evaluated together.
const BATCH_SIZE: usize = 500;

/// Longest wait for a quote before the stop is looked at again.
const BLOCK: Duration = Duration::from_secs(1);

pub struct QuoteConsumer {
    pub evaluator: Evaluator,
    pub reader: GroupReader,
}

impl QuoteConsumer {
    /// Evaluates until the stop. Every failure is waited out.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let Self { evaluator, mut reader } = self;
        loop {
            let reading = async {
                // Before the read: it steps over what was trimmed, and the gap could not be seen afterwards.
                missed_quotes::note(&evaluator.pool, &evaluator.clock, &mut reader).await;
                reader.read(BATCH_SIZE, BLOCK).await
            };
            let Some(entries) = stop.run_until_cancelled(reading).await else {
                return Ok(());
            };
            if entries.is_empty() {
                continue;
            }
            ::metrics::counter!(metrics::QUOTES_IN).increment(entries.len() as u64);
            let payloads: Vec<&str> = entries.iter().map(|entry| entry.payload.as_str()).collect();
            let evaluating = evaluator.evaluate_with_retry(&payloads);
            if stop.run_until_cancelled(evaluating).await.is_none() {
                return Ok(());
            }
            // Only now: what is not acknowledged comes again after a crash, and no price fires an alert twice.
            let ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
            if let Err(error) = reader.ack(&ids).await {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "quotes not acknowledged, they will come again"
                );
            }
        }
    }
}
