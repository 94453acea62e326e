//! Every route of the gateway, in one table.

use actix_web::web::{self, ServiceConfig};

use crate::route::Route;
use crate::route_policy::{EnvelopedPaths, ResponseFormat};
use crate::routes::{
    account, admin_audit, admin_ip_blocks, admin_keys, admin_limits, admin_users, alerts, analytics, auth, candles,
    deliveries, keys, market, pages, price, quotes, rates, risk, status, system, tokens, usage, users, webhooks,
};

/// The routes of the API, which the OpenAPI document describes.
pub fn api() -> Vec<Route> {
    vec![
        Route::at("/api/v1/rates/").get(&rates::RATES, rates::list),
        Route::at("/api/v1/quotes").get(&quotes::READ, quotes::list),
        Route::at("/api/v1/quotes/{ticker}").get(&quotes::READ, quotes::get),
        Route::at("/api/v1/price/{coin_id}").get(&price::READ, price::get),
        Route::at("/api/v1/price/{coin_id}/history").get(&price::READ, price::history),
        Route::at("/api/v1/candles/{ticker}").get(&candles::READ, candles::list),
        Route::at("/api/v1/market/overview").get(&tokens::READ, market::overview),
        Route::at("/api/v1/tokens").get(&tokens::READ, tokens::list::list),
        // Before the route with an id, which it would match.
        Route::at("/api/v1/tokens/search").get(&tokens::READ, tokens::search::search),
        Route::at("/api/v1/tokens/{token_id}").get(&tokens::READ, tokens::show::show),
        Route::at("/api/v1/tokens/{token_id}/velocity").get(&tokens::READ, tokens::velocity::velocity),
        Route::at("/api/v1/tokens/{token_id}/history").get(&tokens::READ, tokens::history::history),
        // Before the routes with a symbol: actix-web takes the first route that matches.
        Route::at("/api/v1/analytics/correlation").get(&analytics::READ, analytics::correlation),
        Route::at("/api/v1/analytics/{symbol}/stats").get(&analytics::READ, analytics::stats),
        Route::at("/api/v1/analytics/{symbol}/timeseries").get(&analytics::READ, analytics::timeseries),
        Route::at("/api/v1/risk/monitors").get(&risk::READ, risk::list),
        Route::at("/api/v1/alerts/")
            .get(&alerts::READ, alerts::list)
            .post(&alerts::CREATE, alerts::create),
        Route::at("/api/v1/alerts/{id}")
            .get(&alerts::READ, alerts::get)
            .delete(&alerts::DELETE, alerts::delete),
        Route::at("/api/v1/alerts/{id}/events").get(&alerts::READ, alerts::events),
        Route::at("/api/v1/alerts/{id}/deliveries").get(&alerts::READ, alerts::deliveries),
        Route::at("/api/v1/deliveries").get(&deliveries::READ, deliveries::list),
        // Before the route with an id, which it would match.
        Route::at("/api/v1/deliveries/replay").post(&deliveries::REPLAY_FAILED, deliveries::replay_failed),
        Route::at("/api/v1/deliveries/{id}").get(&deliveries::READ, deliveries::get),
        Route::at("/api/v1/deliveries/{id}/replay").post(&deliveries::REPLAY, deliveries::replay),
        Route::at("/api/v1/webhooks/endpoints").get(&webhooks::READ, webhooks::list),
        Route::at("/api/v1/webhooks/endpoints/{id}").get(&webhooks::READ, webhooks::get),
        Route::at("/api/v1/webhooks/endpoints/{id}/secret").get(&webhooks::SECRET, webhooks::secret),
        Route::at("/api/v1/webhooks/endpoints/{id}/test").post(&webhooks::TEST, webhooks::test),
        Route::at("/api/v1/webhooks/endpoints/{id}/enable").post(&webhooks::TEST, webhooks::enable),
        Route::at("/api/v1/webhooks/verify").post(&webhooks::VERIFY, webhooks::verify),
        Route::at("/api/v1/users/register").post(&users::REGISTER, users::register),
        Route::at("/api/v1/users/me")
            .get(&users::ME, users::me)
            .patch(&account::WRITE, account::change)
            .delete(&account::WRITE, account::erase),
        Route::at("/api/v1/users/me/export").get(&account::EXPORT, account::export),
        Route::at("/api/v1/auth/login").post(&auth::PUBLIC, auth::login),
        Route::at("/api/v1/auth/token").post(&auth::TOKEN, auth::token),
        Route::at("/api/v1/auth/refresh").post(&auth::PUBLIC, auth::refresh),
        Route::at("/api/v1/auth/logout").post(&auth::LOGOUT, auth::logout),
        Route::at("/api/v1/auth/stream-ticket").post(&auth::TICKET, auth::stream_ticket),
        Route::at("/api/v1/keys")
            .get(&keys::LIST, keys::list)
            .post(&keys::CREATE, keys::create),
        Route::at("/api/v1/keys/{id}").delete(&keys::REVOKE, keys::revoke),
        Route::at("/api/v1/keys/{id}/rotate").post(&keys::CREATE, keys::rotate),
        Route::at("/api/v1/admin/users").get(&admin_users::READ, admin_users::list),
        Route::at("/api/v1/admin/users/{id}").patch(&admin_users::UPDATE, admin_users::update),
        Route::at("/api/v1/admin/keys").get(&admin_keys::ADMIN, admin_keys::list),
        Route::at("/api/v1/admin/keys/{id}").delete(&admin_keys::ADMIN, admin_keys::revoke),
        Route::at("/api/v1/users/me/usage").get(&usage::READ, usage::get),
        Route::at("/api/v1/admin/limits")
            .get(&admin_limits::READ, admin_limits::list)
            .post(&admin_limits::SET, admin_limits::set),
        Route::at("/api/v1/admin/limits/{id}").delete(&admin_limits::READ, admin_limits::remove),
        Route::at("/api/v1/admin/ip-blocks")
            .get(&admin_ip_blocks::READ, admin_ip_blocks::list)
            .post(&admin_ip_blocks::ADD, admin_ip_blocks::add),
        Route::at("/api/v1/admin/ip-blocks/{address}").delete(&admin_ip_blocks::READ, admin_ip_blocks::remove),
        Route::at("/api/v1/admin/audit").get(&admin_audit::READ, admin_audit::list),
        Route::at("/api/v1/status").get(&status::READ, status::get),
        Route::at("/health").get(&system::OPEN, system::health),
        Route::at("/health/live").get(&system::OPEN, system::live),
        Route::at("/health/ready").get(&system::OPEN, system::ready),
        Route::at("/openapi.json").get(&system::OPEN, system::openapi),
        Route::at("/docs-json").get(&system::OPEN, system::openapi_alias),
        Route::at("/demo/account").get(&system::OPEN, system::demo_account),
    ]
}

