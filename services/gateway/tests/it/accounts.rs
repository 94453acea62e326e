//! Registration, keys, and how fast a key stops working.

use std::net::{IpAddr, Ipv4Addr};

use gateway::auth::api_key::KeyHasher;
use gateway::auth::identity_cache::IdentityCache;
use reqwest::Method;
use serde_json::json;

use crate::harness::{KEY, TestApp, send};
use testkit::eventually;

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registration_shows_the_key_once_and_stores_only_its_hash() {
    let app = TestApp::start().await;
    let request = app
        .anonymous(Method::POST, "/api/v1/users/register/")
        .json(&json!({"email": "  Ada.L@EXAMPLE.Com "}));
    let answer = send(request).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.json();
    let key = body["api_key"].as_str().unwrap();
    assert_eq!(body["raw_api_key"], key);
    assert!(key.starts_with("sk_live_") && key.len() == 51, "{key}");
    assert_eq!(body["email"], "Ada.L@example.com");
    assert_eq!(body["is_active"], true);
    assert_eq!(body["created_at"], "2026-03-01T12:00:00.000Z");
    assert_eq!(body.as_object().unwrap().len(), 6);

    let client = app.database.pool.get().await.unwrap();
    let row = client
        .query_one(
            "SELECT k::text, key_hash, prefix FROM accounts.api_keys k WHERE user_id::text = $1",
            &[&body["id"].as_str().unwrap()],
        )
        .await
        .unwrap();
    assert!(!row.get::<_, String>(0).contains(&key[12..]));
    assert_eq!(row.get::<_, Vec<u8>>(1), KeyHasher::new(&"".into()).unwrap().hash(key));
    assert_eq!(row.get::<_, String>(2), key[..12]);

    let me = send(app.anonymous(Method::GET, "/api/v1/users/me").header("X-API-Key", key)).await;
    assert_eq!(
        me.json(),
        json!({"id": body["id"], "email": "Ada.L@example.com", "is_active": true,
        "created_at": "2026-03-01T12:00:00.000Z",
            "role": "reader", "tier": "enterprise"})
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn email_registers_once_whatever_its_case() {
    let app = TestApp::start().await;
    app.register("Bob@example.com").await;
    for email in ["Bob@example.com", "bOB@EXAMPLE.com"] {
        let answer = send(
            app.anonymous(Method::POST, "/api/v1/users/register")
                .json(&json!({"email": email})),
        )
        .await;
        let body = answer.problem(400, "email_already_registered");
        assert_eq!(body["detail"], "User with this email already exists");
    }
    let many = (0..8).map(|_| {
        send(
            app.anonymous(Method::POST, "/api/v1/users/register")
                .json(&json!({"email": "c@example.com"})),
        )
    });
    let answers = futures_util::future::join_all(many).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 400).count(), 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn password_is_stored_as_a_hash_only() {
    let app = TestApp::start().await;
    let register = |password: &str| {
        let body = json!({"email": "carol@example.com", "password": password});
        send(app.anonymous(Method::POST, "/api/v1/users/register").json(&body))
    };
    for (password, violation) in [("short pw", "too_short"), (&*"x".repeat(129), "too_long")] {
        let answer = register(password).await;
        answer.problem(422, "validation_failed");
        assert_eq!(answer.violations(), [format!("body.password {violation}")]);
    }
    let answer = register("correct horse").await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert!(!answer.text.contains("correct horse"));

    let client = app.database.pool.get().await.unwrap();
    let row = client
        .query_one(
            "SELECT u::text, password_hash FROM accounts.users u WHERE email LIKE 'carol@%'",
            &[],
        )
        .await
        .unwrap();
    assert!(!row.get::<_, String>(0).contains("correct horse"));
    assert!(row.get::<_, String>(1).starts_with("$argon2id$"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_violation_of_a_registration_is_named() {
    let app = TestApp::start().await;
    let request = json!({"email": "a", "password": 1, "name": "A"});
    let answer = send(app.anonymous(Method::POST, "/api/v1/users/register").json(&request)).await;
    answer.problem(422, "validation_failed");
    assert_eq!(
        answer.violations(),
        [
            "body.email email",
            "body.password string_type",
            "body.name extra_forbidden"
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_are_told_apart() {
    let app = TestApp::start().await;
    let get = || app.anonymous(Method::GET, "/api/v1/users/me");
    let answer = send(get()).await;
    assert_eq!(
        answer.problem(401, "missing_credentials")["detail"],
        "Missing API Key in headers"
    );
    assert_eq!(answer.header("www-authenticate"), "Bearer, ApiKey");
    for key in ["", "nonsense", "sk_live_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"] {
        let answer = send(get().header("X-API-Key", key)).await;
        assert_eq!(
            answer.problem(401, "invalid_api_key")["detail"],
            "Invalid or inactive API Key"
        );
    }
    send(get().bearer_auth("x.y.z")).await.problem(401, "invalid_token");
    send(get().bearer_auth("x.y.z").header("X-API-Key", KEY))
        .await
        .problem(401, "credentials_conflict");
    assert_eq!(send(get().header("X-API-Key", KEY)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revoked_key_stops_at_once_on_every_gateway() {
    let app = TestApp::start().await;
    let (other, stop, _running) = app.start_gateway(&[]).await;
    let (_, key) = app.register("d@example.com").await;
    let on = |base: &str| {
        app.http
            .get(format!("{base}/api/v1/users/me"))
            .header("X-API-Key", &key)
    };
    for base in [&app.base, &other] {
        assert_eq!(send(on(base)).await.status, 200);
    }
    let client = app.database.pool.get().await.unwrap();
    let ids = gateway::store::api_keys::list_by_prefix(&client, &key).await.unwrap();
    let (used, _receiver) = tokio::sync::mpsc::channel(1);
    let directory = gateway::auth::identity_cache::IdentityCache::new(
        app.database.pool.clone(),
        app.redis.connection.clone(),
        KeyHasher::new(&"".into()).unwrap(),
        platform::clock::SystemClock::shared(),
        used,
    );
    assert!(directory.revoke(ids[0]).await.unwrap());
    let revoked_at = std::time::Instant::now();
    for base in [&app.base, &other] {
        eventually("the key is refused", || async { send(on(base)).await.status == 401 }).await;
    }
    assert!(
        revoked_at.elapsed() < std::time::Duration::from_secs(4),
        "by announcement, not by the end of copies"
    );
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn earlier_look_up_does_not_restore_a_revoked_key() {
    let app = TestApp::start().await;
    let (_, key) = app.register("f@example.com").await;
    let hash = KeyHasher::new(&"".into()).unwrap().hash(&key);
    let name = contracts::keys::auth_cache(&hex::encode(hash));
    let mut redis = app.redis.connection.clone();
    let me = app.anonymous(Method::GET, "/api/v1/users/me").header("X-API-Key", &key);
    assert_eq!(send(me).await.status, 200);
    let cached: Option<String> = redis::AsyncCommands::get(&mut redis, &name).await.unwrap();
    assert!(cached.unwrap().contains("f@example.com"));

    // While the marker stands, the identity is read from PostgreSQL and the entry is not filled.
    let (used, _receiver) = tokio::sync::mpsc::channel(1);
    let hasher = KeyHasher::new(&"".into()).unwrap();
    let directory = gateway::auth::identity_cache::IdentityCache::new(
        app.database.pool.clone(),
        app.redis.connection.clone(),
        hasher,
        platform::clock::SystemClock::shared(),
        used,
    );
    directory.invalidate(&hash).await.unwrap();
    assert!(directory.find(&key, LOCALHOST).await.unwrap().is_some());
    let cached: Option<String> = redis::AsyncCommands::get(&mut redis, &name).await.unwrap();
    assert_eq!(cached.as_deref(), Some(""));
}

fn directory(app: &TestApp, redis: platform::redis::Connection) -> IdentityCache {
    let (used, _receiver) = tokio::sync::mpsc::channel(1);
    let hasher = KeyHasher::new(&"".into()).unwrap();
    let clock = platform::clock::SystemClock::shared();
    IdentityCache::new(app.database.pool.clone(), redis, hasher, clock, used)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn look_up_during_an_invalidation_is_not_cached() {
    let app = TestApp::start().await;
    let (_, key) = app.register("g@example.com").await;
    let name = hex::encode(KeyHasher::new(&"".into()).unwrap().hash(&key));
    let mut redis = app.redis.connection.clone();
    let directory = directory(&app, redis.clone());

    let mut client = app.database.pool.get().await.unwrap();
    let lock = client.transaction().await.unwrap();
    lock.batch_execute("LOCK TABLE accounts.api_keys IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let announced_meanwhile = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        directory.on_revoked(&name).await;
        lock.rollback().await.unwrap();
    };
    let (found, ()) = tokio::join!(directory.find(&key, LOCALHOST), announced_meanwhile);
    assert!(found.unwrap().is_some());

    client
        .execute("UPDATE accounts.api_keys SET revoked_at = now()", &[])
        .await
        .unwrap();
    let (): () = redis::AsyncCommands::del(&mut redis, contracts::keys::auth_cache(&name))
        .await
        .unwrap();
    assert!(directory.find(&key, LOCALHOST).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_is_revoked_while_redis_is_away_and_gateways_obey() {
    let app = TestApp::start().await;
    let (_, key) = app.register("h@example.com").await;
    let me = || {
        let request = app.anonymous(Method::GET, "/api/v1/users/me");
        send(request.header("X-API-Key", &key))
    };
    assert_eq!(me().await.status, 200);
    let closed = format!("redis://127.0.0.1:{}", testkit::ports::free());
    let redis = platform::redis::connect(&app.settings(&[("REDIS_URL", &closed)]).redis).unwrap();
    let client = app.database.pool.get().await.unwrap();
    let ids = gateway::store::api_keys::list_by_prefix(&client, &key).await.unwrap();
    assert!(directory(&app, redis).revoke(ids[0]).await.unwrap());
    eventually("the key is refused", || async { me().await.status == 401 }).await;
    eventually("the change is passed on", || async {
        let sql = "SELECT count(*) FROM accounts.stale_identities";
        client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn change_of_a_user_holds_for_all_its_keys() {
    let app = TestApp::start().await;
    let (other, stop, _running) = app.start_gateway(&[]).await;
    let (id, first) = app.register("i@example.com").await;
    let second = gateway::auth::api_key::generate().unwrap();
    let client = app.database.pool.get().await.unwrap();
    let hasher = KeyHasher::new(&"".into()).unwrap();
    let now = jiff::Timestamp::UNIX_EPOCH;
    gateway::store::api_keys::insert(&client, &hasher, id, "second", &second, now)
        .await
        .unwrap();
    let keys = [first.as_str(), secrecy::ExposeSecret::expose_secret(&second)];
    let role = async |base: &str, key: &str| {
        let request = app.http.get(format!("{base}/api/v1/users/me"));
        send(request.header("X-API-Key", key)).await.json()["role"].clone()
    };
    for (base, key) in [(&app.base, keys[0]), (&other, keys[1])] {
        assert_eq!(role(base, key).await, "reader");
    }
    let changed_at = std::time::Instant::now();
    client
        .execute("UPDATE accounts.users SET role = 'admin' WHERE id = $1", &[&id])
        .await
        .unwrap();
    for (base, key) in [(&app.base, keys[0]), (&other, keys[1])] {
        eventually("the role has changed", || async { role(base, key).await == "admin" }).await;
    }
    assert!(
        changed_at.elapsed() < std::time::Duration::from_secs(4),
        "by announcement, not by the end of copies"
    );
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_identity_in_redis_is_not_used() {
    let app = TestApp::start().await;
    let (_, key) = app.register("j@example.com").await;
    let hash = KeyHasher::new(&"".into()).unwrap().hash(&key);
    let name = contracts::keys::auth_cache(&hex::encode(hash));
    let mut redis = app.redis.connection.clone();
    let me = || {
        let request = app.anonymous(Method::GET, "/api/v1/users/me");
        send(request.header("X-API-Key", &key))
    };
    assert_eq!(me().await.status, 200);
    let entry: String = redis::AsyncCommands::get(&mut redis, &name).await.unwrap();
    let forged = entry.replace("\"reader\"", "\"admin\"");
    assert_ne!(forged, entry);
    // A gateway that has no copy of its own reads the entry.
    for text in [forged.as_str(), forged.split_once(':').unwrap().1] {
        let (): () = redis::AsyncCommands::set(&mut redis, &name, text).await.unwrap();
        let fresh = directory(&app, redis.clone());
        let identity = fresh.find(&key, LOCALHOST).await.unwrap().unwrap();
        assert_eq!(identity.role.as_str(), "reader");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inactive_user_and_expired_key_are_refused() {
    let app = TestApp::start().await;
    let (id, key) = app.register("e@example.com").await;
    let client = app.database.pool.get().await.unwrap();
    client
        .execute("UPDATE accounts.users SET is_active = false WHERE id = $1", &[&id])
        .await
        .unwrap();
    let me = || send(app.anonymous(Method::GET, "/api/v1/users/me").header("X-API-Key", &key));
    me().await.problem(401, "invalid_api_key");

    client
        .execute("UPDATE accounts.users SET is_active = true WHERE id = $1", &[&id])
        .await
        .unwrap();
    client
        .execute(
            "UPDATE accounts.api_keys SET expires_at = '2026-03-01T12:00:10Z' WHERE user_id = $1",
            &[&id],
        )
        .await
        .unwrap();
    // It was just looked up in vain, so it is known again when the change is announced.
    eventually("the key is known again", || async { me().await.status == 200 }).await;
    app.clock.advance(std::time::Duration::from_secs(10));
    me().await.problem(401, "invalid_api_key");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_permits_only_its_scopes() {
    let app = TestApp::start().await;
    let (id, key) = app.register("f@example.com").await;
    let client = app.database.pool.get().await.unwrap();
    client
        .execute(
            "UPDATE accounts.api_keys SET scopes = '{market:read}' WHERE user_id = $1",
            &[&id],
        )
        .await
        .unwrap();
    let get = |path: &'static str| send(app.anonymous(Method::GET, path).header("X-API-Key", &key));
    assert_eq!(get("/api/v1/quotes").await.status, 200);
    assert_eq!(get("/api/v1/users/me").await.status, 200);
    let answer = get("/api/v1/alerts/").await;
    let body = answer.problem(403, "insufficient_scope");
    assert_eq!(body["errors"][0]["params"]["required"], json!(["alerts:read"]));
    assert!(
        !answer.header("ratelimit").is_empty(),
        "the limit comes before the permission"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_use_is_recorded() {
    let app = TestApp::start().await;
    assert_eq!(app.get("/api/v1/users/me").await.status, 200);
    // The first use is written down with the next tick, or at the stop at the latest.
    let settings = app.settings(&[]);
    let state_pool = platform::postgres::connect(&settings.postgres).unwrap();
    eventually("the use is written down", || async {
        let client = state_pool.get().await.unwrap();
        let row = client
            .query_one(
                "SELECT count(*) FROM accounts.api_keys WHERE last_used_at IS NOT NULL",
                &[],
            )
            .await;
        row.unwrap().get::<_, i64>(0) == 1 || send(app.request(Method::GET, "/api/v1/users/me")).await.status != 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn demo_account_is_handed_out_only_where_it_is_set() {
    let app = TestApp::start().await;
    let answer = send(app.anonymous(Method::GET, "/demo/account")).await;
    assert_eq!(
        answer.json(),
        json!({"email": "demo@cryptolens.example", "api_key": KEY})
    );
    let (bare, stop, _running) = app.start_gateway(&[("DEMO_API_KEY", "")]).await;
    send(app.http.get(format!("{bare}/demo/account")))
        .await
        .problem(404, "not_found");
    stop.cancel();
}
