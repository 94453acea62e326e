//! The arithmetic of a token bucket: tokens at a point in time, refilled evenly over the window.

use super::policy::Quota;

/// A bucket as it was left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    tokens: f64,
    at_us: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Whether there was a token.
    pub allowed: bool,
    pub remaining: u32,
    /// Microseconds until the bucket is full.
    pub full_in_us: u64,
    /// Microseconds until the next token, 0 if there is one.
    pub next_in_us: u64,
}

/// Tolerance for rounding: what lacks less than this is a whole token.
const EPSILON: f64 = 1e-6;

impl Bucket {
    /// A bucket with so many tokens at this moment.
    pub fn holding(tokens: f64) -> Self {
        Self { tokens, at_us: 0 }
    }

    /// A bucket as the script leaves it in Redis.
    pub fn parse(text: &str) -> Option<Self> {
        let (tokens, at_us) = text.split_once(' ')?;
        Some(Self {
            tokens: tokens.parse().ok()?,
            at_us: at_us.parse().ok()?,
        })
    }

    /// What one check after the other is told that takes from it at this moment.
    pub fn take_in_turn(self, quota: Quota) -> impl Iterator<Item = Taken> {
        let mut bucket = self;
        std::iter::repeat_with(move || {
            let (taken, left) = take(quota, Some(bucket), bucket.at_us);
            bucket = left;
            taken
        })
    }

    /// Whether the bucket is full again, so that it need not be remembered.
    pub fn is_full(self, quota: Quota, now_us: u64) -> bool {
        now_us.saturating_sub(self.at_us) as f64 >= (f64::from(quota.limit) - self.tokens) * step_us(quota)
    }
}

fn step_us(quota: Quota) -> f64 {
    f64::from(quota.window_seconds) * 1e6 / f64::from(quota.limit)
}

/// The tokens that a bucket has at `now_us`; one that is not known is full.
fn tokens_at(quota: Quota, bucket: Option<Bucket>, now_us: u64) -> f64 {
    let limit = f64::from(quota.limit);
    bucket.map_or(limit, |bucket| {
        limit.min(bucket.tokens + now_us.saturating_sub(bucket.at_us) as f64 / step_us(quota))
    })
}

/// The same as whole tokens.
pub fn remaining(quota: Quota, bucket: Option<Bucket>, now_us: u64) -> u32 {
    (tokens_at(quota, bucket, now_us) + EPSILON) as u32
}

/// Takes a token at `now_us`; a bucket that is not known is full.
pub fn take(quota: Quota, bucket: Option<Bucket>, now_us: u64) -> (Taken, Bucket) {
    let limit = f64::from(quota.limit);
    let step = step_us(quota);
    let mut tokens = tokens_at(quota, bucket, now_us);
    let allowed = tokens + EPSILON >= 1.0;
    if allowed {
        tokens -= 1.0;
    }
    let next = if tokens + EPSILON >= 1.0 {
        0.0
    } else {
        (1.0 - tokens) * step
    };
    let taken = Taken {
        allowed,
        remaining: (tokens + EPSILON) as u32,
        full_in_us: ((limit - tokens) * step).ceil() as u64,
        next_in_us: next.ceil() as u64,
    };
    let at_us = bucket.map_or(now_us, |bucket| bucket.at_us.max(now_us));
    (taken, Bucket { tokens, at_us })
}

/// The same in Redis, for any number of checks at once: one atomic script, with Redis's own time and the expiry inside.
///
/// `KEYS[1]` the bucket; `ARGV` limit, window in microseconds, tokens wanted. Answers the tokens there were, from which
/// [`Bucket::take_in_turn`] derives what each check is told.
pub const SCRIPT: &str = r"
local limit = tonumber(ARGV[1])
local step = tonumber(ARGV[2]) / limit
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local tokens = limit
local stored = redis.call('GET', KEYS[1])
if stored then
  local left, at = string.match(stored, '^(%S+) (%S+)$')
  tokens = math.min(limit, tonumber(left) + math.max(0, now - tonumber(at)) / step)
end
local left = tokens - math.min(tonumber(ARGV[3]), math.floor(tokens + 0.000001))
local full_in = math.ceil((limit - left) * step)
redis.call('SET', KEYS[1], string.format('%.9f %.0f', left, now), 'PX', math.ceil(full_in / 1000) + 1)
return string.format('%.9f', tokens)
";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quota(limit: u32, window_seconds: u32) -> Quota {
        Quota { limit, window_seconds }
    }

    proptest! {
        #[test]
        fn full_limit_is_granted_at_once_and_not_one_more(
            limit in 1u32..5_000,
            window in 1u32..3_600,
            start in 0u64..1 << 50,
        ) {
            let quota = quota(limit, window);
            let mut bucket = None;
            for left in (0..limit).rev() {
                let (taken, at) = take(quota, bucket, start);
                prop_assert!(taken.allowed);
                prop_assert_eq!(taken.remaining, left);
                bucket = Some(at);
            }
            let (taken, _) = take(quota, bucket, start);
            prop_assert!(!taken.allowed);

            // What it says about the next token is true.
            let (next, _) = take(quota, bucket, start + taken.next_in_us);
            prop_assert!(next.allowed);
        }

        #[test]
        fn window_grants_at_most_twice_the_limit(
            limit in 1u32..50,
            window in 1u32..60,
            gaps in prop::collection::vec(0u64..3_000_000, 1..200),
        ) {
            let quota = quota(limit, window);
            let (mut now, mut bucket, mut granted) = (1_000_000_000u64, None, Vec::new());
            for gap in gaps {
                now += gap;
                let (taken, at) = take(quota, bucket, now);
                bucket = Some(at);
                if taken.allowed {
                    granted.push(now);
                }
            }
            let span = u64::from(window) * 1_000_000;
            for (i, start) in granted.iter().enumerate() {
                let inside = granted[i..].iter().take_while(|at| **at < start + span).count();
                prop_assert!(inside <= 2 * limit as usize);
            }
        }

        #[test]
        fn shared_call_grants_every_whole_token_and_no_more(
            limit in 1u32..200,
            window in 1u32..600,
            share in 0.0f64..=1.0,
            checks in 1usize..300,
        ) {
            let tokens = f64::from(limit) * share;
            let taken: Vec<Taken> = Bucket::holding(tokens).take_in_turn(quota(limit, window)).take(checks).collect();
            let granted = taken.iter().take_while(|taken| taken.allowed).count();
            prop_assert_eq!(granted, checks.min((tokens + EPSILON) as usize));
            let is_refusal = |taken: &Taken| !taken.allowed && taken.remaining == 0 && taken.next_in_us > 0;
            prop_assert!(taken[granted..].iter().all(is_refusal));
            let left: Vec<u32> = taken[..granted].iter().map(|taken| taken.remaining).collect();
            prop_assert!(left.windows(2).all(|pair| pair[0] == pair[1] + 1), "{:?}", left);
        }

        #[test]
        fn bucket_is_full_when_it_says(limit in 1u32..100, window in 1u32..600, taken_before in 1u32..100) {
            let quota = quota(limit, window);
            let mut bucket = None;
            let mut last = None;
            for _ in 0..taken_before.min(limit) {
                let (taken, at) = take(quota, bucket, 5_000);
                bucket = Some(at);
                last = Some(taken);
            }
            let full_in = last.unwrap().full_in_us;
            let (taken, _) = take(quota, bucket, 5_000 + full_in);
            prop_assert_eq!(taken.remaining, limit - 1);
        }
    }
}
