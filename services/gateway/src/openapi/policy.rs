//! What every operation has because of its route's policy: credentials, errors, headers, common parameters.

use anyhow::Context;
use domain::ticker::Ticker;
use serde_json::{Map, Value, json};

use crate::extract::body::BodySchema;
use crate::extract::rule;
use crate::route::RouteDoc;
use crate::route_policy::{Access, RoutePolicy};

const NUMBERS_AS_STRINGS: &str = "`string` writes every decimal as a JSON string that holds it exactly, such as \
    `\"65420.15\"`. The schemas describe the default, `number`.";

/// Adds to the described document what the policies of its routes imply.
pub fn apply(
    mut document: Value,
    operations: impl Iterator<Item = RouteDoc>,
    tickers: &[Ticker],
) -> anyhow::Result<Value> {
    let mut bodies = Vec::new();
    for operation in operations {
        let item = document["paths"].get_mut(operation.path).and_then(Value::as_object_mut);
        let method = operation.method.to_ascii_lowercase();
        let described = item
            .and_then(|item| item.get_mut(&method))
            .and_then(Value::as_object_mut);
        let described =
            described.with_context(|| format!("{} {} is not described", operation.method, operation.path))?;
        describe_operation(described, &operation);
        if let Some(BodySchema {
            name,
            schema,
            is_optional,
        }) = (operation.body)(tickers)
        {
            let reference = json!({"$ref": format!("#/components/schemas/{name}")});
            let content = json!({"application/json": {"schema": reference}});
            described.insert(
                "requestBody".into(),
                json!({"content": content, "required": !is_optional}),
            );
            bodies.push((name, schema));
        }
    }
    let components = document["components"].as_object_mut().context("components")?;
    components.insert("securitySchemes".into(), security_schemes());
    components.insert("headers".into(), headers());
    let schemas = components
        .get_mut("schemas")
        .and_then(Value::as_object_mut)
        .context("schemas")?;
    for name in ["Number", "Float"] {
        schemas.insert(name.into(), number());
    }
    schemas.insert("Price".into(), price());
    schemas.insert(
        "NumberForm".into(),
        json!({"description": "How decimals are written", "type": "string", "enum": ["number", "string"]}),
    );
    schemas.insert("TimeParameter".into(), rule::time_schema());
    schemas.insert("DayParameter".into(), rule::day_schema());
    schemas.extend(bodies.into_iter().map(|(name, schema)| (name.to_owned(), schema)));
    name_data_of_envelopes(schemas)?;
    Ok(document)
}

fn describe_operation(described: &mut Map<String, Value>, operation: &RouteDoc) {
    let policy = operation.policy;
    described.insert("operationId".into(), json!(operation_id(operation)));
    described.insert("security".into(), security(policy.access));
    add_parameters(described, operation);
    let mut responses = described.remove("responses").and_then(into_object).unwrap_or_default();
    for (status, description) in errors(operation) {
        responses
            .entry(status)
            .or_insert_with(|| json!({ "description": description }));
    }
    for (status, response) in &mut responses {
        complete(response, status, policy);
    }
    described.insert("responses".into(), Value::Object(responses));
}

/// `GET /api/v1/alerts/{id}/events` is `get_alerts_by_id_events`.
fn operation_id(operation: &RouteDoc) -> String {
    let path = operation.path.trim_start_matches("/api/v1");
    let steps = path.split('/').filter(|step| !step.is_empty()).map(|step| {
        match step.strip_prefix('{').and_then(|step| step.strip_suffix('}')) {
            Some(parameter) => format!("by_{parameter}"),
            None => step.replace(['-', '.'], "_"),
        }
    });
    std::iter::once(operation.method.to_ascii_lowercase())
        .chain(steps)
        .collect::<Vec<_>>()
        .join("_")
}

fn security(access: Access) -> Value {
    match access {
        Access::Public => json!([]),
        Access::PublicRates(_) | Access::Authenticated | Access::Scoped(_) => json!([{"ApiKey": []}, {"Bearer": []}]),
    }
}

fn add_parameters(described: &mut Map<String, Value>, operation: &RouteDoc) {
    let common = if operation.method == "POST" {
        Some(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Makes the request safe to repeat: for 24 hours repeats get the response of the first one",
            "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]([ -~]{0,126}[!-~])?$"},
        }))
    } else if operation.method == "GET" && operation.policy.rate_limit.is_some() {
        Some(json!({
            "name": "numbers", "in": "query", "required": false,
            "description": NUMBERS_AS_STRINGS,
            "schema": {"$ref": "#/components/schemas/NumberForm"},
        }))
    } else if operation.path == "/health" {
        // It answers whatever it is asked, so a wrong value is none.
        Some(json!({
            "name": "numbers", "in": "query", "required": false,
            "description": format!("{NUMBERS_AS_STRINGS} Other values change nothing."),
            "schema": {"type": "string"},
        }))
    } else {
        None
    };
    let mut parameters = (operation.parameters)();
    parameters.extend(common);
    if !parameters.is_empty() {
        described.insert("parameters".into(), Value::Array(parameters));
    }
}

