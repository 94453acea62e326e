//! Blocked addresses.

use std::net::IpAddr;

use actix_web::{HttpResponse, web};
use contracts::problem::ProblemKind;
use contracts::time::Time;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::Scope;
use crate::auth::imposed_blocks::{KnownBlock, network_text};
use crate::error::ApiError;
use crate::extract::body::{Body, BodyFields, DeclareFields};
use crate::extract::caller::Caller;
use crate::extract::parameters::{Declare, ParameterList, Parameters};
use crate::extract::rule;
use crate::rate_limit::policy::RateLimitPolicy;
use crate::request_context::{ClientIp, client_network};
use crate::response::Json;
use crate::route_policy::RoutePolicy;
use crate::state::AppState;
use crate::store::audit::{self, NewEntry};
use crate::store::ip_blocks::{self, IpBlockRow};

pub const READ: RoutePolicy = RoutePolicy::scoped(Scope::Admin).limited(RateLimitPolicy::Admin);
pub const ADD: RoutePolicy = RoutePolicy::scoped(Scope::Admin).limited(RateLimitPolicy::Admin).json();

/// Longest block: 30 days.
const MAX_SECONDS: u32 = 2_592_000;

/// The address that a path names.
pub struct BlockedAddress(IpAddr);

impl ParameterList for BlockedAddress {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        let address = parameters.path("address", rule::ip_address(), "An address of the blocked network");
        address.map(Self)
    }
}

/// A block to be added.
pub struct BlockForm {
    address: IpAddr,
    seconds: u32,
    comment: Option<String>,
}

impl BodyFields for BlockForm {
    const SCHEMA: &'static str = "IpBlockRequest";
    const DESCRIPTION: &'static str = "An address to be blocked.";

    fn declare(fields: &mut impl DeclareFields) -> Option<Self> {
        let address = fields.required(
            "address",
            rule::string(rule::ip_address()),
            "The address. Of an IPv6 address the whole /64 network is blocked.",
        );
        let seconds = fields.required("seconds", rule::json_integer(1, MAX_SECONDS), "How long it is blocked.");
        let comment = fields.optional(
            "comment",
            rule::string(rule::text(1, 200)),
            "Why, for other administrators.",
        );
        Some(Self {
            address: address?,
            seconds: seconds?,
            comment,
        })
    }
}

/// Why an address is blocked.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BlockReason {
    /// Too many failed authentications.
    FailedAuthentications,
    /// An administrator blocked it.
    Administrator,
}

/// A blocked network.
#[derive(Serialize, ToSchema)]
pub struct IpBlockBody {
    /// An IPv4 address, or an IPv6 /64 network.
    #[schema(example = "203.0.113.7/32")]
    pub network: String,
    pub blocked_at: Time,
    pub blocked_until: Time,
    pub reason: BlockReason,
    /// Failed authentications that led to it; null if an administrator added it.
    pub failures: Option<u32>,
    /// The administrator who added it.
    pub created_by: Option<Uuid>,
    /// What the administrator wrote about it.
    pub comment: Option<String>,
}

impl From<IpBlockRow> for IpBlockBody {
    fn from(row: IpBlockRow) -> Self {
        Self {
            network: network_text(row.address),
            blocked_at: Time(row.blocked_at),
            blocked_until: Time(row.blocked_until),
            reason: BlockReason::Administrator,
            failures: None,
            created_by: Some(row.created_by),
            comment: row.comment,
        }
    }
}

impl From<KnownBlock> for IpBlockBody {
    fn from(block: KnownBlock) -> Self {
        Self {
            network: network_text(block.address),
            blocked_at: Time(block.blocked_at),
            blocked_until: Time(block.blocked_until),
            reason: BlockReason::FailedAuthentications,
            failures: Some(block.failures),
            created_by: None,
            comment: None,
        }
    }
}

/// Lists the blocked addresses
///
/// First those that administrators have blocked, then those that failed authentications have, at most 10 000 of each.
#[utoipa::path(get, path = "/api/v1/admin/ip-blocks", tag = "administration",
    responses((status = 200, description = "The blocks that hold", body = Vec<IpBlockBody>)))]
pub async fn list(state: web::Data<AppState>) -> Result<Json<Vec<IpBlockBody>>, ApiError> {
    let now = state.clock.now();
    let client = state.postgres.get().await?;
    let rows = ip_blocks::list(&client, now).await?;
    drop(client);
    let imposed = state.ip_blocker.imposed.list(now).await?;
    let listed = rows
        .into_iter()
        .filter(|row| row.lifted_at.is_none())
        .map(IpBlockBody::from);
    Ok(Json::ok(
        listed.chain(imposed.into_iter().map(IpBlockBody::from)).collect(),
    ))
}

