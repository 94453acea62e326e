//! `/internal/webhooks/verify` and `/internal/webhooks/check`: checks of signatures and URLs.

use actix_web::{HttpResponse, web};
use contracts::api::alerts::{AddressCheckRequest, VerifyBody, VerifyRequest};
use platform::problem::Problem;

use super::webhook_url::check_webhook_url;
use crate::delivery::signature;
use crate::state::AppState;

/// `POST /internal/webhooks/verify`. An invalid signature is a result, not an error.
pub async fn verify(state: web::Data<AppState>, body: web::Json<VerifyRequest>) -> web::Json<VerifyBody> {
    let checked = signature::verify(&body.secret, &body.headers, body.body.as_bytes(), state.clock.now());
    web::Json(VerifyBody {
        valid: checked.is_ok(),
        reason: checked.err().map(|rejected| rejected.to_string()),
    })
}

/// `POST /internal/webhooks/check`: 204 if webhooks may be posted to a URL, else the problem that an alert with it
/// would have.
pub async fn check(state: web::Data<AppState>, body: web::Json<AddressCheckRequest>) -> Result<HttpResponse, Problem> {
    check_webhook_url(&state, &body.webhook_url).await?;
    Ok(HttpResponse::NoContent().finish())
}
