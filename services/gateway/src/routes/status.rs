//! The state of providers, services and queues.

use actix_web::http::header::HeaderValue;
use actix_web::web;
use contracts::api::fetch::ProviderBody;
use contracts::api::{DataState, WithProvenance};
use contracts::queues;
use futures_util::future::join4;
use platform::metrics::About;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::Scope;
use crate::error::ApiError;
use crate::health::DependencyState;
use crate::rate_limit::policy::RateLimitPolicy;
use crate::response::Enveloped;
use crate::response::envelope::{CacheLevel, Envelope, EnvelopeParts};
use crate::route_policy::RoutePolicy;
use crate::state::AppState;
use crate::upstream::Upstream;

pub const READ: RoutePolicy = RoutePolicy::scoped(Scope::MarketRead)
    .limited(RateLimitPolicy::Market)
    .enveloped();

/// Market data are for the client alone, who may keep them for so long.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("private, max-age=1");

/// The state of the platform.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatusBody {
    /// State of each provider.
    pub sources: Vec<ProviderBody>,
    /// State of each service.
    pub services: Vec<ServiceBody>,
    /// Depth of each queue.
    pub queues: Vec<QueueBody>,
}

/// The state of one service.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServiceBody {
    /// Name of the service.
    pub name: String,
    /// `ok`, or `down` if the service does not answer.
    #[schema(value_type = DependencyState)]
    pub state: &'static str,
    /// Version of the service; `null` if it does not answer.
    #[schema(required)]
    pub version: Option<String>,
    /// Seconds since the service started; `null` if it does not answer.
    #[schema(required, minimum = 0)]
    pub uptime_seconds: Option<u64>,
}

/// The depth of one queue.
#[derive(Debug, Serialize, ToSchema)]
pub struct QueueBody {
    /// Name of the queue.
    pub name: String,
    /// Number of messages that wait; `null` if RabbitMQ does not answer.
    #[schema(required, minimum = 0)]
    pub depth: Option<u32>,
}

/// Returns the state of providers, services and queues
#[utoipa::path(get, path = "/api/v1/status", tag = "system",
    responses(
        (status = 200, description = "The state of the platform", body = Envelope<StatusBody>),
        (status = 304, description = "The client's copy is current"),
    ))]
pub async fn get(state: web::Data<AppState>) -> Result<Enveloped<StatusBody>, ApiError> {
    let services = &state.upstreams;
    let sources = services.fetch.get::<_, Vec<ProviderBody>>("sources", &());
    let about = join4(
        about(&services.fetch),
        about(&services.analytics),
        about(&services.alerts),
        sources,
    );
    // All at once: a service that hangs costs one timeout, not one after the other.
    let ((fetch, analytics, alerts, sources), depth) =
        futures_util::join!(about, state.rabbit.queue_state(queues::WEBHOOKS));
    let own = platform::metrics::about();
    let services = vec![to_body("gateway", own), fetch, analytics, alerts];
    let sources_known = sources.is_ok();
    let sources = sources.unwrap_or_default();
    let all_well = sources_known
        && services.iter().all(|service| service.state == "ok")
        && sources.iter().all(|source| source.state == "ok");
    let queues = vec![QueueBody {
        name: queues::WEBHOOKS.to_owned(),
        depth: depth.ok().map(|queue| queue.messages),
    }];
    let now = state.clock.now();
    let sourced = WithProvenance {
        data: StatusBody {
            sources,
            services,
            queues,
        },
        state: if all_well { DataState::Ok } else { DataState::Degraded },
        as_of: Some(now.into()),
        sources: vec!["platform".to_owned()],
        estimated: false,
    };
    Ok(Enveloped {
        parts: EnvelopeParts::new(sourced, CacheLevel::None),
        now,
        cache_control: CACHE_CONTROL,
        version: None,
    })
}

async fn about(service: &Upstream) -> ServiceBody {
    let found: Result<About, ApiError> = service.get("about", &()).await;
    to_body(service.name(), found.ok())
}

fn to_body(name: &str, about: Option<About>) -> ServiceBody {
    ServiceBody {
        name: name.to_owned(),
        state: if about.is_some() { "ok" } else { "down" },
        uptime_seconds: about.as_ref().map(|about| about.uptime_seconds),
        version: about.map(|about| about.version),
    }
}
