//! Repeated POSTs: a request with an `Idempotency-Key` runs once, and its repeats get the stored answer.
//!
//! The row in PostgreSQL is the lock. While it has no status, the first request runs; if its process died, the row can
//! be taken over once `running_until` has passed, and the moment itself tells the late first runner that it lost the
//! row. Failures that may pass (429, 5xx), and refusals of callers without a credential, are not kept: the repeat runs
//! again. Whatever a run makes has the id that the row names, so a run finds what an earlier one made before it died or
//! gave up waiting.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError};
use bytes::Bytes;
use contracts::problem::ProblemKind;
use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use platform::problem::{FieldError, Problem};
use serde_json::json;

use super::catch_panic;
use crate::auth::api_key::KeyHasher;
use crate::error::ApiError;
use crate::extract::caller::Caller;
use crate::request_context::{CreationId, client_network};
use crate::route_policy::RoutePolicy;
use crate::state::AppState;
use crate::store::idempotency_keys::{self, NewAnswer, NewClaim, RowKey};

const ANSWER_TTL: Duration = Duration::from_secs(24 * 3_600);

/// Longer than any request runs, so that a claim is taken over only from a run that died.
const CLAIM_TTL: Duration = Duration::from_secs(30);

const MAX_KEY_CHARS: usize = 128;

/// Largest answer that is kept whole. Of a larger refusal the kind is kept, of a larger success the status and headers.
const MAX_STORED_BYTES: usize = 64 * 1024;

/// Most keys that one user, or one address without a credential, may have in a day.
const MAX_USER_KEYS: i64 = 10_000;
const MAX_ANONYMOUS_KEYS: i64 = 100;

/// The headers of an answer that are kept with it.
const STORED_HEADERS: [HeaderName; 2] = [CONTENT_TYPE, LOCATION];

/// A request that names a key.
#[derive(Debug)]
pub struct KeyedRequest {
    row: RowKey,
    hash: [u8; 32],
    secret: bool,
    is_anonymous: bool,
}

enum IdempotencyClaim {
    Run(Run),
    /// It ran before; this was its answer.
    Replay(HttpResponse),
}

/// A request that runs for its key.
struct Run {
    request: KeyedRequest,
    until: Timestamp,
    creation_id: CreationId,
}

/// Runs a request once for its key, or answers it with what its first run answered.
pub async fn run_once(
    keyed: KeyedRequest,
    state: &AppState,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match keyed.claim(state).await {
        Err(refusal) => Ok(request.into_response(refusal.error_response())),
        Ok(IdempotencyClaim::Replay(stored)) => Ok(request.into_response(stored)),
        Ok(IdempotencyClaim::Run(run)) => {
            request.extensions_mut().insert(run.creation_id());
            run.finish(state, catch_panic::call_handler(request, next).await?).await
        }
    }
}

impl KeyedRequest {
    /// The key of a request, if it names one.
    pub fn from_request(
        policy: &RoutePolicy,
        hasher: &KeyHasher,
        request: &ServiceRequest,
        caller: Option<&Caller>,
        address: IpAddr,
        body: &Bytes,
    ) -> Result<Option<Self>, ApiError> {
        let Some(key) = request
            .headers()
            .get("idempotency-key")
            .filter(|_| request.method() == Method::POST)
        else {
            return Ok(None);
        };
        let key = key.to_str().unwrap_or_default();
        if !(1..=MAX_KEY_CHARS).contains(&key.len()) || !key.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
            let violation = FieldError::new(
                &["header", "Idempotency-Key"],
                "length",
                "must have 1 to 128 characters of ASCII",
            )
            .with_params(json!({"min_length": 1, "max_length": MAX_KEY_CHARS}));
            return Err(ApiError::new(ProblemKind::ValidationFailed).violations(vec![violation]));
        }
        let hash = hasher.hash_parts(&[
            request.path().trim_end_matches('/').as_bytes(),
            request.query_string().as_bytes(),
            body,
        ]);
        let subject = caller.map_or_else(
            || format!("ip:{}", client_network(address)),
            |caller| format!("user:{}", caller.user_id),
        );
        // A key may be made of an e-mail address, and rows without a user are not found when that is erased.
        let key = if caller.is_some() {
            key.to_owned()
        } else {
            hex::encode(hasher.hash_parts(&[b"idempotency key", key.as_bytes()]))
        };
        Ok(Some(Self {
            row: RowKey { subject, key },
            hash,
            secret: policy.secret,
            is_anonymous: caller.is_none(),
        }))
    }

    /// Claims the key, or finds out what became of its first request.
    ///
    /// # Errors
    ///
    /// The first request still runs, was another one, or had a secret in its answer.
    async fn claim(self, state: &AppState) -> Result<IdempotencyClaim, ApiError> {
        let now = state.clock.now();
        let client = state.postgres.get().await?;
        // Before the claim, which would add the row.
        self.require_room(&client).await?;
        let new = NewClaim {
            request_hash: &self.hash,
            now,
            running_until: now + CLAIM_TTL,
            expires_at: now + ANSWER_TTL,
            creation_id: CreationId::fresh().0,
        };
        // One statement decides among concurrent requests: exactly one of them gets the row back.
        if let Some(claim) = idempotency_keys::claim(&client, &self.row, &new).await? {
            return Ok(IdempotencyClaim::Run(Run {
                until: claim.running_until,
                creation_id: CreationId(claim.creation_id),
                request: self,
            }));
        }
        let in_progress = || ApiError::new(ProblemKind::IdempotencyInProgress).retry_after(1);
        // The row can be gone if it has just expired.
        let Some(stored) = idempotency_keys::find(&client, &self.row).await? else {
            return Err(in_progress());
        };
        if stored.request_hash != self.hash {
            return Err(ApiError::new(ProblemKind::IdempotencyKeyReused));
        }
        let Some(status) = stored.status else {
            return Err(in_progress());
        };
        // A secret is shown once and stored nowhere, so there is nothing to repeat.
        let Some(body) = stored.body else {
            return Err(ApiError::new(ProblemKind::SecretAlreadyShown));
        };
        let mut replay = if stored.is_problem {
            problem_from(&body)?.error_response()
        } else {
            response_from(status, body, &stored.headers)?
        };
        replay.headers_mut().insert(
            HeaderName::from_static("idempotent-replayed"),
            HeaderValue::from_static("true"),
        );
        Ok(IdempotencyClaim::Replay(replay))
    }
}

