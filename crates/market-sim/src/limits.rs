//! How much a venue allows per minute, counted in windows that begin at full minutes.

use crate::clock::{MINUTE, Millis, SECOND};

/// A budget per minute.
#[derive(Debug)]
pub struct Limit {
    per_minute: u64,
    window: Millis,
    used: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Spent in this minute, this request included.
    pub used: u64,
    /// Seconds to wait when that is too much.
    pub retry_after: Option<u64>,
}

impl Limit {
    pub fn new(per_minute: u64) -> Self {
        Self {
            per_minute,
            window: 0,
            used: 0,
        }
    }

    pub fn per_minute(&self) -> u64 {
        self.per_minute
    }

    pub fn spend(&mut self, weight: u64, now: Millis) -> Usage {
        let window = now.div_euclid(MINUTE);
        if window != self.window {
            (self.window, self.used) = (window, 0);
        }
        self.used = self.used.saturating_add(weight);
        let left = (window + 1) * MINUTE - now;
        let wait = left.div_euclid(SECOND) + 1;
        Usage {
            used: self.used,
            retry_after: (self.used > self.per_minute).then_some(wait.unsigned_abs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_comes_back_with_the_minute() {
        let mut limit = Limit::new(5);
        assert_eq!(
            limit.spend(4, 10 * SECOND),
            Usage {
                used: 4,
                retry_after: None
            }
        );
        assert_eq!(
            limit.spend(2, 50 * SECOND),
            Usage {
                used: 6,
                retry_after: Some(11)
            }
        );
        assert_eq!(
            limit.spend(2, 61 * SECOND),
            Usage {
                used: 2,
                retry_after: None
            }
        );
    }
}
