//! The body of a request, declared once: the same declaration reads it and describes it in the OpenAPI document.

use std::fmt;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use bytes::Bytes;
use contracts::problem::ProblemKind;
use domain::ticker::Ticker;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::fields::Fields;
use super::query::expect_valid;
use super::rule::Rule;
use crate::error::ApiError;
use crate::error::violations::Violations;
use crate::state::AppState;

/// The body as it was sent, within the bounds of `crate::middleware::request_body`.
#[derive(Clone, Default)]
pub struct RawBody(pub Bytes);

/// Bodies hold passwords and secrets.
impl fmt::Debug for RawBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawBody({} bytes)", self.0.len())
    }
}

/// What fields are declared to: a body that is read, or the OpenAPI document.
pub trait DeclareFields {
    /// A field that has to be there.
    fn required<R: Rule<RawValue>>(
        &mut self,
        name: &'static str,
        rule: R,
        description: &'static str,
    ) -> Option<R::Value>;

    /// A field that may be absent.
    fn optional<R: Rule<RawValue>>(
        &mut self,
        name: &'static str,
        rule: R,
        description: &'static str,
    ) -> Option<R::Value>;

    /// The tickers that this installation offers.
    fn offered(&self) -> &[Ticker];
}

/// The fields of a body.
pub trait BodyFields: Sized + 'static {
    /// The name of its schema.
    const SCHEMA: &'static str;
    const DESCRIPTION: &'static str;
    /// Whether the body may be left out, which then counts as an empty object.
    const IS_OPTIONAL: bool = false;

    /// Declares every field before it gives up on a missing one, so that an error lists all violations.
    fn declare(fields: &mut impl DeclareFields) -> Option<Self>;
}

/// A body that breaks no rule; the others are refused before the handler.
#[derive(Debug)]
pub struct Body<T>(pub T);

/// A body that may break rules, for a handler that adds violations which only it can find.
#[derive(Debug)]
pub struct Draft<T> {
    pub form: T,
    /// What its own declaration found.
    pub violations: Violations,
}

impl<T: BodyFields> FromRequest for Body<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read_from::<T>(request).and_then(|(form, violations)| {
            violations.into_result(ProblemKind::ValidationFailed)?;
            expect_valid(form).map(Self)
        }))
    }
}

impl<T: BodyFields> FromRequest for Draft<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read_from::<T>(request).and_then(|(form, violations)| {
            let form = expect_valid(form)?;
            Ok(Self { form, violations })
        }))
    }
}

fn read_from<T: BodyFields>(request: &HttpRequest) -> Result<(Option<T>, Violations), ApiError> {
    let state = request.app_data::<web::Data<AppState>>();
    let offered = state.map(|state| state.settings.supported_tickers.as_slice());
    let body = request.extensions().get::<RawBody>().cloned().unwrap_or_default();
    read(&body.0, offered.unwrap_or_default())
}

/// Reads a body: what its declaration makes of it, and every violation.
///
/// # Errors
///
/// It is not JSON.
pub fn read<T: BodyFields>(body: &[u8], offered: &[Ticker]) -> Result<(Option<T>, Violations), ApiError> {
    let body = if T::IS_OPTIONAL && body.is_empty() { b"{}" } else { body };
    let mut reader = Reader {
        fields: Fields::parse(body)?,
        offered,
    };
    let form = T::declare(&mut reader);
    Ok((form, reader.fields.finish()))
}

struct Reader<'t> {
    fields: Fields,
    offered: &'t [Ticker],
}

impl DeclareFields for Reader<'_> {
    fn required<R: Rule<RawValue>>(&mut self, name: &'static str, rule: R, _: &'static str) -> Option<R::Value> {
        self.fields.required(name, |raw| rule.read(raw))
    }

    fn optional<R: Rule<RawValue>>(&mut self, name: &'static str, rule: R, _: &'static str) -> Option<R::Value> {
        self.fields.optional(name, |raw| rule.read(raw))
    }

    fn offered(&self) -> &[Ticker] {
        self.offered
    }
}

