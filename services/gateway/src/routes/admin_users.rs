//! Administration of users.

use actix_web::web;
use contracts::api::Page;
use contracts::api::alerts::PageQuery;
use contracts::problem::ProblemKind;
use contracts::time::Time;
use platform::problem::FieldError;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::email::MAX_CHARS;
use crate::auth::{Role, Scope, Tier};
use crate::error::ApiError;
use crate::extract::body::{Body, BodyFields, DeclareFields};
use crate::extract::caller::Caller;
use crate::extract::cursor::Cursors;
use crate::extract::pagination::{id_position, page_query, to_page};
use crate::extract::parameters::{Declare, ParameterList, Parameters};
use crate::extract::rule;
use crate::rate_limit::policy::RateLimitPolicy;
use crate::response::{Json, PageJson};
use crate::route_policy::RoutePolicy;
use crate::state::AppState;
use crate::store::admin_users::{self, AdminUser, UserChange, UserFilter};
use crate::store::audit::{self, NewEntry};

pub const READ: RoutePolicy = RoutePolicy::scoped(Scope::Admin).limited(RateLimitPolicy::Admin);
pub const UPDATE: RoutePolicy = RoutePolicy::scoped(Scope::Admin).limited(RateLimitPolicy::Admin).json();

pub struct UserList {
    filter: UserFilter,
    page: PageQuery,
}

impl ParameterList for UserList {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        let filter = UserFilter {
            prefix: parameters.optional(
                "q",
                rule::text(1, MAX_CHARS),
                "Users whose e-mail address or user name begins so, in whatever case",
            ),
            role: parameters.optional("role", rule::role(), "Users of this role only"),
            tier: parameters.optional("tier", rule::tier(), "Users of this tier only"),
            is_active: parameters.optional(
                "is_active",
                rule::boolean(),
                "`true` for active users only, `false` for inactive ones only",
            ),
            before: None,
        };
        let page = page_query(parameters, "Maximum number of users; 100 by default");
        Some(Self { filter, page })
    }
}

/// The user that a path names.
pub struct UserId(Uuid);

impl ParameterList for UserId {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        parameters.path("id", rule::id(), "Id of the user").map(Self)
    }
}

impl BodyFields for UserChange {
    const SCHEMA: &'static str = "UserChange";
    const DESCRIPTION: &'static str = "What changes of a user. What is left out stays.";

    fn declare(fields: &mut impl DeclareFields) -> Option<Self> {
        Some(Self {
            role: fields.optional("role", rule::string(rule::role()), "What the user may do."),
            tier: fields.optional("tier", rule::string(rule::tier()), "How much the user may request."),
            is_active: fields.optional(
                "is_active",
                rule::json_boolean(),
                "Whether the user's credentials are accepted.",
            ),
        })
    }
}

/// A user as administrators see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdminUserBody {
    /// Id of the user.
    pub id: Uuid,
    /// The e-mail address.
    pub email: String,
    /// Name of the first administrator; `null` for other users.
    pub username: Option<String>,
    /// Role of the user, which decides what the user may do.
    pub role: Role,
    /// Tier of the user, which decides how much the user may request.
    pub tier: Tier,
    /// Whether the user's credentials are accepted.
    pub is_active: bool,
    /// Time of the registration.
    pub created_at: Time,
    /// Time of the last change.
    pub updated_at: Time,
    /// Whether the user can log in with a password.
    pub has_password: bool,
    /// Number of API keys that are not revoked.
    pub keys: i64,
}

impl From<AdminUser> for AdminUserBody {
    fn from(user: AdminUser) -> Self {
        Self {
            id: user.id,
            email: user.email,
            username: user.username,
            role: user.role,
            tier: user.tier,
            is_active: user.is_active,
            created_at: Time(user.created_at),
            updated_at: Time(user.updated_at),
            has_password: user.has_password,
            keys: user.keys,
        }
    }
}

/// Lists the users
///
/// Newest first.
#[utoipa::path(get, path = "/api/v1/admin/users", tag = "administration",
    responses((status = 200, description = "A page of users", body = Vec<AdminUserBody>)))]
pub async fn list(
    state: web::Data<AppState>,
    cursors: Cursors,
    Parameters(UserList { mut filter, page }): Parameters<UserList>,
) -> Result<PageJson<AdminUserBody>, ApiError> {
    let (before, limit) = id_position(&cursors, page)?;
    filter.before = before;
    let found = admin_users::list(&state.postgres.get().await?, &filter, limit + 1).await?;
    let page: Page<AdminUser> = to_page(&cursors, found, limit, |user| user.id);
    Ok(PageJson(Page {
        items: page.items.into_iter().map(AdminUserBody::from).collect(),
        next_cursor: page.next_cursor,
    }))
}

/// Changes a user's role, tier or activity
///
/// The change holds for all credentials of the user, on all gateways within a second. Administrators cannot change their
/// own role or activity, so that there is always one.
#[utoipa::path(patch, path = "/api/v1/admin/users/{id}", tag = "administration",
    responses(
        (status = 200, description = "The user", body = AdminUserBody),
        (status = 404, description = "There is no user with this id"),
    ))]
pub async fn update(
    state: web::Data<AppState>,
    caller: Caller,
    Parameters(UserId(id)): Parameters<UserId>,
    Body(change): Body<UserChange>,
) -> Result<Json<AdminUserBody>, ApiError> {
    if id == caller.user_id {
        refuse_own(change)?;
    }
    let now = state.clock.now();
    let mut client = state.postgres.get().await?;
    let transaction = client.transaction().await?;
    let not_found = || ApiError::new(ProblemKind::UserNotFound);
    let before = admin_users::find(&transaction, id).await?.ok_or_else(not_found)?;
    let details = difference(&before, change);
    if details.is_empty() {
        return Ok(Json::ok(before.into()));
    }
    admin_users::update(&transaction, id, change, now).await?;
    let entry = NewEntry {
        actor_id: Some(caller.user_id),
        action: "user.updated",
        target: &id.to_string(),
        details: Value::Object(details),
    };
    audit::record(&transaction, &entry, now).await?;
    let after = admin_users::find(&transaction, id).await?.ok_or_else(not_found)?;
    transaction.commit().await?;
    drop(client);
    state.identities.propagate_now().await;
    Ok(Json::ok(after.into()))
}

fn refuse_own(change: UserChange) -> Result<(), ApiError> {
    let fields = [
        ("role", change.role.is_some()),
        ("is_active", change.is_active.is_some()),
    ];
    let violations: Vec<FieldError> = fields
        .iter()
        .filter(|(_, is_changed)| *is_changed)
        .map(|(name, _)| FieldError::new(&["body", name], "own_account", "must not be changed by oneself"))
        .collect();
    if violations.is_empty() {
        return Ok(());
    }
    Err(ApiError::new(ProblemKind::ValidationFailed).violations(violations))
}

/// What a change does to a user: field by field, from what to what.
fn difference(before: &AdminUser, change: UserChange) -> Map<String, Value> {
    let mut details = Map::new();
    let mut note = |name: &str, from: Value, to: Option<Value>| {
        if let Some(to) = to.filter(|to| *to != from) {
            details.insert(name.to_owned(), json!({"from": from, "to": to}));
        }
    };
    note("role", json!(before.role), change.role.map(|role| json!(role)));
    note("tier", json!(before.tier), change.tier.map(|tier| json!(tier)));
    note(
        "is_active",
        json!(before.is_active),
        change.is_active.map(|is_active| json!(is_active)),
    );
    details
}
