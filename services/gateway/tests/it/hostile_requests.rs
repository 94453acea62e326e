//! Small requests that once cost much: each now has a small answer, few rows, and delays nobody.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::{Answer, TestApp, send};

/// A long key above thousands of repeated ones: each repetition once repeated the whole path.
fn repeated_keys() -> String {
    let repeats = vec!["\"a\":1"; 5_000].join(",");
    format!("{{\"{}\":{{{repeats}}}}}", "x".repeat(32_000))
}

async fn send_body(app: &TestApp, method: Method, path: &str, body: &str) -> Answer {
    let request = app.request(method, path).header("Content-Type", "application/json");
    send(request.body(body.to_owned())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn body_of_a_route_without_one_is_not_parsed() {
    let app = TestApp::start().await;
    for path in ["/health", "/api/v1/rates/", "/api/v1/users/me"] {
        for body in [repeated_keys(), "[".repeat(60_000), "{\"a\":1}".to_owned()] {
            let answer = send_body(&app, Method::GET, path, &body).await;
            answer.problem(422, "validation_failed");
            assert_eq!(answer.violations(), ["body extra_forbidden"], "{path}");
            assert!(answer.bytes.len() < 2_000, "{path}: {} bytes", answer.bytes.len());
        }
        let empty = send_body(&app, Method::GET, path, "{ }").await;
        assert_ne!(empty.status, 422, "{path}: {}", empty.text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn violations_are_capped_and_their_places_cut() {
    let app = TestApp::start().await;
    let unknown: Vec<String> = (0..5_000).map(|n| format!("\"{n:04}\":0")).collect();
    let unknown = format!("{{{}}}", unknown.join(","));
    let long_name = format!("{{\"{}\":1}}", "\\u0001".repeat(10_000));
    for body in [repeated_keys(), unknown, long_name] {
        for (path, anonymous) in [("/api/v1/alerts/", false), ("/api/v1/users/register", true)] {
            let request = if anonymous {
                app.anonymous(Method::POST, path)
            } else {
                app.request(Method::POST, path)
            };
            let request = request.header("Content-Type", "application/json").body(body.clone());
            let answer = send(request).await;
            let problem = answer.problem(422, "validation_failed");
            assert!(answer.bytes.len() <= 64 * 1024, "{} bytes", answer.bytes.len());
            let errors = problem["errors"].as_array().unwrap();
            assert!((1..=100).contains(&errors.len()));
            for error in errors {
                for part in error["loc"].as_array().unwrap() {
                    assert!(part.as_str().unwrap().chars().count() <= 64);
                }
            }
        }
    }
    let many = send_body(&app, Method::POST, "/api/v1/alerts/", &repeated_keys()).await;
    assert!(
        many.json()["detail"].as_str().unwrap().ends_with(" more."),
        "{}",
        many.json()["detail"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusal_of_an_anonymous_caller_is_not_stored() {
    let app = TestApp::start().await;
    let register = |key: String, body: String| {
        let request = app
            .anonymous(Method::POST, "/api/v1/users/register")
            .header("Idempotency-Key", key)
            .header("Content-Type", "application/json")
            .body(body);
        send(request)
    };
    register("big".to_owned(), repeated_keys())
        .await
        .problem(422, "validation_failed");
    let client = app.database.pool.get().await.unwrap();
    let stored: i64 = client
        .query_one(
            "SELECT coalesce(sum(length(response_body)), 0)::bigint FROM accounts.idempotency_keys",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    assert_eq!(stored, 0);

    // An address has room for a hundred keys a day; those it has go on being known.
    for n in 0..99 {
        register(format!("k-{n}"), "{}".to_owned())
            .await
            .problem(422, "validation_failed");
    }
    register("one more".to_owned(), "{}".to_owned())
        .await
        .problem(429, "rate_limited");
    register("big".to_owned(), repeated_keys())
        .await
        .problem(422, "validation_failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stored_refusal_of_a_user_is_small() {
    let app = TestApp::start().await;
    let body: Vec<String> = (0..3_000).map(|n| format!("\"{n:04}{}\":0", "\\u0001")).collect();
    let body = format!("{{{}}}", body.join(","));
    let post = || {
        let request = app
            .request(Method::POST, "/api/v1/alerts/")
            .header("Idempotency-Key", "k-1")
            .header("Content-Type", "application/json")
            .body(body.clone());
        send(request)
    };
    let first = post().await;
    first.problem(422, "validation_failed");
    let again = post().await;
    again.problem(422, "validation_failed");
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.violations(), first.violations());
    let client = app.database.pool.get().await.unwrap();
    let row = client
        .query_one("SELECT length(response_body) FROM accounts.idempotency_keys", &[])
        .await
        .unwrap();
    assert!(row.get::<_, i32>(0) <= 64 * 1024);
}

/// Whether the server still holds the connection from `port`, as the kernel lists it.
fn is_open(server_port: u16, client_port: u16) -> bool {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let (local, remote) = (format!(":{server_port:04X}"), format!(":{client_port:04X}"));
    table.lines().any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let pair = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        pair.0.ends_with(&local) && pair.1.ends_with(&remote) && fields.next() != Some("06")
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn non_reading_client_loses_its_connection() {
    let app = TestApp::start_with(&[("RESPONSE_TIMEOUT_MS", "300")]).await;
    let address: std::net::SocketAddr = app.base.trim_start_matches("http://").parse().unwrap();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let port = stream.local_addr().unwrap().port();
    // Far more answers than the buffers of both sides hold.
    let request = format!("GET /openapi.json HTTP/1.1\r\nHost: {address}\r\n\r\n").repeat(200);
    stream.write_all(request.as_bytes()).await.unwrap();
    assert!(is_open(address.port(), port));
    testkit::eventually("the connection is closed", || async { !is_open(address.port(), port) }).await;
    // Others were not disturbed, and what is left of the connection is an error or its end.
    assert_eq!(app.get("/health/live").await.status, 200);
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest))
        .await
        .unwrap();
    assert!(!rest.is_empty());
    assert_eq!(json!({"status": "ok"}), app.get("/health/live").await.json());
}

/// What the HTTP parser refuses never reaches us, and the server lets nobody write its answer: `docs/api.md` says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_of_the_parser_are_bare_and_end_the_connection() {
    let app = TestApp::start().await;
    let address = app.base.strip_prefix("http://").unwrap();
    let head = "GET /health HTTP/1.1\r\nHost: localhost\r\n";
    let cases = [
        ("no HTTP", "nonsense\r\n\r\n".to_owned(), 400),
        ("a header without a name", format!("{head}: x\r\n\r\n"), 400),
        (
            "two lengths",
            format!("{head}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
            400,
        ),
        (
            "a long head",
            format!("{head}X-Long: {}\r\n\r\n", "x".repeat(200_000)),
            431,
        ),
        ("an unfinished head", head.to_owned(), 408),
    ];
    let answers = cases.map(|(case, request, status)| async move {
        let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
        connection.write_all(request.as_bytes()).await.ok();
        let mut answer = Vec::new();
        // The rest of a long head may be reset.
        connection.read_to_end(&mut answer).await.ok();
        let answer = String::from_utf8(answer).unwrap().to_lowercase();
        assert!(answer.starts_with(&format!("http/1.1 {status} ")), "{case}: {answer}");
        assert!(answer.contains("connection: close\r\n"), "{case}: {answer}");
        assert!(answer.contains("content-length: 0\r\n"), "{case}: {answer}");
        assert!(!answer.contains("x-request-id"), "{case}: {answer}");
    });
    futures_util::future::join_all(answers).await;
    // What the parser lets through has the body, however odd it is.
    for path in ["/%zz", "/api/v1/quotes/%00", "//", "/api/v1/../v1/rates"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-API-Key: x\r\n\r\n");
        let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(answer.contains("x-request-id: "), "{path}: {answer}");
    }
}
