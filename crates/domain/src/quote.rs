//! What one venue said, and the one price made of what all said.

use serde::{Deserialize, Serialize};

/// Whether an aggregate price may be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quality {
    /// Enough fresh sources agree.
    Ok,
    /// Fewer sources than wanted, or an assumption was made.
    Degraded,
    /// Older than its limit.
    Stale,
}
