//! The simulator as a process.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use market_sim::{Config, MarketSource, PerVenue, ReplayOptions, Venue};
use platform::settings::{LogSettings, PROCESS_DEFAULTS};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Speaks Binance, CoinGecko and CoinMarketCap from a market that is not real.
#[derive(Debug, Parser)]
#[command(name = "market-sim", version)]
struct Arguments {
    /// Where to listen, address and port at once; stronger than the two below.
    #[arg(long, env = "SIM_LISTEN", global = true)]
    listen: Option<SocketAddr>,
    /// The address to listen on.
    #[arg(long, env = "BIND_ADDRESS", default_value = "127.0.0.1", global = true)]
    bind_address: IpAddr,
    /// The port to listen on.
    #[arg(long, env = "PORT", default_value_t = 8010, global = true)]
    port: u16,
    /// The synthetic market's seed: the same seed is the same market.
    #[arg(long, env = "SIM_SEED", default_value_t = 1, global = true)]
    seed: u64,
    /// File in which moves and fixed prices survive a restart.
    #[arg(long, env = "SIM_STATE_FILE", global = true)]
    state_file: Option<PathBuf>,
    /// Milliseconds between Binance's refreshes.
    #[arg(long, env = "SIM_BINANCE_REFRESH_MS", default_value_t = 250, global = true)]
    binance_refresh_ms: u64,
    /// Milliseconds between CoinGecko's refreshes.
    #[arg(long, env = "SIM_COINGECKO_REFRESH_MS", default_value_t = 2_000, global = true)]
    coingecko_refresh_ms: u64,
    /// Milliseconds between CoinMarketCap's refreshes.
    #[arg(long, env = "SIM_COINMARKETCAP_REFRESH_MS", default_value_t = 3_000, global = true)]
    coinmarketcap_refresh_ms: u64,
    /// Binance's request weight per minute.
    #[arg(long, env = "SIM_BINANCE_LIMIT", default_value_t = Config::LIMITS.binance, global = true)]
    binance_limit: u64,
    /// CoinGecko's requests per minute.
    #[arg(long, env = "SIM_COINGECKO_LIMIT", default_value_t = Config::LIMITS.coingecko, global = true)]
    coingecko_limit: u64,
    /// CoinMarketCap's requests per minute.
    #[arg(long, env = "SIM_COINMARKETCAP_LIMIT", default_value_t = Config::LIMITS.coinmarketcap, global = true)]
    coinmarketcap_limit: u64,
    /// Tokens that the listings have at least; small ones are made up. Without it, those of the catalogue.
    #[arg(long, env = "SIM_TOKENS", default_value_t = 0, global = true)]
    tokens: usize,
    #[command(subcommand)]
    market: Option<Market>,
}

#[derive(Debug, Subcommand)]
enum Market {
    /// A seeded synthetic market (the default).
    Synthetic,
    /// Recorded files, as if they happened now.
    Replay {
        /// Folder of *.csv.gz files: candles, daily snapshots or trades.
        folder: PathBuf,
        /// Minutes of the recording per minute.
        #[arg(long, env = "SIM_SPEED", default_value_t = 1.0)]
        speed: f64,
        /// Where to begin, as a share of the recording from 0 to 1; what lies before is history.
        #[arg(long, default_value_t = 0.75)]
        begin: f64,
        /// Stand still at the end instead of beginning again.
        #[arg(long)]
        once: bool,
    },
}

impl Arguments {
    fn config(self) -> Config {
        let market = match self.market {
            None | Some(Market::Synthetic) => MarketSource::Synthetic { seed: self.seed },
            Some(Market::Replay {
                folder,
                speed,
                begin,
                once,
            }) => MarketSource::Replay(ReplayOptions {
                folder,
                speed,
                begin,
                repeat: !once,
            }),
        };
        Config {
            listen: self.listen.unwrap_or(SocketAddr::new(self.bind_address, self.port)),
            market,
            refresh_ms: PerVenue {
                binance: self.binance_refresh_ms,
                coingecko: self.coingecko_refresh_ms,
                coinmarketcap: self.coinmarketcap_refresh_ms,
            },
            limits: PerVenue {
                binance: self.binance_limit,
                coingecko: self.coingecko_limit,
                coinmarketcap: self.coinmarketcap_limit,
            },
            state_file: self.state_file,
            tokens: self.tokens,
            ..Config::default()
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let log: LogSettings = platform::settings::load_or_exit(&[PROCESS_DEFAULTS]);
    platform::telemetry::init_with("market-sim", &log)?;
    let mut simulator = market_sim::start(arguments.config())?;
    tracing::info!(
        binance = simulator.base_url(Venue::Binance),
        coingecko = simulator.base_url(Venue::CoinGecko),
        coinmarketcap = simulator.base_url(Venue::CoinMarketCap),
        "simulated market is open"
    );
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        ended = simulator.ended() => ended.context("the server stopped by itself"),
        _ = terminate.recv() => { simulator.stop().await; Ok(()) }
        _ = tokio::signal::ctrl_c() => { simulator.stop().await; Ok(()) }
    }
}
