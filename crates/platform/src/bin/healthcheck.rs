//! `healthcheck HOST:PORT [PATH]`: ends with 0 when the address answers 200, else with 1.
//!
//! The health check of the container images, which have no other HTTP client.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(address) = arguments.next() else {
        eprintln!("usage: healthcheck HOST:PORT [PATH]");
        return ExitCode::from(2);
    };
    let path = arguments.next().unwrap_or_else(|| "/health/ready".to_owned());
    match status_line(&address, &path) {
        Ok(line) if line.starts_with("HTTP/1.1 200") => ExitCode::SUCCESS,
        Ok(line) => {
            eprintln!("{address}{path} answered {line}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{address}{path} did not answer: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Asks once, with every step bounded by the deadline.
fn status_line(address: &str, path: &str) -> std::io::Result<String> {
    let target = address
        .to_socket_addrs()?
        .next()
        .ok_or_else(|| std::io::Error::other("the name has no address"))?;
    let mut stream = TcpStream::connect_timeout(&target, DEADLINE)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: healthcheck\r\nConnection: close\r\n\r\n"
    )?;
    let mut head = [0_u8; 256];
    let length = stream.read(&mut head)?;
    let text = String::from_utf8_lossy(&head[..length]);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
