//! One request to an endpoint, whatever it answers.

use std::sync::Arc;
use std::time::Duration;

use alerts::delivery::dns::NameResolver;
use alerts::delivery::ssrf::{Blocked, EgressPolicy};
use alerts::delivery::webhook_client::{SendError, WebhookClient, WebhookClientSettings, WebhookRequest};
use platform::clock::SystemClock;
use platform::tls::{Authorities, Verification};
use testkit::{Answer, WebhookSink};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::harness::TestStack;

fn policy(networks: &[&str]) -> Arc<EgressPolicy> {
    Arc::new(EgressPolicy {
        allowed_networks: networks.iter().map(|network| network.parse().unwrap()).collect(),
        allowed_ports: vec!["*".parse().unwrap()],
        require_https: false,
    })
}

fn client(networks: &[&str]) -> WebhookClient {
    let settings = WebhookClientSettings {
        timeout: Duration::from_millis(1500),
        first_timeout: Duration::from_millis(300),
        connect_timeout: Duration::from_millis(1000),
        verification: Verification::Full(Authorities::public()),
        idle_per_host: 4,
    };
    WebhookClient::new(policy(networks), &NameResolver::new().unwrap(), &settings).unwrap()
}

fn request(url: &str) -> WebhookRequest<'_> {
    WebhookRequest {
        url,
        message_id: "m-1".to_owned(),
        timestamp: 1,
        signature: "v1,x".to_owned(),
        attempt: 1,
        is_known: true,
        traceparent: "00-0-0-01".to_owned(),
        body: "{}",
    }
}

const LOOPBACK: &[&str] = &["127.0.0.0/8", "::1/128"];

#[tokio::test]
async fn name_of_an_inner_address_is_refused_at_the_connection() {
    let sink = WebhookSink::start().await;
    let url = format!("http://localhost:{}/", sink.port());
    let refused = client(&["10.0.0.0/8"]).post(&request(&url)).await;
    assert_eq!(refused, Err(SendError::Blocked(Blocked::Address)));
    let refused = client(&[]).post(&request(&sink.url("/"))).await;
    assert_eq!(refused, Err(SendError::Blocked(Blocked::Address)), "literals too");
    assert_eq!(sink.count(), 0);
    let allowed = client(LOOPBACK).post(&request(&url)).await.unwrap();
    assert_eq!(allowed.status, 200);
    assert_eq!(sink.received()[0].header("host"), format!("localhost:{}", sink.port()));
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let sink = WebhookSink::start().await;
    sink.otherwise(Answer::With(307, vec![("location".to_owned(), sink.url("/other"))]));
    assert_eq!(
        client(LOOPBACK)
            .post(&request(&sink.url("/hook")))
            .await
            .unwrap()
            .status,
        307
    );
    assert_eq!(sink.count(), 1);
}

#[tokio::test]
async fn endpoint_that_hangs_times_out() {
    let sink = WebhookSink::start().await;
    sink.otherwise(Answer::Hang);
    assert_eq!(
        client(LOOPBACK).post(&request(&sink.url("/hook"))).await,
        Err(SendError::Timeout)
    );
}

#[tokio::test]
async fn refused_connection_and_unknown_name_are_distinguished() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let nobody = client(LOOPBACK)
        .post(&request(&format!("http://127.0.0.1:{port}/")))
        .await;
    assert_eq!(nobody, Err(SendError::Connect));
    let unknown = client(LOOPBACK).post(&request("http://no-such-name.invalid/")).await;
    assert!(
        matches!(unknown, Err(SendError::Resolve | SendError::ConnectTimeout)),
        "{unknown:?}"
    );
}

/// Answers one connection with these bytes and then keeps it open or closes it.
async fn raw_server(answer: Vec<u8>, keep_open: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut head = [0; 4096];
        let _ = socket.read(&mut head).await;
        let _ = socket.write_all(&answer).await;
        if keep_open {
            std::future::pending::<()>().await;
        }
    });
    url
}

