//! The responses of handlers: problems, pages, attempts.

use contracts::api::Page;
use contracts::api::alerts::DeliveryBody;

use crate::store::attempts::ListedAttempt;

/// Makes a page and the cursor of the next from a list that was read with one item too many.
pub(super) fn to_page<T, B>(
    mut items: Vec<T>,
    limit: i64,
    cursor: impl Fn(&T) -> String,
    body: impl Fn(T) -> B,
) -> Page<B> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = items.last().filter(|_| has_more).map(cursor);
    Page {
        items: items.into_iter().map(body).collect(),
        next_cursor,
    }
}

/// An attempt as the API shows it.
pub(super) fn delivery_body(attempt: ListedAttempt) -> DeliveryBody {
    DeliveryBody {
        id: attempt.delivery_id,
        alert_id: attempt.alert_id,
        event_id: attempt.event_id,
        endpoint_id: attempt.endpoint_id,
        attempt: attempt.attempt,
        status: attempt.status,
        response_code: attempt.response_code,
        error_msg: attempt.error_msg,
        latency_ms: attempt.latency_ms,
        dispatched_at: attempt.dispatched_at.map(Into::into),
        next_attempt_at: attempt.next_attempt_at.map(Into::into),
        response_excerpt: attempt.response_excerpt,
    }
}
