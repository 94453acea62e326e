//! The export of an account: one JSON document, written while it is read, so that its size costs no memory.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use contracts::api::Page;
use contracts::api::alerts::{AlertBody, EndpointBody};
use contracts::api::deliveries::DeliverySummaryBody;
use contracts::number::with_strings;
use contracts::problem::ProblemKind;
use contracts::time::Time;
use futures_util::stream;
use jiff::civil::date;
use platform::request_id::RequestId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::Identity;
use crate::error::ApiError;
use crate::extract::caller::Caller;
use crate::response::wants_strings;
use crate::routes::keys::KeyBody;
use crate::routes::usage::DayUsageBody;
use crate::routes::users::UserBody;
use crate::state::AppState;
use crate::store::sessions::Session;
use crate::store::{keys, sessions, usage};
use crate::upstream::Upstream;
use crate::usage::calendar::Day;

const PAGE_ITEMS: u32 = 500;

/// Keys and sessions that are exported; a user has fewer.
const MAX_ROWS: i64 = 1_000;

/// Everything that is held of a user.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExportBody {
    /// The account.
    pub account: UserBody,
    /// Its API keys, without their secrets.
    pub api_keys: Vec<KeyBody>,
    /// Its log-ins that have not ended.
    pub sessions: Vec<SessionBody>,
    /// What it requested, by day and route class, newest first.
    pub usage: Vec<DayUsageBody>,
    /// Its alerts.
    pub alerts: Vec<AlertBody>,
    /// Its webhook endpoints.
    pub webhook_endpoints: Vec<EndpointBody>,
    /// The deliveries to them.
    pub deliveries: Vec<DeliverySummaryBody>,
}

/// A log-in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionBody {
    /// Id of the session.
    pub id: Uuid,
    /// Id of the API key that was exchanged for it; `null` for a log-in by password.
    pub key_id: Option<Uuid>,
    /// Time of the log-in.
    pub created_at: Time,
    /// Time at which its refresh token ends.
    pub expires_at: Time,
}

impl From<Session> for SessionBody {
    fn from(session: Session) -> Self {
        Self {
            id: session.id,
            key_id: session.key_id,
            created_at: Time(session.created_at),
            expires_at: Time(session.expires_at),
        }
    }
}

/// The rest of the document, list by list.
struct Writer {
    alerts: Upstream,
    /// How numbers are written.
    as_strings: bool,
    chunks: mpsc::Sender<Result<Bytes, ApiError>>,
}

/// Answers with the export. What comes from this service is read before, so that an outage is an error and no
/// truncated document.
pub async fn respond(state: &AppState, request: &HttpRequest, caller: &Caller) -> Result<HttpResponse, ApiError> {
    let (chunks, mut received) = mpsc::channel(1);
    let writer = Writer {
        alerts: state.upstreams.alerts.for_user(caller.user_id),
        as_strings: wants_strings(request),
        chunks,
    };
    let beginning = beginning(state, caller, &UserBody::of(caller)).await?;
    let first: Page<AlertBody> = writer.page("alerts", None).await?;
    let id = RequestId::current().unwrap_or_else(RequestId::generate);
    tokio::spawn(id.scope(writer.run(beginning, first)));
    let body = stream::poll_fn(move |context| received.poll_recv(context));
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"cryptolens-account.json\""))
        .streaming(body))
}

async fn beginning(state: &AppState, caller: &Identity, account: &UserBody) -> Result<String, ApiError> {
    let client = state.postgres.get().await?;
    let keys = keys::list_of_user(&client, caller.user_id, state.clock.now(), MAX_ROWS).await?;
    let keys: Vec<KeyBody> = keys.into_iter().map(KeyBody::from).collect();
    let sessions = sessions::list(&client, caller.user_id, state.clock.now(), MAX_ROWS).await?;
    let sessions: Vec<SessionBody> = sessions.into_iter().map(SessionBody::from).collect();
    let today = Day::of(state.clock.now()).date();
    let usage = usage::list(&client, caller.user_id, date(1970, 1, 1), today).await?;
    let usage: Vec<DayUsageBody> = usage.into_iter().map(DayUsageBody::from).collect();
    Ok(format!(
        "{{\"account\":{},\"api_keys\":{},\"sessions\":{},\"usage\":{}",
        to_json(account)?,
        to_json(&keys)?,
        to_json(&sessions)?,
        to_json(&usage)?
    ))
}

fn to_json<T: Serialize>(value: &T) -> Result<String, ApiError> {
    serde_json::to_string(value).map_err(ApiError::internal)
}

impl Writer {
    /// Writes the document. An error ends it early: the client sees that the body is cut off.
    async fn run(self, beginning: String, first: Page<AlertBody>) {
        let written: Result<(), ApiError> = async {
            self.send(beginning).await?;
            self.list("alerts", "alerts", Some(first)).await?;
            self.list::<EndpointBody>("webhook_endpoints", "webhooks/endpoints", None)
                .await?;
            self.list::<DeliverySummaryBody>("deliveries", "deliveries", None)
                .await?;
            self.send("}".to_owned()).await
        }
        .await;
        if let Err(error) = written {
            // It fails when the client has gone, who then needs no more.
            let _ = self.chunks.send(Err(error)).await;
        }
    }

    async fn list<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        path: &str,
        first: Option<Page<T>>,
    ) -> Result<(), ApiError> {
        self.send(format!(",\"{name}\":[")).await?;
        let mut page = match first {
            Some(page) => page,
            None => self.page(path, None).await?,
        };
        let mut separator = "";
        loop {
            let mut text = String::new();
            for item in &page.items {
                text.push_str(separator);
                text.push_str(&self.item(item)?);
                separator = ",";
            }
            self.send(text).await?;
            let Some(cursor) = page.next_cursor else { break };
            page = self.page(path, Some(cursor)).await?;
        }
        self.send("]".to_owned()).await
    }

    fn item<T: Serialize>(&self, item: &T) -> Result<String, ApiError> {
        if self.as_strings {
            with_strings(|| to_json(item))
        } else {
            to_json(item)
        }
    }

    async fn page<T: DeserializeOwned>(&self, path: &str, cursor: Option<String>) -> Result<Page<T>, ApiError> {
        let mut query = vec![("limit", PAGE_ITEMS.to_string())];
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        self.alerts.get(path, &query).await
    }

    async fn send(&self, text: String) -> Result<(), ApiError> {
        let gone = |_| ApiError::new(ProblemKind::RequestTimeout);
        self.chunks.send(Ok(text.into())).await.map_err(gone)
    }
}
