//! Takes prices from providers, makes one price that can be trusted and explained.

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use fetch::cli::decode::DecodeArgs;
use fetch::settings::{DEFAULTS, Settings};
use platform::clock::{Clock, SystemClock};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Without a command: runs the service, set up by the environment.
#[derive(Parser)]
#[command(version, about = "Takes prices from providers and makes one price of them")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Prints what we make of a recorded response.
    Decode(DecodeArgs),
}

fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().command {
        Some(Command::Decode(args)) => Ok(decode(&args)),
        None => serve().map(|()| ExitCode::SUCCESS),
    }
}

/// Exit code 1 belongs to error responses; what keeps us from reading one is 2, as wrong arguments are.
fn decode(args: &DecodeArgs) -> ExitCode {
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    let result = fetch::cli::decode::run(args, SystemClock.now(), &mut output);
    match result.and_then(|code| Ok(output.flush().map(|()| code)?)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

#[tokio::main]
async fn serve() -> anyhow::Result<()> {
    let settings: Settings = platform::startup::begin("fetch", &DEFAULTS)?;
    fetch::app::run(settings, platform::signals::on_shutdown()).await
}
