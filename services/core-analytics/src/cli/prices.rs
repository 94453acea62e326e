//! Times and prices out of a CSV file.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use csv::{ReaderBuilder, Trim};
use domain::statistics::{InvalidSeries, Series};
use flate2::bufread::MultiGzDecoder;
use jiff::Timestamp;

use super::time_cell;

#[derive(Debug, Clone, Copy)]
pub struct Columns<'a> {
    /// The column with the time; by default `timestamp`, else `date`.
    pub time: Option<&'a str>,
    /// The column with the price.
    pub price: &'a str,
    /// Microseconds between two neighbouring prices.
    pub step: i64,
}

#[derive(Debug, PartialEq)]
pub struct Prices {
    /// The prices in order of time, times in microseconds.
    pub series: Series,
    /// How many rows had a time but no price.
    pub blank: usize,
}

/// Why a file has no prices.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The file cannot be read.
    #[error("cannot be read")]
    Io(#[from] std::io::Error),
    /// The header is no CSV.
    #[error("has no readable header")]
    Csv(#[from] csv::Error),
    /// There is not even a header.
    #[error("is empty; the first line must name the columns")]
    Empty,
    #[error("has no column {wanted}; its columns are {found}")]
    NoColumn { wanted: String, found: String },
    /// A cell is missing or wrong.
    #[error("line {line}: {what}")]
    Row {
        /// Number of the line, from 1.
        line: u64,
        what: String,
    },
    /// The series is not valid for a reason that no row shows.
    #[error(transparent)]
    Series(#[from] InvalidSeries),
}

/// Reads a file, or standard input for `-`, plain or gzip by its first bytes.
pub fn read_path(path: &Path, columns: Columns<'_>) -> Result<Prices, Unreadable> {
    if path.as_os_str() == "-" {
        read(std::io::stdin().lock(), columns)
    } else {
        read(BufReader::new(File::open(path)?), columns)
    }
}

/// Reads CSV text, plain or gzip by its first bytes.
pub fn read(mut input: impl BufRead, columns: Columns<'_>) -> Result<Prices, Unreadable> {
    let is_gzip = input.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    if is_gzip {
        read_csv(BufReader::new(MultiGzDecoder::new(input)), columns)
    } else {
        read_csv(input, columns)
    }
}

/// A row that has both cells.
#[derive(Debug, Clone, Copy)]
struct Point {
    at: i64,
    price: f64,
    line: u64,
}

fn read_csv(input: impl BufRead, columns: Columns<'_>) -> Result<Prices, Unreadable> {
    let mut lines = (1..).zip(input.split(b'\n'));
    let Some((_, first)) = lines.next() else {
        return Err(Unreadable::Empty);
    };
    let first = first?;
    let first = String::from_utf8_lossy(&first);
    let first = first.trim_start_matches('\u{feff}');
    if first.trim_end_matches('\r').contains('\r') {
        return Err(row(
            1,
            "the lines end with CR only; write them with LF or CR LF".to_owned(),
        ));
    }
    let separator = separator(first);
    let header = cells(first, separator)?;
    if header.iter().all(String::is_empty) {
        return Err(Unreadable::Empty);
    }
    let time_column = match columns.time {
        Some(name) => find(&header, &[name])?,
        None => find(&header, &["timestamp", "date"])?,
    };
    let price_column = find(&header, &[columns.price])?;
    for column in [time_column, price_column] {
        let name = &header[column];
        // Two columns of one spelling: which of them is meant is not known.
        if header.iter().filter(|cell| *cell == name).count() > 1 {
            return Err(row(1, format!("has two columns {name:?}")));
        }
    }

    let mut points = Vec::new();
    let mut blank = 0;
    for (line, text) in lines {
        let text = text?;
        let text = String::from_utf8_lossy(&text);
        if text.chars().all(|c| c == separator || c.is_whitespace()) {
            continue;
        }
        // A thousands separator or an unquoted text makes a cell too many, and every cell after it would be another
        // column's.
        let count = count_cells(&text, separator).map_err(|what| row(line, what))?;
        if count > header.len() {
            return Err(row(
                line,
                format!("has {count} cells, but the header has {}", header.len()),
            ));
        }
        let pick = |at: usize| pick(&text, separator, at).map_err(|what| row(line, what));
        let (time, price) = (pick(time_column)?, pick(price_column)?);
        let at = time_cell::parse(&time).ok_or_else(|| row(line, format!("{time:?} is not a time")))?;
        if price.is_empty() {
            blank += 1;
            continue;
        }
        let price = price
            .parse()
            .ok()
            .filter(|value: &f64| value.is_finite() && *value > 0.0)
            .ok_or_else(|| row(line, format!("the price {price:?} is not a number above zero")))?;
        points.push(Point { at, price, line });
    }
    Ok(Prices {
        series: into_series(points, columns.step)?,
        blank,
    })
}

/// What stands between cells: the most frequent of the usual characters in the header, a comma if there is none.
fn separator(header: &str) -> char {
    let frequency = |separator: &char| header.matches(*separator).count();
    ['\t', ';', ','].into_iter().max_by_key(frequency).unwrap_or(',')
}

/// How many cells a line has. Empty ones at the end, as spreadsheets write them, do not count.
fn count_cells(text: &str, separator: char) -> Result<usize, String> {
    if text.contains('"') {
        let cells = cells(text, separator).map_err(|error| error.to_string())?;
        return Ok(cells
            .iter()
            .rposition(|cell| !cell.is_empty())
            .map_or(0, |last| last + 1));
    }
    let filled = text.trim_end_matches(|c: char| c == separator || c.is_whitespace());
    Ok(filled.matches(separator).count() + 1)
}

/// One cell of a line. Lines without quotes, which is nearly all, are split without a parser.
fn pick(text: &str, separator: char, at: usize) -> Result<Cow<'_, str>, String> {
    let found = if text.contains('"') {
        let cells = cells(text, separator).map_err(|error| error.to_string())?;
        cells.into_iter().nth(at).map(Cow::Owned)
    } else {
        text.split(separator).nth(at).map(|cell| Cow::Borrowed(cell.trim()))
    };
    found.ok_or_else(|| format!("has no cell {}", at + 1))
}

/// The cells of one line. A row is a line: a quoted line break is not supported.
fn cells(text: &str, separator: char) -> Result<Vec<String>, csv::Error> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .delimiter(separator as u8)
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let first = reader.records().next().transpose()?;
    Ok(first.map_or_else(Vec::new, |record| record.iter().map(str::to_owned).collect()))
}

