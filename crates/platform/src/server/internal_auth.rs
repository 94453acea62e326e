//! Lets only callers with the shared credential reach the internal routes.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{ResponseError, web};
use contracts::headers;
use contracts::problem::ProblemKind;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::problem::Problem;

/// The credential this process expects.
pub(super) struct Token(SecretString);

impl Token {
    pub(super) fn new(token: &SecretString) -> Self {
        Self(token.clone())
    }

    /// Compares in constant time; without a configured credential nobody is let in.
    fn admits(&self, shown: &[u8]) -> bool {
        let expected = self.0.expose_secret().as_bytes();
        !expected.is_empty() && bool::from(expected.ct_eq(shown))
    }
}

/// Middleware that answers 401 unless the credential is shown.
pub(super) async fn require_token(
    token: web::Data<Token>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let refusal = match request.headers().get(headers::INTERNAL_TOKEN) {
        None => Problem::new(ProblemKind::MissingCredentials, "The internal credential is missing."),
        Some(shown) if !token.admits(shown.as_bytes()) => {
            tracing::warn!("internal request with a wrong credential");
            Problem::new(ProblemKind::InvalidToken, "The internal credential is wrong.")
        }
        Some(_) => return Ok(next.call(request).await?.map_into_boxed_body()),
    };
    Ok(request.into_response(refusal.error_response()))
}
