//! Log-in: access tokens, refresh tokens, and tickets for streams.

pub mod forms;

use actix_web::http::header::{HeaderValue, SET_COOKIE};
use actix_web::{HttpResponse, web};
use contracts::problem::ProblemKind;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use self::forms::{LoginForm, LogoutForm, RefreshForm, TicketForm};
use crate::auth::refresh_token::RefreshToken;
use crate::auth::stream_ticket::TICKET_TTL_SECONDS;
use crate::auth::{Identity, Scope};
use crate::error::ApiError;
use crate::extract::body::Body;
use crate::extract::caller::Caller;
use crate::middleware::authenticate::ACCESS_COOKIE;
use crate::middleware::authorize;
use crate::rate_limit::policy::RateLimitPolicy;
use crate::request_context::ClientIp;
use crate::response::Json;
use crate::route_policy::RoutePolicy;
use crate::state::AppState;
use crate::store::audit::{self, NewEntry};
use crate::store::sessions::{self, NewSession};
use crate::store::users;

/// Log-in and refresh: without a credential of their own.
pub const PUBLIC: RoutePolicy = RoutePolicy::public()
    .limited(RateLimitPolicy::Login)
    .json()
    .secret()
    .unprocessable();
pub const TOKEN: RoutePolicy = RoutePolicy::authenticated()
    .limited(RateLimitPolicy::Login)
    .secret()
    .unprocessable();
pub const LOGOUT: RoutePolicy = RoutePolicy::authenticated()
    .limited(RateLimitPolicy::Write)
    .json()
    .unprocessable()
    .beyond_quota();
pub const TICKET: RoutePolicy = RoutePolicy::authenticated()
    .limited(RateLimitPolicy::StreamConnect)
    .json()
    .secret()
    .unprocessable();

/// Refresh tokens are valid for so long after the log-in or the last refresh.
const REFRESH_TTL: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Sessions that one user may have; another log-in ends the oldest one.
const MAX_SESSIONS: i64 = 100;

/// Refresh tokens that were used twice, which means that two have one token.
const REFRESH_REUSES: &str = "auth_refresh_reuses_total";

/// A session of a user, with the tokens that are shown only here.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokensBody {
    /// The access token, to be sent as `Authorization: Bearer`.
    pub access_token: String,
    /// How the access token is sent.
    #[schema(example = "Bearer", pattern = "^Bearer$")]
    pub token_type: &'static str,
    /// How long the access token is valid.
    #[schema(example = "1h", pattern = "^[0-9]+[smhd]$")]
    pub expires_in: String,
    /// The refresh token, which gives the next access token once.
    #[schema(pattern = "^rt_[A-Za-z0-9_-]+$")]
    pub refresh_token: String,
}

/// A ticket for one stream.
#[derive(Serialize, ToSchema)]
pub struct TicketBody {
    /// The ticket, to be sent as the query parameter `ticket`.
    #[schema(pattern = "^[A-Za-z0-9_-]{43}$")]
    pub ticket: String,
    /// Seconds for which it is valid.
    pub expires_in: u32,
}

/// Logs a user in
///
/// By the name of the first administrator, or the e-mail address of an account that has a password. The access token is
/// also set as a cookie, which counts for reading where no header carries a credential.
#[utoipa::path(post, path = "/api/v1/auth/login", tag = "users",
    responses(
        (status = 200, description = "The tokens of a new session", body = TokensBody),
        (status = 401, description = "Name and password do not fit"),
    ))]
pub async fn login(
    state: web::Data<AppState>,
    ClientIp(address): ClientIp,
    Body(LoginForm { username, password }): Body<LoginForm>,
) -> Result<Json<TokensBody>, ApiError> {
    let name = username.trim().to_lowercase();
    require_turn(&state, "name", name.as_bytes()).await?;
    let credential = state
        .hasher
        .hash_parts(&[name.as_bytes(), password.expose_secret().as_bytes()]);
    let account = users::find_login(&state.postgres.get().await?, &name).await?;
    let (id, hash) = account.map_or((None, None), |account| {
        (Some(account.id).filter(|_| account.is_active), account.password_hash)
    });
    let fits = state.passwords.verify(password, hash).await?;
    let Some(id) = id.filter(|_| fits) else {
        state.ip_blocker.note_failure(address, &credential).await;
        return Err(ApiError::new(ProblemKind::InvalidCredentials));
    };
    begin_session(&state, id, None).await
}

/// Exchanges an API key for an access token
///
/// The session has the scopes and networks of the key, and ends with it.
#[utoipa::path(post, path = "/api/v1/auth/token", tag = "users",
    responses((status = 200, description = "The tokens of a new session", body = TokensBody)))]
