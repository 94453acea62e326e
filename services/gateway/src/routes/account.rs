//! Changing, erasing and exporting one's own account.

mod export;

use actix_web::{HttpRequest, HttpResponse, web};
use contracts::problem::ProblemKind;
use contracts::time::Time;
use platform::problem::FieldError;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

pub use self::export::ExportBody;
use super::auth::forms::secret;
use super::auth::require_turn;
use super::users::{UserBody, new_password};
use crate::auth::{Scope, email, passwords};
use crate::error::ApiError;
use crate::extract::body::{Body, BodyFields, DeclareFields};
use crate::extract::caller::Caller;
use crate::extract::rule;
use crate::middleware::authorize;
use crate::rate_limit::policy::RateLimitPolicy;
use crate::request_context::{ClientIp, client_network};
use crate::response::Json;
use crate::route_policy::RoutePolicy;
use crate::state::AppState;
use crate::store::audit::{self, NewEntry};
use crate::store::{erasure, sessions, users};

pub const WRITE: RoutePolicy = RoutePolicy::scoped(Scope::KeysWrite)
    .limited(RateLimitPolicy::Write)
    .json()
    .unprocessable()
    .beyond_quota();
pub const EXPORT: RoutePolicy = RoutePolicy::scoped(Scope::KeysWrite)
    .limited(RateLimitPolicy::Write)
    .unprocessable()
    .beyond_quota();

/// What changes of one's account.
pub struct AccountForm {
    password: Option<SecretString>,
    current_password: Option<SecretString>,
}

impl BodyFields for AccountForm {
    const SCHEMA: &'static str = "AccountChange";
    const DESCRIPTION: &'static str = "What changes of one's account. What is left out stays.";

    fn declare(fields: &mut impl DeclareFields) -> Option<Self> {
        let password = fields.optional("password", new_password(), "The new password, of 10 to 128 characters.");
        let current_password = fields.optional(
            "current_password",
            rule::string(secret(passwords::MAX_CHARS)),
            "The password that the account has now, if it has one.",
        );
        Some(Self {
            password,
            current_password,
        })
    }
}

/// Which account is erased.
pub struct ErasureForm {
    confirm: String,
}

impl BodyFields for ErasureForm {
    const SCHEMA: &'static str = "AccountErasure";
    const DESCRIPTION: &'static str = "Which account is erased.";

    fn declare(fields: &mut impl DeclareFields) -> Option<Self> {
        let confirm = fields.required(
            "confirm",
            rule::string(rule::text(1, email::MAX_CHARS)),
            "The e-mail address of the account, as GET /users/me shows it.",
        );
        Some(Self { confirm: confirm? })
    }
}

/// An account that is being erased.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErasureBody {
    /// Id of the account.
    pub id: Uuid,
    /// State of the erasure.
    #[schema(example = "erasing", pattern = "^erasing$")]
    pub status: &'static str,
}

/// Changes the user's password
///
/// An account that has a password needs it. All sessions of the user end, except that of the request.
#[utoipa::path(patch, path = "/api/v1/users/me", tag = "users",
    responses(
        (status = 200, description = "The account", body = UserBody),
        (status = 403, description = "The current password is missing or wrong, the client's IP address is blocked, or \
            the credential lacks the scope"),
    ))]
