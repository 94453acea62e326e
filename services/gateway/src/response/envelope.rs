//! The envelope around market data (`/status`, `/quotes`, `/candles`, `/analytics`, `/risk`).

use contracts::api::{DataState, Sourced};
use contracts::number::Float;
use contracts::time::Time;
use serde::Serialize;
use utoipa::ToSchema;

/// How the request went.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Status {
    /// Whether the data are what they should be.
    pub state: StatusState,
    /// When it was answered.
    pub timestamp: Time,
    /// 0, or the HTTP status of an error.
    #[schema(minimum = 0, maximum = 599)]
    pub error_code: u16,
    /// What went wrong.
    #[schema(required)]
    pub error_message: Option<String>,
    /// Whole milliseconds spent here.
    #[schema(minimum = 0)]
    pub elapsed: u64,
    /// What it counts towards the month's quota.
    #[schema(minimum = 0)]
    pub credit_count: u32,
}

/// The state of the data in an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StatusState {
    /// As good as they get.
    Ok,
    /// Fewer sources than wanted, or a fallback.
    Degraded,
    /// Older than their limit, still served.
    Stale,
    /// No data: this is an error.
    Error,
}

impl From<DataState> for StatusState {
    fn from(state: DataState) -> Self {
        match state {
            DataState::Ok => Self::Ok,
            DataState::Degraded => Self::Degraded,
            DataState::Stale => Self::Stale,
        }
    }
}

/// Where an answer was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CacheLevel {
    /// In this process.
    Process,
    /// In Redis.
    Redis,
    /// In PostgreSQL.
    Db,
    /// Nowhere: computed for this request.
    None,
}

/// Where data come from and how old they are.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Metadata {
    /// The main source.
    pub source: String,
    /// All sources.
    pub sources: Vec<String>,
    /// Milliseconds spent here.
    pub processing_time_ms: Float,
    /// The newest moment the data speak of.
    #[schema(required)]
    pub data_as_of: Option<Time>,
    /// Milliseconds since then.
    #[schema(required, minimum = 0)]
    pub age_ms: Option<u64>,
    /// Where the answer was kept.
    pub cache: CacheLevel,
    /// True if parts were estimated.
    pub estimated: bool,
    /// Id of the request.
    pub request_id: String,
}

/// Where a list goes on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Pagination {
    /// Number of items in all pages, if it was counted.
    #[schema(required, minimum = 0)]
    pub total_count: Option<u64>,
    /// Number of this page, from 1, if pages are numbered.
    #[schema(required, minimum = 1)]
    pub page: Option<u64>,
    /// Most items on one page.
    #[schema(minimum = 1)]
    pub per_page: u64,
    /// Number of pages, if they were counted.
    #[schema(required, minimum = 0)]
    pub total_pages: Option<u64>,
    /// Position of the first item, from 1, if it is known.
    #[schema(required, minimum = 1)]
    pub start: Option<u64>,
    /// Same as `per_page`.
    #[schema(minimum = 1)]
    pub limit: u64,
    /// Send it as `cursor` to go on; `null` on the last page.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

impl Pagination {
    /// The first and only page of a list that is always given whole.
    pub fn whole(count: usize) -> Self {
        let count = count as u64;
        let limit = count.max(1);
        Self {
            total_count: Some(count),
            page: Some(1),
            per_page: limit,
            total_pages: Some(1),
            start: Some(1),
            limit,
            next_cursor: None,
        }
    }

    /// A page of a list that is followed by cursor and not counted.
    pub fn by_cursor(limit: u64, next_cursor: Option<String>) -> Self {
        Self {
            total_count: None,
            page: None,
            per_page: limit,
            total_pages: None,
            start: None,
            limit,
            next_cursor,
        }
    }
}

/// Market data with everything said about them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Envelope<T> {
    /// How the request went.
    pub status: Status,
    /// When it was answered.
    pub timestamp: Time,
    /// Where the data come from.
    pub metadata: Metadata,
    /// The data.
    pub data: T,
    /// Only on lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pagination: Option<Pagination>,
}

/// What a handler knows about its data; [`crate::response`] makes the envelope of it.
#[derive(Debug, Clone)]
pub struct EnvelopeParts<T> {
    /// The data and their origin.
    pub sourced: Sourced<T>,
    /// Where they were kept.
    pub cache: CacheLevel,
    /// Only on lists.
    pub pagination: Option<Pagination>,
}

impl<T> EnvelopeParts<T> {
    /// Data from `cache` that are no list.
    pub fn new(sourced: Sourced<T>, cache: CacheLevel) -> Self {
        Self {
            sourced,
            cache,
            pagination: None,
        }
    }

    /// Makes a list of it.
    #[must_use]
    pub fn page(mut self, pagination: Pagination) -> Self {
        self.pagination = Some(pagination);
        self
    }
}
