//! The OpenAPI document: made of the handlers' own descriptions and of what their policies imply.

pub mod document;
mod policy;

use domain::ticker::Ticker;
use utoipa::OpenApi;

use self::document::Document;
use crate::auth::{Role, Scope, Tier};
use crate::error::body::{ErrorBody, Violation};
use crate::extract::words;
use crate::router;
use crate::routes::{
    account, admin_audit, admin_ip_blocks, admin_keys, admin_limits, admin_users, alerts, analytics, auth, candles,
    deliveries, keys, market, price, quotes, rates, risk, status, system, tokens, usage, users, webhooks,
};

/// The document of an installation that offers `tickers`.
///
/// # Errors
///
/// A route has no description. A test builds the document, so this is found before a release.
pub fn build(tickers: &[Ticker]) -> anyhow::Result<Document> {
    let described = serde_json::to_value(Description::openapi())?;
    let routes = router::api();
    let docs = routes.iter().flat_map(|route| route.docs().iter().copied());
    let document = policy::apply(described, docs, tickers)?;
    Ok(Document::new(serde_json::to_string(&document)?))
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "CryptoLens API",
        description = "Prices that can be trusted and explained, statistics, and alerts by signed webhook.\n\n\
            Every response that is not a success has the body `ErrorBody`; clients branch on its `type` \
            (see /docs/errors). Every POST accepts `Idempotency-Key`. Every route is the same with and without \
            a slash at its end.",
        license(name = "MIT", identifier = "MIT"),
    ),
    servers((url = "/", description = "This installation")),
    tags(
        (name = "market", description = "Prices and candles"),
        (name = "tokens", description = "Tokens of the whole market, with velocity and history"),
        (name = "price", description = "Prices of any coin, by requests that are shared"),
        (name = "analytics", description = "Statistics and risk"),
        (name = "alerts", description = "Alerts, their events and deliveries"),
        (name = "webhooks", description = "Webhook endpoints, deliveries to them, and signatures"),
        (name = "users", description = "Accounts, log-ins and API keys"),
        (name = "administration", description = "Users, keys, limits, blocks and the audit log, for administrators"),
        (name = "system", description = "Health and documentation"),
    ),
    paths(
        rates::list, quotes::list, quotes::get, candles::list, price::get, price::history,
        tokens::list::list, tokens::search::search, tokens::show::show, tokens::velocity::velocity,
        tokens::history::history, market::overview,
        analytics::stats, analytics::timeseries, analytics::correlation, risk::list,
        alerts::list, alerts::create, alerts::get, alerts::delete, alerts::events, alerts::deliveries,
        webhooks::list, webhooks::get, webhooks::secret, webhooks::test, webhooks::enable, webhooks::verify,
        deliveries::list, deliveries::get, deliveries::replay, deliveries::replay_failed,
        users::register, users::me, account::change, account::erase, account::export,
        auth::login, auth::token, auth::refresh, auth::logout, auth::stream_ticket,
        keys::list, keys::create, keys::rotate, keys::revoke,
        admin_users::list, admin_users::update, admin_keys::list, admin_keys::revoke,
        usage::get, admin_limits::list, admin_limits::set, admin_limits::remove,
        admin_ip_blocks::list, admin_ip_blocks::add, admin_ip_blocks::remove, admin_audit::list,
        status::get, system::health, system::live, system::ready,
        system::openapi, system::openapi_alias, system::demo_account,
    ),
    components(schemas(
        ErrorBody, Violation, Role, Scope, Tier, words::AlertKind, words::ListedKind, words::CandleInterval,
        words::CandleSource, words::CorrelationMethod, words::Currency, words::LimitPolicy, words::Returns,
        words::TokenSort, words::SortDirection, words::TokenInterval, words::VelocityTimeframe
    )),
)]
struct Description;

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use serde_json::Value;

    use super::*;

    fn document() -> Value {
        let tickers = ["BTC", "ETH"].map(|ticker| ticker.parse().unwrap());
        serde_json::from_str(&build(&tickers).unwrap().text).unwrap()
    }

    #[test]
    fn every_route_is_described_and_every_description_is_a_route() {
        let document = document();
        let described: BTreeSet<(String, String)> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, item)| {
                item.as_object()
                    .unwrap()
                    .keys()
                    .map(|method| (path.clone(), method.to_uppercase()))
            })
            .collect();
        let routes = router::api();
        let routed: BTreeSet<(String, String)> = routes
            .iter()
            .flat_map(|route| route.docs())
            .map(|doc| (doc.path.to_owned(), doc.method.to_owned()))
            .collect();
        assert_eq!(described, routed);
    }

    #[test]
    fn operations_have_ids_of_their_own_and_documented_errors() {
        let document = document();
        let mut ids = HashSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                assert!(
                    ids.insert(operation["operationId"].as_str().unwrap().to_owned()),
                    "{method} {path}"
                );
                for (status, response) in operation["responses"].as_object().unwrap() {
                    let is_error = status.starts_with('4') || status.starts_with('5');
                    let has_body = response["content"]["application/json"]["schema"].is_object();
                    assert!(has_body || !is_error, "{method} {path} {status}");
                    assert!(
                        response["headers"]["X-Request-Id"].is_object(),
                        "{method} {path} {status}"
                    );
                }
            }
        }
    }

    #[test]
    fn decimals_are_numbers() {
        // `price * 2` is a type error in a generated client as soon as a price may also be a string.
        let schemas = &document()["components"]["schemas"];
        for name in ["Number", "Price", "Float"] {
            assert_eq!(schemas[name]["type"], "number", "{name}");
        }
        assert_eq!(schemas["AlertCreate"]["properties"]["target_price"]["type"], "number");
        assert_eq!(
            schemas["QuoteBody"]["properties"]["price"]["$ref"],
            "#/components/schemas/Price"
        );
    }

    #[test]
    fn data_of_envelopes_are_references() {
        let document = document();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let envelopes: Vec<_> = schemas
            .iter()
            .filter(|(name, _)| name.starts_with("Envelope_"))
            .collect();
        assert!(!envelopes.is_empty());
        for (name, envelope) in envelopes {
            let data = &envelope["properties"]["data"];
            let data = data.get("items").unwrap_or(data);
            assert!(data["$ref"].is_string(), "{name}: {data}");
        }
        assert_eq!(
            schemas["Envelope_QuoteBody"]["properties"]["data"],
            schemas["Envelope_Vec_QuoteBody"]["properties"]["data"]["items"]
        );
    }

    #[test]
    fn times_in_queries_are_one_named_type() {
        let document = document();
        let parameters: Vec<&Value> = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .filter_map(|item| item["get"]["parameters"].as_array())
            .flatten()
            .filter(|parameter| parameter["name"] == "from" || parameter["name"] == "to")
            .collect();
        assert!(!parameters.is_empty());
        for parameter in parameters {
            let named = ["TimeParameter", "DayParameter"].map(|name| format!("#/components/schemas/{name}"));
            let schema = parameter["schema"]["$ref"].as_str().unwrap_or_default();
            assert!(named.iter().any(|name| name == schema), "{parameter}");
        }
        assert!(document["components"]["schemas"]["TimeParameter"]["anyOf"].is_array());
    }

    #[test]
    fn states_conditions_kinds_and_levels_are_enumerations() {
        let document = document();
        for (body, field) in [
            ("AlertBody", "kind"),
            ("AlertBody", "condition"),
            ("AlertBody", "state"),
            ("AlertCreate", "kind"),
            ("AlertCreate", "condition"),
            ("AlertEventBody", "from_state"),
            ("AlertEventBody", "to_state"),
            ("NoDataBody", "reason"),
            ("DeliveryBody", "status"),
            ("MonitorBody", "level"),
            ("MonitorCheckBody", "level"),
            ("MonitorCheckBody", "name"),
            ("QuoteBody", "quality"),
            ("QuoteBody", "currency"),
            ("StatsBody", "interval"),
            ("TimeseriesBody", "interval"),
            ("ProbeBody", "status"),
            ("SourceBody", "state"),
            ("SourceBody", "breaker"),
            ("ServiceBody", "state"),
            ("CorrelationBody", "method"),
            ("HealthBody", "status"),
            ("PricesCheck", "status"),
            ("DependencyCheck", "status"),
            ("Status", "state"),
            ("Metadata", "cache"),
        ] {
            let field_schema = &document["components"]["schemas"][body]["properties"][field];
            let alternatives = field_schema["oneOf"].as_array().cloned().unwrap_or_default();
            let target = std::iter::once(field_schema)
                .chain(&alternatives)
                .find_map(|schema| schema["$ref"].as_str())
                .unwrap_or_else(|| panic!("{body}.{field} is {field_schema}"));
            let schema = document.pointer(target.trim_start_matches('#')).unwrap();
            assert!(schema["enum"].is_array(), "{body}.{field}");
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(map) => {
                    if let Some(Value::String(target)) = map.get("$ref") {
                        found.push(target.clone());
                    }
                    map.values().for_each(|value| references(value, found));
                }
                Value::Array(items) => items.iter().for_each(|item| references(item, found)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        let document = document();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(!found.is_empty());
        for target in found {
            assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target}");
        }
    }
}
