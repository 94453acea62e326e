//! Starting and holding a simulator inside a process: what the tests use, and what the binary is made of.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::DefaultHeaders;
use actix_web::{App, HttpServer, web};

use crate::assets::Catalogue;
use crate::clock::{Clock, SystemClock};
use crate::faults::{FaultRequest, Refused};
use crate::market::Market;
use crate::price_feed::PriceFeed;
use crate::recording::ReplayError;
use crate::replay::{Replay, ReplayOptions};
use crate::state::{Counts, PerVenue, Saved, State};
use crate::synthetic::Synthetic;
use crate::venue::Venue;
use crate::{control, server};

#[derive(Debug, Clone)]
pub enum MarketSource {
    Synthetic {
        /// The same seed is the same market.
        seed: u64,
    },
    Replay(ReplayOptions),
}

/// How a simulator is to be.
#[derive(Clone)]
pub struct Config {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    pub market: MarketSource,
    pub clock: Arc<dyn Clock>,
    /// How often each venue refreshes what it shows, in milliseconds; 0 always.
    pub refresh_ms: PerVenue,
    /// What each venue allows in a minute: weight at Binance, requests elsewhere.
    pub limits: PerVenue,
    /// Where moves and pins survive a restart.
    pub state_file: Option<PathBuf>,
    /// Tokens that the listings have at least; 0 for those of the catalogue.
    pub tokens: usize,
}

impl Config {
    /// Binance's public limit, and what paid plans of the two others allow.
    pub const LIMITS: PerVenue = PerVenue {
        binance: 6_000,
        coingecko: 500,
        coinmarketcap: 300,
    };
}

impl Default for Config {
    /// A synthetic market on a free local port that shows every price at once: what tests want.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            market: MarketSource::Synthetic { seed: 1 },
            clock: Arc::new(SystemClock),
            refresh_ms: PerVenue {
                binance: 0,
                coingecko: 0,
                coinmarketcap: 0,
            },
            limits: Self::LIMITS,
            state_file: None,
            tokens: 0,
        }
    }
}

/// Why a simulator does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be taken.
    #[error("cannot listen on {address}")]
    Listen {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    /// The files cannot be replayed.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The state file is damaged.
    #[error("the state file {path} cannot be read; remove it to start afresh")]
    StateFile {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

/// A running simulator; it stops when dropped.
pub struct Simulator {
    address: SocketAddr,
    state: web::Data<State>,
    handle: ServerHandle,
    running: tokio::task::JoinHandle<std::io::Result<()>>,
}

/// Starts a simulator; must be called inside a tokio runtime.
///
/// # Errors
/// When the address cannot be taken, the files cannot be replayed or the state file is damaged.
pub fn start(config: Config) -> Result<Simulator, StartError> {
    let catalogue = Arc::new(Catalogue::built_in().with_tokens(config.tokens));
    let saved = config.state_file.as_ref().map(load).transpose()?.flatten();
    let anchor = saved.as_ref().map_or_else(|| config.clock.now(), |saved| saved.anchor);
    let (market, basis): (Box<dyn Market>, Option<u64>) = match &config.market {
        MarketSource::Synthetic { seed } => (Box::new(Synthetic::new(*seed, &catalogue)), Some(*seed)),
        MarketSource::Replay(options) => (Box::new(Replay::open(options, &catalogue, anchor)?), None),
    };
    let feed = PriceFeed::new(market, catalogue, basis);
    if let Some(saved) = saved {
        feed.intervene(|overrides| *overrides = saved.overrides);
    }
    let kind = feed.kind();
    let state = State::new(
        feed,
        config.clock,
        config.refresh_ms,
        config.limits,
        anchor,
        config.state_file,
    );
    let state = web::Data::new(state);
    let shared = state.clone();
    let failed = |source| StartError::Listen {
        address: config.listen,
        source,
    };
    let server = HttpServer::new(move || {
        App::new()
            .app_data(shared.clone())
            .app_data(web::JsonConfig::default().limit(16 * 1024))
            .wrap(DefaultHeaders::new().add(("X-Simulated-Market", kind)))
            .configure(control::routes)
            .default_service(web::to(server::venue))
    })
    .workers(2)
    .disable_signals()
    .shutdown_timeout(1)
    .bind(config.listen)
    .map_err(failed)?;
    let address = server.addrs().first().copied().unwrap_or(config.listen);
    let server = server.run();
    let handle = server.handle();
    Ok(Simulator {
        address,
        state,
        handle,
        running: tokio::spawn(server),
    })
}

fn load(path: &PathBuf) -> Result<Option<Saved>, StartError> {
    let failed = |source| StartError::StateFile {
        path: path.clone(),
        source,
    };
    match std::fs::read(path) {
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(|error| failed(std::io::Error::other(error))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

impl Simulator {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its root, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What a client of a venue takes as its base URL.
    pub fn base_url(&self, venue: Venue) -> String {
        let root = self.url();
        match venue {
            Venue::Binance => format!("{root}/binance"),
            Venue::CoinGecko => format!("{root}/coingecko/api/v3"),
            Venue::CoinMarketCap => format!("{root}/coinmarketcap"),
        }
    }

    /// Breaks something.
    ///
    /// # Errors
    /// When the wish makes no sense.
    pub fn add_fault(&self, request: FaultRequest) -> Result<(), Refused> {
        self.state.add_fault(request)
    }

    pub fn clear_faults(&self) {
        self.state.clear_faults();
    }

    /// A crash or rally of `percent` over `length`, from now on and for good.
    ///
    /// # Errors
    /// When the asset is unknown or the numbers make no sense.
    pub fn move_price(&self, ticker: &str, percent: f64, length: Duration) -> Result<(), Refused> {
        self.state.move_price(ticker, percent, length, None)
    }

    /// Nails a dollar price at every venue, at once and exactly. Binance prints it in Tether: nail `USDT` at 1 for
    /// equal digits.
    ///
    /// # Errors
    /// When the asset is unknown or the price is not above zero.
    pub fn pin(&self, ticker: &str, price: f64) -> Result<(), Refused> {
        self.state.pin(ticker, price)
    }

    /// Lets a price go.
    ///
    /// # Errors
    /// When the asset is unknown.
    pub fn unpin(&self, ticker: &str) -> Result<(), Refused> {
        self.state.unpin(Some(ticker)).map(|_| ())
    }

    /// The price that a venue shows now, if it knows the asset.
    pub fn price(&self, venue: Venue, ticker: &str) -> Option<f64> {
        let asset = self.state.feed.catalogue().find(ticker)?;
        self.state.feed.price(venue, asset, self.state.clock.now())
    }

    /// How often each route of each venue was asked since the start.
    pub fn requests(&self) -> Counts {
        self.state.counts()
    }

    /// How often an route was asked since the start.
    pub fn requests_to(&self, venue: Venue, endpoint: &str) -> u64 {
        self.requests()
            .get(venue.slug())
            .map_or(0, |counts: &BTreeMap<_, _>| counts.get(endpoint).copied().unwrap_or(0))
    }

    /// Stops it and waits until the port is free.
    pub async fn stop(mut self) {
        self.handle.stop(false).await;
        let _ = (&mut self.running).await;
    }

    /// Waits until it ends by itself, which it does only when it fails.
    ///
    /// # Errors
    /// The failure of the server.
    pub async fn ended(&mut self) -> std::io::Result<()> {
        (&mut self.running).await.map_err(std::io::Error::other)?
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // The command is sent by the call; nobody needs to wait for its answer.
        drop(self.handle.stop(false));
    }
}