pub async fn token(state: web::Data<AppState>, caller: Caller) -> Result<Json<TokensBody>, ApiError> {
    let (Some(key), None) = (caller.key_id, caller.session_id) else {
        let detail = "This route takes an API key, in the header X-API-Key and alone.";
        return Err(ApiError::new(ProblemKind::MissingCredentials).detail(detail));
    };
    require_turn(&state, "user", caller.user_id.as_bytes()).await?;
    begin_session(&state, caller.user_id, Some(key)).await
}

/// Exchanges a refresh token for new tokens
///
/// A refresh token is valid once and for 30 days. One that is used a second time ends its session, because somebody else
/// may have it.
#[utoipa::path(post, path = "/api/v1/auth/refresh", tag = "users",
    responses(
        (status = 200, description = "The next tokens of the session", body = TokensBody),
        (status = 401, description = "The refresh token is invalid, has expired, or was used before"),
    ))]
pub async fn refresh(
    state: web::Data<AppState>,
    ClientIp(address): ClientIp,
    Body(RefreshForm { refresh_token }): Body<RefreshForm>,
) -> Result<Json<TokensBody>, ApiError> {
    let text = refresh_token.expose_secret();
    let Some(used) = RefreshToken::parse(text, &state.hasher) else {
        let credential = state.hasher.hash_parts(&[text.as_bytes()]);
        state.ip_blocker.note_failure(address, &credential).await;
        return Err(ApiError::new(ProblemKind::InvalidToken));
    };
    require_turn(&state, "session", used.session_id.as_bytes()).await?;
    let now = state.clock.now();
    let (next, text) = RefreshToken::generate(used.session_id, used.generation.saturating_add(1), &state.hasher)
        .map_err(ApiError::internal)?;
    let mut client = state.postgres.get().await?;
    let transaction = client.transaction().await?;
    let Some(user) = sessions::find_user(&transaction, used.session_id).await? else {
        return Err(ApiError::new(ProblemKind::InvalidToken));
    };
    // The user before the session, as everywhere: an update that finds its row changed keeps the row locked all the
    // same, and so two requests with one token could wait for one another.
    users::lock(&transaction, user).await?;
    if !sessions::rotate(&transaction, &used, &next, now, now + REFRESH_TTL).await? {
        let refusal = refuse_refresh(&transaction, &used, user, now).await?;
        transaction.commit().await?;
        drop(client);
        state.identities.propagate_now().await;
        return Err(refusal);
    }
    let identity = sessions::find_identity(&transaction, used.session_id).await?;
    // Its user or key is no longer valid; the rotation is rolled back, which keeps the token for a reactivated user.
    let identity = identity.filter(|identity| identity.is_valid(now, address));
    let identity = identity.ok_or_else(|| ApiError::new(ProblemKind::InvalidToken))?;
    transaction.commit().await?;
    answer(&state, &identity, &text, now)
}

/// Why a refresh token is not valid. A session whose token was used twice ends.
async fn refuse_refresh(
    transaction: &impl deadpool_postgres::GenericClient,
    used: &RefreshToken,
    user: Uuid,
    now: Timestamp,
) -> Result<ApiError, ApiError> {
    if !sessions::is_used(transaction, used).await? {
        return Ok(ApiError::new(ProblemKind::InvalidToken));
    }
    if sessions::revoke(transaction, user, used.session_id, now).await? {
        tracing::warn!(user_id = %user, session_id = %used.session_id, "refresh token was used twice, its session ends");
        metrics::counter!(REFRESH_REUSES).increment(1);
        let entry = NewEntry {
            actor_id: None,
            action: "session.reuse_detected",
            target: &user.to_string(),
            details: json!({"session_id": used.session_id}),
        };
        audit::record(transaction, &entry, now).await?;
    }
    Ok(ApiError::new(ProblemKind::RefreshReused))
}

/// Logs the user out
///
/// Ends the session of the access token and that of the refresh token, or all sessions of the user.
#[utoipa::path(post, path = "/api/v1/auth/logout", tag = "users",
    responses((status = 204, description = "The sessions have ended")))]
