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

/// The body of `GET /health`.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthBody {
    /// `ok`, `degraded` (prices are old) or `unavailable` (something required is down).
    #[schema(value_type = HealthState)]
    pub status: &'static str,
    /// The gateway's version.
    pub version: &'static str,
    /// Each server that is needed: `ok` or `down`.
    #[schema(value_type = BTreeMap<String, DependencyState>)]
    pub dependencies: BTreeMap<String, Status>,
    /// The details.
    pub checks: Checks,
}

/// The state as a whole.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum HealthState {
    /// Everything works.
    Ok,
    /// Prices are old.
    Degraded,
    /// Something required is down.
    Unavailable,
}

/// The state of one server.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum DependencyState {
    /// It does what is needed of it.
    Ok,
    /// It does not answer, or refuses.
    Down,
}

/// What was checked.
#[derive(Debug, Serialize, ToSchema)]
pub struct Checks {
    /// The servers by name: `postgres`, `redis`, `rabbitmq`.
    #[serde(flatten)]
    pub dependencies: BTreeMap<String, DependencyCheck>,
    /// The prices.
    pub prices: PricesCheck,
}

/// One server's check.
#[derive(Debug, Serialize, ToSchema)]
pub struct DependencyCheck {
    /// `ok` or `down`.
    #[schema(value_type = DependencyState)]
    pub status: Status,
    /// How long the answer took.
    pub latency_ms: Float,
    /// When it was asked.
    #[schema(format = DateTime)]
    pub checked_at: String,
    /// What is wrong although it works, such as a Redis that may evict keys.
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

/// How fresh the prices are.
#[derive(Debug, Serialize, ToSchema)]
pub struct PricesCheck {
    /// `ok`, `stale`, or `missing` when there is none at all.
    #[schema(value_type = PricesState)]
    pub status: &'static str,
    /// Age of the newest price.
    #[schema(required, minimum = 0)]
    pub age_ms: Option<u64>,
    /// Whether the market is a simulation.
    pub simulated: bool,
}

/// The state of the prices.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum PricesState {
    /// They are fresh.
    Ok,
    /// They are older than their limit.
    Stale,
    /// There are none.
    Missing,
}

/// Finds out how things are. False if something required is down.
pub async fn report(state: &AppState) -> (bool, HealthBody) {
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
