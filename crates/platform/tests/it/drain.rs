//! A server that is stopped under load: every request that reached it is answered, and nothing is reset.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::web;
use futures_util::future::join_all;
use platform::health::Readiness;
use platform::server::{resource, serve};
use platform::settings::{PROCESS_DEFAULTS, Variables, load_from};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::http::{Settings, TOKEN};

const BODY: &str = "answered";
/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(20);

struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

fn start() -> Running {
    platform::metrics::install("sample", "0.0.0").unwrap();
    let variables = Variables::from([
        ("PORT".to_owned(), "0".to_owned()),
        ("INTERNAL_TOKEN".to_owned(), TOKEN.to_owned()),
        ("SHUTDOWN_DEADLINE_SECONDS".to_owned(), "10".to_owned()),
    ]);
    let settings = load_from::<Settings>(&[PROCESS_DEFAULTS], &variables).unwrap().process;
    let stop = CancellationToken::new();
    let server = serve(&settings, Readiness::new().until(stop.clone()), |config| {
        config
            .service(resource("/quick", [(Method::GET, web::to(quick))]))
            .service(resource("/slow", [(Method::GET, web::to(slow))]))
            .service(resource("/long", [(Method::GET, web::to(long))]));
    })
    .unwrap();
    let address = server.address();
    let task = tokio::spawn(server.run(stop.clone()));
    Running { address, stop, task }
}

impl Running {
    async fn ended(self) {
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }
}

async fn quick() -> &'static str {
    BODY
}

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_millis(50)).await;
    BODY
}

/// Longer than a silent connection is kept during a stop.
async fn long() -> &'static str {
    tokio::time::sleep(Duration::from_millis(1500)).await;
    BODY
}

async fn ask(connection: &mut TcpStream, path: &str) -> std::io::Result<()> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: sample\r\nX-Internal-Token: {TOKEN}\r\n\r\n");
    connection.write_all(request.as_bytes()).await
}

/// Reads one answer whole; an end before that is an error.
async fn answer(connection: &mut TcpStream) -> std::io::Result<String> {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split_once("content-length: ").unwrap().1;
            let length: usize = length.lines().next().unwrap().parse().unwrap();
            if body.len() == length {
                return Ok(text);
            }
        }
        if tokio::time::timeout(PATIENCE, connection.read_buf(&mut read)).await?? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_sent_before_the_stop_are_answered() {
    const ROUNDS: usize = 25;
    const CONNECTIONS: usize = 400;
    let mut failures = Vec::new();
    for round in 0..ROUNDS {
        let server = start();
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS / 2 {
            let mut kept = TcpStream::connect(server.address).await.unwrap();
            ask(&mut kept, "/internal/quick").await.unwrap();
            answer(&mut kept).await.unwrap();
            connections.push(kept);
        }
        // New ones wait in the listener's queue, in a worker's queue, or are just read, when the stop comes.
        for _ in 0..CONNECTIONS / 2 {
            connections.push(TcpStream::connect(server.address).await.unwrap());
        }
        for (number, connection) in connections.iter_mut().enumerate() {
            let path = if number % 4 == 0 {
                "/internal/slow"
            } else {
                "/internal/quick"
            };
            ask(connection, path).await.unwrap();
        }
        server.stop.cancel();
        for (number, outcome) in join_all(connections.iter_mut().map(answer))
            .await
            .into_iter()
            .enumerate()
        {
            match outcome {
                Ok(text) if text.starts_with("http/1.1 200") => (),
                other => failures.push(format!("round {round}, connection {number}: {other:?}")),
            }
        }
        // Or the server waits for another request on those that were answered just before the stop.
        drop(connections);
        server.ended().await;
    }
    let first = failures.iter().take(5).collect::<Vec<_>>();
    assert!(
        failures.is_empty(),
        "{} of {}: {first:#?}",
        failures.len(),
        ROUNDS * CONNECTIONS
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_made_during_the_stop_are_answered_or_refused() {
    let server = start();
    let address = server.address;
    let clients: Vec<JoinHandle<usize>> = (0..8)
        .map(|_| {
            tokio::spawn(async move {
                let mut answered = 0;
                loop {
                    let mut connection = match TcpStream::connect(address).await {
                        Ok(connection) => connection,
                        Err(error) if error.kind() == ErrorKind::ConnectionRefused => return answered,
                        Err(error) => panic!("connecting: {error}"),
                    };
                    ask(&mut connection, "/internal/quick").await.unwrap();
                    answer(&mut connection).await.unwrap();
                    answered += 1;
                }
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    server.stop.cancel();
    let answered: usize = join_all(clients).await.into_iter().map(Result::unwrap).sum();
    assert!(answered > 100, "{answered}");
    server.ended().await;
}

#[tokio::test]
async fn kept_connections_are_answered_and_told_to_close() {
    let server = start();
    let mut kept = TcpStream::connect(server.address).await.unwrap();
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    for connection in [&mut kept, &mut idle] {
        ask(connection, "/internal/quick").await.unwrap();
        assert!(!answer(connection).await.unwrap().contains("connection: close"));
    }
    server.stop.cancel();
    // The server takes note of the stop a moment later; until then it keeps the connection.
    loop {
        ask(&mut kept, "/health/ready").await.unwrap();
        let refusal = answer(&mut kept).await.unwrap();
        assert!(refusal.starts_with("http/1.1 503"), "{refusal}");
        if refusal.contains("connection: close") {
            break;
        }
    }
    for mut connection in [kept, idle] {
        let rest = tokio::time::timeout(PATIENCE, connection.read(&mut [0])).await.unwrap();
        assert_eq!(rest.unwrap(), 0, "the server ends the connection, and nothing is reset");
    }
    server.ended().await;
}

#[tokio::test]
async fn no_worker_ends_while_a_request_runs() {
    let server = start();
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    let mut busy = TcpStream::connect(server.address).await.unwrap();
    ask(&mut idle, "/internal/quick").await.unwrap();
    answer(&mut idle).await.unwrap();
    ask(&mut busy, "/internal/long").await.unwrap();
    server.stop.cancel();
    let mut byte = [0];
    tokio::select! {
        text = answer(&mut busy) => assert!(text.unwrap().starts_with("http/1.1 200")),
        end = idle.read(&mut byte) => panic!("the other connection ended first: {end:?}"),
    }
    server.ended().await;
}
