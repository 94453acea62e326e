//! The volume-weighted average price.

use rust_decimal::Decimal;

/// `sum(price · quantity) / sum(quantity)` of prices and quantities, to the 28 places of a decimal.
///
/// A pair whose price or quantity is not above zero is no trade and counts for nothing. `None` when nothing was traded,
/// or when a sum is too large for a decimal.
pub fn vwap(trades: impl IntoIterator<Item = (Decimal, Decimal)>) -> Option<Decimal> {
    let (mut turnover, mut volume) = (Decimal::ZERO, Decimal::ZERO);
    for (price, quantity) in trades {
        if price > Decimal::ZERO && quantity > Decimal::ZERO {
            turnover = turnover.checked_add(price.checked_mul(quantity)?)?;
            volume = volume.checked_add(quantity)?;
        }
    }
    // Division by zero, which is no trade at all, is `None` too.
    turnover.checked_div(volume)
}

/// `(high + low + close) / 3`: the price at which the volume of a candle counts where its trades are not known.
///
/// `None` when the sum is too large for a decimal.
pub fn typical_price(high: Decimal, low: Decimal, close: Decimal) -> Option<Decimal> {
    high.checked_add(low)?.checked_add(close)?.checked_div(Decimal::from(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimals(pairs: &[(i64, i64)]) -> Vec<(Decimal, Decimal)> {
        pairs
            .iter()
            .map(|(a, b)| (Decimal::from(*a), Decimal::from(*b)))
            .collect()
    }

    #[test]
    fn price_weighs_by_its_quantity() {
        assert_eq!(vwap(decimals(&[(10, 1), (20, 3)])), Some(Decimal::new(175, 1)));
    }

    #[test]
    fn no_volume_has_no_price() {
        assert_eq!(vwap([]), None);
        assert_eq!(vwap(decimals(&[(10, 0), (0, 5), (-1, 2), (2, -1)])), None);
    }

    #[test]
    fn sum_beyond_a_decimal_has_no_price() {
        assert_eq!(vwap([(Decimal::MAX, Decimal::TWO)]), None);
        assert_eq!(vwap([(Decimal::ONE, Decimal::MAX), (Decimal::ONE, Decimal::MAX)]), None);
        assert_eq!(typical_price(Decimal::MAX, Decimal::MAX, Decimal::ONE), None);
    }

    #[test]
    fn typical_price_is_the_mean_of_three() {
        let typical = typical_price(Decimal::from(12), Decimal::from(6), Decimal::from(9));
        assert_eq!(typical, Some(Decimal::from(9)));
    }
}
