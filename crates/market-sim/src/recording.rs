//! Recorded files as series of prices in time: candles, daily snapshots and single trades.
//!
//! A candle becomes four points (open, both extremes, close), so a replay passes exactly through the recorded high
//! and low.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use crate::assets::{AssetId, Catalogue};
use crate::clock::{DAY, HOUR, MINUTE, Millis, SECOND};
use crate::market::Quote;

/// A price path with what was traded up to each point.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// Ascending times.
    pub times: Vec<Millis>,
    pub prices: Vec<f64>,
    /// Amount traded since the beginning.
    pub traded: Vec<f64>,
    /// Coins in circulation, where the file implies them.
    pub supplies: Vec<Option<f64>>,
    /// Whether a price holds until the next one, as trades do; otherwise the path is straight between points.
    pub steps: bool,
}

/// A recording and what it is of.
#[derive(Debug, Clone)]
pub struct Labelled {
    pub asset: AssetId,
    /// The currency of its prices.
    pub quote: Quote,
    /// Lower is preferred where several cover the same.
    pub rank: usize,
    pub recording: Recording,
}

/// A file or folder that cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It cannot be read.
    #[error("cannot read {path}")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// It is not what its name says.
    #[error("{path}: {problem}")]
    Malformed { path: PathBuf, problem: String },
    /// There is nothing to replay.
    #[error(
        "{0} holds no recorded prices of a watched asset (*.csv.gz of bars, daily snapshots or trades); name \
        one of its folders, such as {0}/minute"
    )]
    Nothing(PathBuf),
}

impl Recording {
    fn push(&mut self, time: Millis, price: f64, amount: f64, supply: Option<f64>) {
        let late = self.times.last().is_some_and(|last| time < *last);
        if late || !price.is_finite() || price <= 0.0 {
            return;
        }
        let before = self.traded.last().copied().unwrap_or(0.0);
        self.times.push(time);
        self.prices.push(price);
        self.traded.push(before + if amount.is_finite() { amount } else { 0.0 });
        self.supplies.push(supply);
    }

    pub fn span(&self) -> Option<(Millis, Millis)> {
        Some((*self.times.first()?, *self.times.last()?))
    }
}

/// Reads every recording below a folder (not its subfolders).
///
/// # Errors
/// When the folder or a file cannot be read, or nothing in it can be replayed.
pub fn read_folder(folder: &Path, catalogue: &Catalogue) -> Result<Vec<Labelled>, ReplayError> {
    let unreadable = |source| ReplayError::Unreadable {
        path: folder.to_owned(),
        source,
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        paths.push(entry.map_err(unreadable)?.path());
    }
    paths.sort();
    let mut recordings = Vec::new();
    for path in paths {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        let Some(stem) = name.strip_suffix(".csv.gz").or_else(|| name.strip_suffix(".csv")) else {
            continue;
        };
        recordings.extend(read_file(&path, stem, catalogue)?);
    }
    recordings.retain(|labelled| labelled.recording.times.len() > 1);
    if recordings.is_empty() {
        Err(ReplayError::Nothing(folder.to_owned()))
    } else {
        Ok(recordings)
    }
}

fn read_file(path: &Path, stem: &str, catalogue: &Catalogue) -> Result<Vec<Labelled>, ReplayError> {
    let table = Table::open(path)?;
    if stem.starts_with("coingecko_daily") {
        return snapshots(&table, catalogue);
    }
    if stem.starts_with("btc_cmc_daily") {
        let asset = catalogue.find("BTC");
        let recording = candles(&table, "date", DAY)?;
        return Ok(asset
            .map(|asset| Labelled {
                asset,
                quote: Quote::Usd,
                rank: 9,
                recording,
            })
            .into_iter()
            .collect());
    }
    let mut parts = stem.split('_');
    let venue = parts.next().unwrap_or_default();
    let words: Vec<&str> = parts.collect();
    let spot = words.iter().find(|word| !matches!(**word, "spot"));
    let Some((asset, quote)) = spot.and_then(|pair| pair_of(pair, catalogue)) else {
        return Ok(Vec::new());
    };
    let recording = match words.last().copied() {
        Some("1m") => candles(&table, "open_time_s", MINUTE)?,
        Some("1h") => candles(&table, "open_time_s", HOUR)?,
        Some("trades") => trades(&table)?,
        _ => return Ok(Vec::new()),
    };
    let preferred = ["binance", "coinbase", "bitstamp", "kraken"];
    let rank = preferred
        .iter()
        .position(|known| *known == venue)
        .unwrap_or(preferred.len());
    Ok(vec![Labelled {
        asset,
        quote,
        rank,
        recording,
    }])
}

