//! Query and path parameters. All of them are read before a request is refused, so that the error lists every
//! violation.

use actix_web::{HttpMessage, HttpRequest};
use contracts::problem::ProblemKind;
use platform::problem::FieldError;
use url::form_urlencoded;

use super::validate::{COIN_ID, Violation};
use crate::error::ApiError;
use crate::error::violations::Violations;

/// Violations that a layer found. They wait in the request's extensions, so that the error lists them together with
/// those that the handler finds.
#[derive(Debug)]
pub struct PendingViolations(pub Vec<FieldError>);

/// The parameters of one request.
pub struct Params<'r> {
    request: &'r HttpRequest,
    query: Vec<(String, String)>,
    violations: Violations,
}

impl<'r> Params<'r> {
    pub fn of(request: &'r HttpRequest) -> Self {
        let query = form_urlencoded::parse(request.query_string().as_bytes())
            .into_owned()
            .collect();
        Self {
            request,
            query,
            violations: Violations::default(),
        }
    }

    /// Reads the query parameter `name`, which may be absent but not twice.
    pub fn optional<T>(&mut self, name: &str, read: impl Fn(&str) -> Result<T, Violation>) -> Option<T> {
        let mut values = self
            .query
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.as_str());
        let value = values.next()?;
        let outcome = match values.next() {
            Some(_) => Err(Violation::new("repeated", "must be given once")),
            None => read(value),
        };
        self.keep("query", name, outcome)
    }

    /// Reads the query parameter `name`, which has to be there.
    pub fn required<T>(&mut self, name: &str, read: impl Fn(&str) -> Result<T, Violation>) -> Option<T> {
        if !self.query.iter().any(|(key, _)| key == name) {
            return self.keep("query", name, Err(Violation::new("missing", "is required")));
        }
        self.optional(name, read)
    }

    /// Reads the path parameter `name`.
    pub fn path<T>(&mut self, name: &str, read: impl Fn(&str) -> Result<T, Violation>) -> Option<T> {
        let outcome = read(self.request.match_info().query(name));
        self.keep("path", name, outcome)
    }

    fn keep<T>(&mut self, place: &str, name: &str, outcome: Result<T, Violation>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(Violation { kind, msg, params }) => {
                self.violations
                    .push(|| FieldError::new(&[place, name], kind, msg).with_params(params));
                None
            }
        }
    }

    pub fn finish(mut self) -> Result<(), ApiError> {
        if let Some(PendingViolations(earlier)) = self.request.extensions_mut().remove() {
            for violation in earlier {
                self.violations.push(|| violation);
            }
        }
        // No list gives out a cursor of a wrong length, so it is invalid in the same way as one with a wrong seal.
        let kind = if self.violations.all(is_about_cursor_length) {
            ProblemKind::InvalidCursor
        } else if self.violations.all(|violation| violation.kind == COIN_ID) {
            ProblemKind::InvalidCoinId
        } else {
            ProblemKind::InvalidParameter
        };
        self.violations.into_result(kind)
    }
}

fn is_about_cursor_length(violation: &FieldError) -> bool {
    violation.loc == ["query", "cursor"] && matches!(violation.kind.as_str(), "too_long" | "too_short")
}

/// A required value after `finish`, which has refused the request if the value was missing or wrong.
pub fn expect_valid<T>(value: Option<T>) -> Result<T, ApiError> {
    value.ok_or_else(|| ApiError::internal("a required value is absent without a violation"))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::super::validate;
    use super::*;

    #[test]
    fn every_violation_is_found_at_once() {
        let request = TestRequest::with_uri("/x?limit=0&active=maybe&limit2=1&limit2=2").to_http_request();
        let mut params = Params::of(&request);
        assert_eq!(params.optional("limit", validate::integer(1, 10)), None);
        assert_eq!(params.optional("active", validate::boolean), None);
        assert_eq!(params.optional("limit2", validate::integer(1, 10)), None);
        assert_eq!(params.required("symbols", validate::ticker), None);
        assert_eq!(params.optional("absent", validate::ticker), None);
        let error = params.finish().unwrap_err();
        assert_eq!(error.kind, ProblemKind::InvalidParameter);
        let kinds: Vec<_> = error
            .errors
            .iter()
            .map(|e| (e.loc.join("."), e.kind.as_str()))
            .collect();
        assert_eq!(
            kinds,
            [
                ("query.limit".to_owned(), "out_of_range"),
                ("query.active".to_owned(), "bool_parsing"),
                ("query.limit2".to_owned(), "repeated"),
                ("query.symbols".to_owned(), "missing"),
            ]
        );
    }
}
