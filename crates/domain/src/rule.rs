//! An alert's condition.

use std::fmt;

use serde::{Deserialize, Serialize};

/// When a price alert fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    /// The price is strictly above the target.
    Gt,
    /// The price is strictly below the target.
    Lt,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gt => "gt",
            Self::Lt => "lt",
        })
    }
}