pub async fn change(
    state: web::Data<AppState>,
    caller: Caller,
    ClientIp(address): ClientIp,
    Body(form): Body<AccountForm>,
) -> Result<Json<UserBody>, ApiError> {
    let Some(password) = form.password else {
        return Ok(Json::ok(UserBody::of(&caller)));
    };
    let refused = || ApiError::new(ProblemKind::PasswordRequired);
    // As a log-in: it may be a guess at the password, and costs as much.
    require_turn(&state, "user", caller.user_id.as_bytes()).await?;
    require_turn(&state, "address", client_network(address).to_string().as_bytes()).await?;
    let old = users::find_password_hash(&state.postgres.get().await?, caller.user_id).await?;
    match (&old, form.current_password) {
        // A first password opens the whole account.
        (None, _) => authorize::require_unconfined(&caller)?,
        (Some(_), None) => return Err(refused()),
        (Some(hash), Some(current)) => {
            let guess = state
                .hasher
                .hash_parts(&[caller.user_id.as_bytes(), current.expose_secret().as_bytes()]);
            if !state.passwords.verify(current, Some(hash.clone())).await? {
                state.ip_blocker.note_failure(address, &guess).await;
                return Err(refused());
            }
        }
    }
    let hash = state.passwords.make(password).await?;
    let now = state.clock.now();
    let mut client = state.postgres.get().await?;
    let transaction = client.transaction().await?;
    if !users::lock(&transaction, caller.user_id).await? {
        return Err(ApiError::new(ProblemKind::InvalidApiKey));
    }
    // Another request was faster: this one knew an older password.
    if !users::set_password(&transaction, caller.user_id, old.as_deref(), &hash, now).await? {
        return Err(refused());
    }
    sessions::revoke_all(&transaction, caller.user_id, caller.session_id, now).await?;
    let entry = NewEntry {
        actor_id: Some(caller.user_id),
        action: "password.changed",
        target: &caller.user_id.to_string(),
        details: json!({}),
    };
    audit::record(&transaction, &entry, now).await?;
    transaction.commit().await?;
    drop(client);
    state.identities.propagate_now().await;
    Ok(Json::ok(UserBody::of(&caller)))
}

/// Erases the user's account
///
/// Its credentials end at once. Alerts, webhook endpoints and deliveries are removed in the background; entries of the
/// audit log name the account by its id only.
#[utoipa::path(delete, path = "/api/v1/users/me", tag = "users",
    responses((status = 202, description = "The account is being erased", body = ErasureBody)))]
pub async fn erase(
    state: web::Data<AppState>,
    caller: Caller,
    Body(ErasureForm { confirm }): Body<ErasureForm>,
) -> Result<Json<ErasureBody>, ApiError> {
    authorize::require_unconfined(&caller)?;
    if !confirm.trim().eq_ignore_ascii_case(&caller.email) {
        let violation = FieldError::new(
            &["body", "confirm"],
            "mismatch",
            "must be the e-mail address of the account",
        );
        return Err(ApiError::new(ProblemKind::ValidationFailed).violations(vec![violation]));
    }
    let now = state.clock.now();
    let mut client = state.postgres.get().await?;
    let transaction = client.transaction().await?;
    users::lock(&transaction, caller.user_id).await?;
    erasure::erase(&transaction, caller.user_id, now).await?;
    let entry = NewEntry {
        actor_id: Some(caller.user_id),
        action: "user.erased",
        target: &caller.user_id.to_string(),
        details: json!({}),
    };
    audit::record(&transaction, &entry, now).await?;
    transaction.commit().await?;
    drop(client);
    state.identities.propagate_now().await;
    Ok(Json::accepted(ErasureBody {
        id: caller.user_id,
        status: "erasing",
    }))
}

/// Exports what is held of the user
///
/// Account, keys without their secrets, sessions, alerts, webhook endpoints and deliveries, in one document that is sent
/// as it is read.
#[utoipa::path(get, path = "/api/v1/users/me/export", tag = "users",
    responses((status = 200, description = "Everything that is held of the user", body = ExportBody)))]
pub async fn export(
    state: web::Data<AppState>,
    request: HttpRequest,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    authorize::require_unconfined(&caller)?;
    export::respond(&state, &request, &caller).await
}

impl UserBody {
    /// The account of a caller.
    pub fn of(caller: &Caller) -> Self {
        Self {
            id: caller.user_id,
            email: caller.email.clone(),
            // The credential of an inactive user is refused before this.
            is_active: true,
            created_at: Time(caller.created_at),
            role: caller.role,
            tier: caller.tier,
        }
    }
}
