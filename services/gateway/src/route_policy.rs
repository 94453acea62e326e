//! What stands before every handler, in the contract's order: blocked address, body, credential, rate limit,
//! permission, parameters that every route has, repeated POSTs. What it finds it puts into the request.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, ResponseError, web};
use contracts::problem::ProblemKind;
use futures_util::FutureExt;
use serde_json::json;

use crate::app::AppState;
use crate::auth::{Scope, Tier};
use crate::error::ApiError;
use crate::extract::body::RawBody;
use crate::extract::query::{Params, PendingViolations};
use crate::extract::validate;
use crate::middleware::{authenticate, idempotency, request_body};
use crate::network;
use crate::rate_limit::{RateLimitOutcome, RateLimitPolicy, Subject};

/// What a route asks of a request before its handler runs.
#[derive(Debug, Clone, Copy)]
pub struct RoutePolicy {
    /// Who may pass.
    pub access: Access,
    /// Which limit applies.
    pub rate_limit: Option<RateLimitPolicy>,
    /// What its answers look like.
    pub format: ResponseFormat,
    /// How a wrong parameter is answered.
    pub parameter_error: ProblemKind,
    /// Whether it takes a JSON body.
    pub takes_body: bool,
    /// Whether its answer holds a secret, which is not kept for repeats.
    pub secret: bool,
}

/// Who may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everyone.
    Public,
    /// Everyone if `RATES_PUBLIC` says so, otherwise who has the scope.
    PublicRates(Scope),
    /// Whoever is known.
    Authenticated,
    /// Whoever has the scope.
    Scoped(Scope),
}

/// What the answers of a route look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseFormat {
    /// The object or array itself.
    Plain,
    /// In the envelope.
    Enveloped,
}

/// Whether numbers are written as strings (`?numbers=string`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumbersAsStrings(pub bool);

/// The address that a request really comes from.
#[derive(Debug, Clone, Copy)]
pub struct ClientIp(pub IpAddr);

impl RoutePolicy {
    const fn new(access: Access) -> Self {
        Self {
            access,
            rate_limit: None,
            format: ResponseFormat::Plain,
            parameter_error: ProblemKind::InvalidParameter,
            takes_body: false,
            secret: false,
        }
    }

    /// For everyone.
    pub const fn public() -> Self {
        Self::new(Access::Public)
    }

    /// For everyone if `RATES_PUBLIC` says so.
    pub const fn public_rates(scope: Scope) -> Self {
        Self::new(Access::PublicRates(scope))
    }

    /// For whoever is known.
    pub const fn authenticated() -> Self {
        Self::new(Access::Authenticated)
    }

    /// For whoever has `scope`.
    pub const fn scoped(scope: Scope) -> Self {
        Self::new(Access::Scoped(scope))
    }

    /// Limited by `policy`.
    #[must_use]
    pub const fn limited(mut self, policy: RateLimitPolicy) -> Self {
        self.rate_limit = Some(policy);
        self
    }

    /// Answers in the envelope.
    #[must_use]
    pub const fn enveloped(mut self) -> Self {
        self.format = ResponseFormat::Enveloped;
        self
    }

    /// Answers wrong parameters with 422 as it does wrong bodies.
    #[must_use]
    pub const fn unprocessable(mut self) -> Self {
        self.parameter_error = ProblemKind::ValidationFailed;
        self
    }

    /// Takes a JSON body.
    #[must_use]
    pub const fn json(mut self) -> Self {
        self.takes_body = true;
        self
    }

    /// Answers with a secret.
    #[must_use]
    pub const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// Whether it may ask for a credential.
    pub const fn asks_for_credential(&self) -> bool {
        !matches!(self.access, Access::Public)
    }
}

/// Lets a request pass to its handler, or answers in its place.
///
/// # Errors
///
/// Never: refusals are responses.
pub async fn pass(
    policy: &'static RoutePolicy,
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    request.extensions_mut().insert(policy.format);
    let Some(state) = request.app_data::<web::Data<AppState>>().cloned() else {
        return Ok(refuse(request, &ApiError::internal("the application has no state")));
    };
    let mut verdict = None;
    let response = match admit(policy, &state, &mut request, &mut verdict).await {
        Err(refusal) => refuse(request, &refusal),
        Ok(None) => handle(request, next).await?,
        Ok(Some(repeat)) => match repeat.begin(&state).await {
            Err(refusal) => refuse(request, &refusal),
            Ok(idempotency::IdempotencyClaim::Replay(stored)) => request.into_response(stored),
            Ok(idempotency::IdempotencyClaim::Run(run)) => {
                request.extensions_mut().insert(run.creation_id());
                run.finish(&state, handle(request, next).await?).await?
            }
        },
    };
    let response = refuse_unread(response);
    let mut response = apply_route_error_status(policy, response);
    if let Some(verdict) = verdict {
        verdict.write_headers(response.headers_mut(), state.clock.now());
    }
    Ok(response)
}

/// Runs the handler. Its panic is a fault of ours like any other and is answered like any other; the message went to
/// standard error when it happened.
async fn handle(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    // The panic takes the handler's request with it. Routing, which wants a request for itself, is over.
    let kept = request.request().clone();
    let handler = AssertUnwindSafe(async { next.call(request).await });
    match handler.catch_unwind().await {
        Ok(outcome) => outcome,
        Err(_) => Ok(ServiceResponse::new(
            kept,
            ApiError::internal("a handler panicked").error_response(),
        )),
    }
}

