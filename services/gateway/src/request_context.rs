//! The id of what a request makes.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use uuid::Uuid;

/// A UUID v7 for the object that this request makes: the same in every run of a request with an `Idempotency-Key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreationId(pub Uuid);

impl CreationId {
    /// An id that was never given.
    pub fn fresh() -> Self {
        Self(Uuid::now_v7())
    }
}

impl FromRequest for CreationId {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let known = request.extensions().get::<Self>().copied();
        ready(Ok(known.unwrap_or_else(Self::fresh)))
    }
}
