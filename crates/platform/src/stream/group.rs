//! One consumer of a group: what it took and did not finish, then what the dead left, then what is new.

use std::time::{Duration, Instant};

use ::redis::{Cmd, RedisError, Value};

use super::connection::BlockingConnection;
use super::entry::{Batch, Entry};
use crate::settings::RedisSettings;

/// An entry that its consumer has held this long is taken over.
const STALE_AFTER: Duration = Duration::from_secs(5);
/// A consumer that is silent this long and holds nothing is forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(3_600);

/// Where the next read takes from.
#[derive(Debug, PartialEq, Eq)]
enum Phase {
    /// Entries delivered to this consumer before, after the given id.
    Own { after: String },
    /// Entries nobody in the group was given yet.
    New,
}

/// Reads a stream as a member of a consumer group.
///
/// Entries come at least once: finish the work, then [`ack`](Self::ack). What is not acked comes
/// again to this consumer after a reconnect or [`rewind`](Self::rewind), and to another one when
/// it was held for too long, so handling an entry twice must do no harm. After Redis lost its data
/// the group is made again from the stream's beginning.
#[derive(Debug)]
pub struct GroupReader {
    pub(super) connection: BlockingConnection,
    pub(super) stream: String,
    pub(super) group: String,
    consumer: String,
    phase: Phase,
    next_claim: Instant,
    claim_from: String,
}

impl GroupReader {
    /// A member named `consumer`, which must be unique among living processes.
    #[must_use]
    pub fn new(
        settings: &RedisSettings,
        stream: impl Into<String>,
        group: impl Into<String>,
        consumer: impl Into<String>,
    ) -> Self {
        Self {
            connection: BlockingConnection::new(settings.clone()),
            stream: stream.into(),
            group: group.into(),
            consumer: consumer.into(),
            phase: Phase::own(),
            next_claim: Instant::now(),
            claim_from: "0-0".to_owned(),
        }
    }

    /// The next entries, at most `count`; waits up to `block` for new ones and may return none.
    ///
    /// Never fails: after an error it waits a little, then returns nothing, and the next call
    /// connects again. Dropping the future is safe: what was on its way comes again.
    pub async fn read(&mut self, count: usize, block: Duration) -> Vec<Entry> {
        if !self.connection.is_open() {
            // Either the first read, a lost connection, or a read that was given up.
            self.rewind();
        }
        match self.try_read(count, block).await {
            Ok(entries) => {
                self.connection.reset_backoff(&self.stream);
                entries
            }
            Err(error) => {
                self.connection
                    .back_off("cannot read the stream", &self.stream, &error)
                    .await;
                Vec::new()
            }
        }
    }

