use std::time::Duration;

use actix_web::http::Method;
use actix_web::web;
use contracts::problem::ProblemKind;
use platform::client::{ClientError, InternalClient};
use platform::health::Readiness;
use platform::problem::Problem;
use platform::request_id::{RequestContext, RequestId};
use platform::server::{Server, resource, serve};
use platform::settings::{PROCESS_DEFAULTS, Problems, ProcessSettings, Validate, Variables, load_from};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use url::Url;

pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";

#[derive(Debug, Deserialize)]
pub struct Settings {
    #[serde(flatten)]
    pub process: ProcessSettings,
}

impl Validate for Settings {
    fn validate(&self, problems: &mut Problems) {
        self.process.validate(problems);
    }
}

#[derive(Debug, Deserialize, Serialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Sum {
    a: u32,
    b: u32,
}

async fn add(body: web::Json<Sum>, id: RequestId) -> web::Json<Value> {
    web::Json(json!({"sum": body.a + body.b, "request_id": id, "current": RequestId::current()}))
}

async fn echo(query: web::Query<Sum>) -> web::Json<Sum> {
    web::Json(query.into_inner())
}

async fn fail() -> Result<web::Json<()>, Problem> {
    Err(Problem::new(ProblemKind::AlertDuplicate, "again").with_retry_after(7))
}

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_secs(60)).await;
    "late"
}

async fn nothing() -> actix_web::HttpResponse {
    actix_web::HttpResponse::NoContent().finish()
}

struct Running {
    base: Url,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<anyhow::Result<()>>,
}

fn settings(token: &str) -> ProcessSettings {
    let variables = Variables::from([
        ("PORT".to_owned(), "0".to_owned()),
        ("INTERNAL_TOKEN".to_owned(), token.to_owned()),
        ("SHUTDOWN_DEADLINE_SECONDS".to_owned(), "1".to_owned()),
    ]);
    load_from::<Settings>(&[PROCESS_DEFAULTS], &variables).unwrap().process
}

fn start(token: &str) -> Running {
    platform::metrics::install("sample", "0.0.0").unwrap();
    let readiness = Readiness::new().check("store", || async { anyhow::bail!("gone") });
    let server: Server = serve(&settings(token), readiness, |config| {
        config
            .service(resource(
                "/sums",
                [(Method::POST, web::to(add)), (Method::GET, web::to(echo))],
            ))
            .service(resource("/failures", [(Method::GET, web::to(fail))]))
            .service(resource("/nothing", [(Method::DELETE, web::to(nothing))]))
            .service(resource("/slow", [(Method::GET, web::to(slow))]));
    })
    .unwrap();
    let base = format!("http://{}", server.address()).parse().unwrap();
    let stop = CancellationToken::new();
    let task = tokio::spawn(server.run(stop.clone()));
    Running { base, stop, task }
}

impl Running {
    fn client(&self, token: &str) -> InternalClient {
        InternalClient::new(self.base.clone(), token.into(), Duration::from_millis(500)).unwrap()
    }

    fn raw(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client
            .request(method, self.base.join(path).unwrap())
            .header("X-Internal-Token", TOKEN)
    }
}

fn context() -> RequestContext {
    RequestId::generate().into()
}

#[tokio::test]
async fn a_request_carries_its_id_and_its_answer() {
    let server = start(TOKEN);
    let client = server.client(TOKEN);
    let context = context();
    let answer: Value = client.post("/sums", &Sum { a: 1, b: 2 }, &context).await.unwrap();
    assert_eq!(answer["sum"], 3);
    assert_eq!(answer["request_id"], context.request_id.as_str());
    assert_eq!(answer["current"], context.request_id.as_str());
    let echoed: Sum = client.get("/sums", &Sum { a: 5, b: 6 }, &context).await.unwrap();
    assert_eq!(echoed, Sum { a: 5, b: 6 });
    let () = client.delete("/nothing", &(), &context).await.unwrap();

    let raw = server.raw(reqwest::Method::GET, "/internal/sums?a=1&b=2");
    let accepted = raw.header("X-Request-Id", "abc.1").send().await.unwrap();
    assert_eq!(accepted.headers()["x-request-id"], "abc.1");
    let raw = server.raw(reqwest::Method::GET, "/internal/sums?a=1&b=2");
    let replaced = raw.header("X-Request-Id", "no spaces").send().await.unwrap();
    assert_eq!(replaced.headers()["x-request-id"].len(), 36);
}

#[tokio::test]
async fn request_without_the_credential_is_answered_with_401() {
    let server = start(TOKEN);
    for token in ["", "0123456789abcdef0123456789abcdeX"] {
        let error = server.client(token).get::<_, Value>("/sums", &(), &context()).await;
        match error {
            Err(ClientError::Problem(problem)) => assert_eq!(problem.status, 401),
            other => panic!("{other:?}"),
        }
    }
    let unset = start("");
    let error = unset.client("").get::<_, Value>("/unknown", &(), &context()).await;
    assert!(matches!(error, Err(ClientError::Problem(problem)) if problem.status == 401));
}

