//! Identity: users, their keys, and what a request may do.

pub mod access_token;
pub mod administrator;
pub mod api_key;
pub mod email;
pub mod failure_window;
pub mod identity_cache;
pub mod imposed_blocks;
pub mod ip_block;
pub mod limit_override;
pub mod passwords;
pub mod plan;
pub mod refresh_token;
pub mod stream_ticket;
pub mod unknown_keys;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use jiff::Timestamp;
use platform::network::{Network, any_contains};
use serde::{Deserialize, Serialize};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use self::api_key::KeyHash;
use self::limit_override::LimitOverride;

macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),* }

        impl $name {
            /// Every one of them, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name in settings, in the database and in answers.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text).ok_or_else(|| {
                    let names: Vec<&str> = Self::ALL.iter().map(|one| one.as_str()).collect();
                    format!("expected one of {}", names.join(", "))
                })
            }
        }
    };
}

names! {
    /// What a user may do, each more than the one before.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
    #[serde(rename_all = "lowercase")]
    Role {
        /// Market data, own alerts and webhooks.
        Reader = "reader",
        Analyst = "analyst",
        Admin = "admin",
    }
}

names! {
    /// How much a user may ask for.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
    #[serde(rename_all = "lowercase")]
    Tier {
        Basic = "basic",
        Hobbyist = "hobbyist",
        Startup = "startup",
        Standard = "standard",
        Professional = "professional",
        /// Twenty times, without a monthly quota.
        Enterprise = "enterprise",
    }
}

names! {
    /// One thing that a credential permits.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    Scope {
        /// Rates, quotes, candles, status.
        MarketRead = "market:read",
        /// Batched prices.
        PriceRead = "price:read",
        /// Statistics and risk.
        AnalyticsRead = "analytics:read",
        ForecastRead = "forecast:read",
        AlertsRead = "alerts:read",
        AlertsWrite = "alerts:write",
        WebhooksRead = "webhooks:read",
        /// Their secrets and tests.
        WebhooksWrite = "webhooks:write",
        PortfolioRead = "portfolio:read",
        PortfolioWrite = "portfolio:write",
        StreamRead = "stream:read",
        KeysWrite = "keys:write",
        Admin = "admin",
    }
}

/// By hand, because the derived one does not see the names that the macro gives.
impl PartialSchema for Scope {
    fn schema() -> RefOr<Schema> {
        let names = Self::ALL.iter().map(|scope| scope.as_str());
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("One thing that a credential permits"))
            .enum_values(Some(names))
            .into()
    }
}

impl ToSchema for Scope {}

impl Role {
    /// Whether the role permits `scope`.
    pub const fn permits(self, scope: Scope) -> bool {
        match scope {
            Scope::ForecastRead => !matches!(self, Self::Reader),
            Scope::Admin => matches!(self, Self::Admin),
            Scope::MarketRead
            | Scope::PriceRead
            | Scope::AnalyticsRead
            | Scope::AlertsRead
            | Scope::AlertsWrite
            | Scope::WebhooksRead
            | Scope::WebhooksWrite
            | Scope::PortfolioRead
            | Scope::PortfolioWrite
            | Scope::StreamRead
            | Scope::KeysWrite => true,
        }
    }

    /// The least role that permits `scope`.
    pub fn least_for(scope: Scope) -> Self {
        let mut roles = Self::ALL.iter().copied();
        roles.find(|role| role.permits(scope)).unwrap_or(Self::Admin)
    }
}

/// Who sent a request, and with which key. Everything that routes need, so that they need not look it up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The hash under which caches know the credential.
    #[serde(skip)]
    pub cache_hash: KeyHash,
    pub user_id: Uuid,
    pub email: String,
    pub role: Role,
    pub tier: Tier,
    pub created_at: Timestamp,
    /// The key, or the one that was exchanged for the session.
    pub key_id: Option<Uuid>,
    /// The session, if the credential was an access token.
    #[serde(default)]
    pub session_id: Option<Uuid>,
    /// What the key is confined to; `None` for everything that the role permits.
    pub scopes: Option<Vec<Scope>>,
    /// Networks from which the key may be used; empty for all.
    #[serde(default)]
    pub ip_allow: Vec<Network>,
    pub expires_at: Option<Timestamp>,
    /// What administrators allow in place of the settings.
    #[serde(default)]
    pub limits: Vec<LimitOverride>,
}

impl Identity {
    /// A user with a credential that is confined to nothing.
    pub fn of_user(user_id: Uuid, email: &str, role: Role, tier: Tier) -> Self {
        Self {
            cache_hash: KeyHash::default(),
            user_id,
            email: email.to_owned(),
            role,
            tier,
            created_at: Timestamp::UNIX_EPOCH,
            key_id: None,
            session_id: None,
            scopes: None,
            ip_allow: Vec::new(),
            expires_at: None,
            limits: Vec::new(),
        }
    }

    /// Every scope that both the role and the key permit.
    pub fn granted_scopes(&self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(|scope| self.may(*scope))
    }

