//! The envelope around market data (`/status`, `/quotes`, `/candles`, `/analytics`, `/risk`).

use contracts::api::{DataState, WithProvenance};
use contracts::number::Float;
use contracts::time::Time;
use serde::Serialize;
use utoipa::ToSchema;

/// The outcome of a request.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Status {
    /// State of the data.
    pub state: StatusState,
    /// Time of the response.
    pub timestamp: Time,
    /// 0 for a success, otherwise the HTTP status code.
    #[schema(minimum = 0, maximum = 599)]
    pub error_code: u16,
    /// What went wrong, in one sentence; `null` for a success.
    #[schema(required)]
    pub error_message: Option<String>,
    /// Whole milliseconds that the gateway took.
    #[schema(minimum = 0)]
    pub elapsed: u64,
    /// Credits that the request counts towards the monthly quota.
    #[schema(minimum = 0)]
    pub credit_count: u32,
}

/// The state of the data in an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StatusState {
    /// Fresh, from as many sources as wanted.
    Ok,
    /// Fewer sources than wanted, or a fallback.
    Degraded,
    /// Older than their limit, but served.
    Stale,
    /// There are no data: the response is an error.
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

/// The cache or store that the data were read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CacheLevel {
    /// The memory of the gateway's process.
    Process,
    /// Redis.
    Redis,
    /// PostgreSQL.
    Db,
    /// None: the data were computed for this request.
    None,
}

/// Origin and age of the data.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Metadata {
    /// Name of the main source, such as `aggregate`.
    pub source: String,
    /// Names of all sources.
    pub sources: Vec<String>,
    /// Milliseconds that the gateway took, to a tenth.
    pub processing_time_ms: Float,
    /// Time of the newest observation in the data; `null` if there is none.
    #[schema(required)]
    pub data_as_of: Option<Time>,
    /// Milliseconds since `data_as_of`.
    #[schema(required, minimum = 0)]
    pub age_ms: Option<u64>,
    /// The cache or store that the data were read from.
    pub cache: CacheLevel,
    /// Whether parts of the data were estimated.
    pub estimated: bool,
    /// Ids of the other tokens that the symbol in the path may have meant, largest first; left out where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub ambiguous: Vec<i64>,
    /// Id of the request, as in the header `X-Request-Id`.
    pub request_id: String,
}

/// The position of a page in its list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Pagination {
    /// Number of items on all pages; `null` if it is not counted.
    #[schema(required, minimum = 0)]
    pub total_count: Option<u64>,
    /// Number of this page, from 1; `null` if pages are not numbered.
    #[schema(required, minimum = 1)]
    pub page: Option<u64>,
    /// Maximum number of items on a page.
    #[schema(minimum = 1)]
    pub per_page: u64,
    /// Number of pages; `null` if they are not counted.
    #[schema(required, minimum = 0)]
    pub total_pages: Option<u64>,
    /// Position of the first item in the list, from 1; `null` if it is not known.
    #[schema(required, minimum = 1)]
    pub start: Option<u64>,
    /// Maximum number of items on a page, equal to `per_page`.
    #[schema(minimum = 1)]
    pub limit: u64,
    /// Value of the parameter `cursor` for the next page; `null` on the last page.
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

/// Market data with their origin and state.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Envelope<T> {
    /// The outcome of the request.
    pub status: Status,
    /// Time of the response.
    pub timestamp: Time,
    /// Origin and age of the data.
    pub metadata: Metadata,
    /// The data.
    pub data: T,
    /// The position of the page, on lists only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pagination: Option<Pagination>,
}

/// What a handler knows about its data; [`crate::response`] makes the envelope of it.
#[derive(Debug, Clone)]
pub struct EnvelopeParts<T> {
    /// The data and their origin.
    pub sourced: WithProvenance<T>,
    /// Where they were kept.
    pub cache: CacheLevel,
    /// Other tokens that were possibly meant.
    pub ambiguous: Vec<i64>,
    /// Only on lists.
    pub pagination: Option<Pagination>,
}

impl<T> EnvelopeParts<T> {
    /// Data from `cache` that are no list.
    pub fn new(sourced: WithProvenance<T>, cache: CacheLevel) -> Self {
        Self {
            sourced,
            cache,
            ambiguous: Vec::new(),
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
