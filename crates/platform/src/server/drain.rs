//! Stopping without resetting anyone.
//!
//! actix-web's own graceful stop finishes the requests that run. It drops the connections that wait in the listener's
//! queue or for a worker, and the requests that have arrived on kept connections but were not read yet. So the stop
//! begins here: nothing new is let in, what has arrived is taken and answered with `Connection: close`, and only when
//! nothing has come for a while is the server told to stop.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{Extensions, ServerHandle, ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::middleware::Next;
use actix_web::web;
use rustix::event::{PollFd, PollFlags, Timespec};
use socket2::{SockFilter, SockRef};
use tokio::time::{Instant, sleep, timeout};

/// How long a handshake may take from our answer to the client's; also how long a worker may take to begin with a
/// connection.
const HANDSHAKE_GRACE: Duration = Duration::from_millis(100);
/// How long an open connection may be silent before it is closed. The next request on it within that time is answered.
const IDLE_GRACE: Duration = Duration::from_secs(1);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A server's connections, and whether they are being finished. Clones are handles to the same.
#[derive(Debug, Clone)]
pub struct Drain(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    listener: TcpListener,
    deadline: Duration,
    is_draining: AtomicBool,
    open: AtomicUsize,
    running: AtomicUsize,
    /// Connections and requests so far: as long as it changes, clients are at work.
    activity: AtomicU64,
}

/// Lives as long as its connection.
struct Open(Drain);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Lives as long as its request is worked on.
struct Running(Drain);

impl Running {
    fn begin(drain: &Drain) -> Self {
        drain.0.activity.fetch_add(1, Ordering::SeqCst);
        drain.0.running.fetch_add(1, Ordering::SeqCst);
        Self(drain.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drain {
    /// For a server on `listener` that has `deadline` to stop.
    ///
    /// # Errors
    ///
    /// The process has no file descriptor left.
    pub fn new(listener: &TcpListener, deadline: Duration) -> io::Result<Self> {
        Ok(Self(Arc::new(Shared {
            listener: listener.try_clone()?,
            deadline,
            is_draining: AtomicBool::new(false),
            open: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            activity: AtomicU64::new(0),
        })))
    }

    /// Counts a connection for as long as `extensions` live; to be called when a worker begins with it.
    pub fn count_connection(&self, extensions: &mut Extensions) {
        self.0.open.fetch_add(1, Ordering::SeqCst);
        self.0.activity.fetch_add(1, Ordering::SeqCst);
        extensions.insert(Arc::new(Open(self.clone())));
    }

    pub(super) fn deadline(&self) -> Duration {
        self.0.deadline
    }

    fn is_draining(&self) -> bool {
        self.0.is_draining.load(Ordering::SeqCst)
    }

    /// Returns when the server can be stopped: nobody can connect, and what was sent is being answered.
    pub(super) async fn finish(&self, handle: &ServerHandle) {
        self.0.is_draining.store(true, Ordering::SeqCst);
        // The rest is for the requests that still run.
        let limit = self.0.deadline.mul_f32(0.75);
        let finished = timeout(limit, async {
            if let Err(error) = self.close_listener(handle).await {
                tracing::warn!(%error, "the listener could not be emptied before its end");
            }
            self.wait_until_silent().await;
        });
        if finished.await.is_err() {
            tracing::debug!("clients are still at work, stopping all the same");
        }
    }

    /// Closing a listener resets the connections in its queue. So new handshakes are kept out first, and it is closed
    /// once its queue stays empty. A client whose handshake is ignored tries again a second later, and is then refused
    /// or finds our successor.
    async fn close_listener(&self, handle: &ServerHandle) -> io::Result<()> {
        let socket = SockRef::from(&self.0.listener);
        socket.attach_filter(&ignore_handshakes())?;
        loop {
            self.wait_until_queue_is_empty().await?;
            // Or the acceptor complains about the end of the listener.
            handle.pause().await;
            if !self.has_queue()? {
                return socket.shutdown(std::net::Shutdown::Both);
            }
            handle.resume().await;
        }
    }

    async fn wait_until_queue_is_empty(&self) -> io::Result<()> {
        let mut empty_since = Instant::now();
        while empty_since.elapsed() < HANDSHAKE_GRACE {
            sleep(POLL_INTERVAL).await;
            if self.has_queue()? {
                empty_since = Instant::now();
            }
        }
        Ok(())
    }

    /// Whether a connection waits to be accepted.
    fn has_queue(&self) -> io::Result<bool> {
        let mut asked = [PollFd::new(&self.0.listener, PollFlags::IN)];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        Ok(rustix::event::poll(&mut asked, Some(&at_once))? > 0)
    }

    async fn wait_until_silent(&self) {
        let mut seen = self.0.activity.load(Ordering::SeqCst);
        let mut silent_since = Instant::now();
        loop {
            sleep(POLL_INTERVAL).await;
            let activity = self.0.activity.load(Ordering::SeqCst);
            // A worker without connections ends at once when the server is stopped, and with it the pooled connections to
            // other services that it opened. A request of another worker may be using one.
            let is_running = self.0.running.load(Ordering::SeqCst) > 0;
            if activity != seen || is_running {
                (seen, silent_since) = (activity, Instant::now());
            }
            let grace = if self.0.open.load(Ordering::SeqCst) == 0 {
                HANDSHAKE_GRACE
            } else {
                IDLE_GRACE
            };
            if silent_since.elapsed() >= grace {
                return;
            }
        }
    }
}

/// Middleware, the outermost one: asks clients to close their connections while the server drains.
pub async fn close_while_draining<B: MessageBody>(
    drain: web::Data<Drain>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let _running = Running::begin(&drain);
    let mut response = next.call(request).await?;
    if drain.is_draining() {
        response
            .response_mut()
            .head_mut()
            .set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}

/// A socket filter for the listener, which sees every segment from the TCP header on: drops those with SYN, so that no
/// handshake begins, and lets the others finish what has begun.
fn ignore_handshakes() -> [SockFilter; 4] {
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_BITS_SET: u16 = 0x45;
    const RETURN: u16 = 0x06;
    const FLAGS_OFFSET: u32 = 13;
    const SYN: u32 = 0x02;
    [
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS_OFFSET),
        SockFilter::new(JUMP_IF_BITS_SET, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ]
}
