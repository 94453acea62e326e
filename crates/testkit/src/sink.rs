//! A webhook endpoint that records requests and answers by a script.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use tokio::sync::watch;

/// Largest body that is recorded.
const BODY_LIMIT_BYTES: usize = 1024 * 1024;

/// What the sink answers to one request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// This status at once.
    Status(u16),
    /// This status with headers.
    With(u16, Vec<(String, String)>),
    /// This status after a while.
    Slow(Duration, u16),
    /// Nothing, for as long as the sender waits.
    Hang,
}

/// One request the sink got.
#[derive(Debug, Clone)]
pub struct Received {
    /// Path it was sent to.
    pub path: String,
    /// Headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body, byte for byte.
    pub body: Vec<u8>,
}

impl Received {
    /// A header's value, empty when it was not sent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// The body is not JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }
}

#[derive(Debug)]
struct State {
    received: Mutex<Vec<Received>>,
    scripts: Mutex<HashMap<String, VecDeque<Answer>>>,
    otherwise: Mutex<Answer>,
    count: watch::Sender<usize>,
}

/// An endpoint on a free port of the loopback interface; it stops when this value is dropped.
#[derive(Debug)]
pub struct WebhookSink {
    base: String,
    state: Arc<State>,
    handle: ServerHandle,
}

impl WebhookSink {
    /// A sink that answers 200 to everything.
    ///
    /// # Panics
    ///
    /// There is no free port.
    pub async fn start() -> Self {
        Self::listen_on(0).await
    }

    /// A sink on a port that a test must know beforehand, 0 for any free one.
    ///
    /// # Panics
    ///
    /// The port is taken.
    pub async fn listen_on(port: u16) -> Self {
        let state = Arc::new(State {
            received: Mutex::default(),
            scripts: Mutex::default(),
            otherwise: Mutex::new(Answer::Status(200)),
            count: watch::Sender::new(0),
        });
        let shared = web::Data::from(Arc::clone(&state));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .app_data(web::PayloadConfig::new(BODY_LIMIT_BYTES))
                .default_service(web::to(receive))
        })
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", port))
        .expect("a port to listen on");
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self {
            base: format!("http://{address}"),
            state,
            handle,
        }
    }

    /// The address of a path of the sink, such as `/hook`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        let (_, port) = self.base.rsplit_once(':').expect("an address with a port");
        port.parse().expect("a port")
    }

    /// Answers the next requests to `path` with these, one each.
    pub fn script(&self, path: &str, answers: impl IntoIterator<Item = Answer>) {
        let mut scripts = lock(&self.state.scripts);
        scripts.entry(path.to_owned()).or_default().extend(answers);
    }

    /// Answers with this where no script applies.
    pub fn otherwise(&self, answer: Answer) {
        *lock(&self.state.otherwise) = answer;
    }

    /// Everything received so far, in order of arrival.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        lock(&self.state.received).clone()
    }

    #[must_use]
    pub fn count(&self) -> usize {
        *self.state.count.borrow()
    }

    /// Waits until at least `n` requests were received and returns all of them.
    ///
    /// # Panics
    ///
    /// Fewer came before the deadline.
    pub async fn wait_for(&self, n: usize, deadline: Duration) -> Vec<Received> {
        self.wait_until(deadline, &format!("{n} requests"), |received| received.len() >= n)
            .await
    }

    /// Waits until what was received satisfies the condition, and returns all of it.
    ///
    /// # Panics
    ///
    /// It did not before the deadline; the message says what was awaited.
    pub async fn wait_until(
        &self,
        deadline: Duration,
        what: &str,
        mut enough: impl FnMut(&[Received]) -> bool,
    ) -> Vec<Received> {
        let mut count = self.state.count.subscribe();
        let waiting = async {
            loop {
                count.mark_unchanged();
                let received = self.received();
                if enough(&received) {
                    return received;
                }
                // The sender lives as long as `self`.
                drop(count.changed().await);
            }
        };
        match tokio::time::timeout(deadline, waiting).await {
            Ok(received) => received,
            Err(_) => panic!("waited {deadline:?} for {what}, the sink got {} requests", self.count()),
        }
    }
}

impl Drop for WebhookSink {
    fn drop(&mut self) {
        // The command is sent at once; its end is not waited for.
        drop(self.handle.stop(false));
    }
}

async fn receive(state: web::Data<State>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let path = request.path().to_owned();
    let headers = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let scripted = lock(&state.scripts).get_mut(&path).and_then(VecDeque::pop_front);
    let answer = scripted.unwrap_or_else(|| lock(&state.otherwise).clone());
    let count = {
        let mut received = lock(&state.received);
        received.push(Received {
            path,
            headers,
            body: body.to_vec(),
        });
        received.len()
    };
    state.count.send_replace(count);
    match answer {
        Answer::Status(code) => respond(code, &[]),
        Answer::With(code, headers) => respond(code, &headers),
        Answer::Slow(wait, code) => {
            tokio::time::sleep(wait).await;
            respond(code, &[])
        }
        Answer::Hang => std::future::pending().await,
    }
}

fn respond(code: u16, headers: &[(String, String)]) -> HttpResponse {
    let mut response = HttpResponse::build(StatusCode::from_u16(code).unwrap_or(StatusCode::OK));
    for (name, value) in headers {
        response.insert_header((name.as_str(), value.as_str()));
    }
    response.finish()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
