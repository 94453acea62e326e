//! Endpoints that close a kept connection just when the next webhook comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::harness::TestStack;

/// What an endpoint does with the next request on a connection it has answered enough on.
#[derive(Clone, Copy)]
enum End {
    /// Closes it without reading: the sender gets a reset.
    Reset,
    /// Reads the request and closes.
    Close,
}

struct ClosingEndpoint {
    url: String,
    connections: Arc<AtomicUsize>,
}

impl ClosingEndpoint {
    /// Answers `answers` requests on each connection.
    async fn start(answers: usize, end: End) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(socket, answers, end));
            }
        });
        Self { url, connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve(socket: TcpStream, answers: usize, end: End) {
    let mut stream = BufReader::new(socket);
    for _ in 0..answers {
        if read_request(&mut stream).await.is_err() {
            return;
        }
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        stream.get_mut().write_all(answer).await.unwrap();
    }
    match end {
        // What is unread when a socket closes turns its end into a reset.
        End::Reset => drop(stream.into_inner().peek(&mut [0]).await),
        End::Close => drop(read_request(&mut stream).await),
    }
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> std::io::Result<()> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            return stream.read_exact(&mut vec![0; length]).await.map(drop);
        }
    }
}

/// Delivers two webhooks one after the other, and returns the attempts of the second.
async fn second_of_two(url: &str) -> serde_json::Value {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    let user = Uuid::now_v7();
    service.create(user, "BTC", "gt", "70000", url).await;
    let second = service.create(user, "BTC", "gt", "80000", url).await;
    let delivered = "SELECT count(*) FROM alerting.delivery_attempts WHERE response_code = 200";
    stack.publish("BTC", "70001").await;
    stack.wait_for_count(delivered, 1).await;
    stack.publish("BTC", "80001").await;
    stack.wait_for_count(delivered, 2).await;
    let path = format!("/alerts/{}/deliveries", second["id"].as_str().unwrap());
    let (status, deliveries) = service.get(&path, user).await;
    assert_eq!(status, 200);
    service.stop().await;
    deliveries["items"].clone()
}

#[tokio::test]
async fn reset_of_a_kept_connection_costs_no_attempt() {
    let endpoint = ClosingEndpoint::start(1, End::Reset).await;
    let attempts = second_of_two(&endpoint.url).await;
    assert_eq!(attempts.as_array().unwrap().len(), 1, "{attempts}");
    assert_eq!(attempts[0]["attempt"], json!(1), "{attempts}");
    assert_eq!(endpoint.connections(), 2);
}

#[tokio::test]
async fn close_of_a_kept_connection_costs_no_attempt() {
    let endpoint = ClosingEndpoint::start(1, End::Close).await;
    let attempts = second_of_two(&endpoint.url).await;
    assert_eq!(attempts.as_array().unwrap().len(), 1, "{attempts}");
    assert_eq!(attempts[0]["attempt"], json!(1), "{attempts}");
    assert_eq!(endpoint.connections(), 2);
}

#[tokio::test]
async fn new_connection_that_is_closed_is_a_failed_attempt() {
    let endpoint = ClosingEndpoint::start(0, End::Close).await;
    let stack = TestStack::new().await;
    let settings = [("WEBHOOK_MAX_ATTEMPTS", "1")];
    let service = stack
        .start_with(&settings, platform::clock::SystemClock::shared())
        .await;
    service
        .create(Uuid::now_v7(), "BTC", "gt", "70000", &endpoint.url)
        .await;
    stack.publish("BTC", "70001").await;
    let closed =
        "SELECT count(*) FROM alerting.delivery_attempts WHERE error_msg = 'connection closed without an answer'";
    stack.wait_for_count(closed, 1).await;
    assert_eq!(endpoint.connections(), 1);
    service.stop().await;
}
