//! What `fetch` answers.

use std::collections::BTreeMap;

use domain::interval::Interval;
use domain::ticker::{ProviderId, Ticker};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::enums::{Breaker, ProviderState};
use crate::number::Number;
use crate::time::Time;

/// Query of `GET /internal/history/{ticker}`. Candles with `from <= open time < to`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryQuery {
    /// Length of the candles.
    pub interval: Interval,
    /// First opening time.
    pub from: Time,
    /// End, exclusive.
    pub to: Time,
    /// Asks exchanges only, for replacing what an aggregator reported.
    #[serde(default)]
    pub exchanges_only: bool,
}

/// Candles from a provider's own history, ascending.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryBody {
    /// The asset.
    pub ticker: Ticker,
    /// Length of the candles.
    pub interval: Interval,
    /// The provider they come from.
    pub source: ProviderId,
    /// The currency of the prices as the provider reports them; nothing is converted here.
    #[serde(default = "usd")]
    pub currency: String,
    /// The candles. The last may be open.
    #[serde(rename = "bars")]
    pub candles: Vec<HistoryCandle>,
}

fn usd() -> String {
    "USD".to_owned()
}

/// One candle of a provider's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryCandle {
    /// Opening time.
    pub t: Time,
    /// First price.
    pub o: Number,
    /// Highest price.
    pub h: Number,
    /// Lowest price.
    pub l: Number,
    /// Last price.
    pub c: Number,
    /// Volume in units of the asset, where the provider reports it.
    pub v: Option<Number>,
    /// False for the candle that is still open.
    pub closed: bool,
}

/// One provider, as `GET /internal/sources` lists it and `/api/v1/status` shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = SourceBody)]
pub struct ProviderBody {
    /// The provider's name.
    #[schema(value_type = String)]
    pub provider: ProviderId,
    /// `ok`, `degraded` (its last poll failed) or `down` (its breaker is open), `starting` before the first poll.
    #[schema(value_type = ProviderState)]
    pub state: String,
    /// Milliseconds since its last good answer.
    pub age_ms: Option<u64>,
    /// `closed`, `open` or `half_open`.
    #[schema(value_type = Breaker)]
    pub breaker: String,
    /// The last failure in one sentence, without addresses.
    pub last_error: Option<String>,
    /// When that was.
    pub last_error_at: Option<Time>,
    /// Its reliability in the weighted median, 0 to 1.
    pub weight: Number,
    /// Whether its answers say that they are a simulation.
    pub simulated: bool,
}

/// How a price was made (`GET /internal/explain/{ticker}`): recomputing `method` on `inputs` gives `price`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ExplanationBody {
    /// Id of the price.
    pub price_id: Uuid,
    /// The asset.
    #[schema(value_type = String)]
    pub ticker: Ticker,
    /// The price in USD.
    pub price: Number,
    /// Half-width of the confidence interval in USD.
    pub confidence: Option<Number>,
    /// Name and version of the method.
    pub method: String,
    /// The method's parameters.
    pub parameters: BTreeMap<String, Number>,
    /// What every provider reported.
    pub inputs: Vec<ExplanationInput>,
    /// The steps in words, in order.
    pub steps: Vec<String>,
}

/// One provider's part in a price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ExplanationInput {
    /// The provider.
    #[schema(value_type = String)]
    pub source: ProviderId,
    /// Its own name of the pair.
    pub pair: String,
    /// The price it gave.
    pub raw_price: Number,
    /// In this currency.
    pub quote_currency: String,
    /// USD per unit of that currency.
    pub quote_rate: Option<Number>,
    /// The price in USD.
    pub usd_price: Option<Number>,
    /// Its share by volume, capped.
    pub volume_weight: Option<Number>,
    /// Its reliability.
    pub reliability: Number,
    /// When it reached us.
    pub received_at: Time,
    /// When the provider says it was made.
    pub source_time: Option<Time>,
    /// Its age when the price was made.
    pub age_ms: u64,
    /// Whether it took part.
    pub included: bool,
    /// Why not.
    pub reason: Option<String>,
}
