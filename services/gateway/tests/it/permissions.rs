//! Every route × role × credential: the table of the code decides, and nothing else.

use std::collections::BTreeMap;

use gateway::auth::{Role, Scope};
use gateway::route::RouteDoc;
use gateway::route_policy::Access;
use gateway::router;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::harness::{Answer, TestApp, send};

/// What a request is sent with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Credential {
    None,
    /// A key that is confined to nothing.
    Key,
    /// An access token of a log-in by that key.
    Token,
    /// A key without any scope.
    NoScope,
    /// A key with all scopes but the route's.
    OtherScopes,
    /// A key with the route's scope only.
    OnlyScope,
}

const CREDENTIALS: [Credential; 6] = [
    Credential::None,
    Credential::Key,
    Credential::Token,
    Credential::NoScope,
    Credential::OtherScopes,
    Credential::OnlyScope,
];

/// The outcome that the policy of a route means for a role and a credential: the kind of the refusal, or none.
fn expected(access: Access, role: Role, credential: Credential) -> Option<&'static str> {
    let scope = match access {
        Access::Public => return None,
        Access::Authenticated => None,
        Access::Scoped(scope) | Access::PublicRates(scope) => Some(scope),
    };
    if credential == Credential::None {
        return Some("missing_credentials");
    }
    let scope = scope?;
    if !role.permits(scope) {
        return Some("forbidden");
    }
    let is_confined = matches!(credential, Credential::NoScope | Credential::OtherScopes);
    is_confined.then_some("forbidden")
}

struct Keys {
    app: TestApp,
    /// By role and scopes.
    keys: BTreeMap<(Role, Option<Vec<Scope>>), String>,
}

impl Keys {
    async fn key(&mut self, role: Role, scopes: Option<Vec<Scope>>) -> String {
        let known = (role, scopes.clone());
        if let Some(key) = self.keys.get(&known) {
            return key.clone();
        }
        let (id, key) = self.app.register(&format!("{}@example.com", Uuid::now_v7())).await;
        let client = self.app.database.pool.get().await.unwrap();
        client
            .execute(
                "UPDATE accounts.users SET role = $2 WHERE id = $1",
                &[&id, &role.as_str()],
            )
            .await
            .unwrap();
        let names: Option<Vec<&str>> = scopes
            .as_ref()
            .map(|scopes| scopes.iter().map(|scope| scope.as_str()).collect());
        client
            .execute(
                "UPDATE accounts.api_keys SET scopes = $2 WHERE user_id = $1",
                &[&id, &names],
            )
            .await
            .unwrap();
        self.keys.insert(known, key.clone());
        key
    }

    async fn send(&mut self, doc: &RouteDoc, role: Role, credential: Credential) -> Answer {
        let scope = match doc.policy.access {
            Access::Scoped(scope) | Access::PublicRates(scope) => Some(scope),
            Access::Public | Access::Authenticated => None,
        };
        let scopes = match credential {
            Credential::None | Credential::Key | Credential::Token => None,
            Credential::NoScope => Some(Vec::new()),
            Credential::OtherScopes => Some(Scope::ALL.iter().copied().filter(|one| Some(*one) != scope).collect()),
            Credential::OnlyScope => Some(scope.into_iter().collect()),
        };
        let key = self.key(role, scopes).await;
        let request = self.app.anonymous(doc.method.parse().unwrap(), &path_of(doc));
        let request = match credential {
            Credential::None => request,
            Credential::Token => {
                let exchange = self.app.anonymous(Method::POST, "/api/v1/auth/token");
                let tokens = send(exchange.header("X-API-Key", key)).await.json();
                request.bearer_auth(tokens["accessToken"].as_str().unwrap())
            }
            Credential::Key | Credential::NoScope | Credential::OtherScopes | Credential::OnlyScope => {
                request.header("X-API-Key", key)
            }
        };
        // A body that every rule refuses: nobody is to be erased here.
        send(request.json(&json!({"nothing": "such"}))).await
    }
}

fn path_of(doc: &RouteDoc) -> String {
    let steps = doc.path.split('/').map(|step| match step {
        "{ticker}" | "{symbol}" => "BTC".to_owned(),
        "{coin_id}" => "bitcoin".to_owned(),
        "{address}" => "203.0.113.9".to_owned(),
        step if step.starts_with('{') => Uuid::from_u128(1).to_string(),
        step => step.to_owned(),
    });
    steps.collect::<Vec<_>>().join("/")
}

/// How a request was refused by its credential, if it was.
fn refusal(answer: &Answer) -> Option<String> {
    let kind = serde_json::from_str::<serde_json::Value>(&answer.text)
        .ok()
        .and_then(|body| body["type"].as_str().map(str::to_owned))?;
    match kind.as_str() {
        "missing_credentials" => Some(kind),
        "insufficient_scope" | "insufficient_role" => Some("forbidden".to_owned()),
        // The credential passed: what follows is about the request.
        "invalid_api_key" | "invalid_token" | "credentials_conflict" => panic!("{}", answer.text),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_asks_for_what_its_policy_says() {
    let mut keys = Keys {
        app: TestApp::start().await,
        keys: BTreeMap::new(),
    };
    let routes = router::api();
    let mut checked = 0;
    for doc in routes.iter().flat_map(|route| route.docs()) {
        for role in Role::ALL {
            for credential in CREDENTIALS {
                // The exchange of a key takes keys only, which tests of sessions show.
                if doc.path == "/api/v1/auth/token" && credential == Credential::Token {
                    continue;
                }
                let answer = keys.send(doc, *role, credential).await;
                let wanted = expected(doc.policy.access, *role, credential);
                assert_eq!(
                    refusal(&answer).as_deref(),
                    wanted,
                    "{} {} as {role} with {credential:?}: {}",
                    doc.method,
                    doc.path,
                    answer.text
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 500, "{checked} combinations");
}
