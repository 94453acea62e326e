//! `/internal/webhooks/verify`: checks a signature for a receiver who asks.

use actix_web::web;
use contracts::api::alerts::{VerifyBody, VerifyRequest};

use super::AppState;
use crate::delivery::sign;

/// `POST /internal/webhooks/verify`. An invalid signature is an answer, not an error.
pub async fn verify(state: web::Data<AppState>, body: web::Json<VerifyRequest>) -> web::Json<VerifyBody> {
    let checked = sign::verify(&body.secret, &body.headers, body.body.as_bytes(), state.clock.now());
    web::Json(VerifyBody {
        valid: checked.is_ok(),
        reason: checked.err().map(|rejected| rejected.to_string()),
    })
}
