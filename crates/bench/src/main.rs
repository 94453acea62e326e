//! Measures the budgets of the platform, each beside a bare baseline in the same run.
//!
//! The machine is shared and noisy, so a number alone says little: every row runs what is ours and the least that
//! anyone could do in turns, and prints both. The services are the release binaries beside this one, as separate
//! processes.

#![allow(
    missing_docs,
    reason = "nobody else uses this crate: what a name says is not said again"
)]

mod bare;
mod load;
mod process;
mod rows;
mod scale;
mod sink;
mod stack;
mod table;

use clap::{Parser, Subcommand};

use crate::scale::Scale;

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
