//! How many alerts and endpoints a tier has room for.

use contracts::api::alerts::PlanLimits;
use platform::settings::Problems;
use serde::Deserialize;

use crate::auth::Tier;

/// The limits of each tier; 0 is none.
#[derive(Debug, Clone, Deserialize)]
pub struct PlanSettings {
    pub alerts_limit_basic: u32,
    pub alerts_limit_hobbyist: u32,
    pub alerts_limit_startup: u32,
    pub alerts_limit_standard: u32,
    pub alerts_limit_professional: u32,
    pub alerts_limit_enterprise: u32,
    pub endpoints_limit_basic: u32,
    pub endpoints_limit_hobbyist: u32,
    pub endpoints_limit_startup: u32,
    pub endpoints_limit_standard: u32,
    pub endpoints_limit_professional: u32,
    pub endpoints_limit_enterprise: u32,
}

/// Largest limit that can be set; 0 is for more.
const MAX_LIMIT: u32 = 10_000_000;

impl PlanSettings {
    /// What a user of this tier may have.
    pub fn limits(&self, tier: Tier) -> PlanLimits {
        let (alerts, endpoints) = match tier {
            Tier::Basic => (self.alerts_limit_basic, self.endpoints_limit_basic),
            Tier::Hobbyist => (self.alerts_limit_hobbyist, self.endpoints_limit_hobbyist),
            Tier::Startup => (self.alerts_limit_startup, self.endpoints_limit_startup),
            Tier::Standard => (self.alerts_limit_standard, self.endpoints_limit_standard),
            Tier::Professional => (self.alerts_limit_professional, self.endpoints_limit_professional),
            Tier::Enterprise => (self.alerts_limit_enterprise, self.endpoints_limit_enterprise),
        };
        let limit = |limit: u32| Some(limit).filter(|limit| *limit > 0);
        PlanLimits {
            max_active_alerts: limit(alerts),
            max_endpoints: limit(endpoints),
        }
    }

    /// Adds one problem for each limit that is too large.
    pub fn validate(&self, problems: &mut Problems) {
        for tier in Tier::ALL {
            let limits = self.limits(*tier);
            for (name, limit) in [
                ("ALERTS_LIMIT", limits.max_active_alerts),
                ("ENDPOINTS_LIMIT", limits.max_endpoints),
            ] {
                if limit.is_some_and(|limit| limit > MAX_LIMIT) {
                    let variable = format!("{name}_{}", tier.as_str().to_uppercase());
                    problems.add(variable, format!("must be at most {MAX_LIMIT}; 0 is no limit"));
                }
            }
        }
    }
}
