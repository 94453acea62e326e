//! Limits: what the settings say, and what administrators set for one user or key instead.

use actix_web::http::header::HeaderValue;
use actix_web::{HttpResponse, web};
use contracts::api::alerts::PageQuery;
use contracts::problem::ProblemKind;
use contracts::time::Time;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::limit_override::QUOTA;
use crate::auth::{Scope, Tier};
use crate::error::ApiError;
use crate::extract::body::{Body, BodyFields, DeclareFields};
use crate::extract::caller::Caller;
use crate::extract::cursor::Cursors;
use crate::extract::pagination::{id_position, page_query, to_page};
use crate::extract::parameters::{Declare, ParameterList, Parameters};
use crate::extract::rule;
use crate::extract::words::LimitPolicy;
use crate::rate_limit::policy::{RateLimitPolicy, Subject as BucketSubject};
use crate::request_context::CreationId;
use crate::response::{Json, NEXT_CURSOR};
use crate::route_policy::RoutePolicy;
use crate::state::AppState;
use crate::store::audit::{self, NewEntry};
use crate::store::limit_overrides::{self, OverrideRow, Subject};

pub const READ: RoutePolicy = RoutePolicy::scoped(Scope::Admin).limited(RateLimitPolicy::Admin);
pub const SET: RoutePolicy = RoutePolicy::scoped(Scope::Admin).limited(RateLimitPolicy::Admin).json();

/// Largest limit, and longest window in seconds.
const MAX: u32 = 10_000_000;

pub struct LimitList {
    user_id: Option<Uuid>,
    page: PageQuery,
}

impl ParameterList for LimitList {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        let user_id = parameters.optional(
            "user_id",
            rule::id(),
            "Overrides for this user and the user's keys only",
        );
        let page = page_query(parameters, "Maximum number of overrides; 100 by default");
        Some(Self { user_id, page })
    }
}

/// The override that a path names.
pub struct OverrideId(Uuid);

impl ParameterList for OverrideId {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        parameters.path("id", rule::id(), "Id of the override").map(Self)
    }
}

/// An override to be set.
pub struct OverrideForm {
    user_id: Option<Uuid>,
    key_id: Option<Uuid>,
    policy: String,
    limit: u32,
    window_seconds: Option<u32>,
    expires_at: Option<Time>,
}

impl BodyFields for OverrideForm {
    const SCHEMA: &'static str = "LimitOverrideRequest";
    const DESCRIPTION: &'static str = "A limit for one user or one key, in place of that of the settings.";

    fn declare(fields: &mut impl DeclareFields) -> Option<Self> {
        let user_id = fields.optional(
            "user_id",
            rule::string(rule::id()),
            "Id of the user. Exactly one of `user_id` and `key_id` is needed.",
        );
        let key_id = fields.optional("key_id", rule::string(rule::id()), "Id of the key.");
        let policy = fields.required(
            "policy",
            rule::string(rule::one_of("LimitPolicy", LimitPolicy::NAMES)),
            "The rate limit, or `quota` for the month's quota of a user.",
        );
        let limit = fields.required("limit", rule::json_integer(1, MAX), "Maximum number of requests.");
        let window_seconds = fields.optional(
            "window_seconds",
            rule::json_integer(1, MAX),
            "Seconds in which that many requests come back. Needed, except for `quota`.",
        );
        let expires_at = fields.optional(
            "expires_at",
            rule::string(rule::timestamp()),
            "Until when the override holds; without it, until it is removed.",
        );
        Some(Self {
            user_id,
            key_id,
            policy: policy?,
            limit: limit?,
            window_seconds,
            expires_at,
        })
    }
}

impl OverrideForm {
    /// Whom it is for, if the fields fit together.
    fn subject(&self) -> Result<Subject, ApiError> {
        let invalid = |field, kind, message: &str| Err(ApiError::invalid_input(&["body", field], kind, message));
        let is_quota = self.policy == QUOTA;
        if is_quota == self.window_seconds.is_some() {
            let message = "is needed for every policy but quota, and only there";
            return invalid("window_seconds", "missing", message);
        }
        match (self.user_id, self.key_id) {
            (Some(user), None) => Ok(Subject::User(user)),
            (None, Some(_)) if is_quota => {
                invalid("key_id", "quota_of_user", "has no quota: all keys of a user share one")
            }
            (None, Some(key)) => Ok(Subject::Key(key)),
            _ => invalid("user_id", "one_of", "is needed, or key_id, but not both"),
        }
    }
}

