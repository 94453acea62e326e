//! Rate limits and blocked addresses, as clients meet them.

use std::sync::Arc;

use gateway::rate_limit::policy::Quota;
use gateway::rate_limit::redis::SharedBuckets;
use reqwest::Method;

use crate::harness::{KEY, TestApp, send};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_over_the_limit_is_refused_with_all_headers() {
    let app = TestApp::start_with(&[("RATE_LIMIT_ME", "3/3600")]).await;
    for left in [2, 1, 0] {
        let answer = app.get("/api/v1/users/me").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit-policy"), "\"me\";q=3;w=3600");
        assert!(
            answer.header("ratelimit").starts_with(&format!("\"me\";r={left};t=")),
            "{}",
            answer.header("ratelimit")
        );
        assert_eq!(answer.header("x-ratelimit-limit"), "3");
        assert_eq!(answer.header("x-ratelimit-remaining"), left.to_string());
        let reset: i64 = answer.header("x-ratelimit-reset").parse().unwrap();
        let now = "2026-03-01T12:00:00Z".parse::<jiff::Timestamp>().unwrap().as_second();
        assert!((now..=now + 3_601).contains(&reset), "{reset}");
        assert!(!answer.headers.contains_key("retry-after"));
        assert!(!answer.headers.contains_key("x-ratelimit-mode"));
    }
    let answer = app.get("/api/v1/users/me").await;
    let body = answer.problem(429, "rate_limited");
    assert_eq!(
        body["detail"],
        "Rate limit exceeded. Maximum 3 requests per 3600 seconds."
    );
    let wait = body["retry_after"].as_u64().unwrap();
    assert!((1..=1_200).contains(&wait), "{wait}");
    assert_eq!(answer.header("ratelimit"), format!("\"me\";r=0;t={wait}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn methods_users_and_policies_have_buckets_of_their_own() {
    let app = TestApp::start_with(&[("RATE_LIMIT_ALERTS", "1/3600"), ("RATE_LIMIT_MARKET", "1/3600")]).await;
    let alerts = |method: Method| send(app.request(method, "/api/v1/alerts/01933f4e-7a00-7000-8000-000000000001"));
    assert_ne!(alerts(Method::GET).await.status, 429);
    assert_ne!(alerts(Method::DELETE).await.status, 429);
    alerts(Method::GET).await.problem(429, "rate_limited");
    alerts(Method::DELETE).await.problem(429, "rate_limited");
    assert_ne!(send(app.request(Method::POST, "/api/v1/alerts/")).await.status, 429);
    let (_, key) = app.register("other@example.com").await;
    let other = app.anonymous(Method::GET, "/api/v1/alerts/x").header("X-API-Key", key);
    assert_ne!(send(other).await.status, 429);
    // The tier multiplies the market's limit: twenty times for the enterprise.
    for _ in 0..20 {
        assert_eq!(app.get("/api/v1/quotes").await.status, 200);
    }
    let body = app.get("/api/v1/quotes").await.problem(429, "rate_limited");
    assert_eq!(
        body["detail"],
        "Rate limit exceeded. Maximum 20 requests per 3600 seconds."
    );
    assert_eq!(body["status"]["error_code"], 429);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rate_limit_counts_the_clients_own_ip() {
    let app = TestApp::start_with(&[("RATE_LIMIT_RATES", "1/3600"), ("TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    app.publish("BTC", "1", 0).await;
    let from = |forwarded: &str| {
        send(
            app.request(Method::GET, "/api/v1/rates")
                .header("X-Forwarded-For", forwarded.to_owned()),
        )
    };
    assert_eq!(from("203.0.113.1").await.status, 200);
    from("203.0.113.1").await.problem(429, "rate_limited");
    // Whatever it claims further left.
    from("198.51.100.7, 203.0.113.1").await.problem(429, "rate_limited");
    assert_eq!(from("203.0.113.1, 203.0.113.2").await.status, 200);

    let (untrusting, stop, _running) = app.start_gateway(&[("RATE_LIMIT_RATES", "1/3600")]).await;
    let get = |forwarded: &str| {
        send(
            app.http
                .get(format!("{untrusting}/api/v1/rates"))
                .header("X-API-Key", KEY)
                .header("X-Forwarded-For", forwarded.to_owned()),
        )
    };
    assert_eq!(get("203.0.113.3").await.status, 200);
    get("203.0.113.4").await.problem(429, "rate_limited");
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gateways_share_their_buckets() {
    let limit = [("RATE_LIMIT_ME", "10/3600")];
    let app = TestApp::start_with(&limit).await;
    let (other, stop, _running) = app.start_gateway(&limit).await;
    let bases = [&app.base, &other];
    let requests = (0..40).map(|i| {
        send(
            app.http
                .get(format!("{}/api/v1/users/me", bases[i % 2]))
                .header("X-API-Key", KEY),
        )
    });
    let answers = futures_util::future::join_all(requests).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 10);
    assert_eq!(answers.iter().filter(|answer| answer.status == 429).count(), 30);
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shared_checks_get_the_results_of_separate_ones() {
    let redis = testkit::redis().await;
    let buckets = Arc::new(SharedBuckets::new(redis.connection.clone()));
    let quota: Quota = "100/3600".parse().unwrap();
    let taken = |count: usize| {
        let checks = (0..count).map(|_| {
            let buckets = Arc::clone(&buckets);
            tokio::spawn(async move { buckets.take("{rl:test}", quota).await.unwrap() })
        });
        futures_util::future::join_all(checks.collect::<Vec<_>>())
    };
    let mut left: Vec<u32> = Vec::new();
    for taken in taken(60).await.into_iter().chain(taken(60).await) {
        let taken = taken.unwrap();
        if taken.allowed {
            left.push(taken.remaining);
        }
    }
    left.sort_unstable();
    assert_eq!(left, (0..100).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buckets_refill_and_leave_nothing_behind() {
    let app = TestApp::start_with(&[("RATE_LIMIT_ME", "2/1")]).await;
    let mut redis = app.redis.connection.clone();
    for _ in 0..2 {
        assert_eq!(app.get("/api/v1/users/me").await.status, 200);
    }
    let keys: Vec<String> = redis::AsyncCommands::keys(&mut redis, "{rl:me:*").await.unwrap();
    assert_eq!(keys.len(), 1);
    let left: i64 = redis::AsyncCommands::pttl(&mut redis, &keys[0]).await.unwrap();
    assert!((1..=1_001).contains(&left), "{left}");
    testkit::eventually("a token comes back", || async {
        app.get("/api/v1/users/me").await.status == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn process_counts_alone_without_redis() {
    let closed = format!("redis://127.0.0.1:{}", testkit::ports::free());
    let app = TestApp::start().await;
    let (alone, stop, _running) = app
        .start_gateway(&[("REDIS_URL", &closed), ("RATE_LIMIT_ME", "2/3600")])
        .await;
    let get = || {
        send(
            app.http
                .get(format!("{alone}/api/v1/users/me"))
                .header("X-API-Key", KEY),
        )
    };
    for _ in 0..2 {
        let answer = get().await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("x-ratelimit-mode")),
            (200, "local")
        );
    }
    let answer = get().await;
    answer.problem(429, "rate_limited");
    assert_eq!(answer.header("x-ratelimit-mode"), "local");
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn process_blocks_alone_without_redis() {
    let closed = format!("redis://127.0.0.1:{}", testkit::ports::free());
    let app = TestApp::start().await;
    let (alone, stop, _running) = app
        .start_gateway(&[("REDIS_URL", &closed), ("AUTH_FAILURE_LIMIT", "3/3600")])
        .await;
    let get = |key: &str| {
        send(
            app.http
                .get(format!("{alone}/api/v1/users/me"))
                .header("X-API-Key", key.to_owned()),
        )
    };
    for key in ["x", "y", "z"] {
        get(key).await.problem(401, "invalid_api_key");
    }
    let body = get("x").await.problem(403, "ip_blocked");
    assert!(body["retry_after"].as_u64().unwrap() > 800, "{body}");
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_ip_is_blocked_on_every_gateway_that_does_not_allow_it() {
    let strict = [("AUTH_FAILURE_LIMIT", "5/3600"), ("IP_BLOCK_SECONDS", "900")];
    let app = TestApp::start_with(&strict).await;
    let guess = |key: String| send(app.anonymous(Method::GET, "/api/v1/users/me").header("X-API-Key", key));
    // An old key that a program goes on sending is no guess.
    for _ in 0..25 {
        guess("old".to_owned()).await.problem(401, "invalid_api_key");
    }
    for n in 0..4 {
        guess(format!("x{n}")).await.problem(401, "invalid_api_key");
    }
    let body = guess("x".to_owned()).await.problem(403, "ip_blocked");
    // Who has a valid key shares the address with the guesser, not the block.
    assert_eq!(app.get("/api/v1/users/me").await.status, 200);
    // The block comes before a body is looked at.
    assert!((890..=901).contains(&body["retry_after"].as_u64().unwrap()), "{body}");
    let large = app.anonymous(Method::POST, "/api/v1/alerts/").body("x".repeat(70_000));
    send(large).await.problem(403, "ip_blocked");
    assert_eq!(send(app.anonymous(Method::GET, "/health/live")).await.status, 200);

    let (other, stop, _running) = app.start_gateway(&strict).await;
    send(
        app.http
            .get(format!("{other}/api/v1/users/me"))
            .header("X-API-Key", "y"),
    )
    .await
    .problem(403, "ip_blocked");
    stop.cancel();
    let (open, stop, _running) = app.start_gateway(&[("IP_ALLOWLIST", "127.0.0.1")]).await;
    assert_eq!(
        send(app.http.get(format!("{open}/api/v1/users/me")).header("X-API-Key", "y"))
            .await
            .status,
        401
    );
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_spread_over_the_window_block_too() {
    let app = TestApp::start_with(&[("AUTH_FAILURE_LIMIT", "3/6")]).await;
    let guess = |key: &'static str| send(app.anonymous(Method::GET, "/api/v1/users/me").header("X-API-Key", key));
    for key in ["x", "y"] {
        guess(key).await.problem(401, "invalid_api_key");
        // A bucket would have the token back by then.
        tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    }
    guess("z").await.problem(401, "invalid_api_key");
    guess("z").await.problem(403, "ip_blocked");
    let mut redis = app.redis.connection.clone();
    let keys: Vec<String> = redis::AsyncCommands::keys(&mut redis, "{rl:blocked:*").await.unwrap();
    assert_eq!(keys.len(), 1, "the failures are gone, the block stands: {keys:?}");
    let left: i64 = redis::AsyncCommands::ttl(&mut redis, &keys[0]).await.unwrap();
    assert!((800..=900).contains(&left), "{left}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_keys_are_not_guesses() {
    let app = TestApp::start_with(&[("AUTH_FAILURE_LIMIT", "2/3600")]).await;
    for _ in 0..5 {
        send(app.anonymous(Method::GET, "/api/v1/users/me"))
            .await
            .problem(401, "missing_credentials");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_of_one_ipv6_network_are_one_client() {
    let app = TestApp::start_with(&[
        ("RATE_LIMIT_RATES", "2/3600"),
        ("AUTH_FAILURE_LIMIT", "3/3600"),
        ("TRUSTED_PROXIES", "127.0.0.0/8"),
    ])
    .await;
    app.publish("BTC", "1", 0).await;
    let rates = |from: &'static str| {
        let request = app
            .request(Method::GET, "/api/v1/rates")
            .header("X-Forwarded-For", from);
        send(request)
    };
    assert_eq!(rates("2001:db8:1:2::1").await.status, 200);
    assert_eq!(rates("2001:db8:1:2:ffff::2").await.status, 200);
    rates("2001:db8:1:2::3").await.problem(429, "rate_limited");
    assert_eq!(rates("2001:db8:1:3::1").await.status, 200);

    let guess = |n: u16| {
        let request = app.anonymous(Method::GET, "/api/v1/users/me");
        let request = request.header("X-API-Key", format!("x{n}"));
        send(request.header("X-Forwarded-For", format!("2001:db8:1:4::{n:x}")))
    };
    for n in 1..=3 {
        guess(n).await.problem(401, "invalid_api_key");
    }
    guess(4).await.problem(403, "ip_blocked");
}

/// A route of each policy that has one, with a request that the caller may send.
const LIMITED: [(&str, &str, &str); 10] = [
    ("register", "POST", "/api/v1/users/register"),
    ("login", "POST", "/api/v1/auth/login"),
    ("me", "GET", "/api/v1/users/me"),
    ("rates", "GET", "/api/v1/rates/"),
    ("alerts", "GET", "/api/v1/alerts/"),
    ("market", "GET", "/api/v1/quotes"),
    ("analytics", "GET", "/api/v1/risk/monitors"),
    ("write", "GET", "/api/v1/webhooks/endpoints"),
    ("stream_connect", "POST", "/api/v1/auth/stream-ticket"),
    ("admin", "GET", "/api/v1/admin/limits"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_policy_limits_its_routes_with_redis_and_without() {
    let closed = format!("redis://127.0.0.1:{}", testkit::ports::free());
    let names = LIMITED.map(|(policy, ..)| format!("RATE_LIMIT_{}", policy.to_uppercase()));
    let strict = names.each_ref().map(|name| (name.as_str(), "1/3600"));
    let app = TestApp::start_with(&strict).await;
    let alone = [strict.as_slice(), &[("REDIS_URL", &*closed)]].concat();
    let (alone, stop, _running) = app.start_gateway(&alone).await;
    // Of the tier basic, which multiplies by one.
    let (_, key) = app.admin("admin@example.com").await;
    for (base, mode) in [(&app.base, ""), (&alone, "local")] {
        // Each request takes seconds to give up on Redis, and the policies share their code: some do.
        let some = ["login", "stream_connect", "admin"];
        let tried = LIMITED
            .iter()
            .filter(|(policy, ..)| mode.is_empty() || some.contains(policy));
        for (policy, method, path) in tried.copied() {
            let ask = || {
                let request = app.http.request(method.parse().unwrap(), format!("{base}{path}"));
                let request = request.header("X-API-Key", &key);
                send(if method == "POST" {
                    request.json(&serde_json::json!({}))
                } else {
                    request
                })
            };
            let first = ask().await;
            assert_ne!(first.status, 429, "{policy}: {}", first.text);
            assert!(
                !first.headers.contains_key("retry-after") || first.status == 503,
                "{policy}"
            );
            let second = ask().await;
            second.problem(429, "rate_limited");
            let wait: u64 = second.header("retry-after").parse().unwrap();
            assert!((3_500..=3_600).contains(&wait), "{policy}: {wait}");
            for answer in [first, second] {
                let headers = [
                    "ratelimit-policy",
                    "x-ratelimit-limit",
                    "x-ratelimit-remaining",
                    "x-ratelimit-mode",
                ];
                let expected = [&*format!("\"{policy}\";q=1;w=3600"), "1", "0", mode];
                assert_eq!(headers.map(|name| answer.header(name)), expected, "{policy}");
                assert!(answer.header("ratelimit").starts_with(&format!("\"{policy}\";r=0;t=")));
                assert!(answer.header("x-ratelimit-reset").parse::<i64>().is_ok());
            }
        }
    }
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registrations_of_all_clients_together_are_limited() {
    let app = TestApp::start_with(&[
        ("RATE_LIMIT_REGISTER_TOTAL", "3/3600"),
        ("TRUSTED_PROXIES", "127.0.0.0/8"),
    ])
    .await;
    let register = |n: u16| {
        let request = app.anonymous(Method::POST, "/api/v1/users/register");
        let request = request.header("X-Forwarded-For", format!("2001:db8:{n:x}::1"));
        send(request.json(&serde_json::json!({"email": format!("u{n}@example.com")})))
    };
    for n in 1..=3 {
        assert_eq!(register(n).await.status, 201);
    }
    let answer = register(4).await;
    answer.problem(429, "rate_limited");
    // The headers are those of the bucket that is empty.
    assert_eq!(answer.header("ratelimit-policy"), "\"register\";q=3;w=3600");
    assert_eq!(answer.header("x-ratelimit-remaining"), "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prices_and_log_ins_have_limits_by_other_names() {
    let app = TestApp::start_with(&[("THROTTLE_GLOBAL_LIMIT", "1"), ("THROTTLE_LOGIN_LIMIT", "1")]).await;
    let price = || send(app.request(Method::GET, "/api/v1/price/bitcoin"));
    let login = || {
        let body = serde_json::json!({"username": "nobody", "password": "x"});
        send(app.anonymous(Method::POST, "/api/v1/auth/login").json(&body))
    };
    assert_ne!(price().await.status, 429);
    assert_eq!(login().await.status, 401);
    for refused in [price().await, login().await] {
        refused.problem(429, "rate_limited");
        assert_eq!(refused.header("x-ratelimit-limit"), "1");
    }
}
