//! The one table from a kind of problem to what its reader is told.
//!
//! `docs/errors.md` and the page `/docs/errors` are made of it; a test keeps the file equal. Every remediation is
//! distinct.

use std::fmt::Write as _;

use contracts::problem::ProblemKind;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The sentence used when nothing more exact is known.
    pub detail: &'static str,
    pub remediation: &'static str,
}

/// The row of one kind. There is no `_` arm: a new kind has to say something.
pub const fn entry(kind: ProblemKind) -> Entry {
    use ProblemKind as Kind;
    let (detail, remediation) = match kind {
        Kind::BadRequest => (
            "The request could not be understood.",
            "Compare the request with the description of the route at /docs.",
        ),
        Kind::MalformedJson => (
            "The body is not valid JSON.",
            "Send one JSON document in UTF-8; check quotes, commas and braces.",
        ),
        Kind::InvalidParameter => (
            "A query or path parameter is invalid.",
            "Correct the parameters listed in `errors`; their bounds are described at /docs.",
        ),
        Kind::InvalidRange => (
            "The start of the range lies after its end.",
            "Swap or correct `from` and `to`; both accept RFC 3339 or unix time.",
        ),
        Kind::InvalidCoinId => (
            "The id of the coin is not spelled as ids are.",
            "Send lower-case letters, digits and hyphens, at most 64, such as bitcoin.",
        ),
        Kind::InvalidCursor => (
            "The cursor is unknown or expired.",
            "Start again without `cursor`; a cursor is valid for 5 minutes on the list that gave it.",
        ),
        Kind::EmailAlreadyRegistered => (
            "User with this email already exists",
            "Use the API key you received at registration, or register another address.",
        ),
        Kind::MissingCredentials => (
            "Missing API Key in headers",
            "Send the header X-API-Key or a bearer token; POST /api/v1/users/register gives you a key.",
        ),
        Kind::InvalidApiKey => (
            "Invalid or inactive API Key",
            "Check the key for missing characters; if it was revoked or has expired, use another one.",
        ),
        Kind::InvalidToken => (
            "The bearer token is not valid.",
            "Log in again with POST /api/v1/auth/login, or send an API key in the header X-API-Key.",
        ),
        Kind::TokenExpired => (
            "The access token has expired.",
            "Get a new one with POST /api/v1/auth/refresh and the refresh token.",
        ),
        Kind::InvalidCredentials => (
            "Invalid credentials",
            "Check user name and password; an account without a password is used with its API key.",
        ),
        Kind::RefreshReused => (
            "The refresh token was used before, so its session has ended.",
            "Log in again, and always keep the newest refresh token only.",
        ),
        Kind::TicketInvalid => (
            "The stream ticket is unknown, expired or used.",
            "Get a new one with POST /api/v1/auth/stream-ticket; it is valid once, for 60 seconds.",
        ),
        Kind::CredentialsConflict => (
            "The API key and the bearer token do not belong together.",
            "Send only one credential: either X-API-Key or Authorization.",
        ),
        Kind::InsufficientScope => (
            "The credential does not have the scope this route needs.",
            "Use a key that has the scope named in `errors[0].params.required`.",
        ),
        Kind::InsufficientRole => (
            "Your role does not permit this.",
            "Ask an administrator for the role named in `errors[0].params.required`.",
        ),
        Kind::PasswordRequired => (
            "The current password is missing or wrong.",
            "Send the password that the account has now as `current_password`.",
        ),
        Kind::PlanLimitReached => (
            "The limit of your plan is reached.",
            "Delete what you no longer need, or ask the operator for a larger plan.",
        ),
        Kind::IpBlocked => (
            "Too many failed authentications from this address.",
            "Wait until the block ends, and correct the credential before the next try.",
        ),
        Kind::OriginNotAllowed => (
            "This origin may not call the API from a browser.",
            "Ask the operator to add the origin to CORS_ALLOWED_ORIGINS, or call from a server.",
        ),
        Kind::NotFound => (
            "No such route.",
            "Check the path; every route is listed at /docs and /openapi.json.",
        ),
        Kind::AlertNotFound => (
            "Alert not found",
            "Check the id with GET /api/v1/alerts/. Alerts of other users are reported as not found.",
        ),
        Kind::TokenNotFound => (
            "No such asset.",
            "GET /api/v1/quotes lists the tickers that are available here.",
        ),
        Kind::AmbiguousSymbol => (
            "Several tokens have this symbol.",
            "Ask by one of the ids in the detail, or leave strict out to get the largest of them.",
        ),
        Kind::CoinNotFound => (
            "No provider has a price of this coin.",
            "Check the id in the provider's list of coins; a name that is unknown is looked up again after a minute.",
        ),
        Kind::EndpointNotFound => (
            "Webhook endpoint not found",
            "Check the id with GET /api/v1/webhooks/endpoints.",
        ),
        Kind::DeliveryNotFound => (
            "Delivery not found",
            "Check the id with GET /api/v1/alerts/{id}/deliveries.",
        ),
        Kind::KeyNotFound => (
            "API key not found",
            "Check the id or the prefix of the key; keys of other users are reported as not found.",
        ),
        Kind::UserNotFound => ("User not found", "Check the id with GET /api/v1/admin/users."),
        Kind::MethodNotAllowed => (
            "The route does not know this method.",
            "Use one of the methods in the header Allow.",
        ),
        Kind::NotAcceptable => (
            "No representation that the request accepts is available.",
            "Accept application/json, and an encoding among gzip, br and identity.",
        ),
        Kind::RequestTimeout => (
            "The request took too long to arrive.",
            "Send the whole body at once; check the connection if it happens again.",
        ),
        Kind::BodyTooLarge => (
            "The body is larger than this route accepts.",
            "Send at most 64 KiB; split what is larger.",
        ),
        Kind::UriTooLong => (
            "The address of the request is too long.",
            "Keep path and query below 8 KiB; ask for fewer items at once.",
        ),
        Kind::UnsupportedMediaType => (
            "The body must be application/json in UTF-8 without content encoding.",
            "Set the header Content-Type: application/json.",
        ),
        Kind::MisdirectedRequest => (
            "This host is not served here.",
            "Use an address whose host is in ALLOWED_HOSTS, or ask the operator to add this one.",
        ),
        Kind::SecretAlreadyShown => (
            "This request was answered before, with a secret that is shown only once.",
            "Use the secret from the first answer; if it is lost, make a new one under a new Idempotency-Key.",
        ),
        Kind::AlertDuplicate => (
            "You already have an active alert with exactly the same parameters.",
            "Change the target or the condition, or delete the active alert first.",
        ),
        Kind::IdempotencyInProgress => (
            "The first request with this Idempotency-Key is still running.",
            "Repeat the same request in a moment; it will get the stored answer.",
        ),
        Kind::ValidationFailed => (
            "The input breaks one or more rules.",
            "Correct every field listed in `errors` and send the request again.",
        ),
        Kind::UnsupportedTicker => (
            "This ticker is not watched here.",
            "Use a ticker listed by GET /api/v1/quotes, or ask the operator to add it to SUPPORTED_TICKERS.",
        ),
        Kind::WebhookUrlBlocked => (
            "The webhook address is not allowed.",
            "Use a public http or https address; endpoints in private networks need WEBHOOK_ALLOWED_CIDRS.",
        ),
        Kind::IdempotencyKeyReused => (
            "This Idempotency-Key was used for another request.",
            "Use a new Idempotency-Key for every new request.",
        ),
        Kind::RateLimited => (
            "Rate limit exceeded.",
            "Wait for the seconds in Retry-After; the RateLimit headers tell what is left.",
        ),
        Kind::QuotaExceeded => (
            "The quota of this month is used up.",
            "Wait for the next month (UTC), or ask the operator for a larger quota; GET /api/v1/users/me/usage shows what \
             was used.",
        ),
        Kind::UpstreamRateLimited => (
            "The provider of this price asks to wait.",
            "Repeat after Retry-After, or accept a stored price with max_age_ms.",
        ),
        Kind::InternalError => (
            "An unexpected error occurred.",
            "Try again; if it stays, report the request_id to the operator.",
        ),
        Kind::UpstreamFailed => (
            "The provider does not answer with a price now.",
            "Repeat in a few seconds; GET /api/v1/status shows how the providers are.",
        ),
        Kind::UpstreamInvalidResponse => (
            "The provider sent what is no price.",
            "Repeat in a minute; if it stays, the provider has changed or fails, and the operator should look at it.",
        ),
        Kind::RatesWarmingUp => (
            "Rates are currently warming up. Please try again in a few seconds.",
            "Repeat after Retry-After; if it lasts, GET /api/v1/status shows the state of every provider.",
        ),
        Kind::DependencyUnavailable => (
            "A part of the platform does not answer at the moment.",
            "Repeat after Retry-After; GET /health names what is down.",
        ),
        Kind::BatchCoordinationUnavailable => (
            "The instances cannot share requests for prices now.",
            "Repeat after a second; GET /api/v1/quotes and /api/v1/rates/ do not depend on it.",
        ),
        Kind::LimiterUnavailable => (
            "Requests cannot be counted now, and this route is not served uncounted.",
            "Repeat after Retry-After; the limiter recovers by itself.",
        ),
        Kind::ShuttingDown => (
            "This instance is shutting down.",
            "Repeat the request at once; another instance or the restarted one will answer.",
        ),
        Kind::BatchResultTimeout => (
            "The batch had no result in time.",
            "Repeat the request: it joins a new batch.",
        ),
    };
    Entry { detail, remediation }
}

