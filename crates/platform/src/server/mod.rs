//! The internal HTTP server: health, metrics, and a service's own routes under `/internal`.
//!
//! Who calls `/internal` must show the shared credential. Every failure has the problem body,
//! and every request has an id that is in each log line written for it.

mod drain;
mod errors;
mod internal_auth;
mod request_context;

use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, HttpResponse, HttpServer};
use anyhow::Context;
use tokio_util::sync::CancellationToken;

pub use drain::{Drain, close_while_draining};
pub use errors::{BODY_LIMIT_BYTES, configure_errors, fill_problem_body, not_found, resource};

use crate::health::Readiness;
use crate::metrics;
use crate::settings::ProcessSettings;

/// Path under which a service's own routes live.
pub const INTERNAL_PREFIX: &str = "/internal";

/// How long an idle connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Longest time a client may take to send the head of a request. Callers are our own, so a slow one
/// is a busy machine and not an attack.
const HEAD_DEADLINE: Duration = Duration::from_secs(30);

/// A server that listens and is about to answer.
pub struct Server {
    address: SocketAddr,
    server: actix_web::dev::Server,
    handle: ServerHandle,
    drain: Drain,
}

/// What becomes of a request whose caller has closed its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDisconnect {
    /// It is finished: what it changes is changed as a whole.
    Finish,
    /// Its handler is dropped. For services whose requests change nothing, or may be cut off anywhere.
    Cancel,
}

/// Listens on the address of the settings and answers once [`Server::run`] is awaited. Requests are finished, also
/// those whose callers have gone.
///
/// `configure` adds the service's routes below [`INTERNAL_PREFIX`].
///
/// # Errors
///
/// The address is taken or not ours.
pub fn serve<F>(settings: &ProcessSettings, readiness: Readiness, configure: F) -> anyhow::Result<Server>
where
    F: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    serve_with(settings, readiness, OnDisconnect::Finish, configure)
}

/// As [`serve`], with a choice of what happens when a caller goes.
///
/// # Errors
///
/// As [`serve`].
pub fn serve_with<F>(
    settings: &ProcessSettings,
    readiness: Readiness,
    on_disconnect: OnDisconnect,
    configure: F,
) -> anyhow::Result<Server>
where
    F: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    let listener = bind(settings.listen_address())?;
    let drain = Drain::new(&listener, settings.shutdown_deadline())?;
    let address = listener.local_addr()?;
    let token = settings.internal_token.clone();
    let for_workers = web::Data::new(drain.clone());
    let server = HttpServer::new(move || {
        let configure = configure.clone();
        let internal = web::scope(INTERNAL_PREFIX)
            .wrap(from_fn(internal_auth::require_token))
            .service(resource("/about", [(Method::GET, web::to(about))]))
            .configure(configure)
            .default_service(web::to(not_found));
        App::new()
            .app_data(web::Data::new(internal_auth::Token::new(&token)))
            .app_data(web::Data::new(readiness.clone()))
            .app_data(for_workers.clone())
            .configure(configure_errors)
            .wrap(from_fn(fill_problem_body))
            .wrap(from_fn(request_context::with_request_context))
            .wrap(from_fn(close_while_draining))
            .service(resource("/health/live", [(Method::GET, web::to(live))]))
            .service(resource("/health/ready", [(Method::GET, web::to(ready))]))
            .service(resource("/metrics", [(Method::GET, web::to(render_metrics))]))
            .service(internal)
            .default_service(web::to(not_found))
    });
    let connections = drain.clone();
    let server = server
        .on_connect(move |_, extensions| connections.count_connection(extensions))
        .workers(settings.http_workers)
        .h1_allow_half_closed(on_disconnect == OnDisconnect::Finish)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEAD_DEADLINE)
        .tcp_nodelay(true)
        .shutdown_timeout(settings.shutdown_deadline_seconds)
        .disable_signals()
        .listen(listener)
        .context("listen")?
        .run();
    Ok(Server::new(address, server, drain))
}

/// Takes the address, so that a busy one is an error at start and port 0 has a number afterwards.
///
/// # Errors
///
/// The address is taken or not ours; the message names it.
pub fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// A server built by the caller, to be stopped the same way as ours. `drain` counts its connections and has
    /// [`close_while_draining`] among its layers.
    #[must_use]
    pub fn new(address: SocketAddr, server: actix_web::dev::Server, drain: Drain) -> Self {
        let handle = server.handle();
        Self {
            address,
            server,
            handle,
            drain,
        }
    }

    /// The address it listens on, with the real port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` is cancelled, then takes what has arrived, finishes it and closes, all within the deadline.
    ///
    /// # Errors
    ///
    /// The server failed.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        tracing::info!(address = %self.address, "listening");
        let upkeep = tokio::spawn(metrics::upkeep(stop.clone()));
        let Self {
            server, handle, drain, ..
        } = self;
        let cut_off = {
            let (stop, deadline) = (stop.clone(), drain.deadline());
            async move {
                stop.cancelled().await;
                tokio::time::sleep(deadline).await;
            }
        };
        let stopping = tokio::spawn(async move {
            stop.cancelled().await;
            drain.finish(&handle).await;
            handle.stop(true).await;
        });
        // Dropping the server ends what is left.
        let result = tokio::select! {
            result = server => result,
            () = cut_off => Ok(()),
        };
        stopping.abort();
        upkeep.abort();
        result.context("HTTP server")
    }
}

async fn live() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({"status": "ok"}))
}

async fn about() -> HttpResponse {
    HttpResponse::Ok().json(metrics::about())
}

async fn ready(readiness: web::Data<Readiness>) -> HttpResponse {
    let report = readiness.report().await;
    if report.is_ready() {
        HttpResponse::Ok().json(report)
    } else {
        HttpResponse::ServiceUnavailable().json(report)
    }
}

async fn render_metrics() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(metrics::render())
}
