use rstest::rstest;
use uuid::Uuid;

use super::*;

const POLICY: RetryPolicy = RetryPolicy {
    max_attempts: 4,
    base: Duration::from_secs(10),
    max: Duration::from_secs(600),
};

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn response(status: u16, retry_after: Option<&str>) -> Result<WebhookResponse, SendError> {
    Ok(WebhookResponse {
        status,
        latency: Duration::from_millis(5),
        retry_after: retry_after.map(ToOwned::to_owned),
        excerpt: String::new(),
    })
}

const RETRY_10: Outcome = Outcome::RetryIn(Duration::from_secs(10));

#[rstest]
#[case::ok(response(200, None), Outcome::Delivered)]
#[case::no_content(response(204, None), Outcome::Delivered)]
#[case::any_2xx(response(299, Some("60")), Outcome::Delivered)]
#[case::redirect(response(302, None), RETRY_10)]
#[case::client_error(response(404, None), RETRY_10)]
#[case::server_error(response(500, Some("60")), RETRY_10)]
#[case::gone(response(410, None), Outcome::DeadLetter(DeadLetterReason::EndpointGone))]
#[case::limited(response(429, Some("60")), Outcome::RetryIn(Duration::from_secs(60)))]
#[case::bad_gateway(response(502, Some("7200")), Outcome::RetryIn(Duration::from_secs(600)))]
#[case::unavailable(
    response(503, Some("Thu, 01 Jan 2026 00:01:00 GMT")),
    Outcome::RetryIn(Duration::from_secs(60))
)]
#[case::gateway_timeout(response(504, Some("nonsense")), RETRY_10)]
#[case::blocked(Err(SendError::Blocked(Blocked::Address)), RETRY_10)]
#[case::timeout(Err(SendError::Timeout), RETRY_10)]
#[case::tls(Err(SendError::Tls("expired".into())), RETRY_10)]
#[case::disabled(Err(SendError::Disabled), Outcome::DeadLetter(DeadLetterReason::EndpointDisabled))]
fn each_response_has_its_outcome(#[case] response: Result<WebhookResponse, SendError>, #[case] expected: Outcome) {
    assert_eq!(classify(&response, 1, &POLICY, now(), 0.5), expected);
}

#[test]
fn fourth_failure_is_the_last() {
    let failure = response(500, None);
    let outcomes: Vec<Outcome> = (1..=4)
        .map(|attempt| classify(&failure, attempt, &POLICY, now(), 0.5))
        .collect();
    assert_eq!(
        outcomes,
        [
            RETRY_10,
            Outcome::RetryIn(Duration::from_secs(20)),
            Outcome::RetryIn(Duration::from_secs(40)),
            Outcome::DeadLetter(DeadLetterReason::AttemptsExhausted),
        ]
    );
}

#[test]
fn unreadable_secret_is_not_held_against_the_endpoint() {
    assert_eq!(classify(&Err(SendError::Secret), 1, &POLICY, now(), 0.5), RETRY_10);
    assert_eq!(
        classify(&Err(SendError::Secret), 4, &POLICY, now(), 0.5),
        Outcome::DeadLetter(DeadLetterReason::SecretUnreadable)
    );
}

fn job() -> Claimed {
    Claimed {
        id: Uuid::from_u128(7),
        attempt: 2,
        attempts_before: 0,
        endpoint_id: Uuid::nil(),
        url: "https://example.com/".to_owned(),
        secret: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".to_owned().into(),
        is_known: true,
        is_disabled: false,
        is_test: false,
        body: "{}".to_owned(),
        request_id: "r-1".to_owned(),
    }
}

#[rstest]
#[case(response(200, None), Outcome::Delivered, None)]
#[case(response(302, None), RETRY_10, Some("status 302, redirects are not followed"))]
#[case(response(500, None), RETRY_10, Some("status 500"))]
#[case(Err(SendError::Blocked(Blocked::Address)), RETRY_10, Some("blocked address"))]
#[case(Err(SendError::Timeout), RETRY_10, Some("timed out"))]
fn record_says_what_went_wrong(
    #[case] response: Result<WebhookResponse, SendError>,
    #[case] outcome: Outcome,
    #[case] error: Option<&str>,
) {
    let attempt = Attempt {
        dispatched_at: now(),
        latency: Duration::from_millis(1500),
        duration: Duration::from_millis(1600),
        response,
        outcome,
    };
    let record = attempt.to_record(&job());
    assert_eq!(
        (record.attempt, record.latency_ms, record.error.as_deref()),
        (2, 1500, error)
    );
    let expected = (outcome == RETRY_10).then(|| "2026-01-01T00:00:11.6Z".parse().unwrap());
    assert_eq!(
        record.next_attempt_at, expected,
        "the wait begins when the attempt ends"
    );
    assert_eq!(record.succeeded, outcome == Outcome::Delivered);
}

#[test]
fn request_id_becomes_a_trace() {
    let from_uuid = trace::parent("01933f4e-7a00-7000-8000-000000000005", "m", 1);
    assert!(
        from_uuid.starts_with("00-01933f4e7a0070008000000000000005-"),
        "{from_uuid}"
    );
    let from_text = trace::parent("my.request", "m", 1);
    assert_eq!(from_text.len(), 55);
    assert_eq!(
        from_text[..35],
        trace::parent("my.request", "m", 2)[..35],
        "one trace for all attempts"
    );
    assert_ne!(
        from_text,
        trace::parent("my.request", "m", 2),
        "one span for each attempt"
    );
}

#[test]
fn request_is_signed_for_the_moment_of_its_attempt() {
    let job = job();
    let secret = job.secret.open(job.endpoint_id, &KeyRing::insecure().unwrap()).unwrap();
    let request = request(&job, &secret, now());
    assert_eq!(request.message_id, job.id.to_string());
    assert_eq!(request.timestamp, 1_767_225_600);
    assert_eq!(
        request.signature,
        secret.sign(&job.id.to_string(), 1_767_225_600, b"{}")
    );
}
