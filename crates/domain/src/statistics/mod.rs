//! Returns, volatility, drawdown, ratios, tails, correlation.
//!
//! Everything here is a pure function of a price series in `f64`. A value that does not exist is an `Undefined`
//! reason and never a number; a return is formed only between two neighbouring points exactly one step apart, so none
//! crosses a gap. Sums are compensated and moments are merged from centred blocks, so that a million points lose no
//! digits that matter.

/// Why a value does not exist.
mod undefined;

/// Sums that keep their digits.
mod sum;

/// A checked series of prices.
mod series;

/// From prices to returns.
mod returns;

/// The change from one value to another.
mod change;

/// Mean, variance, skewness and kurtosis, mergeable.
mod moments;

/// How much returns vary, per period and per year.
mod volatility;

/// How far below its highest point a price is.
mod drawdown;

/// Order statistics by linear interpolation.
mod quantile;

/// Value at risk and expected shortfall.
mod tail;

/// Reward against risk.
mod ratios;

/// How sure the estimates are.
mod standard_error;

/// How returns move together.
mod correlation;

/// The statistics that one pass over the prices gives.
mod basics;

/// Every statistic of one series.
mod stats;

/// Statistics over a moving window.
mod rolling;

/// Fewer points that keep every extreme.
mod downsample;

pub use basics::Basics;
pub use change::percent_change;
pub use correlation::{
    Correlation, CorrelationMethod, MIN_OVERLAP, UnknownMethod, correlation, correlation_matrix,
    correlation_matrix_while, pearson, ranks, spearman,
};
pub use downsample::downsample;
pub use drawdown::{Drawdown, drawdown_series};
pub use moments::Moments;
pub use quantile::quantile;
pub use ratios::{annualised_return, calmar, sharpe, sortino};
pub use returns::{ReturnKind, TimedReturns, UnknownReturnKind};
pub use rolling::{rolling_sharpe, rolling_volatility};
pub use series::{InvalidSeries, Series};
pub use standard_error::StandardErrors;
pub use stats::{Stats, StatsOptions};
pub use sum::sum;
pub use tail::{Tail, tail};
pub use undefined::{Measured, Undefined};
pub use volatility::{annualise, is_zero_volatility, volatility};

/// The version of the definitions in this module. It changes when a number would change for the same prices.
pub const DEFINITIONS_VERSION: &str = "3";

/// Seconds in the year that annualised values refer to: 365 days.
pub const SECONDS_PER_YEAR: f64 = 365.0 * 86_400.0;
