//! Whether the platform can be used, and what is missing if not.

use std::collections::BTreeMap;
use std::time::Duration;

use contracts::number::Float;
use platform::health::{CheckReport, Status};
use serde::Serialize;
use utoipa::ToSchema;

use crate::state::AppState;

/// Longest wait for the prices, which are asked for beside the pings.
const PRICES_TIMEOUT: Duration = Duration::from_secs(1);

/// The health of the platform.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthBody {
    /// `ok`, `degraded` (prices are old or missing) or `unavailable` (a required dependency is down).
    #[schema(value_type = HealthState)]
    pub status: &'static str,
    /// Version of the gateway.
    pub version: &'static str,
    /// State of each required dependency, `ok` or `down`.
    #[schema(value_type = BTreeMap<String, DependencyState>)]
    pub dependencies: BTreeMap<String, Status>,
    /// Details of each check.
    pub checks: Checks,
}

/// The state of the platform as a whole.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum HealthState {
    /// Everything works.
    Ok,
    /// Prices are old or missing.
    Degraded,
    /// A required dependency is down.
    Unavailable,
}

/// The state of one dependency or service.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum DependencyState {
    /// It works.
    Ok,
    /// It does not answer, or refuses to work.
    Down,
}

/// The results of all checks.
#[derive(Debug, Serialize, ToSchema)]
pub struct Checks {
    /// The dependencies by name: `postgres`, `redis`, `rabbitmq`.
    #[serde(flatten)]
    pub dependencies: BTreeMap<String, DependencyCheck>,
    /// The freshness of prices.
    pub prices: PricesCheck,
}

/// The check of one dependency.
#[derive(Debug, Serialize, ToSchema)]
pub struct DependencyCheck {
    /// State of the dependency, `ok` or `down`.
    #[schema(value_type = DependencyState)]
    pub status: Status,
    /// Milliseconds that the check took.
    pub latency_ms: Float,
    /// Time of the check.
    #[schema(format = DateTime)]
    pub checked_at: String,
    /// A fault that does not stop the dependency, such as a Redis that may evict keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

impl From<CheckReport> for DependencyCheck {
    fn from(report: CheckReport) -> Self {
        Self {
            status: report.status,
            latency_ms: Float(report.latency_ms),
            checked_at: report.checked_at,
            warning: report.warning,
        }
    }
}

/// The freshness of prices.
#[derive(Debug, Serialize, ToSchema)]
pub struct PricesCheck {
    /// `ok`, `stale`, or `missing` if there is no price at all.
    #[schema(value_type = PricesState)]
    pub status: &'static str,
    /// Milliseconds since the newest price; `null` if there is none.
    #[schema(required, minimum = 0)]
    pub age_ms: Option<u64>,
    /// Whether the prices come from a simulated market.
    pub simulated: bool,
}

/// The state of prices.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum PricesState {
    /// The newest price is fresh.
    Ok,
    /// The newest price is older than its limit.
    Stale,
    /// There is no price.
    Missing,
}

/// Finds out how things are. False if something required is down.
pub async fn report(state: &AppState) -> (bool, HealthBody) {
    // Side by side: a load balancer waits for the slower of them, not for both.
    let (report, prices) = tokio::join!(state.readiness.report(), prices(state));
    let is_ready = report.is_ready();
    let status = match (is_ready, prices.status) {
        (false, _) => "unavailable",
        (true, "ok") => "ok",
        (true, _) => "degraded",
    };
    let body = HealthBody {
        status,
        version: env!("CARGO_PKG_VERSION"),
        dependencies: report.dependencies,
        checks: Checks {
            dependencies: report
                .checks
                .into_iter()
                .map(|(name, check)| (name, check.into()))
                .collect(),
            prices,
        },
    };
    (is_ready, body)
}

async fn prices(state: &AppState) -> PricesCheck {
    let missing = PricesCheck {
        status: "missing",
        age_ms: None,
        simulated: false,
    };
    let Ok(Ok(snapshot)) = tokio::time::timeout(PRICES_TIMEOUT, state.quotes.snapshot()).await else {
        return missing;
    };
    let Some(age) = snapshot.age(state.clock.now()) else {
        return missing;
    };
    PricesCheck {
        status: if age <= state.settings.rates_ttl() {
            "ok"
        } else {
            "stale"
        },
        age_ms: u64::try_from(age.as_millis()).ok(),
        simulated: snapshot.is_simulated(),
    }
}
