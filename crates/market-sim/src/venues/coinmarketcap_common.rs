//! What CoinMarketCap's answers have in common.

use crate::clock::{Millis, iso};
use crate::json::Json;

/// The version of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
    Three,
}

pub(super) fn envelope_of_error(now: Millis, code: i64, message: &str) -> Json {
    let status = Json::object([
        ("timestamp", Json::text(iso(now))),
        ("error_code", Json::Int(code)),
        ("error_message", Json::text(message)),
        ("elapsed", Json::Int(10)),
        ("credit_count", Json::Int(0)),
    ]);
    Json::object([("status", status)])
}
