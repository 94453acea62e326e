//! A request to a venue and its reply.

use crate::json::Json;

#[derive(Debug, Clone, Default)]
pub struct Request<'a> {
    /// The path below the venue's prefix.
    pub path: &'a str,
    pub query: Vec<(String, String)>,
    /// `X-CMC_PRO_API_KEY`, if sent.
    pub api_key: Option<String>,
    /// `X-MBX-TIME-UNIT`, if sent.
    pub time_unit: Option<String>,
}

impl Request<'_> {
    /// A parameter that is present and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// Whether a switch is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1")
    }
}

#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub body: Json,
    /// Headers beyond the usual ones.
    pub headers: Vec<(&'static str, String)>,
    /// What it costs of the venue's limit.
    pub weight: u64,
}

impl Reply {
    pub fn ok(body: Json) -> Self {
        Self {
            status: 200,
            body,
            headers: Vec::new(),
            weight: 1,
        }
    }

    /// An error of the venue.
    pub fn error(status: u16, body: Json) -> Self {
        Self {
            status,
            body,
            headers: Vec::new(),
            weight: 1,
        }
    }

    #[must_use]
    pub fn weighing(mut self, weight: u64) -> Self {
        self.weight = weight;
        self
    }
}

/// Splits a list at commas, blanks kept, as the venues do.
pub fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').filter(|item| !item.is_empty())
}
