//! The check of a URL that webhooks are to be posted to.

use contracts::problem::ProblemKind;
use platform::problem::{FieldError, Problem};
use url::Url;

use crate::delivery::ssrf::Blocked;
use crate::state::AppState;

/// Parses the URL of an endpoint, if webhooks may be posted there.
pub(super) async fn check_webhook_url(state: &AppState, text: &str) -> Result<Url, Problem> {
    let url = state
        .egress_policy
        .check_url(text)
        .map_err(|blocked| url_problem(&blocked))?;
    state
        .egress_policy
        .check_name(&url, &state.names)
        .await
        .map_err(|blocked| url_problem(&blocked))?;
    Ok(url)
}

fn url_problem(blocked: &Blocked) -> Problem {
    let field = |kind: &str| FieldError::new(&["body", "webhook_url"], kind, blocked.to_string());
    match blocked {
        Blocked::Invalid => Problem::validation(vec![field("url_parsing")]),
        Blocked::TooLong => Problem::validation(vec![field("url_too_long")]),
        Blocked::Scheme => Problem::validation(vec![field("url_scheme")]),
        Blocked::HttpsRequired | Blocked::Credentials | Blocked::Port(_) | Blocked::Address => Problem::new(
            ProblemKind::WebhookUrlBlocked,
            format!("The webhook URL is not allowed: {blocked}."),
        )
        .with_errors(vec![field("blocked")]),
    }
}
