//! Entries, as Redis gives them.

use ::redis::{FromRedisValue, Value};
use contracts::keys::MESSAGE_FIELD;

/// One entry of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Redis' id: milliseconds and a counter.
    pub id: String,
    /// JSON text of the message.
    pub payload: String,
}

/// What a read brought: entries, and ids of those that were trimmed before anyone finished them.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) entries: Vec<Entry>,
    pub(super) gone: Vec<String>,
    pub(super) last_id: Option<String>,
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
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.gone.is_empty()
    }

    /// Reads `[[id, [field, value, ...] | nil], ...]`.
    pub(super) fn parse(value: Value) -> ::redis::RedisResult<Self> {
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
    pub(super) fn parse_streams(value: Value) -> ::redis::RedisResult<Self> {
        let streams: Option<Vec<(String, Value)>> = FromRedisValue::from_redis_value(value)?;
        match streams.unwrap_or_default().into_iter().next() {
            Some((_, rows)) => Self::parse(rows),
            None => Ok(Self::default()),
        }
    }
}