#[tokio::test]
async fn every_failure_has_the_problem_body() {
    use reqwest::Method;
    let server = start(TOKEN);
    let json = "application/json";
    let large = format!("{{\"a\": 1, \"b\": 2{}}}", " ".repeat(70_000));
    for (method, path, kind, body, status, slug) in [
        (Method::GET, "/internal/unknown", json, "", 404, "not_found"),
        (Method::GET, "/unknown", json, "", 404, "not_found"),
        (Method::DELETE, "/internal/sums", json, "", 405, "method_not_allowed"),
        (Method::POST, "/metrics", json, "", 405, "method_not_allowed"),
        (
            Method::POST,
            "/internal/sums",
            json,
            "{\"a\": 1,",
            400,
            "malformed_json",
        ),
        (
            Method::POST,
            "/internal/sums",
            json,
            "{\"a\": 1}",
            422,
            "validation_failed",
        ),
        (
            Method::POST,
            "/internal/sums",
            json,
            "{\"a\": 1, \"b\": 2, \"c\": 3}",
            422,
            "validation_failed",
        ),
        (
            Method::POST,
            "/internal/sums",
            "text/plain",
            "{}",
            415,
            "unsupported_media_type",
        ),
        (Method::POST, "/internal/sums", json, &large, 413, "body_too_large"),
        (
            Method::GET,
            "/internal/sums?a=x&b=1",
            json,
            "",
            400,
            "invalid_parameter",
        ),
        (Method::GET, "/internal/failures", json, "", 409, "alert_duplicate"),
    ] {
        let request = server.raw(method.clone(), path).header("Content-Type", kind);
        let answer = request.body(body.to_owned()).send().await.unwrap();
        let what = format!("{method} {path}");
        assert_eq!(answer.status(), status, "{what}");
        assert!(answer.headers().contains_key("x-request-id"), "{what}");
        if status == 405 {
            assert!(answer.headers().contains_key("allow"), "{what}");
        }
        let problem: Problem = answer.json().await.unwrap();
        assert_eq!((problem.status, problem.kind.slug()), (status, slug), "{what}");
    }
    let allow = server.raw(Method::DELETE, "/internal/sums").send().await.unwrap();
    assert_eq!(allow.headers()["allow"], "POST, GET");
    let busy = server.raw(Method::GET, "/internal/failures").send().await.unwrap();
    assert_eq!(busy.headers()["retry-after"], "7");
}

#[tokio::test]
async fn health_and_metrics_need_no_credential() {
    let server = start(TOKEN);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = async |path: &str| client.get(server.base.join(path).unwrap()).send().await.unwrap();
    let live = get("/health/live").await;
    assert_eq!(live.status(), 200);
    let ready = get("/health/ready").await;
    assert_eq!(ready.status(), 503);
    let body: Value = ready.json().await.unwrap();
    assert_eq!(body["dependencies"]["store"], "down");
    let metrics = get("/metrics").await.text().await.unwrap();
    let line = "http_requests_total{route=\"/health/live\",method=\"GET\",status=\"200\"}";
    assert!(metrics.contains(line), "{metrics}");
}

#[tokio::test]
async fn a_silent_or_absent_service_is_told_apart() {
    let server = start(TOKEN);
    let error = server
        .client(TOKEN)
        .get::<_, Value>("/slow", &(), &context())
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Timeout), "{error:?}");
    assert_eq!(Problem::from(error).status, 503);

    let free = platform::server::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let base = format!("http://{}", free.local_addr().unwrap()).parse().unwrap();
    drop(free);
    let client = InternalClient::new(base, TOKEN.into(), Duration::from_millis(500)).unwrap();
    let error = client.get::<_, Value>("/sums", &(), &context()).await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn a_stop_ends_the_server_within_the_deadline() {
    let server = start(TOKEN);
    let held = tokio::spawn(server.raw(reqwest::Method::GET, "/internal/slow").send());
    let client = server.client(TOKEN);
    let _: Sum = client.get("/sums", &Sum { a: 1, b: 1 }, &context()).await.unwrap();
    server.stop.cancel();
    tokio::time::timeout(Duration::from_secs(5), server.task)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    drop(held.await);
}

#[tokio::test]
async fn a_taken_address_is_an_error_that_names_it() {
    let server = start(TOKEN);
    let address = format!("127.0.0.1:{}", server.base.port().unwrap());
    let error = platform::server::bind(address.parse().unwrap()).unwrap_err();
    assert!(error.to_string().contains(&address), "{error:#}");
}
