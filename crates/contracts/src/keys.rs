//! Names in Redis. Braces are hash tags: what one script touches together lies in one slot of a cluster.

use domain::coin_id::CoinId;
use domain::rule::Condition;
use domain::ticker::Ticker;
use uuid::Uuid;

/// Stream of every published aggregate quote; one field [`MESSAGE_FIELD`] with a [`crate::messages::QuoteMessage`].
pub const QUOTES_STREAM: &str = "quotes";

/// About how many entries [`QUOTES_STREAM`] keeps.
pub const QUOTES_STREAM_MAX_LEN: usize = 100_000;

/// Stream of [`crate::messages::MetricsMessage`].
pub const METRICS_STREAM: &str = "metrics";

/// About how many entries [`METRICS_STREAM`] keeps.
pub const METRICS_STREAM_MAX_LEN: usize = 20_000;

/// Stream of [`crate::messages::AlertEventMessage`] and level changes.
pub const ALERT_EVENTS_STREAM: &str = "alert-events";

/// About how many entries [`ALERT_EVENTS_STREAM`] keeps.
pub const ALERT_EVENTS_STREAM_MAX_LEN: usize = 20_000;

/// Stream of [`crate::listing::ListingMessage`].
pub const LISTINGS_STREAM: &str = "listings";

/// About how many entries [`LISTINGS_STREAM`] keeps: some listings of 5 000 tokens, of 10 pages each.
pub const LISTINGS_STREAM_MAX_LEN: usize = 120;

/// The one field of every stream entry: the message as JSON text.
pub const MESSAGE_FIELD: &str = "message";

/// Consumer group of `core-analytics` on [`QUOTES_STREAM`] and [`LISTINGS_STREAM`].
pub const ANALYTICS_GROUP: &str = "core-analytics";

/// Consumer group of `alerts` on [`QUOTES_STREAM`] and [`METRICS_STREAM`].
pub const ALERTS_GROUP: &str = "alerts";

/// Channel on which a revoked key or a changed user is announced, as the hex of the key's hash.
pub const AUTH_REVOKED_CHANNEL: &str = "auth-revoked";

/// Whose usage may not be in PostgreSQL yet: sorted set, score = unix seconds, member = `<user id>:<month>`.
pub const UNCOPIED_USAGE: &str = "usage-uncopied";

/// What is known of the alert index: hash with `epoch` while it is complete, `generation`, and the size of each set.
pub const ALERT_INDEX: &str = "alerts:sizes";

/// When the newest price that alerts were compared with was published: hash, field = ticker, value = unix milliseconds.
pub const EVALUATED_PRICES: &str = "alerts:evaluated";

/// Channel on which `fetch` announces that a batch is full, as its id.
pub const BATCH_FILLED_CHANNEL: &str = "batch-filled";

/// Channel on which `fetch` announces the results of batches, each as the JSON that is stored.
pub const BATCH_RESULTS_CHANNEL: &str = "batch-results";

/// Channel on which `core-analytics` announces that tokens changed, as the version of the listing.
pub const TOKENS_CHANGED_CHANNEL: &str = "tokens-changed";

/// Price records that PostgreSQL did not take: list of JSON, oldest first.
pub const UNSTORED_PRICE_RECORDS: &str = "price-records:unstored";

/// Newest aggregate quote of an asset: string, JSON [`crate::messages::QuoteMessage`].
pub fn quote(ticker: &Ticker) -> String {
    format!("quote:{{{ticker}}}")
}

/// Newest observation per provider: hash, field = provider, value = JSON [`crate::messages::ObservationMessage`].
pub fn observations(ticker: &Ticker) -> String {
    format!("observation:{{{ticker}}}")
}

/// Newest metrics of an asset: string, JSON [`crate::messages::MetricsMessage`].
pub fn metrics(ticker: &Ticker) -> String {
    format!("metrics:{{{ticker}}}")
}

/// Index of armed price alerts: sorted set, score = target as float, member = `<alert id>:<exact target>`.
pub fn alert_index(condition: Condition, ticker: &Ticker) -> String {
    format!("alerts:{condition}:{{{ticker}}}")
}

/// State of a provider: string, JSON [`crate::api::fetch::ProviderBody`].
pub fn provider_state(provider: domain::ticker::ProviderId) -> String {
    format!("provider:{{{provider}}}")
}

/// Token bucket of one subject under one policy.
pub fn rate_bucket(policy: &str, subject: &str) -> String {
    format!("{{rl:{policy}:{subject}}}")
}

/// Requests of a user in a month such as `2026-01`: hash with `total`, and one field `<day>:<route class>` each.
pub fn usage(user: &str, month: &str) -> String {
    format!("usage:{{{user}}}:{month}")
}

/// Cached identity of an API key, by the hex of its hash.
pub fn auth_cache(key_hash_hex: &str) -> String {
    format!("auth:{{{key_hash_hex}}}")
}

/// Stream ticket, by the hex of its hash.
pub fn stream_ticket(ticket_hash_hex: &str) -> String {
    format!("ticket:{{{ticket_hash_hex}}}")
}

/// Lease of a singleton.
pub fn lease(name: &str) -> String {
    format!("lease:{{{name}}}")
}

/// Batch of a coin that takes requests now: string, its id. A batch's own keys begin with it.
pub fn open_batch(coin: &CoinId) -> String {
    format!("{{batch:{coin}}}")
}

/// State of one batch: hash.
pub fn batch_state(coin: &CoinId, batch_id: Uuid) -> String {
    format!("{{batch:{coin}}}:{batch_id}")
}

/// Result of one batch: string, JSON.
pub fn batch_result(coin: &CoinId, batch_id: Uuid) -> String {
    format!("{{batch:{coin}}}:result:{batch_id}")
}

/// Newest result of a coin that has a price: string, JSON.
pub fn newest_batch_result(coin: &CoinId) -> String {
    format!("{{batch:{coin}}}:newest")
}

/// All tokens of one version of the listing, by the id of the snapshot: string, compressed JSON.
pub fn token_snapshot(id: &str) -> String {
    format!("tokens:{{{id}}}")
}

/// Stands while a coin is known to be unknown to the provider.
pub fn unknown_coin(coin: &CoinId) -> String {
    format!("{{batch:{coin}}}:unknown")
}