/// `btcusdt` is Bitcoin in Tether, `usdtusd` Tether in dollars.
fn pair_of(pair: &str, catalogue: &Catalogue) -> Option<(AssetId, Quote)> {
    let (base, quote) = pair
        .strip_suffix("usdt")
        .filter(|base| !base.is_empty())
        .map(|base| (base, Quote::Tether))
        .or_else(|| pair.strip_suffix("usd").map(|base| (base, Quote::Usd)))?;
    let asset = catalogue
        .iter()
        .find(|(_, asset)| asset.ticker.eq_ignore_ascii_case(base))?;
    Some((asset.0, quote))
}

fn candles(table: &Table, time_column: &str, length: Millis) -> Result<Recording, ReplayError> {
    table.require(&[time_column, "open", "high", "low", "close"])?;
    let mut recording = Recording::default();
    for row in &table.rows {
        let number = |name| table.number(row, name);
        let (Some(start), Some(open), Some(high), Some(low), Some(close)) = (
            table.time(row, time_column)?,
            number("open")?,
            number("high")?,
            number("low")?,
            number("close")?,
        ) else {
            continue;
        };
        let in_dollars = number("volume_24h_usd")?.map(|volume| volume / close);
        let amount = number("volume_base")?.or(in_dollars).unwrap_or(0.0) / 3.0;
        let (first, second) = if close >= open { (low, high) } else { (high, low) };
        recording.push(start, open, 0.0, None);
        recording.push(start + length / 3, first, amount, None);
        recording.push(start + length * 2 / 3, second, amount, None);
        recording.push(start + length - 1, close, amount, None);
    }
    Ok(recording)
}

fn trades(table: &Table) -> Result<Recording, ReplayError> {
    table.require(&["trade_time_ms", "price", "qty"])?;
    let mut recording = Recording {
        steps: true,
        ..Recording::default()
    };
    for row in &table.rows {
        let number = |name| table.number(row, name);
        if let (Some(time), Some(price), Some(amount)) = (number("trade_time_ms")?, number("price")?, number("qty")?) {
            recording.push(time as Millis, price, amount, None);
        }
    }
    Ok(recording)
}

fn snapshots(table: &Table, catalogue: &Catalogue) -> Result<Vec<Labelled>, ReplayError> {
    table.require(&["date", "id", "price_usd"])?;
    let mut recordings: Vec<Recording> = vec![Recording::default(); catalogue.len()];
    for row in &table.rows {
        let id = table.text(row, "id").and_then(|id| {
            catalogue
                .iter()
                .find(|(_, asset)| asset.coingecko.as_deref() == Some(id))
        });
        let (Some((asset, _)), Some(time), Some(price)) =
            (id, table.time(row, "date")?, table.number(row, "price_usd")?)
        else {
            continue;
        };
        // A capitalisation of 0 means that nobody knew it.
        let supply = table
            .number(row, "market_cap_usd")?
            .filter(|cap| *cap > 0.0)
            .map(|cap| cap / price);
        let amount = table.number(row, "volume_24h_usd")?.unwrap_or(0.0) / price;
        recordings[asset].push(time, price, amount, supply);
    }
    let labelled = recordings.into_iter().enumerate().map(|(asset, recording)| Labelled {
        asset,
        quote: Quote::Usd,
        rank: 5,
        recording,
    });
    Ok(labelled.collect())
}

/// A small table by column names.
struct Table {
    path: PathBuf,
    columns: Vec<String>,
    rows: Vec<csv::StringRecord>,
}

