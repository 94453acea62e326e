//! Takes prices from venues, makes one price that can be trusted and explained.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use fetch::decode::DecodeArgs;
use fetch::settings::Settings;
use platform::clock::{Clock, SystemClock};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Without a command: runs the service, set up by the environment.
#[derive(Parser)]
#[command(version, about = "Takes prices from venues and makes one price of them")]
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
        Some(Command::Decode(args)) => {
            let mut output = std::io::BufWriter::new(std::io::stdout().lock());
            let code = fetch::decode::run(&args, SystemClock.now(), &mut output)?;
            std::io::Write::flush(&mut output)?;
            Ok(code)
        }
        None => serve().map(|()| ExitCode::SUCCESS),
    }
}

#[tokio::main]
async fn serve() -> anyhow::Result<()> {
    platform::tls::install_provider();
    let settings = Settings::load();
    platform::telemetry::init("fetch", &settings.process)?;
    fetch::app::run(settings, platform::shutdown::on_signal()).await
}
