//! Failed authentications in a sliding window, and the blocks that follow, as one process counts them without Redis.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::bounded_map::evict;
use crate::rate_limit::policy::Quota;

/// Bounds the memory that a client with many addresses can make this process use.
const MAX_ADDRESSES: usize = 50_000;

/// Hash of a credential that failed.
pub type CredentialHash = [u8; 32];

#[derive(Debug)]
pub struct FailureWindow {
    permitted: Quota,
    block: Duration,
    noted: HashMap<IpAddr, VecDeque<(Instant, CredentialHash)>>,
    blocked: HashMap<IpAddr, Instant>,
}

impl FailureWindow {
    /// Blocks an address for `block` at the last failure that `permitted` allows.
    pub fn new(permitted: Quota, block: Duration) -> Self {
        Self {
            permitted,
            block,
            noted: HashMap::new(),
            blocked: HashMap::new(),
        }
    }

    /// Counts a failure, the same credential once. True if it is the last one that is permitted.
    pub fn note(&mut self, address: IpAddr, credential: CredentialHash, now: Instant) -> bool {
        let window = self.permitted.window();
        evict(&mut self.noted, MAX_ADDRESSES, |times| {
            times.back().is_some_and(|(last, _)| now.duration_since(*last) < window)
        });
        let times = self.noted.entry(address).or_default();
        times.retain(|(_, known)| *known != credential);
        while times
            .front()
            .is_some_and(|(first, _)| now.duration_since(*first) >= window)
        {
            times.pop_front();
        }
        times.push_back((now, credential));
        let is_last = times.len() >= self.permitted.limit as usize;
        if is_last {
            self.noted.remove(&address);
        }
        is_last
    }

    /// Blocks an address from now on.
    pub fn block(&mut self, address: IpAddr, now: Instant) {
        evict(&mut self.blocked, MAX_ADDRESSES, |until| *until > now);
        self.blocked.insert(address, now + self.block);
    }

    /// Ends the block of an address, and forgets its failures. True if it was blocked.
    pub fn lift(&mut self, address: IpAddr, now: Instant) -> bool {
        self.noted.remove(&address);
        self.blocked.remove(&address).is_some_and(|until| until > now)
    }

    /// When the block of an address ends, if it has one.
    pub fn blocked_until(&mut self, address: IpAddr, now: Instant) -> Option<Instant> {
        let until = *self.blocked.get(&address)?;
        if until <= now {
            self.blocked.remove(&address);
            return None;
        }
        Some(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures() -> FailureWindow {
        FailureWindow::new("20/60".parse().unwrap(), Duration::from_secs(900))
    }

    fn credential(n: u32) -> CredentialHash {
        let mut hash = [0; 32];
        hash[..4].copy_from_slice(&n.to_be_bytes());
        hash
    }

    #[test]
    fn same_credential_counts_once() {
        let (mut failures, now) = (failures(), Instant::now());
        for _ in 0..100 {
            assert!(!failures.note(address(1), credential(1), now));
        }
        for n in 2..20 {
            assert!(!failures.note(address(1), credential(n), now));
        }
        assert!(failures.note(address(1), credential(20), now));
    }

    fn address(n: u32) -> IpAddr {
        std::net::Ipv4Addr::from(n).into()
    }

    #[test]
    fn twentieth_failure_in_a_minute_blocks_however_they_are_spread() {
        for gap in [0, 1, 3] {
            let (mut failures, mut now) = (failures(), Instant::now());
            let mut last = Vec::new();
            for n in 0..20 {
                last.push(failures.note(address(1), credential(n), now));
                now += Duration::from_secs(gap);
            }
            assert_eq!(last.iter().position(|is_last| *is_last), Some(19), "every {gap} s");
        }
        let (mut failures, mut now) = (failures(), Instant::now());
        for n in 0..100 {
            assert!(
                !failures.note(address(1), credential(n), now),
                "nineteen in a minute are not"
            );
            now += Duration::from_millis(3_160);
        }
    }

    #[test]
    fn block_ends() {
        let (mut failures, now) = (failures(), Instant::now());
        failures.block(address(1), now);
        assert!(
            failures
                .blocked_until(address(1), now + Duration::from_secs(899))
                .is_some()
        );
        assert!(failures.blocked_until(address(2), now).is_none());
        assert!(
            failures
                .blocked_until(address(1), now + Duration::from_secs(900))
                .is_none()
        );
    }

    #[test]
    fn lifted_block_starts_anew() {
        let (mut failures, now) = (failures(), Instant::now());
        failures.note(address(1), credential(1), now);
        failures.block(address(1), now);
        assert!(failures.lift(address(1), now));
        assert!(!failures.lift(address(1), now));
        assert!(failures.blocked_until(address(1), now).is_none());
        for n in 1..20 {
            assert!(!failures.note(address(1), credential(n), now));
        }
    }

    #[test]
    fn memory_is_bounded() {
        let (mut failures, now) = (failures(), Instant::now());
        for n in 0..120_000 {
            failures.note(address(n), credential(n), now);
            failures.block(address(n), now);
        }
        assert!(failures.noted.len() <= MAX_ADDRESSES && failures.blocked.len() <= MAX_ADDRESSES);
        assert!(failures.blocked_until(address(119_999), now).is_some());
    }
}
