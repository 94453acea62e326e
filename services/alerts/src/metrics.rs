//! Names of this service's metrics. Labels are bounded: conditions, reasons and outcomes, never ids.

/// Quotes read from the stream.
pub const QUOTES_IN: &str = "alerts_quotes_in_total";

/// Quotes that the stream had trimmed before they were read.
pub const QUOTES_MISSED: &str = "alerts_quotes_missed_total";

/// Quotes that were not evaluated, by `reason`.
pub const QUOTES_REFUSED: &str = "alerts_quotes_refused_total";

/// Items that were refused for good and set aside in `alerting.refused`, by `kind`: quote, alert or metrics.
pub const REFUSED: &str = "alerts_refused_total";

/// Alerts that fired.
pub const FIRED: &str = "alerts_fired_total";

/// Seconds from the time of a price (`as_of`) to the commit of what it fired.
pub const FIRING_AGE_SECONDS: &str = "alerts_firing_age_seconds";

/// Seconds one batch of quotes took, from the stream to the commit.
pub const EVALUATION_SECONDS: &str = "alerts_evaluation_seconds";

/// Alerts in the index.
pub const INDEX_SIZE: &str = "alerts_index_size";

/// Entries of the index that were missing or too many, by `kind`.
pub const INDEX_REPAIRED: &str = "alerts_index_repaired_total";

/// Messages put into the queue.
pub const QUEUED: &str = "alerts_outbox_queued_total";

/// Messages that the queue did not take.
pub const QUEUE_FAILED: &str = "alerts_outbox_failed_total";

/// Deliveries that are not finished: waiting, queued or under way. Counted every ten seconds.
pub const OUTBOX_DEPTH: &str = "alerts_outbox_depth";

/// Seconds for which messages of some endpoint could be published and were not.
pub const OUTBOX_LAG_SECONDS: &str = "alerts_outbox_lag_seconds";

/// Attempts made, by `outcome`.
pub const ATTEMPTS: &str = "alerts_delivery_attempts_total";

/// Seconds one attempt took.
pub const ATTEMPT_SECONDS: &str = "alerts_delivery_attempt_seconds";

/// Messages for which a consumer had no room, and which wait in the outbox again.
pub const DEFERRED: &str = "alerts_delivery_deferred_total";

/// Messages that another consumer has, or that are finished.
pub const DUPLICATES: &str = "alerts_delivery_duplicates_total";

/// Endpoints that were disabled.
pub const ENDPOINTS_DISABLED: &str = "alerts_endpoints_disabled_total";

/// Changes of an asset's risk level, by `to`.
pub const LEVEL_CHANGES: &str = "alerts_monitor_level_changes_total";
