//! The record of who did what.

use actix_web::web;
use contracts::api::Page;
use contracts::api::alerts::PageQuery;
use contracts::time::Time;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::Scope;
use crate::error::ApiError;
use crate::extract::cursor::Cursors;
use crate::extract::pagination::{id_position, page_query, to_page};
use crate::extract::parameters::{Declare, ParameterList, Parameters};
use crate::extract::rule;
use crate::rate_limit::policy::RateLimitPolicy;
use crate::response::PageJson;
use crate::route_policy::RoutePolicy;
use crate::routes::analytics::in_order;
use crate::state::AppState;
use crate::store::audit::{self, Entry, Filter};

pub const READ: RoutePolicy = RoutePolicy::scoped(Scope::Admin).limited(RateLimitPolicy::Admin);

pub struct AuditList {
    filter: Filter,
    from: Option<Time>,
    to: Option<Time>,
    page: PageQuery,
}

impl ParameterList for AuditList {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        let filter = Filter {
            actor_id: parameters.optional("actor_id", rule::id(), "What this user did only"),
            action: parameters.optional(
                "action",
                rule::text(1, 64),
                "Entries of this action only, such as `key.revoked`",
            ),
            target: parameters.optional("target", rule::text(1, 128), "What was done to this id or network only"),
            ..Filter::default()
        };
        let from = parameters.optional("from", rule::time(), "Done at this time or later");
        let to = parameters.optional("to", rule::time(), "Done before this time");
        let page = page_query(parameters, "Maximum number of entries; 100 by default");
        Some(Self { filter, from, to, page })
    }
}

/// Something that was done.
#[derive(Serialize, ToSchema)]
pub struct AuditBody {
    pub id: Uuid,
    pub at: Time,
    /// The user who did it; null for the platform itself.
    pub actor_id: Option<Uuid>,
    /// What was done.
    #[schema(example = "key.revoked")]
    pub action: String,
    /// To what: an id or a network.
    pub target: String,
    /// What else is to be known.
    #[schema(value_type = Object)]
    pub details: Value,
    /// The request that did it.
    pub request_id: Option<String>,
}

impl From<Entry> for AuditBody {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.id,
            at: Time(entry.at),
            actor_id: entry.actor_id,
            action: entry.action,
            target: entry.target,
            details: entry.details,
            request_id: entry.request_id,
        }
    }
}

/// Lists who did what
///
/// Newest first. Entries are only ever added, and name people by id.
#[utoipa::path(get, path = "/api/v1/admin/audit", tag = "administration",
    responses((status = 200, description = "A page of entries", body = Vec<AuditBody>)))]
pub async fn list(
    state: web::Data<AppState>,
    cursors: Cursors,
    Parameters(AuditList { filter, from, to, page }): Parameters<AuditList>,
) -> Result<PageJson<AuditBody>, ApiError> {
    in_order(from, to)?;
    let (before, limit) = id_position(&cursors, page)?;
    let filter = Filter {
        from: from.map(|time| time.0),
        to: to.map(|time| time.0),
        ..filter
    };
    let client = state.postgres.get().await?;
    let found = audit::list(&client, &filter, before, limit + 1).await?;
    let page = to_page(&cursors, found, limit, |entry| entry.id);
    Ok(PageJson(Page {
        items: page.items.into_iter().map(AuditBody::from).collect(),
        next_cursor: page.next_cursor,
    }))
}
