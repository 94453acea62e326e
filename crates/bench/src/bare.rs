//! A bare actix-web handler that answers the same bytes: the most a gateway on actix-web could do.

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Context;

/// As many as the gateway has.
const WORKERS: usize = 2;

/// Answers every request with `body` until it is killed.
///
/// # Errors
///
/// The port is taken.
pub async fn serve(port: u16, body: String) -> anyhow::Result<()> {
    HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(body.clone()))
            .default_service(web::to(async |body: web::Data<String>| {
                HttpResponse::Ok()
                    .content_type("application/json")
                    .body(body.as_str().to_owned())
            }))
    })
    .workers(WORKERS)
    .bind(("127.0.0.1", port))
    .context("bind")?
    .run()
    .await
    .context("serve")
}
