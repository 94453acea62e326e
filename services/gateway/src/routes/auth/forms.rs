//! What the routes of log-ins take.

use secrecy::SecretString;
use serde_json::json;

use crate::auth::email;
use crate::auth::refresh_token::TOKEN_CHARS;
use crate::auth::{Scope, passwords};
use crate::extract::body::{BodyFields, DeclareFields};
use crate::extract::rule::{self, Rule};
use crate::extract::validate::{self, Violation};

/// A secret text of at most `max` characters.
pub fn secret(max: usize) -> impl Rule<Value = SecretString> {
    rule::rule(
        move |text: &str| -> Result<SecretString, Violation> { validate::text(1, max)(text).map(SecretString::from) },
        move || json!({"type": "string", "format": "password", "minLength": 1, "maxLength": max}),
    )
}

/// Who logs in.
pub struct LoginForm {
    pub username: String,
    pub password: SecretString,
}

impl BodyFields for LoginForm {
    const SCHEMA: &'static str = "LoginRequest";
    const DESCRIPTION: &'static str = "Who logs in.";

    fn declare(fields: &mut impl DeclareFields) -> Option<Self> {
        let username = fields.required(
            "username",
            rule::string(rule::text(1, email::MAX_CHARS)),
            "The e-mail address of the account, or the name of the first administrator.",
        );
        let password = fields.required(
            "password",
            rule::string(secret(passwords::MAX_CHARS)),
            "The password of the account.",
        );
        Some(Self {
            username: username?,
            password: password?,
        })
    }
}

/// The refresh token of a session.
pub struct RefreshForm {
    pub refresh_token: SecretString,
}

impl BodyFields for RefreshForm {
    const SCHEMA: &'static str = "RefreshRequest";
    const DESCRIPTION: &'static str = "The refresh token of a session.";

    fn declare(fields: &mut impl DeclareFields) -> Option<Self> {
        let refresh_token = fields.required(
            "refreshToken",
            rule::string(secret(TOKEN_CHARS)),
            "The newest refresh token of the session.",
        );
        Some(Self {
            refresh_token: refresh_token?,
        })
    }
}

/// Which sessions end.
pub struct LogoutForm {
    pub refresh_token: Option<SecretString>,
    pub everywhere: bool,
}

impl BodyFields for LogoutForm {
    const SCHEMA: &'static str = "LogoutRequest";
    const DESCRIPTION: &'static str = "Which sessions end.";
    const IS_OPTIONAL: bool = true;

    fn declare(fields: &mut impl DeclareFields) -> Option<Self> {
        let refresh_token = fields.optional(
            "refreshToken",
            rule::string(secret(TOKEN_CHARS)),
            "A refresh token, whose session ends too.",
        );
        let everywhere = fields.optional(
            "everywhere",
            rule::json_boolean(),
            "Whether all sessions of the user end.",
        );
        Some(Self {
            refresh_token,
            everywhere: everywhere.unwrap_or_default(),
        })
    }
}

/// What a stream may show.
pub struct TicketForm {
    pub scopes: Vec<Scope>,
}

impl BodyFields for TicketForm {
    const SCHEMA: &'static str = "TicketRequest";
    const DESCRIPTION: &'static str = "What a stream may show.";
    const IS_OPTIONAL: bool = true;

    fn declare(fields: &mut impl DeclareFields) -> Option<Self> {
        let scopes = fields.optional(
            "scope",
            rule::list(1, Scope::ALL.len(), rule::scope()),
            "The scopes of the ticket, which are scopes of the credential: `stream:read` if there are none.",
        );
        Some(Self {
            scopes: scopes.unwrap_or_else(|| vec![Scope::StreamRead]),
        })
    }
}