#[tokio::test]
async fn beginning_of_a_long_response_is_kept() {
    let mut answer = b"HTTP/1.1 200 OK\r\ncontent-length: 10000000\r\n\r\n".to_vec();
    answer.extend([b'a', 0, 0xff].iter().cycle().take(100_000));
    let url = raw_server(answer, true).await;
    let answer = client(LOOPBACK).post(&request(&url)).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.excerpt.chars().count(), 4096);
    assert!(!answer.excerpt.contains('\0'));
}

#[tokio::test]
async fn head_decides_even_if_the_body_never_comes() {
    let url = raw_server(b"HTTP/1.1 204 Fine\r\ncontent-length: 5\r\n\r\n".to_vec(), true).await;
    assert_eq!(client(LOOPBACK).post(&request(&url)).await.unwrap().status, 204);
    let url = raw_server(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhal".to_vec(), false).await;
    assert_eq!(client(LOOPBACK).post(&request(&url)).await.unwrap().excerpt, "hal");
}

#[tokio::test]
async fn response_that_is_not_http_is_reported_as_broken() {
    let url = raw_server(b"220 smtp ready\r\n".to_vec(), false).await;
    assert_eq!(client(LOOPBACK).post(&request(&url)).await, Err(SendError::Protocol));
}

#[tokio::test]
async fn first_attempt_to_an_unknown_endpoint_has_less_time() {
    let sink = WebhookSink::start().await;
    sink.otherwise(Answer::Hang);
    let url = sink.url("/");
    for (attempt, is_known, most) in [(1, false, 1_000), (1, true, 10_000), (2, false, 10_000)] {
        let started = std::time::Instant::now();
        let request = WebhookRequest {
            attempt,
            is_known,
            ..request(&url)
        };
        assert_eq!(client(LOOPBACK).post(&request).await, Err(SendError::Timeout));
        let took = started.elapsed().as_millis();
        let least = if most == 1_000 { 300 } else { 1_500 };
        assert!(
            (least..most).contains(&took),
            "attempt {attempt}, known: {is_known}: {took} ms"
        );
    }
}

#[tokio::test]
async fn endpoint_is_known_after_its_first_success() {
    let stack = TestStack::new().await;
    stack.sink.otherwise(Answer::Hang);
    let settings = [
        ("WEBHOOK_TIMEOUT_MS", "2000"),
        ("WEBHOOK_CONNECT_TIMEOUT_MS", "2000"),
        ("WEBHOOK_FIRST_TIMEOUT_MS", "300"),
        ("WEBHOOK_BACKOFF_BASE_MS", "60000"),
        ("WEBHOOK_BACKOFF_MAX_MS", "60000"),
    ];
    let service = stack.start_with(&settings, SystemClock::shared()).await;
    let user = Uuid::now_v7();
    let known = stack.sink.url("/known");
    stack.sink.script("/known", [Answer::Status(200)]);
    service.create(user, "BTC", "gt", "1", &known).await;
    stack.publish("BTC", "2").await;
    let successes = "SELECT count(*) FROM alerting.endpoints WHERE last_success_at IS NOT NULL";
    stack.wait_for_count(successes, 1).await;
    service.create(user, "ETH", "gt", "1", &known).await;
    service
        .create(user, "ETH", "gt", "1.5", &stack.sink.url("/unknown"))
        .await;
    stack.publish("ETH", "2").await;
    let failures = "SELECT count(*) FROM alerting.delivery_attempts WHERE status = 'failed'";
    stack.wait_for_count(failures, 2).await;
    let latency = async |path: &str| -> i64 {
        stack
            .value(&format!(
                "SELECT a.latency_ms FROM alerting.delivery_attempts a
                 JOIN alerting.deliveries d ON d.id = a.delivery_id
                 JOIN alerting.endpoints e ON e.id = d.endpoint_id
                 WHERE a.status = 'failed' AND e.url LIKE '%{path}'"
            ))
            .await
    };
    assert!((300..2_000).contains(&latency("/unknown").await));
    assert!(latency("/known").await >= 2_000);
    service.stop().await;
}
