//! Blocks IP addresses that fail to authenticate too often, and those that administrators name, on all gateways.
//!
//! Redis counts failures, in one atomic script; while it is down, each process counts for itself. A process also
//! remembers the blocks it imposed, so that a Redis that loses them does not lift them here. Blocks of administrators are
//! in PostgreSQL, as are the blocks that they lift: every gateway takes both over each second.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use contracts::problem::ProblemKind;
use jiff::Timestamp;
use moka::future::Cache;
use platform::clock::SharedClock;
use platform::network::{Network, any_contains};
use platform::redis::Connection;
use uuid::Uuid;

use super::failure_window::FailureWindow;
use super::imposed_blocks::ImposedBlocks;
use crate::error::ApiError;
use crate::rate_limit::policy::Quota;
use crate::request_context::client_network;
use crate::store::ip_blocks::IpBlockRow;

/// Addresses blocked after too many failed authentications.
const IP_BLOCKS: &str = "auth_ip_blocks_total";

/// How long an answer of Redis is reused: a new block holds on all gateways after that time.
const BLOCK_STATE_TTL: Duration = Duration::from_secs(1);
const MAX_ADDRESSES: u64 = 50_000;

/// Blocks that wait to be recorded at most.
const MAX_UNRECORDED: usize = 10_000;

/// A block that holds for an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    left: Duration,
    /// Whether an administrator added it; then no credential passes it.
    pub is_listed: bool,
}

/// A block that this process imposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewBlock {
    pub address: IpAddr,
    /// Failures that led to it.
    pub failures: u32,
    pub seconds: u32,
}

/// Counts failures and knows the blocked.
pub struct IpBlocker {
    failures: Quota,
    block_seconds: u32,
    allowlist: Vec<Network>,
    /// All gateways' blocks after failed authentications.
    pub imposed: ImposedBlocks,
    /// When such a block ends; `None` for an address that has none.
    known: Cache<IpAddr, Option<Instant>>,
    /// What this process counted and blocked itself.
    own: Mutex<FailureWindow>,
    listed: Mutex<Listed>,
    unrecorded: Mutex<VecDeque<NewBlock>>,
    clock: SharedClock,
}

/// What administrators have blocked and lifted, as this process has taken it over.
#[derive(Debug, Default)]
struct Listed {
    until: HashMap<IpAddr, Timestamp>,
    /// The liftings that are done here.
    lifted: HashMap<IpAddr, Uuid>,
}

impl Block {
    /// What a request from the address is told.
    pub fn refusal(&self) -> ApiError {
        let refusal = ApiError::new(ProblemKind::IpBlocked).retry_after(self.left.as_secs() + 1);
        if self.is_listed {
            return refusal.detail("An administrator has blocked this address.");
        }
        refusal
    }
}

impl IpBlocker {
    /// Blocks for `block_seconds` at the last failure that the quota allows, except addresses in `allowlist`.
    pub fn new(
        redis: Connection,
        failures: Quota,
        block_seconds: u32,
        allowlist: Vec<Network>,
        clock: SharedClock,
    ) -> Self {
        let known = Cache::builder()
            .max_capacity(MAX_ADDRESSES)
            .time_to_live(BLOCK_STATE_TTL)
            .build();
        let block = Duration::from_secs(u64::from(block_seconds));
        Self {
            failures,
            block_seconds,
            allowlist,
            imposed: ImposedBlocks::new(redis, failures, block_seconds),
            known,
            own: Mutex::new(FailureWindow::new(failures, block)),
            listed: Mutex::default(),
            unrecorded: Mutex::default(),
            clock,
        }
    }

