//! Registration and one's own account.

use actix_web::web;
use contracts::problem::ProblemKind;
use contracts::time::Time;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::email::Email;
use crate::auth::{Role, Tier, api_key, passwords};
use crate::error::ApiError;
use crate::extract::body::{Fields, RawBody, string};
use crate::extract::caller::Caller;
use crate::extract::query::expect_valid;
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
    .unprocessable();

/// A user to be registered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes a body that is read field by field")]
pub struct RegisterRequest {
    /// The e-mail address. Surrounding blanks are removed; it is unique without regard to case.
    #[schema(format = Email, min_length = 6, max_length = 254, example = "user@example.com")]
    email: String,
    /// A password for logging in, of 10 to 128 characters. It is stored as an Argon2id hash.
    #[schema(format = Password, min_length = 10, max_length = 128, nullable = false)]
    password: Option<String>,
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
#[utoipa::path(post, path = "/api/v1/users/register", tag = "users", request_body = RegisterRequest,
    responses(
        (status = 201, description = "The account and its API key", body = RegisteredBody),
        (status = 400, description = "The e-mail address is registered already, or the request is malformed"),
    ))]
pub async fn register(
    state: web::Data<AppState>,
    creation: CreationId,
    body: RawBody,
) -> Result<Json<RegisteredBody>, ApiError> {
    let mut fields = Fields::parse(&body.0)?;
    let email = fields.required("email", string(email));
    let password = fields.optional("password", string(password));
    fields.finish()?;
    let email = expect_valid(email)?;
    // Before the transaction: a hash takes long, and would hold the connection meanwhile.
    let password_hash = match password {
        Some(password) => Some(state.passwords.make(password).await.map_err(ApiError::internal)?),
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

fn password(text: &str) -> Result<SecretString, Violation> {
    validate::text(passwords::MIN_CHARS, passwords::MAX_CHARS)(text).map(SecretString::from)
}

/// Returns the user's account
#[utoipa::path(get, path = "/api/v1/users/me", tag = "users",
    responses((status = 200, description = "The account that the credential belongs to", body = UserBody)))]
pub async fn me(caller: Caller) -> Json<UserBody> {
    let body = UserBody {
        id: caller.user_id,
        email: caller.email.clone(),
        // The credential of an inactive user is refused before this.
        is_active: true,
        created_at: Time(caller.created_at),
        role: caller.role,
        tier: caller.tier,
    };
    Json::ok(body)
}