/// Refuses a time that is not a whole number of intervals from the others: it would have no return to its neighbours,
/// and the answer would say nothing of it. The grid is the one that most rows stand on.
fn check_grid(points: &[Point], step: i64) -> Result<(), Unreadable> {
    let phase = |point: &Point| point.at.rem_euclid(step);
    let Some(first) = points.first() else {
        return Ok(());
    };
    if points.iter().all(|point| phase(point) == phase(first)) {
        return Ok(());
    }
    let mut grids = BTreeMap::<i64, (usize, Point)>::new();
    for point in points {
        grids.entry(phase(point)).or_insert((0, *point)).0 += 1;
    }
    // Of equally frequent ones the first of the file.
    let commonest = grids
        .values()
        .max_by_key(|(count, point)| (*count, Reverse(point.line)));
    let on_grid = commonest.map_or(*first, |(_, point)| *point);
    let Some(off) = points.iter().find(|point| phase(point) != phase(&on_grid)) else {
        return Ok(());
    };
    let time = |point: &Point| {
        Timestamp::from_microsecond(point.at).map_or_else(|_| point.at.to_string(), |at| at.to_string())
    };
    Err(row(
        off.line,
        format!(
            "{} is not a whole number of intervals from {} of line {}",
            time(off),
            time(&on_grid),
            on_grid.line
        ),
    ))
}

/// Sorts by time; a repeated row counts once, two prices of one moment are an error.
fn into_series(mut points: Vec<Point>, step: i64) -> Result<Series, Unreadable> {
    check_grid(&points, step)?;
    points.sort_by_key(|point| point.at);
    if let Some(pair) = points
        .windows(2)
        .find(|pair| pair[0].at == pair[1].at && pair[0].price != pair[1].price)
    {
        return Err(row(
            pair[1].line,
            format!("has the time of line {} but another price", pair[0].line),
        ));
    }
    points.dedup_by_key(|point| point.at);
    let (times, prices) = points.into_iter().map(|point| (point.at, point.price)).unzip();
    Ok(Series::new(times, prices)?)
}

fn row(line: u64, what: String) -> Unreadable {
    Unreadable::Row { line, what }
}

