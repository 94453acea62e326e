//! What an answer says about the server it came from.

use ::redis::{ErrorKind, RedisError, ServerErrorKind, Value};

/// Says whether an answer is the refusal of a replica.
pub(super) fn is_from_replica(answer: Result<&[Value], &RedisError>) -> bool {
    let refuses = |kind| matches!(kind, Some(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown));
    match answer {
        Ok(values) => values
            .iter()
            .any(|value| matches!(value, Value::ServerError(error) if refuses(error.kind()))),
        Err(error) => matches!(error.kind(), ErrorKind::Server(kind) if refuses(Some(kind))),
    }
}