impl KeyedRequest {
    /// Bounds the rows of one subject. The keys of a day are kept, so a subject that has used its share gets no new
    /// ones.
    async fn require_room(&self, client: &impl GenericClient) -> Result<(), ApiError> {
        let limit = if self.is_anonymous {
            MAX_ANONYMOUS_KEYS
        } else {
            MAX_USER_KEYS
        };
        if idempotency_keys::has_room(client, &self.row, limit).await? {
            return Ok(());
        }
        let detail = format!("{limit} idempotency keys are in use. Each is free again a day after its first request.");
        Err(ApiError::new(ProblemKind::RateLimited)
            .detail(detail)
            .retry_after(3_600))
    }
}

impl Run {
    /// The id of what this run makes.
    fn creation_id(&self) -> CreationId {
        self.creation_id
    }

    /// Keeps the answer for repeats, or gives the key back if the answer is not worth keeping.
    async fn finish(
        self,
        state: &AppState,
        response: ServiceResponse<BoxBody>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        let status = response.status();
        let (http_request, response) = response.into_parts();
        let problem = response.extensions().get::<ApiError>().cloned();
        let (response, body) = response.into_parts();
        let body = actix_web::body::to_bytes(body).await.unwrap_or_default();
        // A refusal costs a caller without a credential nothing, so it must not cost storage here either.
        let passes = status.is_server_error()
            || [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status)
            || (self.request.is_anonymous && status.is_client_error());
        let stored = if passes {
            self.release(state).await
        } else {
            self.store(state, status, problem.as_ref(), &body, response.headers())
                .await
        };
        // The work is done and the caller has to learn of it, whether or not it can be repeated.
        if let Err(error) = stored {
            tracing::error!(%error, "answer is not kept for repeats");
        }
        Ok(ServiceResponse::new(
            http_request,
            response.set_body(BoxBody::new(body)),
        ))
    }

    /// The next request may run at once. The row stays: whatever was made has its id.
    async fn release(&self, state: &AppState) -> Result<(), ApiError> {
        let client = state.postgres.get().await?;
        idempotency_keys::release(&client, &self.request.row, self.until, state.clock.now()).await?;
        Ok(())
    }

    async fn store(
        &self,
        state: &AppState,
        status: StatusCode,
        problem: Option<&ApiError>,
        body: &Bytes,
        headers: &HeaderMap,
    ) -> Result<(), ApiError> {
        let kept: BTreeMap<&str, &str> = STORED_HEADERS
            .iter()
            .filter_map(|name| Some((name.as_str(), headers.get(name)?.to_str().ok()?)))
            .collect();
        let kept = serde_json::to_string(&kept).map_err(ApiError::internal)?;
        // A problem is stored without its rendered body: the replay has its own request id and time.
        let problem_text = problem.map(problem_to).transpose()?;
        let has_secret = self.request.secret && status.is_success();
        let body: Option<&[u8]> = match &problem_text {
            Some(text) => Some(text),
            None if has_secret => None,
            None if body.len() > MAX_STORED_BYTES => Some(&[]),
            None => Some(body),
        };
        let answer = NewAnswer {
            status: i16::try_from(status.as_u16()).map_err(ApiError::internal)?,
            body,
            headers: &kept,
            is_problem: problem.is_some(),
        };
        let client = state.postgres.get().await?;
        idempotency_keys::complete(&client, &self.request.row, self.until, &answer).await?;
        Ok(())
    }
}

fn problem_to(problem: &ApiError) -> Result<Vec<u8>, ApiError> {
    let mut stored = Problem::new(problem.kind, problem.detail.to_string()).with_errors(problem.errors.clone());
    stored.retry_after = problem.retry_after;
    let text = serde_json::to_vec(&stored).map_err(ApiError::internal)?;
    if text.len() <= MAX_STORED_BYTES {
        return Ok(text);
    }
    stored.errors.clear();
    stored.detail = ApiError::new(problem.kind).detail.into_owned();
    serde_json::to_vec(&stored).map_err(ApiError::internal)
}

fn problem_from(body: &[u8]) -> Result<ApiError, ApiError> {
    let stored: Problem = serde_json::from_slice(body).map_err(ApiError::internal)?;
    let mut problem = ApiError::new(stored.kind).detail(stored.detail);
    problem.errors = stored.errors;
    problem.retry_after = stored.retry_after;
    Ok(problem)
}

fn response_from(status: i16, body: Vec<u8>, headers: &str) -> Result<HttpResponse, ApiError> {
    let status = u16::try_from(status).map_err(ApiError::internal)?;
    let mut response = HttpResponse::build(StatusCode::from_u16(status).map_err(ApiError::internal)?);
    let headers: BTreeMap<String, String> = serde_json::from_str(headers).map_err(ApiError::internal)?;
    for (name, value) in headers {
        response.insert_header((name, value));
    }
    Ok(response.body(body))
}