impl Table {
    fn open(path: &Path) -> Result<Self, ReplayError> {
        let file = File::open(path).map_err(|source| ReplayError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let packed = path.extension().is_some_and(|extension| extension == "gz");
        let reader: Box<dyn Read> = if packed {
            Box::new(GzDecoder::new(file))
        } else {
            Box::new(file)
        };
        let malformed = |error: csv::Error| ReplayError::Malformed {
            path: path.to_owned(),
            problem: error.to_string(),
        };
        let mut reader = csv::Reader::from_reader(reader);
        let columns = reader.headers().map_err(malformed)?.iter().map(str::to_owned).collect();
        let rows = reader.records().collect::<Result<_, _>>().map_err(malformed)?;
        Ok(Self {
            path: path.to_owned(),
            columns,
            rows,
        })
    }

    fn text<'a>(&self, row: &'a csv::StringRecord, column: &str) -> Option<&'a str> {
        row.get(self.columns.iter().position(|name| name == column)?)
            .filter(|text| !text.is_empty())
    }

    /// Refuses a file without one of these columns: all its rows would be skipped.
    fn require(&self, columns: &[&str]) -> Result<(), ReplayError> {
        let missing = columns
            .iter()
            .find(|name| self.columns.iter().all(|column| column != *name));
        match missing {
            Some(name) => Err(self.malformed(1, format!("has no column {name}"))),
            None => Ok(()),
        }
    }

    /// A number; nothing of an empty cell.
    fn number(&self, row: &csv::StringRecord, column: &str) -> Result<Option<f64>, ReplayError> {
        let read = |text: &str| text.parse().ok();
        self.cell(row, column, "a number", read)
    }

    /// A date, or seconds.
    fn time(&self, row: &csv::StringRecord, column: &str) -> Result<Option<Millis>, ReplayError> {
        let read = |text: &str| {
            if let Ok(seconds) = text.parse::<Millis>() {
                return seconds.checked_mul(SECOND);
            }
            let date: jiff::civil::Date = text.parse().ok()?;
            let zoned = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
            Some(zoned.timestamp().as_millisecond())
        };
        self.cell(row, column, "a time", read)
    }

    fn cell<T>(
        &self,
        row: &csv::StringRecord,
        column: &str,
        what: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, ReplayError> {
        let Some(text) = self.text(row, column) else {
            return Ok(None);
        };
        let line = row.position().map_or(0, csv::Position::line);
        let wrong = || self.malformed(line, format!("{column} {text:?} is not {what}"));
        read(text).map(Some).ok_or_else(wrong)
    }

    fn malformed(&self, line: u64, problem: String) -> ReplayError {
        ReplayError::Malformed {
            path: self.path.clone(),
            problem: format!("line {line}: {problem}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The recordings of one file.
    fn read(name: &str, text: &str) -> Result<Vec<Labelled>, ReplayError> {
        let folder = std::env::temp_dir().join(format!("market-sim-recording-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{name}.csv"));
        std::fs::write(&path, text).unwrap();
        let read = read_file(&path, name, &Catalogue::built_in());
        std::fs::remove_dir_all(folder).unwrap();
        read
    }

    #[test]
    fn unreadable_cells_are_refused_with_line_and_reason() {
        let candles = "open_time_s,open,high,low,close,volume_base\n0,1,1,1,1,\n60,1,1,1,";
        for (name, text, expected) in [
            (
                "coinbase_btcusd_1m",
                format!("{candles}\"1,5\",2\n"),
                "line 3: close \"1,5\" is not a number",
            ),
            (
                "coinbase_btcusd_1m",
                format!("{candles}1,x\n"),
                "line 3: volume_base \"x\" is not a number",
            ),
            (
                "coinbase_btcusd_1m",
                format!("{candles}1,\nsoon,1,1,1,1,\n"),
                "line 4: open_time_s \"soon\" is not a time",
            ),
            (
                "coinbase_btcusd_1m",
                "open_time_s,open,high,low\n0,1,1,1\n".to_owned(),
                "line 1: has no column close",
            ),
            (
                "binance_btcusdt_trades",
                "trade_time_ms,price,qty\n1,x,1\n".to_owned(),
                "line 2: price \"x\" is not a number",
            ),
            (
                "coingecko_daily",
                "date,id,price_usd\n2020-13-01,bitcoin,1\n".to_owned(),
                "line 2: date \"2020-13-01\" is not a time",
            ),
        ] {
            let error = read(name, &text).unwrap_err().to_string();
            assert!(error.ends_with(expected), "{error}");
        }
        // An empty cell is unknown: a candle without a price is none, a volume may be missing.
        let read = read("coinbase_btcusd_1m", &format!("{candles}1,\n120,,,,,\n")).unwrap();
        assert_eq!(read[0].recording.times.len(), 8);
    }
}
