//! Follows a stream without a group: every reader sees every entry.

use std::time::Duration;

use ::redis::Value;

use super::connection::BlockingConnection;
use super::entry::{Batch, Entry};
use crate::settings::RedisSettings;

/// Where a tail begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TailStart {
    /// With the first entry written after the reader connected.
    Now,
    /// With the oldest entry that is kept.
    Beginning,
    /// With the entry after this id.
    After(String),
}

/// Reads a stream from a given place on; after a lost connection it goes on where it was.
#[derive(Debug)]
pub struct TailReader {
    connection: BlockingConnection,
    stream: String,
    after: Option<String>,
}

impl TailReader {
    /// A reader that begins at `start`.
    #[must_use]
    pub fn new(settings: &RedisSettings, stream: impl Into<String>, start: TailStart) -> Self {
        Self {
            connection: BlockingConnection::new(settings.clone()),
            stream: stream.into(),
            after: match start {
                TailStart::Now => None,
                TailStart::Beginning => Some("0-0".to_owned()),
                TailStart::After(id) => Some(id),
            },
        }
    }

    /// The next entries, at most `count`; waits up to `block` for new ones and may return none.
    ///
    /// Never fails: after an error it waits a little, then returns nothing, and the next call
    /// connects again. Dropping the future loses nothing.
    pub async fn read(&mut self, count: usize, block: Duration) -> Vec<Entry> {
        match self.try_read(count, block).await {
            Ok(entries) => {
                self.connection.reset_backoff(&self.stream);
                entries
            }
            Err(error) => {
                self.connection
                    .back_off("cannot follow the stream", &self.stream, &error)
                    .await;
                Vec::new()
            }
        }
    }

    async fn try_read(&mut self, count: usize, block: Duration) -> anyhow::Result<Vec<Entry>> {
        self.connection.ensure().await?;
        let after = match self.after.clone() {
            Some(after) => after,
            None => {
                let newest = self.newest_id().await?;
                self.after = Some(newest.clone());
                newest
            }
        };
        let mut command = ::redis::cmd("XREAD");
        command
            .arg("COUNT")
            .arg(count)
            .arg("BLOCK")
            .arg(block.as_millis().max(1).to_string());
        command.arg("STREAMS").arg(&self.stream).arg(after);
        let batch = Batch::parse_streams(self.connection.send(&command, block).await?)?;
        if let Some(last) = batch.last_id {
            self.after = Some(last);
        }
        Ok(batch.entries)
    }

    /// The place to begin at for "now": `$` itself would skip what arrives between two reads.
    async fn newest_id(&mut self) -> anyhow::Result<String> {
        let mut command = ::redis::cmd("XREVRANGE");
        command.arg(&self.stream).arg("+").arg("-").arg("COUNT").arg(1);
        let answer: Value = self.connection.send(&command, Duration::ZERO).await?;
        Ok(Batch::parse(answer)?.last_id.unwrap_or_else(|| "0-0".to_owned()))
    }
}