/// Where a client reads about a kind.
pub fn docs_url(kind: ProblemKind) -> String {
    format!("/docs/errors#{}", kind.slug())
}

/// The catalogue as the text of `docs/errors.md`.
pub fn markdown() -> String {
    let mut text = String::from(
        "# Errors\n\nEvery answer that is not a success has one body; `type` is stable, clients branch on it.\n\
         This page is written by `gateway docs errors`, from the table the gateway answers with.\n",
    );
    for &kind in ProblemKind::ALL {
        let Entry { detail, remediation } = entry(kind);
        let (slug, status) = (kind.slug(), kind.status());
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n## {slug}\n\nStatus {status}. {}\n\n{remediation}\n",
            sentence(detail)
        );
    }
    text
}

/// The catalogue as the page `/docs/errors`.
pub fn html() -> String {
    let mut rows = String::new();
    for &kind in ProblemKind::ALL {
        let Entry { detail, remediation } = entry(kind);
        let (slug, status) = (kind.slug(), kind.status());
        let remediation = escape(remediation);
        let detail = escape(&sentence(detail));
        let _ = writeln!(
            rows,
            "<section id=\"{slug}\"><h2><a href=\"#{slug}\">{slug}</a> <small>{status}</small></h2>\
             <p>{detail}</p><p>{remediation}</p></section>"
        );
    }
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Errors</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <style>body{{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;\
         color:#1a1d21}}\
         h2{{font:600 1rem/1.5 ui-monospace,monospace;margin:2rem 0 0}}p{{margin:.25rem 0}}small{{color:#5c6670}}\
         a{{color:inherit;text-decoration:none}}section:target{{background:#fff6d6}}</style></head>\
         <body><h1>Errors</h1><p>Every answer that is not a success has one JSON body; clients branch on its \
         <code>type</code>.</p>\n{rows}</body></html>\n"
    )
}

fn sentence(detail: &str) -> String {
    if detail.ends_with('.') {
        detail.to_owned()
    } else {
        format!("{detail}.")
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_says_something_of_its_own() {
        let remediations: HashSet<_> = ProblemKind::ALL.iter().map(|&kind| entry(kind).remediation).collect();
        assert_eq!(remediations.len(), ProblemKind::ALL.len());
        assert!(
            ProblemKind::ALL
                .iter()
                .all(|&kind| !entry(kind).detail.is_empty() && !entry(kind).remediation.is_empty())
        );
    }

    #[test]
    fn errors_page_in_docs_is_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
        let written = std::fs::read_to_string(path).unwrap();
        assert_eq!(
            written,
            markdown(),
            "run `cargo run -p gateway -- docs errors > docs/errors.md`"
        );
    }
}
