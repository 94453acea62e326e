//! Log-ins: access tokens, refresh tokens and their misuse.

use std::sync::Arc;

use futures_util::future::join_all;
use gateway::auth::api_key::KeyHasher;
use gateway::auth::identity_cache::IdentityCache;
use gateway::auth::stream_ticket::StreamTickets;
use gateway::auth::{Identity, Scope};
use platform::clock::Clock;
use redis::AsyncCommands;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::eventually;

use crate::harness::{Answer, KEY, TestApp, send};

const ME: &str = "/api/v1/users/me";
const PASSWORD: &str = "correct horse";

async fn register(app: &TestApp, email: &str) -> String {
    let request = app
        .anonymous(Method::POST, "/api/v1/users/register")
        .json(&json!({"email": email, "password": PASSWORD}));
    let answer = send(request).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()["api_key"].as_str().unwrap().to_owned()
}

fn login(app: &TestApp, name: &str, password: &str) -> RequestBuilder {
    app.anonymous(Method::POST, "/api/v1/auth/login")
        .json(&json!({"username": name, "password": password}))
}

async fn tokens(app: &TestApp, name: &str) -> (String, String) {
    let answer = send(login(app, name, PASSWORD)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    pair(&answer.json())
}

fn pair(body: &Value) -> (String, String) {
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (text("accessToken"), text("refreshToken"))
}

async fn me(app: &TestApp, token: &str) -> Answer {
    send(app.anonymous(Method::GET, ME).bearer_auth(token)).await
}

async fn refresh(app: &TestApp, token: &str) -> Answer {
    let body = json!({"refreshToken": token});
    send(app.anonymous(Method::POST, "/api/v1/auth/refresh").json(&body)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_in_gives_tokens_for_every_route() {
    let app = TestApp::start().await;
    register(&app, "Ada@example.com").await;
    for path in ["/api/v1/auth/login", "/auth/login", "/auth/login/"] {
        let request = app
            .anonymous(Method::POST, path)
            .json(&json!({"username": " ada@EXAMPLE.com ", "password": PASSWORD}));
        let answer = send(request).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.header("cache-control"), "no-store");
        let body = answer.json();
        assert_eq!(body.as_object().unwrap().len(), 4, "{body}");
        assert_eq!(
            (&body["tokenType"], &body["expiresIn"]),
            (&json!("Bearer"), &json!("1h"))
        );
        let cookie = answer.header("set-cookie");
        for attribute in ["HttpOnly", "Secure", "SameSite=Strict", "Path=/", "Max-Age=3600"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        let (access, _) = pair(&body);
        let answer = me(&app, &access).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.json()["email"], "Ada@example.com");

        let cookie = format!("cryptolens_access={access}");
        let read = app.anonymous(Method::GET, ME).header("Cookie", &cookie);
        assert_eq!(send(read).await.status, 200);
        let write = app.anonymous(Method::POST, "/api/v1/keys").header("Cookie", &cookie);
        send(write.json(&json!({"name": "x"})))
            .await
            .problem(401, "missing_credentials");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_names_and_passwords_are_refused_alike() {
    let app = TestApp::start().await;
    register(&app, "ada@example.com").await;
    let (_, key) = app.register("no-password@example.com").await;
    assert!(!key.is_empty());
    for (name, password) in [
        ("ada@example.com", "correct horsf"),
        ("nobody@example.com", PASSWORD),
        ("no-password@example.com", PASSWORD),
        ("", PASSWORD),
    ] {
        let answer = send(login(&app, name, password)).await;
        if name.is_empty() {
            answer.problem(422, "validation_failed");
        } else {
            assert_eq!(
                answer.problem(401, "invalid_credentials")["detail"],
                "Invalid credentials"
            );
        }
    }
    let client = app.database.pool.get().await.unwrap();
    client
        .execute("UPDATE accounts.users SET is_active = false", &[])
        .await
        .unwrap();
    send(login(&app, "ada@example.com", PASSWORD))
        .await
        .problem(401, "invalid_credentials");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn access_token_expires_and_is_refreshed() {
    let app = TestApp::start().await;
    register(&app, "ada@example.com").await;
    let (access, first) = tokens(&app, "ada@example.com").await;
    app.clock.advance(Duration::from_secs(3_631));
    me(&app, &access).await.problem(401, "token_expired");
    let answer = refresh(&app, &first).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let (access, second) = pair(&answer.json());
    assert_ne!(first, second);
    assert_eq!(me(&app, &access).await.status, 200);
    // Each is valid for 30 days, so a session that is used goes on.
    app.clock.advance(Duration::from_secs(29 * 86_400));
    let (_, third) = pair(&refresh(&app, &second).await.json());
    app.clock.advance(Duration::from_secs(29 * 86_400));
    assert_eq!(refresh(&app, &third).await.status, 200);
    for token in ["", "rt_", "nonsense", &"x".repeat(200)] {
        let answer = refresh(&app, token).await;
        assert!([401, 422].contains(&answer.status.as_u16()), "{}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refresh_token_that_is_used_twice_ends_its_session() {
    let app = TestApp::start().await;
    register(&app, "ada@example.com").await;
    let (_, first) = tokens(&app, "ada@example.com").await;
    let (other, _) = tokens(&app, "ada@example.com").await;
    let (access, second) = pair(&refresh(&app, &first).await.json());
    refresh(&app, &first).await.problem(401, "refresh_reused");
    eventually("the access token has ended", || async {
        me(&app, &access).await.status == 401
    })
    .await;
    // The thief and the owner are both out; the other session is not theirs.
    refresh(&app, &second).await.problem(401, "invalid_token");
    assert_eq!(me(&app, &other).await.status, 200);
    let client = app.database.pool.get().await.unwrap();
    let row = client
        .query_one(
            "SELECT count(*) AS n FROM accounts.audit WHERE action = 'session.reuse_detected'",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>("n"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_requests_with_one_refresh_token_one_is_answered() {
    let app = TestApp::start().await;
    register(&app, "ada@example.com").await;
    let (_, first) = tokens(&app, "ada@example.com").await;
    let answers = join_all((0..10).map(|_| refresh(&app, &first))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(won.len(), 1);
    for answer in lost {
        answer.problem(401, "refresh_reused");
    }
    let (access, second) = pair(&won[0].json());
    refresh(&app, &second).await.problem(401, "invalid_token");
    eventually("the access token has ended", || async {
        me(&app, &access).await.status == 401
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_out_ends_sessions_on_every_gateway() {
    let app = TestApp::start().await;
    let (other, stop, _running) = app.start_gateway(&[]).await;
    let key = register(&app, "ada@example.com").await;
    let (one, one_refresh) = tokens(&app, "ada@example.com").await;
    let (two, two_refresh) = tokens(&app, "ada@example.com").await;
    let (three, _) = tokens(&app, "ada@example.com").await;
    let there = |token: &str| send(app.http.get(format!("{other}{ME}")).bearer_auth(token));
    for token in [&one, &two, &three] {
        assert_eq!(there(token).await.status, 200);
    }
    let logout = |token: &str| app.anonymous(Method::POST, "/api/v1/auth/logout").bearer_auth(token);
    // Its own session, without a body; another one by its refresh token.
    let answer = send(logout(&one)).await;
    assert_eq!(answer.status, 204, "{}", answer.text);
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
    eventually("the session has ended", || async { there(&one).await.status == 401 }).await;
    refresh(&app, &one_refresh).await.problem(401, "invalid_token");
    assert_eq!(there(&two).await.status, 200);
    let by_key = app
        .anonymous(Method::POST, "/api/v1/auth/logout")
        .header("X-API-Key", &key);
    assert_eq!(
        send(by_key.json(&json!({"refreshToken": two_refresh}))).await.status,
        204
    );
    eventually("the session has ended", || async { there(&two).await.status == 401 }).await;
    assert_eq!(
        send(logout(&three).json(&json!({"everywhere": true}))).await.status,
        204
    );
    eventually("the session has ended", || async { there(&three).await.status == 401 }).await;
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn session_of_a_key_has_its_scopes_and_ends_with_it() {
    let app = TestApp::start().await;
    let create = app.request(Method::POST, "/api/v1/keys");
    let body = json!({"name": "narrow", "scopes": ["market:read", "stream:read"]});
    let created = send(create.json(&body)).await.json();
    let (id, narrow) = (created["id"].as_str().unwrap(), created["api_key"].as_str().unwrap());
    let exchange = |key: &str| {
        let request = app.anonymous(Method::POST, "/api/v1/auth/token");
        send(request.header("X-API-Key", key))
    };
    let (access, refresh_token) = pair(&exchange(narrow).await.json());
    let alerts = |token: &str| send(app.anonymous(Method::GET, "/api/v1/alerts/").bearer_auth(token));
    alerts(&access).await.problem(403, "insufficient_scope");
    assert_eq!(me(&app, &access).await.status, 200);
    // Only a key is exchanged: a token must not live on through its own children.
    let by_token = app.anonymous(Method::POST, "/api/v1/auth/token").bearer_auth(&access);
    send(by_token).await.problem(401, "missing_credentials");

    let revoke = app.request(Method::DELETE, &format!("/api/v1/keys/{id}"));
    assert_eq!(send(revoke).await.status, 204);
    eventually("the session has ended", || async {
        me(&app, &access).await.status == 401
    })
    .await;
    refresh(&app, &refresh_token).await.problem(401, "invalid_token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_credentials_must_agree() {
    let app = TestApp::start().await;
    let ada = register(&app, "ada@example.com").await;
    let (access, _) = tokens(&app, "ada@example.com").await;
    let both = |key: &str, token: &str, path: &str| {
        let request = app.anonymous(Method::GET, path).bearer_auth(token);
        send(request.header("X-API-Key", key))
    };
    assert_eq!(both(&ada, &access, ME).await.status, 200);
    both(KEY, &access, ME).await.problem(401, "credentials_conflict");
    both(&ada, "x.y.z", ME).await.problem(401, "credentials_conflict");
    both("nonsense", &access, ME).await.problem(401, "credentials_conflict");
    // Together they may do what both may do.
    let narrow = app
        .anonymous(Method::POST, "/api/v1/keys")
        .header("X-API-Key", &ada)
        .json(&json!({"name": "narrow", "scopes": ["market:read"]}));
    let narrow = send(narrow).await.json()["api_key"].as_str().unwrap().to_owned();
    both(&narrow, &access, "/api/v1/alerts/")
        .await
        .problem(403, "insufficient_scope");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_are_limited_by_name_and_by_address() {
    let app = TestApp::start_with(&[
        ("RATE_LIMIT_LOGIN", "5/60"),
        ("TRUSTED_PROXIES", "127.0.0.0/8"),
        ("AUTH_FAILURE_LIMIT", "8/60"),
    ])
    .await;
    register(&app, "ada@example.com").await;
    let guess =
        |from: String, name: &str, password: &str| send(login(&app, name, password).header("X-Forwarded-For", from));
    // Each guess from an address of its own: the name's bucket stops them.
    for n in 0..5 {
        guess(format!("203.0.113.{n}"), "Ada@example.com", "wrong password")
            .await
            .problem(401, "invalid_credentials");
    }
    let limited = guess("203.0.113.9".into(), "ada@EXAMPLE.com", PASSWORD).await;
    limited.problem(429, "rate_limited");
    assert!(limited.header("retry-after").parse::<u64>().unwrap() >= 1);
    // Each guess at another name: the address's bucket stops them, then the block. A /64 is one address.
    for n in 0..5 {
        guess(
            format!("2001:db8::{n}"),
            &format!("user{n}@example.com"),
            "wrong password",
        )
        .await
        .problem(401, "invalid_credentials");
    }
    guess("2001:db8::ff".into(), "other@example.com", "wrong password")
        .await
        .problem(429, "rate_limited");
    for n in 0..3 {
        let wrong = app.anonymous(Method::GET, ME).header("X-API-Key", format!("wrong{n}"));
        send(wrong.header("X-Forwarded-For", "2001:db8::1:0"))
            .await
            .problem(401, "invalid_api_key");
    }
    let blocked = app
        .anonymous(Method::GET, ME)
        .header("X-Forwarded-For", "2001:db8::2:0");
    eventually("the network is blocked", || async {
        let answer = send(blocked.try_clone().unwrap().header("X-API-Key", "x")).await;
        answer.status == 403
    })
    .await;
}

fn identities(app: &TestApp) -> (IdentityCache, StreamTickets) {
    let (used, _receiver) = tokio::sync::mpsc::channel(1);
    let hasher = KeyHasher::new(&"".into()).unwrap();
    let redis = app.redis.connection.clone();
    let tickets = StreamTickets::new(redis.clone(), hasher.clone());
    let identities = IdentityCache::new(app.database.pool.clone(), redis, hasher, app.clock.shared(), used);
    (identities, tickets)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stream_ticket_opens_once() {
    let app = TestApp::start().await;
    register(&app, "ada@example.com").await;
    let (access, _) = tokens(&app, "ada@example.com").await;
    let request = || app.anonymous(Method::POST, "/api/v1/auth/stream-ticket");
    let (identities, tickets) = identities(&app);
    let address = std::net::IpAddr::from([127, 0, 0, 1]);
    let redeem = async |ticket: &str| -> Result<Arc<Identity>, &'static str> {
        let redeemed = tickets.redeem(ticket, &identities, address, app.clock.now()).await;
        redeemed.map_err(|error| error.kind.slug())
    };
    for request in [
        request().bearer_auth(&access),
        request().bearer_auth(&access).json(&json!({"scope": ["stream:read"]})),
        request().header("X-API-Key", KEY),
    ] {
        let answer = send(request).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let body = answer.json();
        assert_eq!(body["expires_in"], 60);
        let ticket = body["ticket"].as_str().unwrap();
        let identity = redeem(ticket).await.unwrap();
        assert!(identity.may(Scope::StreamRead) && !identity.may(Scope::AlertsRead));
        assert_eq!(redeem(ticket).await, Err("ticket_invalid"));
    }
    assert_eq!(redeem("nonsense").await, Err("ticket_invalid"));
    // A minute later, also if Redis still has it.
    let ticket = send(request().bearer_auth(&access)).await.json()["ticket"]
        .as_str()
        .unwrap()
        .to_owned();
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(redeem(&ticket).await, Err("ticket_invalid"));
    let wide = request().header("X-API-Key", KEY).json(&json!({"scope": ["admin"]}));
    let refused = send(wide).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_can_write_to_redis_is_nobody_by_that() {
    let app = TestApp::start().await;
    let (identities, tickets) = identities(&app);
    let hasher = KeyHasher::new(&"".into()).unwrap();
    let mut redis = app.redis.connection.clone();
    // The entry of a real key, copied to the hash of a made-up one.
    assert_eq!(app.get(ME).await.status, 200);
    let entry = contracts::keys::auth_cache(&hex::encode(hasher.hash(KEY)));
    let copied: String = redis.get(&entry).await.unwrap();
    let forged = format!("sk_live_{}", "f".repeat(43));
    let name = contracts::keys::auth_cache(&hex::encode(hasher.hash(&forged)));
    let (): () = redis.set(&name, copied).await.unwrap();
    let request = app.anonymous(Method::GET, ME).header("X-API-Key", &forged);
    send(request).await.problem(401, "invalid_api_key");
    // A ticket's entry without its MAC.
    let ticket = "a".repeat(43);
    let name = hex::encode(hasher.hash_parts(&[b"stream ticket name", ticket.as_bytes()]));
    let text = json!({"credential": hasher.hash(KEY), "session_id": null, "scopes": ["admin"],
        "issued_at": app.clock.now()});
    let sealed = format!("{}:{text}", "0".repeat(64));
    let (): () = redis.set(contracts::keys::stream_ticket(&name), sealed).await.unwrap();
    let address = std::net::IpAddr::from([127, 0, 0, 1]);
    let redeemed = tickets.redeem(&ticket, &identities, address, app.clock.now()).await;
    assert_eq!(redeemed.unwrap_err().kind.slug(), "ticket_invalid");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_ins_of_one_user_do_not_pile_up() {
    let app = TestApp::start().await;
    let key = register(&app, "ada@example.com").await;
    let exchange = || {
        let request = app.anonymous(Method::POST, "/api/v1/auth/token");
        send(request.header("X-API-Key", &key))
    };
    let (oldest, _) = pair(&exchange().await.json());
    for _ in 0..10 {
        app.clock.advance(Duration::from_millis(1));
        for answer in join_all((0..10).map(|_| exchange())).await {
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
    }
    eventually("the oldest session has ended", || async {
        me(&app, &oldest).await.status == 401
    })
    .await;
    let client = app.database.pool.get().await.unwrap();
    let row = client
        .query_one(
            "SELECT count(*) AS n FROM accounts.sessions WHERE revoked_at IS NULL",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>("n"), 100);
}
