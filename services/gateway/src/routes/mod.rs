//! The API: one resource per file, each with its policies, its parameters and its handlers.
//! Which handler stands at which path is the table in `crate::router`.

/// Registration and one's own account.
pub mod users;

/// The flat map of rates.
pub mod rates;

/// Quotes with everything known about them.
pub mod quotes;

/// Bars.
pub mod candles;

/// Statistics, series, correlations.
pub mod analytics;

/// Risk levels.
pub mod risk;

/// Alerts, their events and deliveries.
pub mod alerts;

/// Receivers of webhooks.
pub mod webhooks;

/// The state of venues, services and queues.
pub mod status;

/// Health, the OpenAPI document, the demonstration's account.
pub mod system;

/// Pages: the dashboard, the documentation, the catalogue of errors.
pub mod pages;
