//! One's own API keys: list, create, rotate, revoke.

pub mod forms;

use std::collections::BTreeSet;

use actix_web::http::header::HeaderValue;
use actix_web::{HttpResponse, web};
use contracts::problem::ProblemKind;
use contracts::time::Time;
use jiff::{SignedDuration, Timestamp};
use platform::network::Network;
use platform::problem::FieldError;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use self::forms::{KeyForm, KeyId, RotationForm};
use crate::auth::api_key::{self, PREFIX_CHARS};
use crate::auth::{Identity, Scope};
use crate::error::ApiError;
use crate::extract::body::Body;
use crate::extract::caller::Caller;
use crate::extract::parameters::Parameters;
use crate::middleware::authorize;
use crate::rate_limit::policy::RateLimitPolicy;
use crate::request_context::CreationId;
use crate::response::Json;
use crate::route_policy::RoutePolicy;
use crate::state::AppState;
use crate::store::audit::{self, NewEntry};
use crate::store::keys::{self, Key};
use crate::store::users;

pub const LIST: RoutePolicy = RoutePolicy::authenticated().limited(RateLimitPolicy::Me).beyond_quota();
pub const CREATE: RoutePolicy = RoutePolicy::scoped(Scope::KeysWrite)
    .limited(RateLimitPolicy::Write)
    .json()
    .secret();
pub const REVOKE: RoutePolicy = RoutePolicy::scoped(Scope::KeysWrite)
    .limited(RateLimitPolicy::Write)
    .beyond_quota();

/// Keys that one user may have at a time, and may create in a day: revoked ones stay for a while.
const MAX_ACTIVE_KEYS: i64 = 100;
const MAX_KEYS_PER_DAY: i64 = 200;
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// An API key without its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct KeyBody {
    /// Id of the key.
    pub id: Uuid,
    /// Name of the key, for its owner.
    pub name: String,
    /// The first characters of the key.
    #[schema(example = "sk_live_Jb3x")]
    pub prefix: String,
    /// The scopes to which the key is confined; `null` for all that the role permits.
    pub scopes: Option<Vec<Scope>>,
    /// Networks from which the key may be used; empty for all.
    #[schema(example = json!(["203.0.113.0/24"]))]
    pub ip_allow: Vec<String>,
    /// Time of the creation.
    pub created_at: Time,
    /// Time of the last use, within a minute; `null` if the key was not used.
    pub last_used_at: Option<Time>,
    /// Time at which the key ends, if it does.
    pub expires_at: Option<Time>,
}

impl From<Key> for KeyBody {
    fn from(key: Key) -> Self {
        Self {
            id: key.id,
            name: key.name,
            prefix: key.prefix,
            scopes: key.scopes,
            ip_allow: key.ip_allow,
            created_at: Time(key.created_at),
            last_used_at: key.last_used_at.map(Time),
            expires_at: key.expires_at.map(Time),
        }
    }
}

/// A new API key, which is shown only here.
#[derive(Serialize, ToSchema)]
pub struct CreatedKeyBody {
    /// Id of the key.
    pub id: Uuid,
    /// Name of the key, for its owner.
    pub name: String,
    /// The first characters of the key.
    #[schema(example = "sk_live_Jb3x")]
    pub prefix: String,
    /// The scopes to which the key is confined; `null` for all that the role permits.
    pub scopes: Option<Vec<Scope>>,
    /// Networks from which the key may be used; empty for all.
    pub ip_allow: Vec<String>,
    /// Time of the creation.
    pub created_at: Time,
    /// Time of the last use: `null`, the key is new.
    pub last_used_at: Option<Time>,
    /// Time at which the key ends, if it does.
    pub expires_at: Option<Time>,
    /// The API key, to be sent in the header `X-API-Key`.
    #[schema(pattern = "^sk_live_[A-Za-z0-9_-]{43}$")]
    pub api_key: String,
}

/// Lists the user's API keys
///
/// Those that are valid, newest first, without their secrets.
#[utoipa::path(get, path = "/api/v1/keys", tag = "users",
    responses((status = 200, description = "The keys", body = Vec<KeyBody>)))]
pub async fn list(state: web::Data<AppState>, caller: Caller) -> Result<Json<Vec<KeyBody>>, ApiError> {
    let client = state.postgres.get().await?;
    let found = keys::list_of_user(&client, caller.user_id, state.clock.now(), MAX_ACTIVE_KEYS).await?;
    Ok(Json::ok(found.into_iter().map(KeyBody::from).collect()))
}

/// Creates an API key
///
/// It can do at most what the credential of the request can do: without `scopes` it gets those of that credential.
#[utoipa::path(post, path = "/api/v1/keys", tag = "users",
    responses((status = 201, description = "The key, which is shown only in this response", body = CreatedKeyBody)))]
