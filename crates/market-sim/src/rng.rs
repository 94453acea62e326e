//! Randomness as a pure function: the same key and index always give the same number.
//!
//! Everything in the synthetic market is made of these, which is why a restarted simulator goes on where it stopped.

/// A well mixed 64-bit value of `key` and `index` (the finaliser of SplitMix64, twice).
pub fn hash(key: u64, index: i64) -> u64 {
    mix(key ^ mix(index.cast_unsigned().wrapping_add(0x9e37_79b9_7f4a_7c15)))
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A key for a named stream of a seed.
pub fn key(seed: u64, name: &str) -> u64 {
    name.bytes().fold(mix(seed ^ 0x5851_f42d_4c95_7f2d), |state, byte| {
        mix(state ^ u64::from(byte))
    })
}

/// Uniform in [0, 1).
pub fn uniform(key: u64, index: i64) -> f64 {
    (hash(key, index) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Close to a standard normal: the scaled sum of four uniforms of 16 bits, bounded at ±3.46.
pub fn normal(key: u64, index: i64) -> f64 {
    let bits = hash(key, index);
    let sum = (bits & 0xffff) + ((bits >> 16) & 0xffff) + ((bits >> 32) & 0xffff) + (bits >> 48);
    (sum as f64 / 65_536.0 - 2.0) * 1.732_050_807_568_877_2
}

/// Smooth noise with a knot every `step`, about ±1.5 around 0.
pub fn smooth(key: u64, at: i64, step: i64) -> f64 {
    let knot = at.div_euclid(step);
    let part = at.rem_euclid(step) as f64 / step as f64;
    let eased = part * part * (3.0 - 2.0 * part);
    normal(key, knot) * (1.0 - eased) + normal(key, knot + 1) * eased
}

/// Straight lines between knots every `step`, so that it is monotone inside a step.
pub fn linear(key: u64, at: i64, step: i64) -> f64 {
    let knot = at.div_euclid(step);
    let part = at.rem_euclid(step) as f64 / step as f64;
    normal(key, knot) * (1.0 - part) + normal(key, knot + 1) * part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normals_have_the_right_moments() {
        let values: Vec<f64> = (0..20_000).map(|index| normal(7, index)).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
        assert!(mean.abs() < 0.03, "mean {mean}");
        assert!((variance - 1.0).abs() < 0.05, "variance {variance}");
    }

    #[test]
    fn streams_of_different_names_differ() {
        assert_ne!(key(1, "BTC"), key(1, "ETH"));
        assert_ne!(key(1, "BTC"), key(2, "BTC"));
    }
}