    /// The block that holds for an address.
    pub async fn find(&self, address: IpAddr) -> Option<Block> {
        if self.is_exempt(address) {
            return None;
        }
        let address = client_network(address);
        if let Some(left) = self.listed_for(address) {
            return Some(Block { left, is_listed: true });
        }
        // The own blocks first: they need no round trip, and they hold when Redis has lost them.
        let own = self.own().blocked_until(address, Instant::now());
        let until = match own {
            Some(_) => own,
            None => match self.known.get(&address).await {
                Some(known) => known,
                // Concurrent requests of one address share one look-up.
                None => self.known.get_with(address, self.imposed.end_of(address)).await,
            },
        };
        let left = until?.checked_duration_since(Instant::now())?;
        Some(Block { left, is_listed: false })
    }

    /// Whether an address is never blocked.
    pub fn is_exempt(&self, address: IpAddr) -> bool {
        any_contains(&self.allowlist, address)
    }

    fn listed_for(&self, address: IpAddr) -> Option<Duration> {
        let until = *lock(&self.listed).until.get(&address)?;
        let left = until.duration_since(self.clock.now());
        left.is_positive().then(|| left.unsigned_abs())
    }

    /// Counts a failed authentication, and blocks the address at the last one that is permitted. The same credential
    /// counts once in a window: a program with an old key is no guesser, and others share its address.
    pub async fn note_failure(&self, address: IpAddr, credential: &[u8; 32]) {
        if self.is_exempt(address) {
            return;
        }
        let address = client_network(address);
        let is_blocked = match self.imposed.note_failure(address, credential).await {
            Ok(is_blocked) => is_blocked,
            Err(error) => {
                tracing::warn!(%error, "failed authentications are counted in this process");
                self.own().note(address, *credential, Instant::now())
            }
        };
        if !is_blocked {
            return;
        }
        tracing::error!(
            %address,
            block_seconds = self.block_seconds,
            "address blocked after failed authentications"
        );
        metrics::counter!(IP_BLOCKS).increment(1);
        // Also when Redis imposed the block, so that it outlives a flush of Redis here.
        self.own().block(address, Instant::now());
        let mut unrecorded = lock(&self.unrecorded);
        if unrecorded.len() < MAX_UNRECORDED {
            unrecorded.push_back(NewBlock {
                address,
                failures: self.failures.limit,
                seconds: self.block_seconds,
            });
        }
    }

    /// A block that this process imposed and that is not recorded yet.
    pub fn next_unrecorded(&self) -> Option<NewBlock> {
        lock(&self.unrecorded).pop_front()
    }

    /// Keeps one that could not be recorded.
    pub fn put_back(&self, block: NewBlock) {
        lock(&self.unrecorded).push_front(block);
    }

    /// Takes over what administrators have blocked and lifted: all that has not ended.
    pub async fn take_over(&self, rows: &[IpBlockRow]) {
        let lifts: Vec<IpAddr> = {
            let mut listed = lock(&self.listed);
            let (blocks, lifts): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.lifted_at.is_none());
            listed.until = blocks.iter().map(|row| (row.address, row.blocked_until)).collect();
            let lifts = lifts.iter().map(|row| (row.address, row.change_id)).collect();
            let before = std::mem::replace(&mut listed.lifted, lifts);
            // Each of them once: what the address does after it may block it again.
            let new = listed
                .lifted
                .iter()
                .filter(|(address, id)| before.get(*address) != Some(*id));
            new.map(|(address, _)| *address).collect()
        };
        for address in lifts {
            self.forget(address).await;
        }
    }

    /// Lifts the block that failed authentications imposed on an address, in Redis and here, and forgets its failures.
    /// False if there is none. The other gateways are told by the table.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub async fn lift(&self, address: IpAddr) -> Result<bool, ApiError> {
        let is_known = self.imposed.remove(address).await?;
        let is_own = self.forget(address).await;
        Ok(is_known || is_own)
    }

    /// Forgets what this process knows of an address. True if it had blocked it.
    async fn forget(&self, address: IpAddr) -> bool {
        let is_own = self.own().lift(address, Instant::now());
        self.known.invalidate(&address).await;
        is_own
    }

    fn own(&self) -> MutexGuard<'_, FailureWindow> {
        lock(&self.own)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
