//! Redis streams: entries with one field `message` that holds JSON text.
//!
//! `GroupReader` shares a stream among processes and loses nothing a process took and did not
//! finish; `TailReader` follows a stream from now on. Both own their connection, because a
//! blocking read would hold up everyone on a shared one, and both survive a restart and a flush.

mod connection;
mod group;
mod missed;
mod tail;

use ::redis::{Cmd, FromRedisValue, Pipeline, Value};
use contracts::keys::MESSAGE_FIELD;

pub use group::GroupReader;
pub use missed::Missed;
pub use tail::{TailReader, TailStart};

/// One entry of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Redis' id: milliseconds and a counter.
    pub id: String,
    /// JSON text of the message.
    pub payload: String,
}

/// The command that appends a message and keeps about the newest `max_len` entries.
#[must_use]
pub fn append(stream: &str, max_len: usize, payload: &str) -> Cmd {
    let mut command = ::redis::cmd("XADD");
    command
        .arg(stream)
        .arg("MAXLEN")
        .arg("~")
        .arg(max_len)
        .arg("*")
        .arg(MESSAGE_FIELD)
        .arg(payload);
    command
}

/// Adds [`append`] to a pipeline, for publishers that write more in the same round trip.
pub fn append_to(pipeline: &mut Pipeline, stream: &str, max_len: usize, payload: &str) {
    pipeline.add_command(append(stream, max_len, payload)).ignore();
}

/// What a read brought: entries, and ids of those that were trimmed before anyone finished them.
#[derive(Debug, Default)]
struct Batch {
    entries: Vec<Entry>,
    gone: Vec<String>,
    last_id: Option<String>,
}

/// The text of an entry. What is missing or no text becomes a text that is no message, which its reader refuses and
/// counts.
fn payload_of(fields: Vec<(Vec<u8>, Vec<u8>)>) -> String {
    let message = fields.into_iter().find(|(name, _)| name == MESSAGE_FIELD.as_bytes());
    let bytes = message.map(|(_, value)| value).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_else(|error| format!("not UTF-8: {}", error.utf8_error()))
}

/// An id and its fields; without fields the entry was trimmed.
///
/// Values are bytes: one that is no text must not make its whole batch unreadable.
type Row = (String, Option<Vec<(Vec<u8>, Vec<u8>)>>);

impl Batch {
    fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.gone.is_empty()
    }

    /// Reads `[[id, [field, value, ...] | nil], ...]`.
    fn parse(value: Value) -> ::redis::RedisResult<Self> {
        let mut batch = Self::default();
        let rows: Option<Vec<Row>> = FromRedisValue::from_redis_value(value)?;
        for (id, fields) in rows.unwrap_or_default() {
            match fields {
                Some(fields) => batch.entries.push(Entry {
                    id: id.clone(),
                    payload: payload_of(fields),
                }),
                None => batch.gone.push(id.clone()),
            }
            batch.last_id = Some(id);
        }
        Ok(batch)
    }

    /// Reads the answer of `XREAD` and `XREADGROUP` for one stream: `nil` or `[[name, rows]]`.
    fn parse_streams(value: Value) -> ::redis::RedisResult<Self> {
        let streams: Option<Vec<(String, Value)>> = FromRedisValue::from_redis_value(value)?;
        match streams.unwrap_or_default().into_iter().next() {
            Some((_, rows)) => Self::parse(rows),
            None => Ok(Self::default()),
        }
    }
}
