//! A load generator: keep-alive connections, prepared bytes, and no more parsing than finding the end of a response.
//!
//! It shares the cores with what it measures, so every cycle it takes is one that the server does not have.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How many connections send requests at the same time.
const CONNECTIONS: usize = 32;

/// One response, to check it.
#[derive(Debug, Clone)]
pub struct LoadResponse {
    pub status: u16,
    pub body: String,
}

/// The bytes of a GET.
pub fn request(port: u16, path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// Sends one request.
///
/// # Errors
///
/// No response that this client understands.
pub async fn get(port: u16, request: &[u8]) -> anyhow::Result<LoadResponse> {
    let mut stream = connect(port).await?;
    let mut buffer = Vec::with_capacity(16 * 1024);
    stream.write_all(request).await?;
    let (status, head, length) = read_response(&mut stream, &mut buffer).await?;
    let body = buffer.get(head..head + length).unwrap_or_default();
    Ok(LoadResponse {
        status,
        body: String::from_utf8_lossy(body).into_owned(),
    })
}

/// Requests per second over a time.
///
/// # Errors
///
/// A response other than 200, or none.
pub async fn rate(port: u16, request: &[u8], length: Duration) -> anyhow::Result<f64> {
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let (stop, count, request) = (Arc::clone(&stop), Arc::clone(&count), request.to_vec());
        clients.push(tokio::spawn(async move {
            let mut stream = connect(port).await?;
            let mut buffer = Vec::with_capacity(16 * 1024);
            while !stop.load(Ordering::Relaxed) {
                stream.write_all(&request).await?;
                let (status, head, body) = read_response(&mut stream, &mut buffer).await?;
                if status != 200 {
                    bail!("answered {status}: {}", String::from_utf8_lossy(&buffer));
                }
                buffer.drain(..head + body);
                count.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        }));
    }
    let began = Instant::now();
    tokio::time::sleep(length).await;
    let (answered, took) = (count.load(Ordering::Relaxed), began.elapsed());
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await??;
    }
    Ok(answered as f64 / took.as_secs_f64())
}

async fn connect(port: u16) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.context("connect")?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Reads until `buffer` holds one response. Returns its status, the length of its head and that of its body.
async fn read_response(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<(u16, usize, usize)> {
    loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = std::str::from_utf8(buffer.get(..end).unwrap_or_default())?;
            let status = head.get(9..12).context("status")?.parse()?;
            let length = content_length(head).context("a response without content-length")?;
            while buffer.len() < end + 4 + length {
                if stream.read_buf(buffer).await? == 0 {
                    bail!("connection closed inside a response");
                }
            }
            return Ok((status, end + 4, length));
        }
        if stream.read_buf(buffer).await? == 0 {
            bail!("connection closed");
        }
    }
}

/// The announced length of a body.
pub fn content_length(head: &str) -> Option<usize> {
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    })
}
