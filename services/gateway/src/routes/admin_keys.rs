//! Administration of API keys.

use actix_web::{HttpResponse, web};
use contracts::api::Page;
use contracts::api::alerts::PageQuery;
use contracts::time::Time;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::keys::forms::KeyId;
use super::keys::revoke_key;
use crate::auth::Scope;
use crate::error::ApiError;
use crate::extract::caller::Caller;
use crate::extract::cursor::Cursors;
use crate::extract::pagination::{id_position, page_query, to_page};
use crate::extract::parameters::{Declare, ParameterList, Parameters};
use crate::extract::rule;
use crate::rate_limit::policy::RateLimitPolicy;
use crate::response::PageJson;
use crate::route_policy::RoutePolicy;
use crate::state::AppState;
use crate::store::keys::{self, Key};

pub const ADMIN: RoutePolicy = RoutePolicy::scoped(Scope::Admin).limited(RateLimitPolicy::Admin);

pub struct KeyList {
    user_id: Option<Uuid>,
    page: PageQuery,
}

impl ParameterList for KeyList {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        Some(Self {
            user_id: parameters.optional("user_id", rule::id(), "Keys of this user only"),
            page: page_query(parameters, "Maximum number of keys; 100 by default"),
        })
    }
}

/// An API key of a user, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdminKeyBody {
    /// Id of the key.
    pub id: Uuid,
    /// Id of its user.
    pub user_id: Uuid,
    /// Name of the key, for its owner.
    pub name: String,
    /// The first characters of the key.
    pub prefix: String,
    /// The scopes to which the key is confined; `null` for all that the role permits.
    pub scopes: Option<Vec<Scope>>,
    /// Networks from which the key may be used; empty for all.
    pub ip_allow: Vec<String>,
    /// Time of the creation.
    pub created_at: Time,
    /// Time of the last use, within a minute; `null` if the key was not used.
    pub last_used_at: Option<Time>,
    /// Time at which the key ends, if it does.
    pub expires_at: Option<Time>,
}

impl From<Key> for AdminKeyBody {
    fn from(key: Key) -> Self {
        Self {
            id: key.id,
            user_id: key.user_id,
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

/// Lists the API keys of all users
///
/// Those that are not revoked, newest first, without their secrets.
#[utoipa::path(get, path = "/api/v1/admin/keys", tag = "administration",
    responses((status = 200, description = "A page of keys", body = Vec<AdminKeyBody>)))]
pub async fn list(
    state: web::Data<AppState>,
    cursors: Cursors,
    Parameters(KeyList { user_id, page }): Parameters<KeyList>,
) -> Result<PageJson<AdminKeyBody>, ApiError> {
    let (before, limit) = id_position(&cursors, page)?;
    let found = keys::list(&state.postgres.get().await?, user_id, before, limit + 1).await?;
    let page: Page<Key> = to_page(&cursors, found, limit, |key| key.id);
    Ok(PageJson(Page {
        items: page.items.into_iter().map(AdminKeyBody::from).collect(),
        next_cursor: page.next_cursor,
    }))
}

/// Revokes an API key of any user
#[utoipa::path(delete, path = "/api/v1/admin/keys/{id}", tag = "administration",
    responses(
        (status = 204, description = "The key is revoked"),
        (status = 404, description = "There is no key with this id"),
    ))]
pub async fn revoke(
    state: web::Data<AppState>,
    caller: Caller,
    Parameters(KeyId(id)): Parameters<KeyId>,
) -> Result<HttpResponse, ApiError> {
    revoke_key(&state, &caller, id, None).await
}
