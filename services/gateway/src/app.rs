//! Builds the gateway, listens, and supervises its tasks. `main` runs it, and tests start it on free ports.

use std::any::Any;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::web;
use actix_web::{App as ActixApp, HttpServer};
use anyhow::Context;
use platform::clock::SharedClock;
use platform::postgres;
use platform::server::{self, Drain, Server, close_while_draining};
use platform::settings::ProcessSettings;
use platform::supervisor::Supervisor;
use secrecy::SecretString;
use socket2::SockRef;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::auth::administrator;
use crate::auth::email::Email;
use crate::auth::{Role, Tier};
use crate::openapi::document::Document;
use crate::settings::Settings;
use crate::state::AppState;
use crate::store::users::{self, NewUser};
use crate::{background, middleware, openapi, router};

/// The migration that this service needs.
pub const SCHEMA_VERSION: u32 = 82;

/// Ids of keys in use that wait to be written; while it is full, further ones are dropped and reported by later
/// requests.
const KEY_USE_QUEUE: usize = 4_096;

/// Longest time a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(75);

pub struct App {
    pub address: SocketAddr,
    /// The address of metrics and probes.
    pub internal_address: SocketAddr,
    supervisor: Supervisor,
    state: web::Data<AppState>,
}

impl App {
    /// Answers until the stop, then finishes what it holds.
    pub async fn run(self) -> anyhow::Result<()> {
        let outcome = self.supervisor.run().await;
        // What the last requests used.
        self.state.usage.flush_all().await;
        outcome
    }
}

/// Runs the gateway until `stop`.
pub async fn run(settings: Settings, stop: CancellationToken) -> anyhow::Result<()> {
    start(settings, platform::clock::SystemClock::shared(), stop)
        .await?
        .run()
        .await
}

/// Starts the gateway.
///
/// # Errors
///
/// The schema is too old, an address is taken, or the demonstration's account cannot be made.
pub async fn start(settings: Settings, clock: SharedClock, stop: CancellationToken) -> anyhow::Result<App> {
    platform::metrics::install("gateway", env!("CARGO_PKG_VERSION"))?;
    let process = settings.process.clone();
    let (used, used_keys) = mpsc::channel(KEY_USE_QUEUE);
    let redis_settings = settings.redis.clone();
    let internal_port = settings.internal_port;
    let document = web::Data::new(openapi::build(&settings.supported_tickers)?);
    let state = web::Data::new(AppState::new(settings, clock, used, &stop)?);
    postgres::require_schema(&state.postgres, SCHEMA_VERSION).await?;
    ensure_demo_account(&state).await?;
    administrator::ensure(&state).await.context("the first administrator")?;

    // After the schema is known to be new enough: before that no connection is accepted.
    let public = serve(&process, state.clone(), document)?;
    let internal_settings = ProcessSettings {
        port: internal_port,
        http_workers: 1,
        ..process.clone()
    };
    let internal = server::serve(&internal_settings, state.readiness.clone(), |_| ())?;
    let (address, internal_address) = (public.address(), internal.address());

    // A second more than the servers have, which end their connections within the deadline themselves.
    let mut supervisor = Supervisor::new(stop.clone(), process.shutdown_deadline() + Duration::from_secs(1));
    supervisor.spawn("public server", public.run(stop.clone()));
    supervisor.spawn("internal server", internal.run(stop.clone()));
    supervisor.spawn(
        "revocations",
        background::identities::listen_for_revocations(state.clone().into_inner(), redis_settings, stop.clone()),
    );
    supervisor.spawn(
        "identity changes",
        background::identities::propagate_identity_changes(state.clone().into_inner(), stop.clone()),
    );
    supervisor.spawn(
        "key use",
        background::identities::flush_key_usage(state.clone().into_inner(), used_keys, stop.clone()),
    );
    supervisor.spawn(
        "erasures",
        background::erasures::finish_erasures(state.clone().into_inner(), stop.clone()),
    );
    let redis = platform::redis::connect(&state.settings.redis)?;
    supervisor.spawn(
        "usage",
        background::usage::flush_usage(state.clone().into_inner(), stop.clone()),
    );
    supervisor.spawn(
        "usage copy",
        background::usage::copy_usage(state.clone().into_inner(), redis, stop.clone()),
    );
    supervisor.spawn(
        "blocked addresses",
        background::ip_blocks::watch_ip_blocks(state.clone().into_inner(), stop.clone()),
    );
    supervisor.spawn(
        "purge",
        background::purge::remove_expired(state.clone().into_inner(), stop),
    );
    Ok(App {
        address,
        internal_address,
        supervisor,
        state,
    })
}

async fn ensure_demo_account(state: &AppState) -> anyhow::Result<()> {
    let Some(key) = state.settings.demo_key() else {
        return Ok(());
    };
    let email = Email::parse(&state.settings.demo_email).context("DEMO_EMAIL is not an address")?;
    let user = NewUser {
        id: uuid::Uuid::now_v7(),
        email: &email,
        role: Role::Reader,
        tier: Tier::Enterprise,
        password_hash: None,
    };
    let key = SecretString::from(key.to_owned());
    let mut client = state.postgres.get().await?;
    let transaction = client.transaction().await?;
    users::ensure_with_key(&transaction, &state.hasher, &user, &key, state.clock.now()).await?;
    transaction.commit().await?;
    tracing::warn!("the demonstration's key is handed out to everyone who asks");
    Ok(())
}

fn serve(
    process: &ProcessSettings,
    state: web::Data<AppState>,
    document: web::Data<Document>,
) -> anyhow::Result<Server> {
    let listener = server::bind(process.listen_address())?;
    let drain = Drain::new(&listener, process.shutdown_deadline())?;
    let address = listener.local_addr()?;
    let for_workers = web::Data::new(drain.clone());
    let enveloped_paths = web::Data::new(router::enveloped_paths());
    let response_timeout = Duration::from_millis(state.settings.response_timeout_ms);
    let server = HttpServer::new(move || {
        let app = ActixApp::new()
            .app_data(state.clone())
            .app_data(document.clone())
            .app_data(enveloped_paths.clone())
            .app_data(for_workers.clone())
            .configure(router::configure);
        // The last one is the outermost: it counts requests until their connections may close.
        app.wrap(from_fn(middleware::handle))
            .wrap(from_fn(close_while_draining))
    });
    let connections = drain.clone();
    let server = server
        .on_connect(move |connection, extensions| {
            limit_unread(connection, response_timeout);
            connections.count_connection(extensions);
        })
        .workers(process.http_workers)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEAD_TIMEOUT)
        .tcp_nodelay(true)
        .shutdown_timeout(process.shutdown_deadline_seconds)
        .disable_signals()
        .listen(listener)
        .context("listen")?
        .run();
    Ok(Server::new(address, server, drain))
}

/// Ends a connection whose client does not read: the kernel gives up when what was sent stays unacknowledged, or the
/// client's window closed, for so long. actix-web has no deadline for writing.
fn limit_unread(connection: &dyn Any, patience: Duration) {
    let Some(stream) = connection.downcast_ref::<TcpStream>() else {
        return;
    };
    if let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(patience)) {
        tracing::debug!(%error, "connection has no deadline for writing");
    }
}