/// A body as OpenAPI describes it.
#[derive(Debug)]
pub struct BodySchema {
    pub name: &'static str,
    pub schema: Value,
    pub is_optional: bool,
}

/// The schema of a body where these tickers are offered.
pub fn describe<T: BodyFields>(offered: &[Ticker]) -> BodySchema {
    let mut described = Described {
        properties: Map::new(),
        required: Vec::new(),
        offered,
    };
    let _ = T::declare(&mut described);
    let schema = json!({
        "type": "object", "description": T::DESCRIPTION, "additionalProperties": false,
        "properties": described.properties, "required": described.required,
    });
    BodySchema {
        name: T::SCHEMA,
        schema,
        is_optional: T::IS_OPTIONAL,
    }
}

struct Described<'t> {
    properties: Map<String, Value>,
    required: Vec<&'static str>,
    offered: &'t [Ticker],
}

impl Described<'_> {
    fn add(&mut self, name: &str, rule: &impl Rule<RawValue>, description: &str) {
        let mut property = rule.schema();
        property["description"] = json!(description);
        if let Some(example) = rule.example() {
            property["example"] = json!(example);
        }
        self.properties.insert(name.to_owned(), property);
    }
}

impl DeclareFields for Described<'_> {
    fn required<R: Rule<RawValue>>(
        &mut self,
        name: &'static str,
        rule: R,
        description: &'static str,
    ) -> Option<R::Value> {
        self.add(name, &rule, description);
        self.required.push(name);
        None
    }

    fn optional<R: Rule<RawValue>>(
        &mut self,
        name: &'static str,
        rule: R,
        description: &'static str,
    ) -> Option<R::Value> {
        self.add(name, &rule, description);
        None
    }

    fn offered(&self) -> &[Ticker] {
        self.offered
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::rule;

    #[derive(Debug)]
    struct Example {
        ticker: Ticker,
        note: Option<String>,
    }

    impl BodyFields for Example {
        const SCHEMA: &'static str = "Example";
        const DESCRIPTION: &'static str = "An example.";

        fn declare(fields: &mut impl DeclareFields) -> Option<Self> {
            let ticker = fields.required("ticker", rule::string(rule::ticker()), "Ticker of the asset");
            let note = fields.optional("note", rule::string(rule::text(1, 5)), "A note");
            Some(Self { ticker: ticker?, note })
        }
    }

    #[test]
    fn one_declaration_reads_a_body() {
        let (form, violations) = read::<Example>(br#"{"ticker": "btc", "note": "x"}"#, &[]).unwrap();
        let Example { ticker, note } = form.unwrap();
        assert_eq!((ticker.as_str(), note.as_deref()), ("BTC", Some("x")));
        assert!(violations.is_empty());
    }

    #[test]
    fn violations_of_all_fields_are_listed_together() {
        let (form, violations) = read::<Example>(br#"{"note": "too long", "x": 1}"#, &[]).unwrap();
        assert!(form.is_none());
        let places: Vec<String> = violations.into_listed().iter().map(|e| e.loc.join(".")).collect();
        assert_eq!(places, ["body.ticker", "body.note", "body.x"]);
    }

    #[test]
    fn one_declaration_describes_the_body() {
        let BodySchema { name, schema, .. } = describe::<Example>(&[]);
        assert_eq!(name, "Example");
        assert_eq!(schema["required"], json!(["ticker"]));
        assert_eq!(
            schema["properties"]["note"],
            json!({"type": "string", "minLength": 1, "maxLength": 5, "description": "A note"})
        );
        assert_eq!(schema["additionalProperties"], false);
    }

    #[test]
    fn body_is_not_printed() {
        let body = RawBody(Bytes::from_static(br#"{"password": "correct horse"}"#));
        assert_eq!(format!("{body:?}"), "RawBody(29 bytes)");
    }
}