    /// Whether both the role and the key permit `scope`.
    pub fn may(&self, scope: Scope) -> bool {
        self.role.permits(scope) && self.scopes.as_ref().is_none_or(|scopes| scopes.contains(&scope))
    }

    /// Whether the credential is valid at this time, sent from this address.
    pub fn is_valid(&self, now: Timestamp, address: IpAddr) -> bool {
        let is_current = self.expires_at.is_none_or(|end| now < end);
        is_current && (self.ip_allow.is_empty() || any_contains(&self.ip_allow, address))
    }

    /// Whether a key with these networks and this end would be valid only where and while this credential is.
    pub fn is_valid_wherever(&self, ip_allow: &[Network], expires_at: Option<Timestamp>) -> bool {
        let is_inside = |network: &Network| self.ip_allow.iter().any(|own| own.covers(network));
        let is_near = self.ip_allow.is_empty() || (!ip_allow.is_empty() && ip_allow.iter().all(is_inside));
        let is_short = self
            .expires_at
            .is_none_or(|own| expires_at.is_some_and(|end| end <= own));
        is_near && is_short
    }

    /// The identity of a request that sent this key and this access token of the same user: it may do what both permit.
    #[must_use]
    pub fn intersect(&self, token: &Self) -> Self {
        let scopes = match (&self.scopes, &token.scopes) {
            (Some(one), Some(other)) => Some(one.iter().copied().filter(|scope| other.contains(scope)).collect()),
            (one, other) => one.clone().or_else(|| other.clone()),
        };
        let ends = [self.expires_at, token.expires_at];
        Self {
            session_id: token.session_id,
            scopes,
            ip_allow: if self.ip_allow.is_empty() {
                token.ip_allow.clone()
            } else {
                self.ip_allow.clone()
            },
            expires_at: ends.into_iter().flatten().min(),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity::of_user(Uuid::nil(), "a@b.example", Role::Reader, Tier::Basic)
    }

    #[test]
    fn key_permits_only_scopes_of_its_role() {
        let mut identity = identity();
        assert!(identity.may(Scope::AlertsWrite));
        assert!(!identity.may(Scope::ForecastRead));
        identity.scopes = Some(vec![Scope::MarketRead, Scope::Admin]);
        assert!(identity.may(Scope::MarketRead));
        assert!(!identity.may(Scope::AlertsWrite));
        assert!(!identity.may(Scope::Admin));
    }

    #[test]
    fn least_role_permits_the_scope() {
        assert_eq!(Role::least_for(Scope::MarketRead), Role::Reader);
        assert_eq!(Role::least_for(Scope::ForecastRead), Role::Analyst);
        assert_eq!(Role::least_for(Scope::Admin), Role::Admin);
    }

    #[test]
    fn key_and_token_together_permit_what_both_permit() {
        let (mut key, mut token) = (identity(), identity());
        assert_eq!(key.intersect(&token).scopes, None);
        token.scopes = Some(vec![Scope::MarketRead, Scope::AlertsRead]);
        assert_eq!(key.intersect(&token).scopes, token.scopes);
        key.scopes = Some(vec![Scope::AlertsRead, Scope::KeysWrite]);
        assert_eq!(key.intersect(&token).scopes, Some(vec![Scope::AlertsRead]));
    }

    #[test]
    fn credential_gives_rights_only_where_and_while_it_is_valid() {
        let mut own = identity();
        let network = |text: &str| vec![text.parse::<Network>().unwrap()];
        let end = Some(Timestamp::UNIX_EPOCH);
        assert!(own.is_valid_wherever(&[], None));
        own.ip_allow = network("10.0.0.0/8");
        assert!(own.is_valid_wherever(&network("10.1.0.0/16"), None));
        assert!(!own.is_valid_wherever(&network("0.0.0.0/0"), None));
        assert!(!own.is_valid_wherever(&[], None));
        own.expires_at = end;
        assert!(own.is_valid_wherever(&network("10.0.0.0/8"), end));
        assert!(!own.is_valid_wherever(&network("10.0.0.0/8"), None));
        assert!(!own.is_valid_wherever(&network("10.0.0.0/8"), Some(Timestamp::MAX)));
    }

    #[test]
    fn key_is_valid_until_it_expires_and_from_its_networks() {
        let mut key = identity();
        let (now, inside, outside) = (
            Timestamp::UNIX_EPOCH,
            IpAddr::from([10, 1, 2, 3]),
            IpAddr::from([11, 1, 2, 3]),
        );
        assert!(key.is_valid(now, outside));
        key.ip_allow = vec!["10.0.0.0/8".parse().unwrap()];
        assert!(key.is_valid(now, inside) && !key.is_valid(now, outside));
        key.expires_at = Some(now);
        assert!(!key.is_valid(now, inside));
    }

    #[test]
    fn names_are_parsed_as_they_are_printed() {
        assert_eq!("analyst".parse(), Ok(Role::Analyst));
        assert_eq!("enterprise".parse(), Ok(Tier::Enterprise));
        assert_eq!("webhooks:write".parse(), Ok(Scope::WebhooksWrite));
        assert_eq!(
            "king".parse::<Role>(),
            Err("expected one of reader, analyst, admin".to_owned())
        );
    }
}