/// A limit of the settings.
#[derive(Serialize, ToSchema)]
pub struct LimitPolicyBody {
    /// The name of the policy.
    #[schema(example = "market")]
    pub policy: &'static str,
    pub limit: u32,
    pub window_seconds: u32,
    /// Whose requests share a bucket: `ip` or `user`.
    #[schema(example = "user")]
    pub subject: &'static str,
    /// Whether the tier multiplies the limit.
    pub tier_multiplied: bool,
}

/// The month's quota of a tier.
#[derive(Serialize, ToSchema)]
pub struct QuotaBody {
    pub tier: Tier,
    /// Maximum number of requests in a month; null if there is none.
    pub limit: Option<u32>,
}

/// A limit that an administrator has set for one user or key.
#[derive(Serialize, ToSchema)]
pub struct LimitOverrideBody {
    pub id: Uuid,
    /// The user; null if it is for a key.
    pub user_id: Option<Uuid>,
    /// The key; null if it is for a user.
    pub key_id: Option<Uuid>,
    /// The rate limit, or `quota`.
    #[schema(value_type = LimitPolicy)]
    pub policy: String,
    pub limit: u32,
    /// Null for `quota`.
    pub window_seconds: Option<u32>,
    /// Until when it holds; null if until it is removed.
    pub expires_at: Option<Time>,
    pub created_at: Time,
    /// The administrator who set it.
    pub created_by: Uuid,
}

impl From<OverrideRow> for LimitOverrideBody {
    fn from(row: OverrideRow) -> Self {
        let (user_id, key_id) = match row.subject {
            Subject::User(id) => (Some(id), None),
            Subject::Key(id) => (None, Some(id)),
        };
        Self {
            id: row.id,
            user_id,
            key_id,
            policy: row.policy,
            limit: row.requests,
            window_seconds: row.window_seconds,
            expires_at: row.expires_at.map(Time),
            created_at: Time(row.created_at),
            created_by: row.created_by,
        }
    }
}

/// All limits.
#[derive(Serialize, ToSchema)]
pub struct LimitsBody {
    pub policies: Vec<LimitPolicyBody>,
    pub quotas: Vec<QuotaBody>,
    /// A page of the overrides that hold, newest first.
    pub overrides: Vec<LimitOverrideBody>,
}

/// Lists the limits
///
/// Those of the settings, and a page of the overrides; `X-Next-Cursor` names the next one.
#[utoipa::path(get, path = "/api/v1/admin/limits", tag = "administration",
    responses((status = 200, description = "The limits and a page of overrides", body = LimitsBody)))]
pub async fn list(
    state: web::Data<AppState>,
    cursors: Cursors,
    Parameters(LimitList { user_id, page }): Parameters<LimitList>,
) -> Result<Json<LimitsBody>, ApiError> {
    let (before, limit) = id_position(&cursors, page)?;
    let client = state.postgres.get().await?;
    let found = limit_overrides::list(&client, user_id, before, limit + 1, state.clock.now()).await?;
    let page = to_page(&cursors, found, limit, |row| row.id);
    let quota = |tier: &Tier| QuotaBody {
        tier: *tier,
        limit: state.settings.quotas.quota(*tier),
    };
    let body = Json::ok(LimitsBody {
        policies: policies(&state),
        quotas: Tier::ALL.iter().map(quota).collect(),
        overrides: page.items.into_iter().map(LimitOverrideBody::from).collect(),
    });
    Ok(match page.next_cursor {
        Some(cursor) => body.header(NEXT_CURSOR, HeaderValue::try_from(cursor).map_err(ApiError::internal)?),
        None => body,
    })
}

