//! Lists of tokens: filtered, sorted, searched and cut into pages, of one moment.

pub mod cache;
pub mod compressed;
pub mod filter;
pub mod order;
pub mod search;
pub mod snapshot;

pub use cache::{CacheLayer, TokenCache};
pub use filter::{Bounds, TokenFilter};
pub use order::{SortDirection, SortKey};
pub use snapshot::{SnapshotId, TokenSnapshot};
