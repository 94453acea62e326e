//! What every operation has because of its gate: credentials, errors, headers, common parameters.

use anyhow::Context;
use domain::ticker::Ticker;
use serde_json::{Map, Value, json};

use crate::endpoint::Operation;
use crate::gate::{Access, Gate};

const NUMBERS_AS_STRINGS: &str = "`string` writes every decimal as a JSON string that holds it exactly, such as \
    `\"65420.15\"`. The schemas describe the default, `number`.";

/// Adds to the described document what the gates of its operations imply.
pub fn decorate(
    mut document: Value,
    operations: impl Iterator<Item = Operation>,
    tickers: &[Ticker],
) -> anyhow::Result<Value> {
    for operation in operations {
        let item = document["paths"].get_mut(operation.path).and_then(Value::as_object_mut);
        let method = operation.method.to_ascii_lowercase();
        let described = item
            .and_then(|item| item.get_mut(&method))
            .and_then(Value::as_object_mut);
        let described =
            described.with_context(|| format!("{} {} is not described", operation.method, operation.path))?;
        decorate_operation(described, &operation);
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
    schemas.insert(
        "NumberForm".into(),
        json!({"description": "How decimals are written", "type": "string", "enum": ["number", "string"]}),
    );
    schemas.insert("TimeParameter".into(), time());
    name_data_of_envelopes(schemas)?;
    let tickers: Vec<&str> = tickers.iter().map(Ticker::as_str).collect();
    schemas["AlertCreate"]["properties"]["ticker"]["enum"] = json!(tickers);
    Ok(document)
}

fn decorate_operation(described: &mut Map<String, Value>, operation: &Operation) {
    let gate = operation.gate;
    described.insert("operationId".into(), json!(operation_id(operation)));
    described.insert("security".into(), security(gate.access));
    add_parameters(described, operation);
    let mut responses = described.remove("responses").and_then(into_object).unwrap_or_default();
    for (status, description) in errors(operation) {
        responses
            .entry(status)
            .or_insert_with(|| json!({ "description": description }));
    }
    for (status, response) in &mut responses {
        complete(response, status, gate);
    }
    described.insert("responses".into(), Value::Object(responses));
}

/// `GET /api/v1/alerts/{id}/events` is `get_alerts_by_id_events`.
fn operation_id(operation: &Operation) -> String {
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
        Access::PublicIfRatesAre(_) | Access::Known | Access::Scoped(_) => json!([{"ApiKey": []}]),
    }
}

fn add_parameters(described: &mut Map<String, Value>, operation: &Operation) {
    let common = if operation.method == "POST" {
        Some(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Makes repeats of this request harmless: they get the answer of the first one, for 24 hours",
            "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]([ -~]{0,126}[!-~])?$"},
        }))
    } else if operation.method == "GET" && operation.gate.policy.is_some() {
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
    let described_ones = described.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in described_ones.into_iter().flatten() {
        if parameter["name"] == "from" || parameter["name"] == "to" {
            parameter["schema"] = json!({"$ref": "#/components/schemas/TimeParameter"});
        }
    }
    if let Some(parameter) = common {
        let parameters = described.entry("parameters").or_insert_with(|| json!([]));
        if let Some(parameters) = parameters.as_array_mut() {
            parameters.push(parameter);
        }
    }
}

/// The errors that an operation can answer with because of its gate.
fn errors(operation: &Operation) -> Vec<(&'static str, &'static str)> {
    let gate = operation.gate;
    let mut errors = vec![
        ("500", "A fault of ours"),
        ("503", "A part of the platform does not answer"),
        ("421", "The request was sent to a host that is not served here"),
    ];
    if gate.policy.is_some() {
        errors.push(("429", "Too many requests"));
        errors.push(("403", "The address is blocked, or the credential does not permit this"));
        errors.push(("400", "The request is malformed, or a parameter is invalid"));
        errors.push(("413", "The body is too large"));
        errors.push(("415", "The body is not JSON"));
    }
    if gate.asks_for_credential() {
        errors.push(("401", "The credential is missing or not valid"));
    }
    if gate.takes_body || operation.method == "POST" || gate.bad_parameter.status() == 422 {
        errors.push(("422", "The input breaks one or more rules"));
    }
    if operation.method == "POST" {
        errors.push(("409", "A conflict, such as a repeat of a request that still runs"));
    }
    errors
}

/// Adds the body of errors and the headers that every answer has.
fn complete(response: &mut Value, status: &str, gate: &Gate) {
    let is_error = status.starts_with('4') || status.starts_with('5');
    if is_error && response["content"].is_null() {
        response["content"] = json!({"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}});
    }
    let mut names = vec!["X-Request-Id"];
    if gate.policy.is_some() && (!is_error || status == "429") {
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
            "description": "The key that registration shows once"},
    })
}

fn headers() -> Value {
    let text = |description: &str, pattern: &str| json!({"description": description, "required": true, "schema": {"type": "string", "pattern": pattern}});
    let whole = |description: &str, minimum: u32| json!({"description": description, "required": true, "schema": {"type": "integer", "minimum": minimum}});
    json!({
        "X-Request-Id": text("Id of the request, from the client or made here", "^[A-Za-z0-9._-]{1,64}$"),
        "RateLimit-Policy": text("The limit that applies", "^\"[a-z]+\";q=[0-9]+;w=[0-9]+$"),
        "RateLimit": text("What is left of it, and seconds until it is whole again", "^\"[a-z]+\";r=[0-9]+;t=[0-9]+$"),
        "X-RateLimit-Limit": whole("Most requests in a window", 1),
        "X-RateLimit-Remaining": whole("Requests that are left", 0),
        "X-RateLimit-Reset": whole("Unix seconds at which the limit is whole again", 0),
        "Retry-After": whole("Seconds to wait", 1),
        "WWW-Authenticate": text("The credentials that are accepted", "^Bearer, ApiKey$"),
    })
}

/// Puts a reference where the description of `Envelope<T>` repeats the schema of `T`: a client would have a second type of
/// another name for every body, and a quote of the list would be none of the quote's.
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

/// A time in a query: RFC 3339, unix seconds, or unix milliseconds, which are told apart by their size. No value is two of
/// them, and still it is not `oneOf`: what openapi-generator's `typescript-fetch` makes of that is a type error.
fn time() -> Value {
    json!({"anyOf": [
        {"type": "string", "format": "date-time"},
        {"type": "integer", "minimum": 0, "maximum": 253_402_300_799_i64, "description": "Unix seconds"},
        {"type": "integer", "minimum": 1_000_000_000_001_i64, "maximum": 253_402_300_799_999_i64,
            "description": "Unix milliseconds"},
    ]})
}

/// A decimal. The string form is said in words only: a union of number and string would make `price * 2` a type error in
/// every generated client, for the sake of the few that ask for strings.
fn number() -> Value {
    json!({
        "description": "A decimal. With `numbers=string` it is a string that holds it exactly.",
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