/// Blocks an address
///
/// Whatever its credentials, on all gateways within two seconds. It replaces a block that an administrator added before.
#[utoipa::path(post, path = "/api/v1/admin/ip-blocks", tag = "administration",
    responses((status = 201, description = "The block", body = IpBlockBody)))]
pub async fn add(
    state: web::Data<AppState>,
    caller: Caller,
    ClientIp(own_address): ClientIp,
    Body(form): Body<BlockForm>,
) -> Result<Json<IpBlockBody>, ApiError> {
    let refuse = |kind, message: &str| Err(ApiError::invalid_input(&["body", "address"], kind, message));
    let (now, address) = (state.clock.now(), client_network(form.address));
    if address == client_network(own_address) {
        return refuse("own_address", "must not be the address of this request");
    }
    if state.ip_blocker.is_exempt(form.address) {
        return refuse("exempt", "is in IP_ALLOWLIST, so it cannot be blocked");
    }
    let mut client = state.postgres.get().await?;
    if ip_blocks::count(&client, now).await? >= ip_blocks::MAX_CURRENT {
        return refuse("too_many", "cannot be blocked: too many are");
    }
    let row = IpBlockRow {
        address,
        change_id: Uuid::now_v7(),
        blocked_at: now,
        blocked_until: after(now, form.seconds),
        lifted_at: None,
        comment: form.comment,
        created_by: caller.user_id,
    };
    // Without the comment, which may name a person: entries of the audit log are never removed.
    let details = json!({"seconds": form.seconds});
    write(&mut client, &row, "ip_block.added", details, now).await?;
    take_over(&state).await;
    Ok(Json::created(row.into()))
}

/// Lifts the block of an address
///
/// On all gateways within two seconds, whether an administrator added it or failed authentications imposed it.
#[utoipa::path(delete, path = "/api/v1/admin/ip-blocks/{address}", tag = "administration",
    responses(
        (status = 204, description = "The address is not blocked any more"),
        (status = 404, description = "The address is not blocked"),
    ))]
pub async fn remove(
    state: web::Data<AppState>,
    caller: Caller,
    Parameters(BlockedAddress(address)): Parameters<BlockedAddress>,
) -> Result<HttpResponse, ApiError> {
    let (now, address) = (state.clock.now(), client_network(address));
    let mut client = state.postgres.get().await?;
    let is_listed = ip_blocks::is_blocked(&client, address, now).await?;
    // Redis first: if it does not answer, the block is still there to be lifted by the next try.
    let is_imposed = state.ip_blocker.lift(address).await?;
    if !is_listed && !is_imposed {
        return Err(ApiError::new(ProblemKind::NotFound).detail("The address is not blocked."));
    }
    let row = IpBlockRow {
        address,
        change_id: Uuid::now_v7(),
        blocked_at: now,
        // As long as another gateway may remember a block of its own.
        blocked_until: after(now, state.settings.ip_block_seconds),
        lifted_at: Some(now),
        comment: None,
        created_by: caller.user_id,
    };
    write(&mut client, &row, "ip_block.removed", json!({}), now).await?;
    take_over(&state).await;
    Ok(HttpResponse::NoContent().finish())
}

/// Stores a change with its entry in the audit log.
async fn write(
    client: &mut deadpool_postgres::Client,
    row: &IpBlockRow,
    action: &str,
    details: serde_json::Value,
    now: Timestamp,
) -> Result<(), ApiError> {
    let transaction = client.transaction().await?;
    ip_blocks::put(&transaction, row).await?;
    let entry = NewEntry {
        actor_id: Some(row.created_by),
        action,
        target: &network_text(row.address),
        details,
    };
    audit::record(&transaction, &entry, now).await?;
    Ok(transaction.commit().await?)
}

/// Makes the change hold here at once; a background task does it later if this fails.
async fn take_over(state: &AppState) {
    let outcome: Result<(), ApiError> = async {
        let client = state.postgres.get().await?;
        let rows = ip_blocks::list(&client, state.clock.now()).await?;
        state.ip_blocker.take_over(&rows).await;
        Ok(())
    }
    .await;
    if let Err(error) = outcome {
        tracing::warn!(%error, "a change of blocked addresses holds later");
    }
}

fn after(now: Timestamp, seconds: u32) -> Timestamp {
    now.saturating_add(SignedDuration::from_secs(seconds.into()))
        .unwrap_or(Timestamp::MAX)
}
