//! Applies the migrations once per deploy; says what it applied.

use platform::settings::{POSTGRES_DEFAULTS, PostgresSettings};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    platform::tls::install_provider();
    let settings: PostgresSettings = platform::settings::load_or_exit(&[POSTGRES_DEFAULTS]);
    let applied = platform::migrate::run(&settings).await?;
    for name in &applied {
        println!("applied {name}");
    }
    println!("the schema is at version {}", platform::migrate::newest_version());
    Ok(())
}
