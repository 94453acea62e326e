//! A checked series of prices.

/// Why prices and times are not a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSeries {
    /// Not as many times as prices.
    #[error("{times} times for {prices} prices")]
    LengthMismatch {
        /// How many times there are.
        times: usize,
        /// How many prices there are.
        prices: usize,
    },
    /// A time is not after the one before it.
    #[error("the time of point {index} is not after the one before it")]
    NotAscending {
        /// Position of the later point.
        index: usize,
    },
    /// A price is not a finite number above zero.
    #[error("the price of point {index} is not a finite number above zero")]
    NotPositive {
        /// Position of the point.
        index: usize,
    },
}

/// Prices in order of time.
///
/// Invariant: times ascend strictly, prices are finite and above zero, and there are as many of the one as of the
/// other.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    times: Vec<i64>,
    prices: Vec<f64>,
}

impl Series {
    /// Checks and takes times (in any unit, counted from any origin) and prices.
    ///
    /// # Errors
    /// The first point that breaks the invariant.
    pub fn new(times: Vec<i64>, prices: Vec<f64>) -> Result<Self, InvalidSeries> {
        if times.len() != prices.len() {
            return Err(InvalidSeries::LengthMismatch {
                times: times.len(),
                prices: prices.len(),
            });
        }
        // The checks run without branches over everything; the culprit is looked for only when there is one.
        let later = times.get(1..).unwrap_or_default();
        if !times.iter().zip(later).fold(true, |ok, (a, b)| ok & (a < b)) {
            let index = times.windows(2).position(|pair| pair[0] >= pair[1]).unwrap_or(0) + 1;
            return Err(InvalidSeries::NotAscending { index });
        }
        let is_price = |price: &f64| (*price > 0.0) & (*price < f64::INFINITY);
        if !prices.iter().fold(true, |ok, price| ok & is_price(price)) {
            let index = prices.iter().position(|price| !is_price(price)).unwrap_or(0);
            return Err(InvalidSeries::NotPositive { index });
        }
        Ok(Self { times, prices })
    }

    /// Makes a series of prices that are one step of 1 apart.
    ///
    /// # Errors
    /// The first price that is not a finite number above zero.
    pub fn evenly_spaced(prices: Vec<f64>) -> Result<Self, InvalidSeries> {
        let times = (0_i64..).take(prices.len()).collect();
        Self::new(times, prices)
    }

    /// The times, ascending.
    pub fn times(&self) -> &[i64] {
        &self.times
    }

    /// The prices, in order of time.
    pub fn prices(&self) -> &[f64] {
        &self.prices
    }

    /// How many points there are.
    pub fn len(&self) -> usize {
        self.prices.len()
    }

    /// Whether there is no point at all.
    pub fn is_empty(&self) -> bool {
        self.prices.is_empty()
    }

    /// The time between the first and the last point.
    pub fn elapsed(&self) -> i64 {
        match (self.times.first(), self.times.last()) {
            (Some(first), Some(last)) => last - first,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_series_names_the_point() {
        use InvalidSeries as E;
        let new = |times: &[i64], prices: &[f64]| Series::new(times.to_vec(), prices.to_vec()).unwrap_err();
        assert_eq!(new(&[1], &[]), E::LengthMismatch { times: 1, prices: 0 });
        assert_eq!(new(&[1, 1], &[1.0, 1.0]), E::NotAscending { index: 1 });
        assert_eq!(new(&[2, 1], &[1.0, 1.0]), E::NotAscending { index: 1 });
        for price in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(new(&[1, 2], &[1.0, price]), E::NotPositive { index: 1 }, "{price}");
        }
    }
}