pub async fn create(
    state: web::Data<AppState>,
    caller: Caller,
    creation: CreationId,
    Body(form): Body<KeyForm>,
) -> Result<Json<CreatedKeyBody>, ApiError> {
    let now = state.clock.now();
    require_future(form.expires_at, now)?;
    let scopes = form.scopes.map(|scopes| {
        let distinct: BTreeSet<Scope> = scopes.into_iter().collect();
        distinct.into_iter().collect::<Vec<_>>()
    });
    require_granted(&caller, scopes.as_deref().unwrap_or_default())?;
    // What the form leaves open is as the credential of the request.
    let ip_allow = Some(form.ip_allow).filter(|networks| !networks.is_empty());
    let ip_allow = ip_allow.unwrap_or_else(|| caller.ip_allow.clone());
    let expires_at = form.expires_at.or(caller.expires_at);
    authorize::require_validity(&caller, &ip_allow, expires_at)?;
    let secret = api_key::generate().map_err(ApiError::internal)?;
    let key = Key {
        id: creation.0,
        user_id: caller.user_id,
        name: form.name,
        prefix: prefix_of(&secret),
        scopes: scopes.or_else(|| caller.scopes.clone()),
        ip_allow: ip_allow.iter().map(Network::to_string).collect(),
        created_at: now,
        last_used_at: None,
        expires_at,
    };
    let mut client = state.postgres.get().await?;
    let transaction = client.transaction().await?;
    lock_active(&transaction, caller.user_id).await?;
    require_room(&transaction, caller.user_id, now).await?;
    let entry = NewEntry {
        actor_id: Some(caller.user_id),
        action: "key.created",
        target: &key.id.to_string(),
        details: json!({"prefix": key.prefix, "scopes": key.scopes, "ip_allow": key.ip_allow}),
    };
    store(&state, &transaction, &key, &secret, &entry).await?;
    transaction.commit().await?;
    answer(key, &secret)
}

/// Rotates an API key
///
/// Makes a key with the same name, scopes, networks and end. The old one ends after the overlap.
#[utoipa::path(post, path = "/api/v1/keys/{id}/rotate", tag = "users",
    responses(
        (status = 201, description = "The new key, which is shown only in this response", body = CreatedKeyBody),
        (status = 404, description = "The user has no key with this id that is valid"),
    ))]
pub async fn rotate(
    state: web::Data<AppState>,
    caller: Caller,
    creation: CreationId,
    Parameters(KeyId(id)): Parameters<KeyId>,
    Body(RotationForm { overlap_seconds }): Body<RotationForm>,
) -> Result<Json<CreatedKeyBody>, ApiError> {
    let now = state.clock.now();
    let secret = api_key::generate().map_err(ApiError::internal)?;
    let mut client = state.postgres.get().await?;
    let transaction = client.transaction().await?;
    lock_active(&transaction, caller.user_id).await?;
    if keys::exists(&transaction, creation.0).await? {
        return Err(ApiError::new(ProblemKind::SecretAlreadyShown));
    }
    let Some(old) = keys::find_active(&transaction, caller.user_id, id, now).await? else {
        return Err(ApiError::new(ProblemKind::KeyNotFound));
    };
    // A confined key must not get the secret of one that may do more.
    match &old.scopes {
        Some(scopes) => require_granted(&caller, scopes)?,
        None if caller.scopes.is_some() => authorize::require_unconfined(&caller)?,
        None => {}
    }
    let networks: Vec<Network> = old.ip_allow.iter().filter_map(|network| network.parse().ok()).collect();
    authorize::require_validity(&caller, &networks, old.expires_at)?;
    require_room(&transaction, caller.user_id, now).await?;
    let key = Key {
        id: creation.0,
        prefix: prefix_of(&secret),
        created_at: now,
        last_used_at: None,
        ..old
    };
    let entry = NewEntry {
        actor_id: Some(caller.user_id),
        action: "key.rotated",
        target: &id.to_string(),
        details: json!({"new_id": key.id, "prefix": key.prefix, "overlap_seconds": overlap_seconds}),
    };
    store(&state, &transaction, &key, &secret, &entry).await?;
    if overlap_seconds == 0 {
        keys::revoke(&transaction, id, Some(caller.user_id), now).await?;
    } else {
        let end = now + SignedDuration::from_secs(overlap_seconds.into());
        keys::end_rotated(&transaction, id, now, end).await?;
    }
    transaction.commit().await?;
    drop(client);
    state.identities.propagate_now().await;
    answer(key, &secret)
}

/// Revokes an API key
///
/// It is refused on all gateways within a second, and the sessions that were made from it end.
#[utoipa::path(delete, path = "/api/v1/keys/{id}", tag = "users",
    responses(
        (status = 204, description = "The key is revoked"),
        (status = 404, description = "The user has no key with this id"),
    ))]
