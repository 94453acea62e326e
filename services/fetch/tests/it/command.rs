//! The binary itself: exit codes and standard input.

use std::io::Write;
use std::process::{Command, Output, Stdio};

fn decode(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_fetch"))
        .arg("decode")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

const CALL: [&str; 5] = ["--provider", "coingecko", "--endpoint", "simple_price", "-"];

#[test]
fn an_answer_is_read_from_standard_input() {
    let output = decode(&CALL, r#"{"pepe":{"usd":9.7e-10}}"#);
    assert_eq!(output.status.code(), Some(0));
    let line = r#"{"kind":"observation","provider":"coingecko","symbol":"pepe","ticker":null,"currency":"usd","price":"9.7e-10","volume_24h":null,"market_cap":null,"circulating_supply":null,"total_supply":null,"change_24h_percent":null,"quoted_at":null}"#;
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{line}\n"));
}

#[test]
fn an_error_response_exits_with_1() {
    let output = decode(&CALL, "<html>");
    assert_eq!(output.status.code(), Some(1));
    let line = r#"{"kind":"error","type":"invalid_payload","retry":"backoff","retry_after_s":null}"#;
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{line}\n"));

    let words = ["--status", "429", "--retry-after", "17"];
    let output = decode(&[&words[..], &CALL[..]].concat(), "");
    let line = r#"{"kind":"error","type":"rate_limited","retry":"not_before","retry_after_s":17}"#;
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{line}\n"));
}

#[test]
fn wrong_arguments_exit_with_2() {
    let unknown = ["--provider", "coingecko", "--endpoint", "klines", "-"];
    let output = decode(&unknown, "");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("simple_price"));
    let missing = ["--provider", "binance", "--endpoint", "klines", "/nonexistent"];
    assert_eq!(decode(&missing, "").status.code(), Some(2));
}

#[test]
fn a_wrong_setting_stops_the_start_with_78() {
    let output = Command::new(env!("CARGO_BIN_EXE_fetch"))
        .env("PROVIDERS", "mtgox")
        .env("POLL_INTERVAL_SECONDS", "soon")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(78));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("PROVIDERS") || error.contains("POLL_INTERVAL_SECONDS"),
        "{error}"
    );
}
