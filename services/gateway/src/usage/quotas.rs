//! How many requests a tier has in a month.

use platform::settings::Problems;
use serde::Deserialize;

use crate::auth::Tier;

/// The quota of each tier; 0 is none.
#[derive(Debug, Clone, Deserialize)]
pub struct QuotaSettings {
    pub quota_basic: u32,
    pub quota_hobbyist: u32,
    pub quota_startup: u32,
    pub quota_standard: u32,
    pub quota_professional: u32,
    pub quota_enterprise: u32,
}

/// Largest quota that can be set; 0 is for more.
const MAX_QUOTA: u32 = 1_000_000_000;

impl QuotaSettings {
    /// The quota of a user of this tier; `None` if there is none.
    pub fn quota(&self, tier: Tier) -> Option<u32> {
        let quota = match tier {
            Tier::Basic => self.quota_basic,
            Tier::Hobbyist => self.quota_hobbyist,
            Tier::Startup => self.quota_startup,
            Tier::Standard => self.quota_standard,
            Tier::Professional => self.quota_professional,
            Tier::Enterprise => self.quota_enterprise,
        };
        (quota > 0).then_some(quota)
    }

    /// Adds one problem for each quota that is too large.
    pub fn validate(&self, problems: &mut Problems) {
        for tier in Tier::ALL {
            if self.quota(*tier).is_some_and(|quota| quota > MAX_QUOTA) {
                let variable = format!("QUOTA_{}", tier.as_str().to_uppercase());
                problems.add(variable, format!("must be at most {MAX_QUOTA}; 0 is no quota"));
            }
        }
    }
}
