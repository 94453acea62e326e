//! Looks up the host names of endpoints without a thread for each, so that a name server that hangs delays no other
//! look-up.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use tokio::sync::Semaphore;

/// Longest wait for one response of a name server. There are two attempts.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// Longest time of a look-up, the wait for its turn included.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// Most look-ups under way at once.
const MAX_LOOKUPS: usize = 256;

/// Names that are remembered, for as long as their records allow and at most this long.
const CACHE_SIZE: u64 = 4_096;
const MAX_TTL: Duration = Duration::from_secs(60);
const MAX_NEGATIVE_TTL: Duration = Duration::from_secs(5);

/// Uses the machine's configuration (`/etc/resolv.conf`, `/etc/hosts`); clones share one cache.
#[derive(Clone)]
pub struct NameResolver {
    resolver: TokioResolver,
    turns: Arc<Semaphore>,
}

impl NameResolver {
    /// Reads the machine's configuration.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn new() -> anyhow::Result<Self> {
        let mut builder = TokioResolver::builder_tokio()?;
        let options = builder.options_mut();
        options.timeout = ANSWER_TIMEOUT;
        options.attempts = 1;
        options.cache_size = CACHE_SIZE;
        options.positive_max_ttl = Some(MAX_TTL);
        options.negative_max_ttl = Some(MAX_NEGATIVE_TTL);
        Ok(Self {
            resolver: builder.build()?,
            turns: Arc::new(Semaphore::new(MAX_LOOKUPS)),
        })
    }

    /// All addresses of a name, with port 0.
    ///
    /// # Errors
    /// When there is none, or no answer in time.
    pub async fn lookup(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        let looking_up = async {
            let _turn = self.turns.acquire().await.map_err(io::Error::other)?;
            let found = self.resolver.lookup_ip(name).await.map_err(io::Error::other)?;
            // The port is the connector's business: it replaces this one.
            let with_port = |address: IpAddr| SocketAddr::new(address, 0);
            Ok(found.iter().map(with_port).collect())
        };
        tokio::time::timeout(LOOKUP_TIMEOUT, looking_up)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl fmt::Debug for NameResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NameResolver")
    }
}