fn refuse(request: ServiceRequest, refusal: &ApiError) -> ServiceResponse<BoxBody> {
    request.into_response(refusal.error_response())
}

/// Every check before the handler. Gives what has to be known for repeats, if the request names a key.
async fn admit(
    policy: &'static RoutePolicy,
    state: &AppState,
    request: &mut ServiceRequest,
    verdict: &mut Option<RateLimitOutcome>,
) -> Result<Option<idempotency::Request>, ApiError> {
    let peer = request.peer_addr().map(|peer| peer.ip());
    let address = network::client_ip(peer, request.headers(), &state.settings.trusted_proxies);
    request.extensions_mut().insert(ClientIp(address));
    // Probes and pages stay readable for everyone.
    if (policy.rate_limit.is_some() || policy.asks_for_credential())
        && let Err(blocked) = state.ip_blocker.check(address).await
        && !(policy.asks_for_credential() && authenticate::has_valid_key(state, request.headers(), address).await)
    {
        return Err(blocked);
    }

    let patience = Duration::from_millis(state.settings.body_timeout_ms);
    let body = request_body::read(request, policy.takes_body, patience).await?;

    let is_public = match policy.access {
        Access::Public => true,
        Access::PublicRates(_) => state.settings.rates_public,
        Access::Authenticated | Access::Scoped(_) => false,
    };
    let caller = if is_public {
        None
    } else {
        Some(authenticate::authenticate(state, request.headers(), address).await?)
    };

    if let Some(policy) = policy.rate_limit {
        let tier = caller.as_ref().map_or(Tier::Basic, |caller| caller.tier);
        let subject = match (policy.subject(), &caller) {
            (Subject::User, Some(caller)) => caller.user_id.to_string(),
            (Subject::User | Subject::Ip, _) => network::client_network(address).to_string(),
        };
        let outcome = state.rate_limiter.check(policy, &subject, tier).await;
        let refusal = outcome.refusal();
        *verdict = Some(outcome);
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        if let Some(refusal) = state.rate_limiter.check_total(policy).await {
            return Err(refusal);
        }
    }

    if let (Access::Scoped(scope) | Access::PublicRates(scope), Some(caller)) = (policy.access, &caller)
        && !caller.may(scope)
    {
        return Err(missing_scope(scope));
    }

    let client = network::client_network(address);
    let repeat = idempotency::Request::of(policy, &state.hasher, request, caller.as_ref(), client, &body)?;
    if !policy.takes_body {
        request_body::refuse(&body)?;
    }
    let strings = if matches!(*request.method(), Method::GET | Method::HEAD) {
        numbers_as_strings(request.request())
    } else {
        Ok(false)
    };
    let strings = strings.unwrap_or_else(|refusal| {
        // Health and the documentation answer whatever they are asked: a load balancer's probe is never malformed.
        if policy.rate_limit.is_some() {
            request.extensions_mut().insert(PendingViolations(refusal.errors));
        }
        false
    });
    let mut extensions = request.extensions_mut();
    extensions.insert(NumbersAsStrings(strings));
    extensions.insert(RawBody(body));
    if let Some(caller) = caller {
        extensions.insert(caller);
    }
    Ok(repeat)
}

fn missing_scope(scope: Scope) -> ApiError {
    let violation = platform::problem::FieldError::new(&["header", "x-api-key"], "insufficient_scope", "lacks a scope")
        .with_params(json!({"required": [scope.as_str()]}));
    let mut error = ApiError::new(ProblemKind::InsufficientScope);
    error.errors = vec![violation];
    error
}

fn numbers_as_strings(request: &HttpRequest) -> Result<bool, ApiError> {
    // Asked of every GET, so it is not parsed where it cannot stand.
    if !request.query_string().contains("numbers") {
        return Ok(false);
    }
    let mut params = Params::of(request);
    let numbers = params.optional("numbers", validate::one_of(&["number", "string"]));
    params.finish()?;
    Ok(numbers.as_deref() == Some("string"))
}

/// Handlers without parameters of their own do not look for violations that were found before them.
fn refuse_unread(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let unread = response.request().extensions_mut().remove::<PendingViolations>();
    match unread {
        None => response,
        Some(PendingViolations(violations)) => {
            let refusal = ApiError::new(ProblemKind::InvalidParameter).violations(violations);
            response.into_response(refusal.error_response())
        }
    }
}

/// A wrong parameter is 422 on some routes and 400 on the others, whoever found it.
fn apply_route_error_status(policy: &RoutePolicy, response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let Some(mut problem) = response.response().extensions().get::<ApiError>().cloned() else {
        return response;
    };
    let about_parameters = problem.kind == ProblemKind::InvalidParameter
        || (problem.kind == ProblemKind::ValidationFailed && !problem.errors.is_empty() && {
            let mut places = problem.errors.iter().filter_map(|error| error.loc.first());
            places.all(|place| place != "body")
        });
    if !about_parameters || problem.kind == policy.parameter_error {
        return response;
    }
    problem.kind = policy.parameter_error;
    response.into_response(problem.error_response())
}
