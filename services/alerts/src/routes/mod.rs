//! Internal HTTP, under `/internal`. The gateway names the user in `X-User-Id`; an object of another user is not found.

mod alerts;
mod deliveries;
mod endpoints;
mod erasure;
mod monitors;
mod request;
mod response;
mod webhook_url;
mod webhooks;

use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};
use platform::server::resource;

pub fn configure(config: &mut ServiceConfig) {
    config
        .service(resource(
            "/alerts",
            [
                (Method::GET, web::get().to(alerts::list)),
                (Method::POST, web::post().to(alerts::create)),
            ],
        ))
        .service(resource(
            "/alerts/{id}",
            [
                (Method::GET, web::get().to(alerts::get)),
                (Method::DELETE, web::delete().to(alerts::delete)),
            ],
        ))
        .service(resource(
            "/alerts/{id}/events",
            [(Method::GET, web::get().to(alerts::events))],
        ))
        .service(resource(
            "/alerts/{id}/deliveries",
            [(Method::GET, web::get().to(alerts::deliveries))],
        ))
        .service(resource(
            "/deliveries",
            [(Method::GET, web::get().to(deliveries::list))],
        ))
        .service(resource(
            "/deliveries/replay",
            [(Method::POST, web::post().to(deliveries::replay_failed))],
        ))
        .service(resource(
            "/deliveries/{id}",
            [(Method::GET, web::get().to(deliveries::get))],
        ))
        .service(resource(
            "/deliveries/{id}/replay",
            [(Method::POST, web::post().to(deliveries::replay))],
        ))
        .service(resource(
            "/webhooks/endpoints",
            [(Method::GET, web::get().to(endpoints::list))],
        ))
        .service(resource(
            "/webhooks/endpoints/{id}",
            [(Method::GET, web::get().to(endpoints::get))],
        ))
        .service(resource(
            "/webhooks/endpoints/{id}/secret",
            [(Method::GET, web::get().to(endpoints::secret))],
        ))
        .service(resource(
            "/webhooks/endpoints/{id}/test",
            [(Method::POST, web::post().to(endpoints::test))],
        ))
        .service(resource(
            "/webhooks/endpoints/{id}/enable",
            [(Method::POST, web::post().to(endpoints::enable))],
        ))
        .service(resource(
            "/webhooks/check",
            [(Method::POST, web::post().to(webhooks::check))],
        ))
        .service(resource(
            "/webhooks/verify",
            [(Method::POST, web::post().to(webhooks::verify))],
        ))
        .service(resource(
            "/users/erase",
            [(Method::POST, web::post().to(erasure::erase))],
        ))
        .service(resource(
            "/risk/monitors",
            [(Method::GET, web::get().to(monitors::list))],
        ));
}
