//! Measures the budgets of the platform, each beside a bare baseline in the same run.
//!
//! The machine is shared and noisy, so a number alone says little: every row runs what is ours and the least that anyone could
//! do in turns, and prints both. The services are the release binaries beside this one, as separate processes.

/// A server that does nothing but answer the same bytes.
mod bare;

/// Many requests over few connections, at the price of few cycles.
mod load;

/// A service as a process.
mod process;

/// What is measured.
mod rows;

/// A receiver of webhooks that knows when the first byte came.
mod sink;

/// What is printed.
mod table;

/// Database, Redis, broker, and alerts in bulk.
mod stack;

use clap::{Parser, Subcommand};

use crate::rows::Scale;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the budgets of the platform.
#[derive(Debug, Parser)]
struct Arguments {
    /// A hundredth of everything: shows that the bench works, says nothing about speed.
    #[arg(long)]
    quick: bool,
    /// Only the rows whose name contains this.
    #[arg(long)]
    only: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A bare handler, started by the bench itself.
    Bare {
        /// Where it listens.
        port: u16,
        /// What it answers.
        body: String,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    platform::tls::install_provider();
    let arguments = Arguments::parse();
    if let Some(Command::Bare { port, body }) = arguments.command {
        return bare::serve(port, body).await;
    }
    let scale = if arguments.quick { Scale::QUICK } else { Scale::FULL };
    let table = rows::measure(&scale, arguments.only.as_deref().unwrap_or_default()).await?;
    println!("\n{table}");
    Ok(())
}
