//! `core-analytics stats`: the statistics of prices in a CSV file, by the same code that serves them.

mod prices;
mod sample_interval;
mod time_cell;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Args;
use domain::statistics::{ReturnKind, SECONDS_PER_YEAR, Stats, StatsOptions};

use self::prices::Columns;
use self::sample_interval::SampleInterval;
use crate::stats_response::{PickedPrices, StatsLabels, stats_response};

/// Prints the statistics of prices in a CSV file as JSON.
///
/// Rows may stand in any order; a row without a price is a gap, and a repeated row counts once. Anything else that is
/// not a time with a price above zero, or is not a whole number of intervals from the other times, is an error that
/// names its line.
#[derive(Debug, Clone, Args)]
pub struct StatsArgs {
    /// File with a header line, plain or gzip, cells between commas, semicolons or tabs; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    csv: PathBuf,
    /// Time between two neighbouring prices, such as 1m, 1h or 1d.
    #[arg(long)]
    interval: SampleInterval,
    /// How returns are formed: simple or log.
    #[arg(long, default_value = "simple")]
    returns: ReturnKind,
    /// Column with the time: RFC 3339, a date, or unix seconds, milli-, micro- or nanoseconds [default: timestamp or
    /// date].
    #[arg(long, value_name = "NAME")]
    time_column: Option<String>,
    /// Column with the price.
    #[arg(long, value_name = "NAME", default_value = "price")]
    price_column: String,
    /// Riskless return per year, as a fraction.
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    risk_free: f64,
    /// Periods per year for annualising [default: 365 days / interval].
    #[arg(long, value_name = "NUMBER")]
    periods_per_year: Option<f64>,
    /// Name of the asset in the output [default: the file's name].
    #[arg(long)]
    symbol: Option<String>,
}

/// Reads the file and writes its statistics to `out` as one line of JSON, remarks to standard error.
///
/// # Errors
/// One sentence that names the file, and the line where there is one.
pub fn run(args: &StatsArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    ensure!(args.risk_free.is_finite(), "--risk-free must be a finite number");
    let periods_per_year = args
        .periods_per_year
        .unwrap_or(SECONDS_PER_YEAR / args.interval.seconds() as f64);
    ensure!(
        periods_per_year.is_finite() && periods_per_year > 0.0,
        "--periods-per-year must be a number above zero"
    );
    let columns = Columns {
        time: args.time_column.as_deref(),
        price: &args.price_column,
        step: args.interval.seconds() * 1_000_000,
    };
    let name = args.csv.display();
    let prices = prices::read_path(&args.csv, columns).with_context(|| name.to_string())?;
    if prices.blank > 0 {
        eprintln!("{name}: {} rows without a price are gaps", prices.blank);
    }
    let options = StatsOptions {
        step: args.interval.seconds() * 1_000_000,
        returns: args.returns,
        risk_free: args.risk_free,
        periods_per_year,
        expected_points: None,
    };
    let stats = Stats::of(&prices.series, &options);
    let labels = StatsLabels {
        symbol: args.symbol.clone().unwrap_or_else(|| symbol_of(&args.csv)),
        window: "all".to_owned(),
        interval: args.interval.to_string(),
    };
    let body = stats_response(labels, &stats, PickedPrices::shortest(&stats), periods_per_year);
    serde_json::to_writer(&mut *out, &body)?;
    writeln!(out)?;
    Ok(())
}

/// The file's name up to its first dot.
fn symbol_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name == "-" {
        return "stdin".to_owned();
    }
    name.split('.').next().unwrap_or_default().to_owned()
}
