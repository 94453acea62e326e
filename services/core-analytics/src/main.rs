//! The binary: the service without arguments, `stats` for the statistics of a file.

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use core_analytics::Settings;
use core_analytics::cli::{self, StatsArgs};
use core_analytics::settings::DEFAULTS;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Candles, statistics and metrics of every asset. Without a command it runs the service.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Stats(StatsArgs),
}

fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().command {
        Some(Command::Stats(args)) => Ok(print_stats(&args)),
        None => serve().map(|()| ExitCode::SUCCESS),
    }
}

#[tokio::main]
async fn serve() -> anyhow::Result<()> {
    let settings: Settings = platform::startup::begin("core-analytics", &DEFAULTS)?;
    core_analytics::run(settings, platform::signals::on_shutdown()).await
}

fn print_stats(args: &StatsArgs) -> ExitCode {
    let mut out = std::io::stdout().lock();
    match cli::run(args, &mut out).and_then(|()| Ok(out.flush()?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("core-analytics: {error:#}");
            ExitCode::FAILURE
        }
    }
}
