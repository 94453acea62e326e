//! The ten basic statistics of one long series, beside numpy.

use std::hint::black_box;
use std::time::Instant;

use domain::statistics::{Basics, ReturnKind, Series};
use tokio::process::Command;

use crate::scale::Scale;
use crate::table::{Row, Table, millis};

const ROUNDS: usize = 15;
const PERIODS_PER_YEAR: f64 = 365.0;

/// The same ten numbers as numpy's users write them, the best of the same number of rounds.
const NUMPY: &str = r"
import sys, time
import numpy as np
n, rounds = int(sys.argv[1]), int(sys.argv[2])
i = np.arange(n)
p = 100.0 * np.exp(0.2 * np.sin(i * 0.001) + 0.01 * np.sin(i * 0.37))
def basics(p):
    r = p[1:] / p[:-1] - 1.0
    m, s = r.mean(), r.std(ddof=1)
    peak = np.maximum.accumulate(p)
    dd = p / peak - 1.0
    return (p.mean(), p.max(), p.min(), (p[-1] / p[0] - 1.0) * 100.0, s, s * np.sqrt(365.0), dd.min(), dd[-1],
            m / s * np.sqrt(365.0), np.sqrt(np.mean(np.minimum(r, 0.0) ** 2)))
best = min((lambda t: (basics(p), time.perf_counter() - t)[1])(time.perf_counter()) for _ in range(rounds))
print(best, repr(basics(p)[4]))
";

/// Ours in this process, numpy's in Python.
pub async fn measure(scale: &Scale, table: &mut Table) -> anyhow::Result<()> {
    let prices: Vec<f64> = (0..scale.points)
        .map(|i| 100.0 * (0.2 * (i as f64 * 0.001).sin() + 0.01 * (i as f64 * 0.37).sin()).exp())
        .collect();
    let series = Series::evenly_spaced(prices)?;
    let mut ours = f64::INFINITY;
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let basics = Basics::of(black_box(&series), 1, ReturnKind::Simple, 0.0, PERIODS_PER_YEAR);
        black_box(&basics);
        ours = ours.min(began.elapsed().as_secs_f64());
    }
    let (bare, ratio, kept) = match numpy(scale).await {
        Some(seconds) => (
            format!("numpy: {}", millis(seconds)),
            format!("{:.2}", ours / seconds),
            Some(ours / seconds <= 0.5),
        ),
        None => ("numpy is not available".to_owned(), String::new(), None),
    };
    table.push(Row {
        what: format!("ten basic statistics of {} points", scale.points),
        ours: millis(ours),
        bare,
        ratio,
        budget: "\u{2264} 0.5".to_owned(),
        kept,
    });
    Ok(())
}

async fn numpy(scale: &Scale) -> Option<f64> {
    let arguments = [NUMPY.to_owned(), scale.points.to_string(), ROUNDS.to_string()];
    let output = Command::new("python3").arg("-c").args(arguments).output().await.ok()?;
    String::from_utf8(output.stdout)
        .ok()?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}
