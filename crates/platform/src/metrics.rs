//! Prometheus metrics of the process: recorded anywhere through the `metrics` macros, rendered here.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::Context;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

/// Requests answered, by route pattern, method and status.
pub const HTTP_REQUESTS: &str = "http_requests_total";
/// Seconds from the request's head to the response's head, by route pattern.
pub const HTTP_SECONDS: &str = "http_request_duration_seconds";
/// Seconds since the process started.
pub const UPTIME: &str = "process_uptime_seconds";
/// Always 1; its labels name the service and version.
pub const BUILD: &str = "build_info";

/// Upper bounds of every histogram, in seconds.
const BUCKETS: [f64; 14] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// How often histograms are condensed; without it they grow with every sample.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

struct Recorder {
    handle: PrometheusHandle,
    started: Instant,
    service: &'static str,
    version: &'static str,
}

static RECORDER: OnceLock<Recorder> = OnceLock::new();

/// Installs the process-wide recorder; calling it again changes nothing.
///
/// # Errors
///
/// Another recorder is installed.
pub fn install(service: &'static str, version: &'static str) -> anyhow::Result<()> {
    static INSTALLING: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one_at_a_time = INSTALLING.lock();
    if RECORDER.get().is_some() {
        return Ok(());
    }
    let handle = PrometheusBuilder::new()
        .set_buckets(&BUCKETS)
        .context("histogram buckets")?
        .install_recorder()
        .context("another metrics recorder is installed")?;
    let started = Instant::now();
    RECORDER.get_or_init(|| Recorder {
        handle,
        started,
        service,
        version,
    });
    ::metrics::gauge!(BUILD, "service" => service, "version" => version).set(1.0);
    Ok(())
}

/// The present values in Prometheus' text format; empty before [`install`].
#[must_use]
pub fn render() -> String {
    let Some(recorder) = RECORDER.get() else {
        return String::new();
    };
    ::metrics::gauge!(UPTIME).set(recorder.started.elapsed().as_secs_f64());
    recorder.handle.render()
}

/// What this process is and since when, as `GET /internal/about` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Name of the service.
    pub service: String,
    /// Its version.
    pub version: String,
    /// Seconds since it started.
    pub uptime_seconds: u64,
}

/// What this process is; `None` before [`install`].
#[must_use]
pub fn about() -> Option<About> {
    RECORDER.get().map(|recorder| About {
        service: recorder.service.to_owned(),
        version: recorder.version.to_owned(),
        uptime_seconds: recorder.started.elapsed().as_secs(),
    })
}

/// Condenses histograms until the token is cancelled.
pub(crate) async fn upkeep(stop: CancellationToken) {
    while stop
        .run_until_cancelled(tokio::time::sleep(UPKEEP_INTERVAL))
        .await
        .is_some()
    {
        if let Some(recorder) = RECORDER.get() {
            recorder.handle.run_upkeep();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_rendered_with_buckets() {
        install("sample", "1.2.3").unwrap();
        install("sample", "1.2.3").unwrap();
        ::metrics::histogram!("sample_seconds").record(0.003);
        let text = render();
        assert!(
            text.contains("build_info{service=\"sample\",version=\"1.2.3\"} 1"),
            "{text}"
        );
        assert!(text.contains("sample_seconds_bucket{le=\"0.005\"} 1"), "{text}");
        assert!(text.contains(UPTIME), "{text}");
    }
}
