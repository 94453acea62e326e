//! The service `alerts`.

use alerts::app;
use alerts::settings::{DEFAULTS, Settings};
use platform::clock::SystemClock;
use platform::signals;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings: Settings = platform::startup::begin("alerts", &DEFAULTS)?;
    app::run(settings, SystemClock::shared(), signals::on_shutdown()).await
}