pub async fn revoke(
    state: web::Data<AppState>,
    caller: Caller,
    Parameters(KeyId(id)): Parameters<KeyId>,
) -> Result<HttpResponse, ApiError> {
    revoke_key(&state, &caller, id, Some(caller.user_id)).await
}

/// Revokes a key, of this owner if one is named, and records who did it.
pub async fn revoke_key(
    state: &AppState,
    caller: &Identity,
    id: Uuid,
    owner: Option<Uuid>,
) -> Result<HttpResponse, ApiError> {
    let now = state.clock.now();
    let mut client = state.postgres.get().await?;
    let transaction = client.transaction().await?;
    // The user first, as in every change of an account: a session that is made of the key meanwhile is noted too.
    let Some(user_id) = keys::find_owner(&transaction, id).await? else {
        return Err(ApiError::new(ProblemKind::KeyNotFound));
    };
    users::lock(&transaction, user_id).await?;
    let Some(user_id) = keys::revoke(&transaction, id, owner, now).await? else {
        return Err(ApiError::new(ProblemKind::KeyNotFound));
    };
    let entry = NewEntry {
        actor_id: Some(caller.user_id),
        action: "key.revoked",
        target: &id.to_string(),
        details: json!({"user_id": user_id}),
    };
    audit::record(&transaction, &entry, now).await?;
    transaction.commit().await?;
    drop(client);
    state.identities.propagate_now().await;
    Ok(HttpResponse::NoContent().finish())
}

/// Holds the account until the end of the transaction. One that was deactivated or erased meanwhile gets no key.
async fn lock_active(transaction: &impl deadpool_postgres::GenericClient, user_id: Uuid) -> Result<(), ApiError> {
    if users::lock(transaction, user_id).await? {
        return Ok(());
    }
    Err(ApiError::new(ProblemKind::InvalidApiKey))
}

async fn store(
    state: &AppState,
    transaction: &impl deadpool_postgres::GenericClient,
    key: &Key,
    secret: &SecretString,
    entry: &NewEntry<'_>,
) -> Result<(), ApiError> {
    let hash = state.hasher.hash(secret.expose_secret());
    if !keys::create(transaction, key, &hash).await? {
        // An earlier run of this request that could not tell what it made: the secret is lost with it.
        return Err(ApiError::new(ProblemKind::SecretAlreadyShown));
    }
    audit::record(transaction, entry, key.created_at).await?;
    Ok(())
}

fn answer(key: Key, secret: &SecretString) -> Result<Json<CreatedKeyBody>, ApiError> {
    let location = HeaderValue::try_from(format!("/api/v1/keys/{}", key.id)).map_err(ApiError::internal)?;
    let key = KeyBody::from(key);
    let body = CreatedKeyBody {
        id: key.id,
        name: key.name,
        prefix: key.prefix,
        scopes: key.scopes,
        ip_allow: key.ip_allow,
        created_at: key.created_at,
        last_used_at: key.last_used_at,
        expires_at: key.expires_at,
        api_key: secret.expose_secret().to_owned(),
    };
    Ok(Json::created(body).at(location))
}

fn prefix_of(secret: &SecretString) -> String {
    secret.expose_secret().chars().take(PREFIX_CHARS).collect()
}

fn require_future(end: Option<Timestamp>, now: Timestamp) -> Result<(), ApiError> {
    match end {
        Some(end) if end <= now => {
            let violation = FieldError::new(&["body", "expires_at"], "in_past", "must be in the future");
            Err(ApiError::new(ProblemKind::ValidationFailed).violations(vec![violation]))
        }
        _ => Ok(()),
    }
}

/// A key must not do more than who makes it.
fn require_granted(caller: &Identity, scopes: &[Scope]) -> Result<(), ApiError> {
    scopes
        .iter()
        .try_for_each(|scope| authorize::require_scope(caller, *scope))
}

async fn require_room(
    transaction: &impl deadpool_postgres::GenericClient,
    user_id: Uuid,
    now: Timestamp,
) -> Result<(), ApiError> {
    let counts = keys::count(transaction, user_id, now, now - DAY).await?;
    let detail = if counts.active >= MAX_ACTIVE_KEYS {
        format!(
            "You have {} API keys. A user may have {MAX_ACTIVE_KEYS}.",
            counts.active
        )
    } else if counts.recent >= MAX_KEYS_PER_DAY {
        format!(
            "You created {} API keys in 24 hours. A user may create {MAX_KEYS_PER_DAY}.",
            counts.recent
        )
    } else {
        return Ok(());
    };
    Err(ApiError::new(ProblemKind::PlanLimitReached).detail(detail))
}
