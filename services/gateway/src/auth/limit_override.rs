//! What an administrator allows one user or key in place of the settings.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The policy under which the month's quota is overridden.
pub const QUOTA: &str = "quota";

/// A limit that replaces that of the settings and the tier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitOverride {
    /// A rate-limit policy, or [`QUOTA`].
    pub policy: String,
    pub requests: u32,
    /// Seconds in which that many come back; `None` for the month's quota.
    pub window_seconds: Option<u32>,
    /// Whether it is for one key, and not for all credentials of the user.
    pub is_of_key: bool,
    pub expires_at: Option<Timestamp>,
}

/// The one that holds for `policy` at this time: the key's before the user's.
pub fn find<'a>(overrides: &'a [LimitOverride], policy: &str, now: Timestamp) -> Option<&'a LimitOverride> {
    overrides
        .iter()
        .filter(|one| one.policy == policy && one.expires_at.is_none_or(|end| now < end))
        .max_by_key(|one| one.is_of_key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_override_comes_before_the_users_until_it_expires() {
        let now = Timestamp::UNIX_EPOCH;
        let one = |requests, is_of_key, expires_at| LimitOverride {
            policy: "market".into(),
            requests,
            window_seconds: Some(60),
            is_of_key,
            expires_at,
        };
        let later = now + jiff::SignedDuration::from_secs(1);
        let overrides = [one(1, true, Some(later)), one(2, false, None)];
        let found = |policy, now| find(&overrides, policy, now).map(|one| one.requests);
        assert_eq!(found("market", now), Some(1));
        assert_eq!(found("market", later), Some(2));
        assert_eq!(found("write", now), None);
    }
}
