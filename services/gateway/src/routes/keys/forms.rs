//! What the routes of keys take.

use contracts::time::Time;
use jiff::Timestamp;
use platform::network::Network;
use serde_json::json;
use uuid::Uuid;

use crate::auth::Scope;
use crate::extract::body::{BodyFields, DeclareFields};
use crate::extract::parameters::{Declare, ParameterList};
use crate::extract::rule::{self, Rule};
use crate::extract::validate::Violation;

const MAX_NAME_CHARS: usize = 100;
const MAX_NETWORKS: usize = 50;
const MAX_OVERLAP_SECONDS: u32 = 604_800;

/// The key that a path names.
pub struct KeyId(pub Uuid);

impl ParameterList for KeyId {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        parameters.path("id", rule::id(), "Id of the key").map(Self)
    }
}

/// A key to be created.
pub struct KeyForm {
    pub name: String,
    pub scopes: Option<Vec<Scope>>,
    pub expires_at: Option<Timestamp>,
    pub ip_allow: Vec<Network>,
}

impl BodyFields for KeyForm {
    const SCHEMA: &'static str = "KeyCreate";
    const DESCRIPTION: &'static str = "An API key to be created.";

    fn declare(fields: &mut impl DeclareFields) -> Option<Self> {
        let name = fields.required(
            "name",
            rule::string(rule::text(1, MAX_NAME_CHARS)),
            "Name of the key, for its owner.",
        );
        let scopes = fields.optional(
            "scopes",
            rule::list(1, Scope::ALL.len(), rule::scope()),
            "The scopes to which the key is confined; those of the credential of the request if there are none.",
        );
        let expires_at = fields.optional(
            "expires_at",
            rule::string(rule::timestamp()),
            "Time at which the key ends; without one it does not end.",
        );
        let ip_allow = fields.optional(
            "ip_allow",
            rule::list(0, MAX_NETWORKS, network()),
            "Networks from which the key may be used; without any it may be used from everywhere.",
        );
        Some(Self {
            name: name?,
            scopes,
            expires_at: expires_at.map(|Time(end)| end),
            ip_allow: ip_allow.unwrap_or_default(),
        })
    }
}

/// How a key is rotated.
pub struct RotationForm {
    pub overlap_seconds: u32,
}

impl BodyFields for RotationForm {
    const SCHEMA: &'static str = "KeyRotation";
    const DESCRIPTION: &'static str = "How a key is rotated.";
    const IS_OPTIONAL: bool = true;

    fn declare(fields: &mut impl DeclareFields) -> Option<Self> {
        let overlap = fields.optional(
            "overlap_seconds",
            rule::json_integer(0, MAX_OVERLAP_SECONDS),
            "How long the old key stays valid: 0, which is the default, ends it at once.",
        );
        Some(Self {
            overlap_seconds: overlap.unwrap_or_default(),
        })
    }
}

/// An IP address or a network in CIDR notation.
fn network() -> impl Rule<Value = Network> {
    rule::with_example(
        "203.0.113.0/24",
        |text: &str| {
            text.parse()
                .map_err(|_| Violation::new("network", "must be an IP address or a network such as 203.0.113.0/24"))
        },
        || json!({"type": "string", "minLength": 2, "maxLength": 49, "pattern": "^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$"}),
    )
}