    /// Marks entries as finished; an error means that they may come again.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub async fn ack<I: AsRef<str>>(&mut self, ids: &[I]) -> anyhow::Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        self.connect().await?;
        let mut command = self.command("XACK");
        for id in ids {
            command.arg(id.as_ref());
        }
        self.connection.send(&command, Duration::ZERO).await?;
        Ok(())
    }

    /// Starts again with the entries this consumer was given and did not finish.
    pub fn rewind(&mut self) {
        self.phase = Phase::own();
    }

    async fn try_read(&mut self, count: usize, block: Duration) -> anyhow::Result<Vec<Entry>> {
        self.connect().await?;
        loop {
            let batch = match self.next_batch(count, block).await {
                Err(error) if is_group_lost(&error) => {
                    tracing::warn!(
                        stream = self.stream,
                        group = self.group,
                        "the group was lost, making it again"
                    );
                    self.create_group().await?;
                    self.rewind();
                    continue;
                }
                other => other?,
            };
            if !batch.gone.is_empty() {
                self.ack(&batch.gone).await?;
            }
            match &self.phase {
                Phase::Own { .. } if batch.is_empty() => self.phase = Phase::New,
                Phase::Own { .. } => {
                    let after = batch.last_id.unwrap_or_default();
                    self.phase = Phase::Own { after };
                    if !batch.entries.is_empty() {
                        return Ok(batch.entries);
                    }
                }
                Phase::New => return Ok(batch.entries),
            }
        }
    }

    async fn next_batch(&mut self, count: usize, block: Duration) -> Result<Batch, RedisError> {
        if self.phase == Phase::New && Instant::now() >= self.next_claim {
            let batch = self.claim_stale(count).await?;
            if !batch.is_empty() {
                return Ok(batch);
            }
        }
        let (from, wait) = match &self.phase {
            Phase::Own { after } => (after.clone(), None),
            // Wakes up in time to look after the dead.
            Phase::New => (">".to_owned(), Some(block.min(STALE_AFTER))),
        };
        let mut command = ::redis::cmd("XREADGROUP");
        command
            .arg("GROUP")
            .arg(&self.group)
            .arg(&self.consumer)
            .arg("COUNT")
            .arg(count);
        if let Some(wait) = wait {
            command.arg("BLOCK").arg(millis(wait).max(1));
        }
        command.arg("STREAMS").arg(&self.stream).arg(from);
        let answer = self.connection.send(&command, wait.unwrap_or_default()).await?;
        Batch::parse_streams(answer)
    }

    /// Takes over entries of consumers that do not come back; goes through all of them, then rests.
    async fn claim_stale(&mut self, count: usize) -> Result<Batch, RedisError> {
        let mut command = self.command("XAUTOCLAIM");
        command
            .arg(&self.consumer)
            .arg(millis(STALE_AFTER))
            .arg(&self.claim_from)
            .arg("COUNT")
            .arg(count);
        let answer = self.connection.send(&command, Duration::ZERO).await?;
        let (next, rows, _deleted): (String, Value, Value) = ::redis::from_redis_value(answer)?;
        let batch = Batch::parse(rows)?;
        if next == "0-0" {
            self.next_claim = Instant::now() + STALE_AFTER / 2;
        }
        self.claim_from = next;
        if !batch.entries.is_empty() {
            tracing::info!(
                stream = self.stream,
                entries = batch.entries.len(),
                "took over unfinished entries"
            );
        }
        Ok(batch)
    }

    pub(super) async fn connect(&mut self) -> anyhow::Result<()> {
        if self.connection.ensure().await? {
            self.create_group().await?;
            self.forget_dead_consumers().await?;
        }
        Ok(())
    }

    async fn create_group(&mut self) -> Result<(), RedisError> {
        let mut command = ::redis::cmd("XGROUP");
        command
            .arg("CREATE")
            .arg(&self.stream)
            .arg(&self.group)
            .arg("0")
            .arg("MKSTREAM");
        match self.connection.send(&command, Duration::ZERO).await {
            Err(error) if error.code() != Some("BUSYGROUP") => Err(error),
            _ => Ok(()),
        }
    }

    /// Every start brings a new consumer name; without this the group would collect them for ever.
    async fn forget_dead_consumers(&mut self) -> Result<(), RedisError> {
        let mut command = ::redis::cmd("XINFO");
        command.arg("CONSUMERS").arg(&self.stream).arg(&self.group);
        let answer = self.connection.send(&command, Duration::ZERO).await?;
        let consumers: Vec<std::collections::HashMap<String, Value>> = ::redis::from_redis_value(answer)?;
        for consumer in consumers {
            let number = |name: &str| -> u64 {
                let value = consumer.get(name).cloned().unwrap_or(Value::Nil);
                ::redis::from_redis_value(value).unwrap_or(0)
            };
            if number("pending") == 0 && number("idle") > millis(FORGET_AFTER) {
                let name = consumer.get("name").cloned().unwrap_or(Value::Nil);
                let name: String = ::redis::from_redis_value(name)?;
                let mut command = ::redis::cmd("XGROUP");
                command.arg("DELCONSUMER").arg(&self.stream).arg(&self.group).arg(name);
                self.connection.send(&command, Duration::ZERO).await?;
            }
        }
        Ok(())
    }

    fn command(&self, name: &str) -> Cmd {
        let mut command = ::redis::cmd(name);
        command.arg(&self.stream).arg(&self.group);
        command
    }
}

impl Phase {
    fn own() -> Self {
        Self::Own { after: "0".to_owned() }
    }
}

/// The stream or its group vanished, also while a read was blocked on it.
fn is_group_lost(error: &RedisError) -> bool {
    matches!(error.code(), Some("NOGROUP" | "UNBLOCKED"))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
