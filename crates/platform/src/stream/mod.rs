//! Redis streams: entries with one field `message` that holds JSON text.
//!
//! `GroupReader` shares a stream among processes and loses nothing a process took and did not
//! finish; `TailReader` follows a stream from now on. Both own their connection, because a
//! blocking read would hold up everyone on a shared one, and both survive a restart and a flush.

mod connection;
mod entry;
mod group;
mod missed;
mod tail;

use ::redis::{Cmd, Pipeline};
use contracts::keys::MESSAGE_FIELD;

pub use entry::Entry;
pub use group::GroupReader;
pub use missed::Missed;
pub use tail::{TailReader, TailStart};

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