/// Other paths of routes of the API, for older clients. They are not described a second time.
fn aliases() -> Vec<Route> {
    vec![
        Route::at("/auth/login").post(&auth::PUBLIC, auth::login),
        Route::at("/v1/price/{coin_id}").get(&price::READ, price::get),
        Route::at("/v1/price/{coin_id}/history").get(&price::READ, price::history),
    ]
}

/// The pages that are not files of the dashboard.
fn pages() -> Vec<Route> {
    vec![
        Route::at("/docs").get(&pages::OPEN, pages::docs),
        Route::at("/docs/errors").get(&pages::OPEN, pages::errors),
        Route::at("/docs/{file}").get(&pages::OPEN, pages::docs_file),
    ]
}

/// Registers every route. A path that is none of them is a file of the dashboard or not found.
pub fn configure(config: &mut ServiceConfig) {
    for route in api().into_iter().chain(aliases()).chain(pages()) {
        route.register(config);
    }
    config.default_service(web::to(pages::dashboard));
}

/// The paths whose responses have the envelope, also when they are refused before they are routed.
pub fn enveloped_paths() -> EnvelopedPaths {
    let routes = api();
    let docs = routes.iter().flat_map(Route::docs);
    EnvelopedPaths::new(
        docs.filter(|doc| doc.policy.format == ResponseFormat::Enveloped)
            .map(|doc| doc.path),
    )
}
