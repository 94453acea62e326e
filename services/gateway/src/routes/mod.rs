//! The API: one resource per file, each with its gates, its parameters and its handlers.

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

use std::sync::LazyLock;

use crate::route::Route;
use crate::route_policy::ResponseFormat;

/// Every route of the API.
pub fn all() -> Vec<Route> {
    let groups = [
        rates::endpoints(),
        quotes::endpoints(),
        candles::endpoints(),
        analytics::endpoints(),
        risk::endpoints(),
        alerts::endpoints(),
        webhooks::endpoints(),
        users::endpoints(),
        status::endpoints(),
        system::endpoints(),
    ];
    groups.into_iter().flatten().collect()
}

/// What the answers of `path` look like, for refusals that come before routing.
pub fn family_of(path: &str) -> ResponseFormat {
    static ENVELOPED: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
        let endpoints = all();
        let operations = endpoints.iter().flat_map(Route::operations);
        let enveloped = operations.filter(|operation| operation.policy.format == ResponseFormat::Enveloped);
        enveloped.map(|operation| operation.path).collect()
    });
    if ENVELOPED.iter().any(|pattern| is_at(pattern, path)) {
        ResponseFormat::Enveloped
    } else {
        ResponseFormat::Plain
    }
}

/// Whether `path` is one of the paths that `pattern`, such as `/api/v1/quotes/{ticker}`, stands for.
fn is_at(pattern: &str, path: &str) -> bool {
    let mut wanted = pattern.trim_end_matches('/').split('/');
    let mut given = path.strip_suffix('/').unwrap_or(path).split('/');
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(part), Some(text)) if part == text || (part.starts_with('{') && !text.is_empty()) => {}
            _ => return false,
        }
    }
}
