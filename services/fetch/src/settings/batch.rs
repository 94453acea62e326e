//! Settings of batched prices.

use std::time::Duration;

use platform::settings::{Problems, Validate};
use serde::Deserialize;

use crate::batch::rules::BatchRules;

#[derive(Debug, Clone, Deserialize)]
pub struct BatchSettings {
    /// Longest wait for Redis.
    pub batch_admission_timeout_ms: u64,
    /// Requests that fill a batch.
    pub batch_threshold: u32,
    /// After which a batch is flushed all the same.
    pub batch_window_ms: u64,
    /// Longest wait for a result.
    pub batch_result_timeout_ms: u64,
    /// After which another process takes a flush over.
    pub batch_lease_ms: u64,
    /// Longest time of one request to a provider.
    pub upstream_timeout_ms: u64,
    /// Within which flushes share a request to the provider.
    pub batch_coalesce_ms: u64,
    /// Whether a second provider stands in for the first.
    pub batch_fallback: bool,
    /// Requests that may wait here.
    pub batch_max_waiters: usize,
    /// Days for which prices are kept.
    pub price_retention_days: u32,
}

impl BatchSettings {
    pub fn rules(&self) -> BatchRules {
        BatchRules {
            admission_timeout: Duration::from_millis(self.batch_admission_timeout_ms),
            threshold: self.batch_threshold,
            window: Duration::from_millis(self.batch_window_ms),
            result_timeout: Duration::from_millis(self.batch_result_timeout_ms),
            lease: Duration::from_millis(self.batch_lease_ms),
            upstream_timeout: Duration::from_millis(self.upstream_timeout_ms),
            coalesce: Duration::from_millis(self.batch_coalesce_ms),
        }
    }
}

impl Validate for BatchSettings {
    fn validate(&self, problems: &mut Problems) {
        let waiters = u64::try_from(self.batch_max_waiters).unwrap_or(u64::MAX);
        for (name, value, least, most) in [
            ("BATCH_THRESHOLD", u64::from(self.batch_threshold), 1, 1_000_000),
            ("BATCH_ADMISSION_TIMEOUT_MS", self.batch_admission_timeout_ms, 1, 60_000),
            ("BATCH_WINDOW_MS", self.batch_window_ms, 0, 60_000),
            ("BATCH_RESULT_TIMEOUT_MS", self.batch_result_timeout_ms, 1, 120_000),
            ("BATCH_LEASE_MS", self.batch_lease_ms, 1, 120_000),
            ("UPSTREAM_TIMEOUT_MS", self.upstream_timeout_ms, 50, 60_000),
            ("BATCH_COALESCE_MS", self.batch_coalesce_ms, 0, 1_000),
            ("BATCH_MAX_WAITERS", waiters, 1, 1_000_000),
            ("PRICE_RETENTION_DAYS", u64::from(self.price_retention_days), 1, 3_650),
        ] {
            if !(least..=most).contains(&value) {
                problems.add(name, format!("must be from {least} to {most}"));
            }
        }
        if self.batch_result_timeout_ms <= self.batch_window_ms {
            problems.add("BATCH_RESULT_TIMEOUT_MS", "must be longer than BATCH_WINDOW_MS");
        }
        if self.batch_lease_ms <= self.upstream_timeout_ms.saturating_add(self.batch_coalesce_ms) {
            problems.add(
                "BATCH_LEASE_MS",
                "must be longer than UPSTREAM_TIMEOUT_MS and BATCH_COALESCE_MS together",
            );
        }
    }
}
