//! The one table that is printed.

use std::fmt;

#[derive(Debug, Clone)]
pub struct Row {
    pub what: String,
    /// Our number, with its unit.
    pub ours: String,
    /// The baseline's, with what it is.
    pub bare: String,
    /// How they relate.
    pub ratio: String,
    /// What was promised.
    pub budget: String,
    /// Whether it is kept; `None` where nothing was promised or nothing could be compared.
    pub kept: Option<bool>,
}

/// All rows in the order of measuring.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Row>,
}

impl Table {
    /// Adds a row, and shows it at once: the whole takes minutes.
    pub fn push(&mut self, row: Row) {
        eprintln!("    {}: {} (bare: {})", row.what, row.ours, row.bare);
        self.rows.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["what", "ours", "bare baseline, same run", "ratio", "budget", ""].map(str::to_owned);
        let mut lines: Vec<[String; 6]> = vec![head];
        lines.extend(self.rows.iter().map(|row| {
            let kept = match row.kept {
                Some(true) => "kept",
                Some(false) => "MISSED",
                None => "",
            };
            let cells = [&row.what, &row.ours, &row.bare, &row.ratio, &row.budget];
            let [what, ours, bare, ratio, budget] = cells.map(Clone::clone);
            [what, ours, bare, ratio, budget, kept.to_owned()]
        }));
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 6] = std::array::from_fn(width);
        for (number, line) in lines.iter().enumerate() {
            let cells: Vec<String> = line
                .iter()
                .zip(widths)
                .map(|(cell, width)| format!("{cell:<width$}"))
                .collect();
            writeln!(f, "{}", cells.join("  ").trim_end())?;
            if number == 0 {
                writeln!(f, "{}", widths.map(|width| "-".repeat(width)).join("  ").trim_end())?;
            }
        }
        Ok(())
    }
}

/// The value below which a share of the values lies.
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let index = (share * last as f64).ceil() as usize;
    sorted.get(index.min(last)).copied().unwrap_or(f64::NAN)
}

/// Milliseconds with two digits that matter.
pub fn millis(seconds: f64) -> String {
    let millis = seconds * 1e3;
    if millis < 10.0 {
        format!("{millis:.2} ms")
    } else {
        format!("{millis:.1} ms")
    }
}
