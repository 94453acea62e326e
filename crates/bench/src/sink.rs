//! An endpoint of webhooks that answers 200 at once and remembers when the first byte of each request came.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::load::content_length;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// An endpoint; it stops with the process.
pub struct Sink {
    pub port: u16,
    arrivals: Arc<Mutex<Vec<Instant>>>,
    count: watch::Receiver<usize>,
}

impl Sink {
    /// Starts one on a free port.
    ///
    /// # Errors
    ///
    /// There is none.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let arrivals = Arc::new(Mutex::new(Vec::new()));
        let (counted, count) = watch::channel(0);
        let shared = Arc::clone(&arrivals);
        tokio::spawn(async move {
            let counted = Arc::new(counted);
            while let Ok((stream, _)) = listener.accept().await {
                let (arrivals, counted) = (Arc::clone(&shared), Arc::clone(&counted));
                tokio::spawn(async move {
                    // A sender that goes away ends its connection, nothing else.
                    let _ = receive(stream, &arrivals, &counted).await;
                });
            }
        });
        Ok(Self { port, arrivals, count })
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    pub fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// Waits until `total` have come since the start.
    ///
    /// # Errors
    ///
    /// They did not come in time.
    pub async fn wait_for(&self, total: usize, deadline: Duration) -> anyhow::Result<()> {
        let mut count = self.count.clone();
        let come = tokio::time::timeout(deadline, count.wait_for(|count| *count >= total)).await;
        come.with_context(|| format!("{} of {total} webhooks came in {deadline:?}", self.count()))??;
        Ok(())
    }

    /// When the first byte of the n-th request came.
    pub fn first_byte(&self, index: usize) -> Option<Instant> {
        self.arrivals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(index)
            .copied()
    }
}

async fn receive(
    mut stream: TcpStream,
    arrivals: &Mutex<Vec<Instant>>,
    counted: &watch::Sender<usize>,
) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer: Vec<u8> = Vec::with_capacity(8 * 1024);
    loop {
        if buffer.is_empty() && stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        let first_byte = Instant::now();
        let end = loop {
            if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        let head = std::str::from_utf8(buffer.get(..end).unwrap_or_default())?;
        let total = end + 4 + content_length(head).unwrap_or(0);
        while buffer.len() < total {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        buffer.drain(..total);
        arrivals.lock().unwrap_or_else(PoisonError::into_inner).push(first_byte);
        counted.send_modify(|count| *count += 1);
        stream.write_all(OK).await?;
    }
}
