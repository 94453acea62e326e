//! The parameters of a route, declared once: the same declaration reads a request and describes the route.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use domain::ticker::Ticker;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::extract::body::{self, Body, BodyFields, BodySchema, Draft};
use crate::extract::caller::Caller;
use crate::extract::cursor::Cursors;
use crate::extract::query::{Params, expect_valid};
use crate::extract::rule::Rule;
use crate::request_context::{ClientIp, CreationId};

/// What a list of parameters is declared to: a request that is read, or the OpenAPI document.
pub trait Declare {
    /// A parameter in the path.
    fn path<R: Rule>(&mut self, name: &'static str, rule: R, description: &'static str) -> Option<R::Value>;

    /// A query parameter that has to be there.
    fn required<R: Rule>(&mut self, name: &'static str, rule: R, description: &'static str) -> Option<R::Value>;

    /// A query parameter that may be absent.
    fn optional<R: Rule>(&mut self, name: &'static str, rule: R, description: &'static str) -> Option<R::Value>;
}

/// The parameters of one route.
pub trait ParameterList: Sized + 'static {
    /// Declares every parameter before it gives up on a missing one, so that an error lists all violations.
    fn declare(parameters: &mut impl Declare) -> Option<Self>;
}

/// The parameters of a request, path and query together: a request that breaks rules in both gets one error that lists
/// all of them.
#[derive(Debug)]
pub struct Parameters<T>(pub T);

impl<T: ParameterList> FromRequest for Parameters<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut params = Params::of(request);
        let list = T::declare(&mut params);
        ready(params.finish().and_then(|()| expect_valid(list)).map(Self))
    }
}

impl Declare for Params<'_> {
    fn path<R: Rule>(&mut self, name: &'static str, rule: R, _: &'static str) -> Option<R::Value> {
        Params::path(self, name, |text| rule.read(text))
    }

    fn required<R: Rule>(&mut self, name: &'static str, rule: R, _: &'static str) -> Option<R::Value> {
        Params::required(self, name, |text| rule.read(text))
    }

    fn optional<R: Rule>(&mut self, name: &'static str, rule: R, _: &'static str) -> Option<R::Value> {
        Params::optional(self, name, |text| rule.read(text))
    }
}

/// The parameters as OpenAPI describes them.
#[derive(Default)]
struct Descriptions(Vec<Value>);

impl Descriptions {
    fn add(&mut self, place: &str, is_required: bool, name: &str, rule: &impl Rule, description: &str) {
        let mut parameter = json!({
            "name": name, "in": place, "required": is_required, "description": description, "schema": rule.schema(),
        });
        if let Some(example) = rule.example() {
            parameter["example"] = json!(example);
        }
        self.0.push(parameter);
    }
}

impl Declare for Descriptions {
    fn path<R: Rule>(&mut self, name: &'static str, rule: R, description: &'static str) -> Option<R::Value> {
        self.add("path", true, name, &rule, description);
        None
    }

    fn required<R: Rule>(&mut self, name: &'static str, rule: R, description: &'static str) -> Option<R::Value> {
        self.add("query", true, name, &rule, description);
        None
    }

    fn optional<R: Rule>(&mut self, name: &'static str, rule: R, description: &'static str) -> Option<R::Value> {
        self.add("query", false, name, &rule, description);
        None
    }
}

/// What the arguments of a handler say about its route.
pub trait Describe {
    fn parameters() -> Vec<Value> {
        Vec::new()
    }

    /// The body that the handler reads, where these tickers are offered.
    fn body(_offered: &[Ticker]) -> Option<BodySchema> {
        None
    }
}

impl<T: ParameterList> Describe for Parameters<T> {
    fn parameters() -> Vec<Value> {
        let mut descriptions = Descriptions::default();
        let _ = T::declare(&mut descriptions);
        // In the order of a URL, whatever the order in which violations are reported.
        descriptions.0.sort_by_key(|parameter| parameter["in"] != "path");
        descriptions.0
    }
}

impl<T: BodyFields> Describe for Body<T> {
    fn body(offered: &[Ticker]) -> Option<BodySchema> {
        Some(body::describe::<T>(offered))
    }
}

impl<T: BodyFields> Describe for Draft<T> {
    fn body(offered: &[Ticker]) -> Option<BodySchema> {
        Some(body::describe::<T>(offered))
    }
}

impl<T> Describe for web::Data<T> {}
impl Describe for Caller {}
impl Describe for ClientIp {}
impl Describe for CreationId {}
impl Describe for Cursors {}
impl Describe for HttpRequest {}

macro_rules! describe_tuples {
    ($(($($argument:ident),*))*) => {$(
        impl<$($argument: Describe),*> Describe for ($($argument,)*) {
            fn parameters() -> Vec<Value> {
                [$($argument::parameters()),*].concat()
            }

            fn body(offered: &[Ticker]) -> Option<BodySchema> {
                [$($argument::body(offered)),*].into_iter().flatten().next()
            }
        }
    )*};
}

describe_tuples! { (A) (A, B) (A, B, C) (A, B, C, D) (A, B, C, D, E) }

impl Describe for () {}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::extract::rule;

    struct Example {
        limit: Option<u32>,
        symbols: Vec<domain::ticker::Ticker>,
    }

    impl ParameterList for Example {
        fn declare(parameters: &mut impl Declare) -> Option<Self> {
            let limit = parameters.optional("limit", rule::limit(), "Maximum number");
            let symbols = parameters.required("symbols", rule::tickers(1, 5), "Tickers");
            parameters.path("id", rule::id(), "Id")?;
            Some(Self {
                limit,
                symbols: symbols?,
            })
        }
    }

    async fn extract(uri: &str, id: &'static str) -> Result<Example, ApiError> {
        let request = TestRequest::with_uri(uri).param("id", id).to_http_request();
        Parameters::<Example>::extract(&request)
            .await
            .map(|parameters| parameters.0)
    }

    #[actix_web::test]
    async fn one_declaration_reads_a_request() {
        let found = extract("/x?limit=7&symbols=btc,eth", "01890a5d-ac96-774b-bcce-b302099a8057").await;
        let Example { limit, symbols } = found.unwrap();
        assert_eq!((limit, symbols.len()), (Some(7), 2));
    }

    #[actix_web::test]
    async fn violations_of_path_and_query_are_listed_together() {
        let error = extract("/x?limit=0", "x").await.err().unwrap();
        let places: Vec<String> = error.errors.iter().map(|error| error.loc.join(".")).collect();
        assert_eq!(places, ["query.limit", "query.symbols", "path.id"]);
    }

    #[test]
    fn one_declaration_describes_the_route() {
        let described = <(HttpRequest, Parameters<Example>)>::parameters();
        let names: Vec<&Value> = described.iter().map(|parameter| &parameter["name"]).collect();
        assert_eq!(names, ["id", "limit", "symbols"]);
        assert_eq!(described[2]["required"], true);
        assert_eq!(described[1]["schema"]["maximum"], 1_000);
    }
}