fn policies(state: &AppState) -> Vec<LimitPolicyBody> {
    let mut bodies: Vec<LimitPolicyBody> = RateLimitPolicy::ALL
        .iter()
        .map(|policy| {
            let quota = state.settings.limits.quota(*policy, Tier::Basic);
            LimitPolicyBody {
                policy: policy.name(),
                limit: quota.limit,
                window_seconds: quota.window_seconds,
                subject: match policy.subject() {
                    BucketSubject::Ip => "ip",
                    BucketSubject::User => "user",
                },
                tier_multiplied: policy.multiplier(Tier::Enterprise) > 1,
            }
        })
        .collect();
    // Alerts have one limit and a bucket for each method.
    bodies.dedup_by_key(|body| body.policy);
    bodies
}

/// Sets a limit for a user or a key
///
/// It holds on all gateways within a second, and replaces the one that the user or key had for the policy. A key's
/// comes before its user's. The limit is as it is given, whatever the tier.
#[utoipa::path(post, path = "/api/v1/admin/limits", tag = "administration",
    responses((status = 201, description = "The override", body = LimitOverrideBody)))]
pub async fn set(
    state: web::Data<AppState>,
    caller: Caller,
    creation: CreationId,
    Body(form): Body<OverrideForm>,
) -> Result<Json<LimitOverrideBody>, ApiError> {
    let now = state.clock.now();
    let subject = form.subject()?;
    if form.expires_at.is_some_and(|end| end.0 <= now) {
        return Err(ApiError::invalid_input(
            &["body", "expires_at"],
            "in_past",
            "must be in the future",
        ));
    }
    let row = OverrideRow {
        id: creation.0,
        subject,
        policy: form.policy,
        requests: form.limit,
        window_seconds: form.window_seconds,
        expires_at: form.expires_at.map(|end| end.0),
        created_at: now,
        created_by: caller.user_id,
    };
    let mut client = state.postgres.get().await?;
    let transaction = client.transaction().await?;
    if !limit_overrides::set(&transaction, &row).await? {
        let field = if matches!(subject, Subject::User(_)) {
            "user_id"
        } else {
            "key_id"
        };
        return Err(ApiError::invalid_input(&["body", field], "unknown", "is not known"));
    }
    record(&transaction, &caller, "limit.set", &row, now).await?;
    transaction.commit().await?;
    drop(client);
    state.identities.propagate_now().await;
    Ok(Json::created(row.into()))
}

/// Removes an override
///
/// The limit of the settings holds again, on all gateways within a second.
#[utoipa::path(delete, path = "/api/v1/admin/limits/{id}", tag = "administration",
    responses(
        (status = 204, description = "The override is removed"),
        (status = 404, description = "There is no override with this id"),
    ))]
pub async fn remove(
    state: web::Data<AppState>,
    caller: Caller,
    Parameters(OverrideId(id)): Parameters<OverrideId>,
) -> Result<HttpResponse, ApiError> {
    let now = state.clock.now();
    let mut client = state.postgres.get().await?;
    let transaction = client.transaction().await?;
    let Some(row) = limit_overrides::remove(&transaction, id).await? else {
        return Err(ApiError::new(ProblemKind::NotFound).detail("There is no override with this id."));
    };
    record(&transaction, &caller, "limit.removed", &row, now).await?;
    transaction.commit().await?;
    drop(client);
    state.identities.propagate_now().await;
    Ok(HttpResponse::NoContent().finish())
}

async fn record(
    db: &impl deadpool_postgres::GenericClient,
    caller: &Caller,
    action: &str,
    row: &OverrideRow,
    now: jiff::Timestamp,
) -> Result<(), ApiError> {
    let (Subject::User(target) | Subject::Key(target)) = row.subject;
    let entry = NewEntry {
        actor_id: Some(caller.user_id),
        action,
        target: &target.to_string(),
        details: json!({
            "id": row.id, "policy": row.policy, "limit": row.requests, "window_seconds": row.window_seconds,
            "expires_at": row.expires_at.map(Time),
        }),
    };
    Ok(audit::record(db, &entry, now).await?)
}
