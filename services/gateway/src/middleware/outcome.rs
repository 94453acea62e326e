//! Headers of what goes out.

use actix_web::Error;
use actix_web::dev::ServiceResponse;
use actix_web::error::InternalError;
use actix_web::http::header::HeaderMap;

/// Edits the headers of a response, or of the response inside an error: a panic outside the handlers takes the request
/// with it, and without a request there can be no `ServiceResponse`.
pub fn edit_headers<B>(
    outcome: Result<ServiceResponse<B>, Error>,
    edit: impl FnOnce(&mut HeaderMap),
) -> Result<ServiceResponse<B>, Error> {
    match outcome {
        Ok(mut response) => {
            edit(response.headers_mut());
            Ok(response)
        }
        Err(error) => {
            let mut response = error.error_response();
            edit(response.headers_mut());
            Err(InternalError::from_response(error, response).into())
        }
    }
}
