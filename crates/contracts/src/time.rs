//! Times as clients see them.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

/// A moment, written as RFC 3339 in UTC with milliseconds and `Z`; read from any RFC 3339 text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = DateTime)]
pub struct Time(pub Timestamp);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl From<Time> for Timestamp {
    fn from(at: Time) -> Self {
        at.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_and_z() {
        for (input, output) in [
            ("2026-01-01T00:00:00Z", "\"2026-01-01T00:00:00.000Z\""),
            ("2026-01-01T01:00:00.1239+01:00", "\"2026-01-01T00:00:00.123Z\""),
        ] {
            let time = Time(input.parse().unwrap());
            assert_eq!(serde_json::to_string(&time).unwrap(), output);
        }
    }
}
