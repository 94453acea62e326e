//! The service `alerts`.

use alerts::app;
use alerts::settings::{DEFAULTS, Settings};
use platform::clock::SystemClock;
use platform::{settings, shutdown, telemetry, tls};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tls::install_provider();
    let settings: Settings = settings::load_or_exit(&DEFAULTS);
    telemetry::init("alerts", &settings.process)?;
    app::run(settings, SystemClock::shared(), shutdown::on_signal()).await
}