/// The position of the first of these names, in the exact spelling or else in any case.
fn find(header: &[String], names: &[&str]) -> Result<usize, Unreadable> {
    let position = |equal: fn(&str, &str) -> bool| {
        let at = |name: &&str| header.iter().position(|cell| equal(cell, name));
        names.iter().find_map(at)
    };
    position(|cell, name| cell == name)
        .or_else(|| position(|cell, name| cell.eq_ignore_ascii_case(name)))
        .ok_or_else(|| Unreadable::NoColumn {
            wanted: names.join(" or "),
            found: header.join(", "),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: Columns<'_> = Columns {
        time: None,
        price: "price",
        step: 86_400_000_000,
    };

    fn read_text(text: &str) -> Result<Prices, Unreadable> {
        read(text.as_bytes(), DEFAULT)
    }

    fn error(text: &str) -> String {
        read_text(text).unwrap_err().to_string()
    }

    #[test]
    fn rows_in_any_order_are_one_series() {
        let prices = read_text("date,price\n1970-01-02,2\n1970-01-01,1\n1970-01-01,1.0\n1970-01-03,\n").unwrap();
        assert_eq!(prices.series.times(), [0, 86_400_000_000]);
        assert_eq!(prices.series.prices(), [1.0, 2.0]);
        assert_eq!(prices.blank, 1);
    }

    #[test]
    fn columns_are_found_by_name() {
        let columns = Columns {
            time: Some("open_time_s"),
            price: "Close",
            step: 60_000_000,
        };
        let prices = read(&b"\xef\xbb\xbfopen_time_s, close ,x\n60, 7 ,a\n"[..], columns).unwrap();
        assert_eq!(
            (prices.series.times(), prices.series.prices()),
            (&[60_000_000][..], &[7.0][..])
        );
        let quoted = read_text("\"date\",\"price\"\r\n\"1970-01-01\",\"1.5\"\r\n").unwrap();
        assert_eq!(quoted.series.prices(), [1.5]);
        assert_eq!(read_text("Date,PRICE\n1970-01-01,1\n").unwrap().series.len(), 1);
        assert_eq!(
            error("time,close\n1,2\n"),
            "has no column timestamp or date; its columns are time, close"
        );
    }

    #[test]
    fn the_header_tells_what_stands_between_cells() {
        for separator in [",", ";", "\t"] {
            let text = "name,timestamp,price\nx,1970-01-01,1\n\"a,;b\",\"1970-01-02\",2\n".replace(',', separator);
            assert_eq!(read_text(&text).unwrap().series.prices(), [1.0, 2.0], "{text}");
        }
    }

    #[test]
    fn rows_of_blank_cells_are_no_rows() {
        let prices = read_text("date,price,x\n1970-01-01,1,\n,,\n , ,\r\n").unwrap();
        assert_eq!((prices.series.len(), prices.blank), (1, 0));
    }

    #[test]
    fn other_columns_may_hold_any_bytes() {
        let prices = read(&b"date,price,name\n1970-01-01,1,caf\xe9\n"[..], DEFAULT).unwrap();
        assert_eq!(prices.series.prices(), [1.0]);
    }

    #[test]
    fn a_bad_cell_names_its_line() {
        assert_eq!(
            error("date,price\n1970-01-01,1\n\nnever,2\n"),
            "line 4: \"never\" is not a time"
        );
        for price in ["0", "-1", "NaN", "inf", "abc", "1e999"] {
            let expected = format!("line 2: the price {price:?} is not a number above zero");
            assert_eq!(error(&format!("date,price\n1970-01-01,{price}\n")), expected);
        }
        assert_eq!(error("date,price\n1970-01-01\n"), "line 2: has no cell 2");
        assert_eq!(
            error("date,price\n1970-01-01,1\n1970-01-02,1\n1970-01-01,2\n"),
            "line 4: has the time of line 2 but another price"
        );
    }

    #[test]
    fn ambiguous_files_are_refused_with_line_and_reason() {
        assert_eq!(
            error("date,price\n1970-01-01,1\n1970-01-02,1,234\n"),
            "line 3: has 3 cells, but the header has 2"
        );
        assert_eq!(
            error("date,price\n1970-01-01,\"1\",x\n"),
            "line 2: has 3 cells, but the header has 2"
        );
        assert_eq!(
            error("date,price,price\n1970-01-01,1,2\n"),
            "line 1: has two columns \"price\""
        );
        assert_eq!(
            error("date,price\r1970-01-01,1\r1970-01-02,2\r"),
            "line 1: the lines end with CR only; write them with LF or CR LF"
        );
        assert_eq!(error("date,price\n45292,1\n"), "line 2: \"45292\" is not a time");
        assert_eq!(
            read_text("date,price\n20240101,1,,\n20240102,2\n")
                .unwrap()
                .series
                .len(),
            2
        );
        // Another case is another name where the exact one exists.
        assert_eq!(
            read_text("date,price,Price\n1970-01-01,1,2\n").unwrap().series.prices(),
            [1.0]
        );
    }

    #[test]
    fn times_between_the_steps_of_the_interval_are_refused() {
        assert_eq!(
            error("date,price\n1970-01-01,1\n1970-01-02,2\n1970-01-03T00:00:35Z,3\n1970-01-04,4\n"),
            "line 4: 1970-01-03T00:00:35Z is not a whole number of intervals from 1970-01-01T00:00:00Z of line 2"
        );
        // What most lines say is the grid, so the one that differs is named, also when it is the first.
        assert_eq!(
            error("date,price\n1970-01-01 00:00:01,1\n1970-01-02,2\n1970-01-03,3\n"),
            "line 2: 1970-01-01T00:00:01Z is not a whole number of intervals from 1970-01-02T00:00:00Z of line 3"
        );
        // Closes of the last millisecond, days in local time and gaps stand on a grid of their own.
        for rows in [
            "1970-01-01T23:59:59.999Z,1\n1970-01-02T23:59:59.999Z,2\n",
            "1970-01-01T00:00:00+02:00,1\n1970-01-02T00:00:00+02:00,2\n",
            "1969-12-30,1\n1970-01-02,2\n",
        ] {
            assert_eq!(
                read_text(&format!("date,price\n{rows}")).unwrap().series.len(),
                2,
                "{rows}"
            );
        }
    }

    #[test]
    fn a_header_alone_is_an_empty_series() {
        assert!(read_text("timestamp,price\n").unwrap().series.is_empty());
        assert_eq!(error(""), "is empty; the first line must name the columns");
    }
}
