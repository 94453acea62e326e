//! `core-analytics stats` as a person runs it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

const CSV: &str = "date,price\n2024-01-01,100\n2024-01-02,110\n2024-01-03,99\n2024-01-05,120\n2024-01-06,108\n";

fn stats(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_core-analytics"))
        .arg("stats")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn body(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn folder() -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(uuid::Uuid::new_v4().to_string());
    std::fs::create_dir(&folder).unwrap();
    folder
}

#[test]
fn a_file_plain_or_gzip_and_standard_input_are_the_same() {
    let folder = folder();
    let (plain, gzip) = (folder.join("btc.csv"), folder.join("btc.csv.gz"));
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(CSV.as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    std::fs::write(&plain, CSV).unwrap();
    std::fs::write(&gzip, &packed).unwrap();
    let run = |file: &str, input: &[u8]| body(&stats(&["--csv", file, "--interval", "1d", "--symbol", "BTC"], input));
    let expected = run(plain.to_str().unwrap(), b"");
    assert_eq!(run(gzip.to_str().unwrap(), b""), expected);
    assert_eq!(run("-", CSV.as_bytes()), expected);
    assert_eq!(run("-", &packed), expected);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_numbers_are_those_of_the_definitions() {
    let body = body(&stats(&["--csv", "-", "--interval", "1d"], CSV.as_bytes()));
    let close = |name: &str, expected: f64| {
        let value = body[name]
            .as_f64()
            .unwrap_or_else(|| panic!("{name} is {}", body[name]));
        assert!(
            (value - expected).abs() <= 1e-12 * expected.abs(),
            "{name}: {value}, not {expected}"
        );
    };
    // Returns +10 %, -10 %, -10 %: none crosses the missing 2024-01-04.
    let deviation = (0.04_f64 / 3.0).sqrt();
    assert_eq!(body["n"], 5);
    close("coverage", 5.0 / 6.0);
    close("average_price", 107.4);
    close("change_percent", 8.0);
    close("volatility", deviation);
    close("annualized_volatility", deviation * 365.0_f64.sqrt());
    close("max_drawdown", -0.1);
    close("current_drawdown", -0.1);
    close("downside_risk", (0.02_f64 / 3.0).sqrt());
    close("sharpe_ratio", (-0.1 / 3.0) / deviation * 365.0_f64.sqrt());
    close("var_95", 0.1);
    close("cvar_95", 0.1);
    close("calmar_ratio", (1.08_f64.powf(365.0 / 5.0) - 1.0) / 0.1);
    close("periods_per_year", 365.0);
    assert_eq!((&body["first"], &body["last"]), (&Value::from(100), &Value::from(108)));
    assert_eq!(body["undefined"], serde_json::json!({"kurtosis": "too_few_points"}));
    assert_eq!(
        (&body["symbol"], &body["window"], &body["interval"]),
        (&"stdin".into(), &"all".into(), &"1d".into())
    );
}

#[test]
fn columns_returns_and_rates_can_be_chosen() {
    let csv = "t;x,when,close\na,1704067200,100\nb,1704070800000,101\nc,1704074400,103\n";
    let arguments = [
        "--csv",
        "-",
        "--interval",
        "1h",
        "--returns",
        "log",
        "--time-column",
        "when",
        "--price-column",
        "close",
        "--risk-free",
        "0.05",
        "--periods-per-year",
        "100",
    ];
    let body = body(&stats(&arguments, csv.as_bytes()));
    let (first, second) = (1.01_f64.ln(), (103.0_f64 / 101.0).ln());
    let deviation = (second - first).abs() / 2.0_f64.sqrt();
    assert!((body["volatility"].as_f64().unwrap() / deviation - 1.0).abs() < 1e-12);
    let sharpe = ((first + second) / 2.0 - 0.0005) / deviation * 10.0;
    assert!((body["sharpe_ratio"].as_f64().unwrap() / sharpe - 1.0).abs() < 1e-12);
    assert_eq!(body["periods_per_year"], 100.0);
}

#[test]
fn bad_input_is_one_clear_line_and_a_failure() {
    for (input, expected) in [
        (
            "date,price\n2024-01-01,abc\n",
            "core-analytics: -: line 2: the price \"abc\" is not a number above zero\n",
        ),
        (
            "when,price\n2024-01-01,1\n",
            "core-analytics: -: has no column timestamp or date; its columns are when, price\n",
        ),
        (
            "",
            "core-analytics: -: is empty; the first line must name the columns\n",
        ),
    ] {
        let output = stats(&["--csv", "-", "--interval", "1d"], input.as_bytes());
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
        assert!(output.stdout.is_empty());
    }
    let output = stats(&["--csv", "/nowhere/x.csv", "--interval", "1d"], b"");
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "core-analytics: /nowhere/x.csv: cannot be read: No such file or directory (os error 2)\n"
    );
    assert_eq!(
        stats(&["--csv", "-", "--interval", "yearly"], b"").status.code(),
        Some(2)
    );
}