pub async fn logout(
    state: web::Data<AppState>,
    caller: Caller,
    Body(LogoutForm {
        refresh_token,
        everywhere,
    }): Body<LogoutForm>,
) -> Result<HttpResponse, ApiError> {
    let now = state.clock.now();
    // A key that is confined to other things must not end what others do.
    if everywhere && caller.session_id.is_none() {
        authorize::require_scope(&caller, Scope::KeysWrite)?;
    }
    let of_token = refresh_token
        .as_ref()
        .and_then(|text| RefreshToken::parse(text.expose_secret(), &state.hasher))
        .map(|token| token.session_id);
    let mut client = state.postgres.get().await?;
    let transaction = client.transaction().await?;
    users::lock(&transaction, caller.user_id).await?;
    if everywhere {
        sessions::revoke_all(&transaction, caller.user_id, None, now).await?;
    } else {
        for session in caller.session_id.into_iter().chain(of_token) {
            sessions::revoke(&transaction, caller.user_id, session, now).await?;
        }
    }
    transaction.commit().await?;
    drop(client);
    state.identities.propagate_now().await;
    let cookie = access_cookie("", 0)?;
    Ok(HttpResponse::NoContent().insert_header((SET_COOKIE, cookie)).finish())
}

/// Makes a ticket for a stream
///
/// For clients that cannot set headers. A ticket is valid once and for a minute.
#[utoipa::path(post, path = "/api/v1/auth/stream-ticket", tag = "users",
    responses((status = 201, description = "The ticket", body = TicketBody)))]
pub async fn stream_ticket(
    state: web::Data<AppState>,
    caller: Caller,
    Body(TicketForm { scopes }): Body<TicketForm>,
) -> Result<Json<TicketBody>, ApiError> {
    scopes
        .iter()
        .try_for_each(|scope| authorize::require_scope(&caller, *scope))?;
    let ticket = state.tickets.issue(&caller, &scopes, state.clock.now()).await?;
    Ok(Json::created(TicketBody {
        ticket,
        expires_in: TICKET_TTL_SECONDS,
    }))
}

/// Takes a token from the bucket of a name, user or session: beside the bucket of the address, which a guesser changes.
pub async fn require_turn(state: &AppState, kind: &str, subject: &[u8]) -> Result<(), ApiError> {
    // A hash: names are e-mail addresses, which do not belong into Redis.
    let hash = state.hasher.hash_parts(&[b"log-in", kind.as_bytes(), subject]);
    let subject = format!("{kind}:{}", hex::encode(&hash[..16]));
    let outcome = state.rate_limiter.check_subject(RateLimitPolicy::Login, &subject).await;
    outcome.refusal().map_or(Ok(()), Err)
}

async fn begin_session(state: &AppState, user_id: Uuid, key_id: Option<Uuid>) -> Result<Json<TokensBody>, ApiError> {
    let now = state.clock.now();
    let (token, text) = RefreshToken::generate(Uuid::now_v7(), 0, &state.hasher).map_err(ApiError::internal)?;
    let cache_hash = state.hasher.hash_session(token.session_id);
    let mut client = state.postgres.get().await?;
    let transaction = client.transaction().await?;
    // Log-ins of one user one after the other: together they could end the same sessions in different orders. Of an
    // account that was deactivated meanwhile the session has no identity.
    users::lock(&transaction, user_id).await?;
    let session = NewSession {
        user_id,
        key_id,
        cache_hash: &cache_hash,
        token: &token,
        now,
        expires_at: now + REFRESH_TTL,
    };
    sessions::create(&transaction, &session).await?;
    sessions::revoke_oldest(&transaction, user_id, MAX_SESSIONS, now).await?;
    // None: the user was deactivated, or the key revoked, since they were checked.
    let identity = sessions::find_identity(&transaction, token.session_id).await?;
    let identity = identity.ok_or_else(|| ApiError::new(ProblemKind::InvalidCredentials))?;
    transaction.commit().await?;
    answer(state, &identity, &text, now)
}

fn answer(
    state: &AppState,
    identity: &Identity,
    refresh_token: &SecretString,
    now: Timestamp,
) -> Result<Json<TokensBody>, ApiError> {
    let access_token = state.access_tokens.issue(identity, now).map_err(ApiError::internal)?;
    let lifetime = state.access_tokens.lifetime();
    let cookie = access_cookie(&access_token, lifetime.seconds())?;
    let body = TokensBody {
        access_token,
        token_type: "Bearer",
        expires_in: lifetime.to_string(),
        refresh_token: refresh_token.expose_secret().to_owned(),
    };
    Ok(Json::ok(body).header(SET_COOKIE, cookie))
}

/// The cookie of the dashboard. No script can read it, and no other site can make a browser send it.
fn access_cookie(token: &str, max_age_seconds: u32) -> Result<HeaderValue, ApiError> {
    HeaderValue::try_from(format!(
        "{ACCESS_COOKIE}={token}; Path=/; Max-Age={max_age_seconds}; HttpOnly; Secure; SameSite=Strict"
    ))
    .map_err(ApiError::internal)
}
