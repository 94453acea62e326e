//! What browsers need: cross-origin rules, security headers, pages, compression.

use reqwest::Method;

use crate::harness::{Answer, KEY, TestApp, send};

const PAGE: &str = "https://board.example";

async fn preflight(app: &TestApp, origin: &str, path: &str) -> Answer {
    let request = app
        .anonymous(Method::OPTIONS, path)
        .header("Origin", origin)
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "x-api-key,content-type");
    send(request).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn allowed_pages_may_call_and_read_and_others_may_not() {
    let app = TestApp::start_with(&[("CORS_ALLOWED_ORIGINS", PAGE)]).await;
    let answer = preflight(&app, PAGE, "/api/v1/alerts/").await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
    assert_eq!(answer.header("access-control-allow-origin"), PAGE);
    assert_eq!(answer.header("access-control-max-age"), "600");
    assert!(answer.header("access-control-allow-methods").contains("POST"));
    assert!(answer.header("access-control-allow-headers").contains("X-API-Key"));
    preflight(&app, "https://evil.example", "/api/v1/alerts/")
        .await
        .problem(403, "origin_not_allowed");

    let get = |origin: &str| {
        send(
            app.request(Method::GET, "/api/v1/users/me")
                .header("Origin", origin.to_owned()),
        )
    };
    let answer = get(PAGE).await;
    assert_eq!(answer.header("access-control-allow-origin"), PAGE);
    for name in [
        "X-Request-Id",
        "RateLimit",
        "X-RateLimit-Remaining",
        "Retry-After",
        "ETag",
        "X-Next-Cursor",
        "X-Data-Quality",
    ] {
        assert!(answer.header("access-control-expose-headers").contains(name), "{name}");
    }
    assert!(answer.header("vary").to_ascii_lowercase().contains("origin"));
    let answer = get("https://evil.example").await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
    // Errors can be read too.
    let answer = send(app.anonymous(Method::GET, "/api/v1/users/me").header("Origin", PAGE)).await;
    answer.problem(401, "missing_credentials");
    assert_eq!(answer.header("access-control-allow-origin"), PAGE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dashboards_own_origin_is_always_allowed() {
    let app = TestApp::start().await;
    let answer = preflight(&app, &app.base, "/api/v1/alerts/").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("access-control-allow-origin")),
        (204, app.base.as_str())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_has_security_headers() {
    let app = TestApp::start().await;
    for path in ["/api/v1/users/me", "/health", "/nowhere", "/", "/docs"] {
        let answer = send(app.anonymous(Method::GET, path)).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert!(
            answer
                .header("content-security-policy")
                .contains("frame-ancestors 'none'"),
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_load_nothing_from_elsewhere() {
    let app = TestApp::start().await;
    for path in ["/", "/docs", "/docs/", "/docs/errors"] {
        let answer = send(app.anonymous(Method::GET, path)).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.header("content-type").starts_with("text/html"), "{path}");
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"),
            "{path}"
        );
        assert!(
            !answer.text.contains("src=\"http") && !answer.text.contains("href=\"http"),
            "{path}"
        );
    }
    for file in [
        "swagger-ui.css",
        "swagger-ui-bundle.js",
        "swagger-ui-standalone-preset.js",
        "swagger-initializer.js",
    ] {
        let answer = send(app.anonymous(Method::GET, &format!("/docs/{file}"))).await;
        assert_eq!(answer.status, 200, "{file}");
    }
    let initializer = send(app.anonymous(Method::GET, "/docs/swagger-initializer.js")).await;
    assert!(initializer.text.contains("/openapi.json"), "{}", initializer.text);
    send(app.anonymous(Method::GET, "/docs/nothing.js"))
        .await
        .problem(404, "not_found");
    send(app.anonymous(Method::GET, "/nothing.js"))
        .await
        .problem(404, "not_found");
    let errors = send(app.anonymous(Method::GET, "/docs/errors")).await;
    for kind in contracts::problem::ProblemKind::ALL {
        assert!(
            errors.text.contains(&format!("id=\"{}\"", kind.slug())),
            "{}",
            kind.slug()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_answers_are_compressed_and_small_ones_are_not() {
    let app = TestApp::start().await;
    for encoding in ["gzip", "br"] {
        let get = |path: &str| send(app.anonymous(Method::GET, path).header("Accept-Encoding", encoding));
        let large = get("/openapi.json").await;
        assert_eq!(large.header("content-encoding"), encoding);
        assert!(large.header("vary").to_ascii_lowercase().contains("accept-encoding"));
        let plain = send(app.anonymous(Method::GET, "/openapi.json")).await;
        assert!(large.bytes.len() * 3 < plain.bytes.len());
        assert!(!plain.headers.contains_key("content-encoding"));
        let small = get("/health/live").await;
        assert!(!small.headers.contains_key("content-encoding"));
        assert_eq!(small.text, r#"{"status":"ok"}"#);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_host_is_refused_on_every_path() {
    let app = TestApp::start_with(&[("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")]).await;
    let port = app.base.rsplit(':').next().unwrap().to_owned();
    let get = |path: &str, host: &str| send(app.request(Method::GET, path).header("Host", host));
    for host in ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"] {
        for host in [host.to_owned(), format!("{host}:{port}"), format!("{host}:1")] {
            assert_eq!(get("/health/live", &host).await.status, 200, "{host}");
        }
    }
    for host in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.1",
    ] {
        for path in [
            "/",
            "/docs",
            "/health/live",
            "/demo/account",
            "/api/v1/nothing",
            "/assets/x.js",
        ] {
            let answer = get(path, &format!("{host}:{port}")).await;
            answer.problem(421, "misdirected_request");
            assert!(!answer.text.contains(KEY));
        }
    }
    // The page of the foreign name is of the same origin as the request, for the browser and for CORS.
    let page = format!("http://evil.example:{port}");
    let preflight = app
        .anonymous(Method::OPTIONS, "/api/v1/users/register")
        .header("Host", format!("evil.example:{port}"))
        .header("Origin", &page)
        .header("Access-Control-Request-Method", "POST");
    send(preflight).await.problem(421, "misdirected_request");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_host_in_the_request_line_is_refused() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let app = TestApp::start_with(&[("ALLOWED_HOSTS", "127.0.0.1")]).await;
    let address = app.base.trim_start_matches("http://");
    for (head, expected) in [
        (format!("GET /health/live HTTP/1.1\r\nHost: {address}"), "200"),
        (
            format!("GET http://evil.example/health/live HTTP/1.1\r\nHost: {address}"),
            "421",
        ),
        (
            format!("GET /health/live HTTP/1.1\r\nHost: {address}\r\nHost: evil.example"),
            "4",
        ),
        ("GET /health/live HTTP/1.0".to_owned(), "421"),
    ] {
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        socket
            .write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let mut text = String::new();
        socket.read_to_string(&mut text).await.unwrap();
        let status = text.split(' ').nth(1).unwrap_or_default();
        assert!(status.starts_with(expected), "{head}: {text}");
    }
}
