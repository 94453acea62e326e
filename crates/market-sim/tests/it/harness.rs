use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use market_sim::{Config, ManualClock, Simulator, Venue, start};
use serde_json::Value;

/// 2026-09-21T14:13:20Z, a Monday: not at the edge of any candle.
pub const NOW: i64 = 1_790_000_000_000;

/// A simulator whose time stands still, and a client.
pub struct TestApp {
    pub clock: Arc<ManualClock>,
    pub simulator: Simulator,
    client: reqwest::Client,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

pub fn client(timeout: Duration) -> reqwest::Client {
    reqwest::Client::builder()
        .timeout(timeout)
        .no_proxy()
        .build()
        .expect("a client without certificates")
}

impl TestApp {
    pub fn new() -> Self {
        Self::with(|_| ())
    }

    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        let clock = Arc::new(ManualClock::new(NOW));
        let mut config = Config {
            clock: Arc::clone(&clock) as _,
            ..Config::default()
        };
        change(&mut config);
        Self {
            clock,
            simulator: start(config).expect("it starts"),
            client: client(Duration::from_secs(20)),
        }
    }

    /// Asks below a venue's base URL.
    pub async fn get(&self, venue: Venue, path: &str) -> Answer {
        let request = self.client.get(format!("{}{path}", self.simulator.base_url(venue)));
        self.send(request.header("X-CMC_PRO_API_KEY", "any")).await
    }

    /// Asks below the root, without a key.
    pub async fn plain(&self, path: &str) -> Answer {
        self.send(self.client.get(format!("{}{path}", self.simulator.url())))
            .await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.client.post(format!("{}{path}", self.simulator.url())).json(&body))
            .await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.client.delete(format!("{}{path}", self.simulator.url())))
            .await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer {
            status,
            headers,
            text: response.text().await.expect("a body"),
        }
    }

    /// The price of a pair at the exchange, as it is spelt.
    pub async fn exchange_price(&self, symbol: &str) -> String {
        let answer = self
            .get(Venue::Binance, &format!("/api/v3/ticker/price?symbol={symbol}"))
            .await;
        answer.json()["price"].as_str().expect("a price in quotes").to_owned()
    }
}

/// A folder of recorded data; `None` when it is knowingly absent.
///
/// Without the folder and without that word the test fails.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where these tests read the environment"
)]
pub fn shared(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("CRYPTOLENS_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    if root.as_os_str() == "none" {
        println!("skipped: CRYPTOLENS_SHARED=none, so there is no recorded data");
        return None;
    }
    let path = root.join(folder);
    assert!(
        path.is_dir(),
        "{} is missing: put the recorded data beside the project, name its folder in CRYPTOLENS_SHARED, \
         or say CRYPTOLENS_SHARED=none",
        path.display()
    );
    Some(path)
}
