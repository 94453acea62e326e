//! Names of the metrics of this service.

/// Requests to providers, by provider, what was asked, and outcome.
pub const REQUESTS: &str = "fetch_requests_total";

/// Seconds a request to a provider took.
pub const REQUEST_SECONDS: &str = "fetch_request_seconds";

/// Entries of answers, by provider and outcome: accepted, or the reason of refusal.
pub const OBSERVATIONS: &str = "fetch_observations_total";

/// Inputs of prices, by provider and what became of them: included, or the reason of exclusion.
pub const INPUTS: &str = "fetch_inputs_total";

/// Prices published.
pub const PUBLISHED: &str = "fetch_quotes_published_total";

/// Prices not published, by reason.
pub const WITHHELD: &str = "fetch_quotes_withheld_total";

/// Seconds from the moment a price speaks of to its publication.
pub const QUOTE_AGE_SECONDS: &str = "fetch_quote_age_seconds";

/// Failed reads and writes of Redis.
pub const REDIS_FAILURES: &str = "fetch_redis_failures_total";

/// Observations that Redis refuses for good, so that other processes do not know them.
pub const REDIS_REFUSALS: &str = "fetch_redis_refusals_total";

/// Flagged points by what became of them: written, refused for good, dropped by a full queue, or lost while
/// PostgreSQL was away.
pub const FLAGGED: &str = "fetch_flagged_points_total";

/// State of a provider's breaker: 0 closed, 1 half open, 2 open.
pub const BREAKER_STATE: &str = "fetch_breaker_state";

/// Flushes begun here, by what triggered them.
pub const BATCH_CLAIMS: &str = "fetch_batch_claims_total";

/// Batches flushed here, by what triggered the flush and outcome: price, or the kind of the failure.
pub const BATCHES: &str = "fetch_batches_total";

/// Requests for batched prices, by outcome: price, cache, or the kind of the failure.
pub const PRICE_REQUESTS: &str = "fetch_price_requests_total";

/// Price records by what became of them: written, deferred while PostgreSQL was away, or lost.
pub const PRICE_RECORDS: &str = "fetch_price_records_total";

/// Polls of a provider's listing, by provider and outcome: whole, partial (a page failed after others had come), failed.
pub const LISTINGS: &str = "fetch_listings_total";

/// Tokens of listings, by provider and outcome: accepted, rejected.
pub const LISTED_TOKENS: &str = "fetch_listed_tokens_total";

/// Credits spent at a provider in the month and on the day that it is, by all processes.
pub const CREDITS_USED: &str = "fetch_credits_used";

/// Credits that the plan leaves for the rest of the month and day; missing where there is no limit.
pub const CREDITS_LEFT: &str = "fetch_credits_left";
