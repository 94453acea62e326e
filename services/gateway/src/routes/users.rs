//! Registration and one's own account.

use actix_web::web;
use contracts::problem::ProblemKind;
use contracts::time::Time;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::email::Email;
use crate::auth::{Role, Tier, api_key, passwords};
use crate::error::ApiError;
use crate::extract::body::{Body, BodyFields, DeclareFields};
use crate::extract::caller::Caller;
use crate::extract::rule::{self, Rule};
use crate::extract::validate::{self, Violation};
use crate::rate_limit::policy::RateLimitPolicy;
use crate::request_context::CreationId;
use crate::response::Json;
use crate::route_policy::RoutePolicy;
use crate::state::AppState;
use crate::store::api_keys;
use crate::store::users::{self, NewUser};

pub const REGISTER: RoutePolicy = RoutePolicy::public()
    .limited(RateLimitPolicy::Register)
    .json()
    .secret()
    .unprocessable();
pub const ME: RoutePolicy = RoutePolicy::authenticated()
    .limited(RateLimitPolicy::Me)
    .unprocessable()
    .beyond_quota();

/// A user to be registered.
pub struct Registration {
    email: Email,
    password: Option<SecretString>,
}

impl BodyFields for Registration {
    const SCHEMA: &'static str = "RegisterRequest";
    const DESCRIPTION: &'static str = "A user to be registered.";

    fn declare(fields: &mut impl DeclareFields) -> Option<Self> {
        let email = fields.required(
            "email",
            rule::string(rule::with_example(
                "user@example.com",
                email,
                || json!({"type": "string", "format": "email", "minLength": 5, "maxLength": 254}),
            )),
            "The e-mail address. Surrounding blanks are removed; it is unique without regard to case.",
        );
        let password = fields.optional(
            "password",
            new_password(),
            "A password for logging in, of 10 to 128 characters. It is stored as an Argon2id hash.",
        );
        Some(Self {
            email: email?,
            password,
        })
    }
}

/// A new account with its API key, which is shown only here.
#[derive(Serialize, ToSchema)]
pub struct RegisteredBody {
    /// Id of the user.
    pub id: Uuid,
    /// The e-mail address.
    #[schema(example = "user@example.com")]
    pub email: String,
    /// The API key, to be sent in the header `X-API-Key`.
    #[schema(pattern = "^sk_live_[A-Za-z0-9_-]{43}$")]
    pub api_key: String,
    /// The API key, equal to `api_key`.
    #[schema(pattern = "^sk_live_[A-Za-z0-9_-]{43}$")]
    pub raw_api_key: String,
    /// Whether the account is active.
    pub is_active: bool,
    /// Time of the registration.
    pub created_at: Time,
}

/// The account of a user.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserBody {
    /// Id of the user.
    pub id: Uuid,
    /// The e-mail address.
    pub email: String,
    /// Whether the account is active.
    pub is_active: bool,
    /// Time of the registration.
    pub created_at: Time,
    /// Role of the user, which decides what the user may do.
    pub role: Role,
    /// Tier of the user, which decides how much the user may request.
    pub tier: Tier,
}

/// Registers a user
///
/// Creates an account and its first API key, which is shown only in this response.
#[utoipa::path(post, path = "/api/v1/users/register", tag = "users",
    responses(
        (status = 201, description = "The account and its API key", body = RegisteredBody),
        (status = 400, description = "The e-mail address is registered already, or the request is malformed"),
    ))]
pub async fn register(
    state: web::Data<AppState>,
    creation: CreationId,
    Body(Registration { email, password }): Body<Registration>,
) -> Result<Json<RegisteredBody>, ApiError> {
    // Before the transaction: a hash takes long, and would hold the connection meanwhile.
    let password_hash = match password {
        Some(password) => Some(state.passwords.make(password).await?),
        None => None,
    };

    let now = state.clock.now();
    let key = api_key::generate().map_err(ApiError::internal)?;
    let mut client = state.postgres.get().await?;
    let transaction = client.transaction().await?;
    let id = creation.0;
    let user = NewUser {
        id,
        email: &email,
        role: Role::Reader,
        tier: state.settings.default_tier,
        password_hash: password_hash.as_deref(),
    };
    if !users::create(&transaction, &user, now).await? {
        // An earlier run of this request that could not tell what it made: the key is lost with it.
        return Err(ApiError::new(if users::exists(&transaction, id, &email).await? {
            ProblemKind::SecretAlreadyShown
        } else {
            ProblemKind::EmailAlreadyRegistered
        }));
    }
    // In one transaction with the user: an account without a key could never be used.
    api_keys::insert(&transaction, &state.hasher, id, "default", &key, now).await?;
    transaction.commit().await?;

    let body = RegisteredBody {
        id,
        email: email.as_str().to_owned(),
        api_key: key.expose_secret().to_owned(),
        raw_api_key: key.expose_secret().to_owned(),
        is_active: true,
        created_at: Time(now),
    };
    Ok(Json::created(body))
}

fn email(text: &str) -> Result<Email, Violation> {
    Email::parse(text).ok_or_else(|| Violation::new("email", "must be an e-mail address of at most 254 characters"))
}

/// A password that an account gets.
pub fn new_password() -> impl Rule<RawValue, Value = SecretString> {
    rule::string(rule::rule(password, || {
        let (min, max) = (passwords::MIN_CHARS, passwords::MAX_CHARS);
        json!({"type": "string", "format": "password", "minLength": min, "maxLength": max})
    }))
}

fn password(text: &str) -> Result<SecretString, Violation> {
    validate::text(passwords::MIN_CHARS, passwords::MAX_CHARS)(text).map(SecretString::from)
}

/// Returns the user's account
#[utoipa::path(get, path = "/api/v1/users/me", tag = "users",
    responses((status = 200, description = "The account that the credential belongs to", body = UserBody)))]
pub async fn me(caller: Caller) -> Json<UserBody> {
    Json::ok(UserBody::of(&caller))
}