/// The errors that an operation can answer with because of its route's policy.
fn errors(operation: &RouteDoc) -> Vec<(&'static str, &'static str)> {
    let policy = operation.policy;
    let mut errors = vec![
        ("500", "An internal error"),
        ("503", "A dependency does not answer"),
        ("421", "The request names a host that is not served here"),
    ];
    if policy.rate_limit.is_some() {
        errors.push(("429", "Too many requests"));
        errors.push((
            "403",
            "The client's IP address is blocked, or the credential lacks the scope",
        ));
        errors.push(("400", "The request is malformed, or a parameter is invalid"));
        errors.push(("413", "The body is larger than 64 KiB"));
        errors.push(("415", "The body is not `application/json`"));
    }
    if policy.asks_for_credential() {
        errors.push(("401", "The credential is missing or invalid"));
    }
    if policy.takes_body || operation.method == "POST" || policy.parameter_error.status() == 422 {
        errors.push(("422", "The input breaks one or more rules"));
    }
    if operation.method == "POST" {
        errors.push(("409", "A conflict, such as a repeat while the first request is running"));
    }
    errors
}

/// Adds the body of errors and the headers that every answer has.
fn complete(response: &mut Value, status: &str, policy: &RoutePolicy) {
    let is_error = status.starts_with('4') || status.starts_with('5');
    if is_error && response["content"].is_null() {
        response["content"] = json!({"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}});
    }
    let mut names = vec!["X-Request-Id"];
    if policy.rate_limit.is_some() && (!is_error || status == "429") {
        names.extend([
            "RateLimit-Policy",
            "RateLimit",
            "X-RateLimit-Limit",
            "X-RateLimit-Remaining",
            "X-RateLimit-Reset",
        ]);
    }
    if status == "429" {
        names.push("Retry-After");
    }
    if status == "401" {
        names.push("WWW-Authenticate");
    }
    for name in names {
        response["headers"][name] = json!({"$ref": format!("#/components/headers/{name}")});
    }
}

fn security_schemes() -> Value {
    json!({
        "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key",
            "description": "An API key: `sk_live_` and 43 characters"},
        "Bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "The access token that a log-in gives"},
    })
}

fn headers() -> Value {
    let header =
        |description: &str, schema: Value| json!({"description": description, "required": true, "schema": schema});
    let text = |description, pattern: &str| header(description, json!({"type": "string", "pattern": pattern}));
    let whole = |description, minimum: u32| header(description, json!({"type": "integer", "minimum": minimum}));
    json!({
        "X-Request-Id": text("Id of the request, the client's own or a generated one", "^[A-Za-z0-9._-]{1,64}$"),
        "RateLimit-Policy": text(
            "The rate limit that applies: q requests in w seconds",
            "^\"[a-z_]+\";q=[0-9]+;w=[0-9]+$",
        ),
        "RateLimit": text(
            "r requests are left; the limit is full again in t seconds",
            "^\"[a-z_]+\";r=[0-9]+;t=[0-9]+$",
        ),
        "X-RateLimit-Limit": whole("Maximum number of requests in a window", 1),
        "X-RateLimit-Remaining": whole("Number of requests that are left", 0),
        "X-RateLimit-Reset": whole("Time at which the limit is full again, in unix seconds", 0),
        "Retry-After": whole("Seconds to wait before the next request", 1),
        "WWW-Authenticate": text("The schemes of credentials that are accepted", "^Bearer, ApiKey$"),
    })
}

/// Puts a reference where the description of `Envelope<T>` repeats the schema of `T`: otherwise generated clients have
/// a second type of another name for every body, and a quote of the list is not of the type of a single quote.
fn name_data_of_envelopes(schemas: &mut Map<String, Value>) -> anyhow::Result<()> {
    let envelopes: Vec<String> = schemas
        .keys()
        .filter(|name| name.starts_with("Envelope_"))
        .cloned()
        .collect();
    for envelope in envelopes {
        let data = envelope.trim_start_matches("Envelope_");
        let (body, place) = match data.strip_prefix("Vec_") {
            Some(item) => (item, "/properties/data/items"),
            None => (data, "/properties/data"),
        };
        let repeated = schemas.get(&envelope).and_then(|schema| schema.pointer(place));
        anyhow::ensure!(
            repeated.is_some() && repeated == schemas.get(body),
            "the data of {envelope} are not those of {body}"
        );
        if let Some(data) = schemas.get_mut(&envelope).and_then(|schema| schema.pointer_mut(place)) {
            *data = json!({"$ref": format!("#/components/schemas/{body}")});
        }
    }
    Ok(())
}

/// A decimal. The string form is described in words only: a union of number and string would make `price * 2` a type
/// error in every generated client, for the sake of the few that ask for strings.
fn number() -> Value {
    json!({
        "description": "A decimal. With `numbers=string` it is a string that holds it exactly.",
        "type": "number",
    })
}

fn price() -> Value {
    json!({
        "description": "A price, with 8 significant digits, or 2 decimals where that is finer. With `numbers=string` it \
                        is a string that holds the exact price.",
        "type": "number",
    })
}

fn into_object(value: Value) -> Option<Map<String, Value>> {
    if let Value::Object(map) = value {
        Some(map)
    } else {
        None
    }
}
