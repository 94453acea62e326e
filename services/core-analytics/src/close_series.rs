//! Closing prices as a series that statistics are computed from.

use domain::interval::Interval;
use domain::statistics::{InvalidSeries, Series};
use jiff::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::store::ClosePoint;

/// Closing prices in order of time.
#[derive(Debug, Clone, PartialEq)]
pub struct CloseSeries {
    pub exact: Vec<Decimal>,
    /// The same in binary, with opening times in seconds.
    pub series: Series,
    /// When the newest price was.
    pub newest_price: Option<Timestamp>,
}

impl CloseSeries {
    /// The series of these points, ascending by opening time.
    pub fn of(points: &[ClosePoint]) -> Result<Self, InvalidSeries> {
        let times = points.iter().map(|point| point.open_time.as_second()).collect();
        let prices = points
            .iter()
            .map(|point| point.close.to_f64().unwrap_or(f64::NAN))
            .collect();
        Ok(Self {
            exact: points.iter().map(|point| point.close).collect(),
            series: Series::new(times, prices)?,
            newest_price: points.last().map(|point| point.close_at),
        })
    }
}

/// Periods per year of candles of this length.
pub fn periods_per_year(interval: Interval) -> f64 {
    domain::statistics::SECONDS_PER_YEAR / interval.seconds() as f64
}
