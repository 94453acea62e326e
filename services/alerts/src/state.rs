//! What handlers need.

use std::sync::Arc;

use deadpool_postgres::Pool;
use domain::monitor::Thresholds;
use domain::ticker::Ticker;
use platform::clock::SharedClock;
use platform::sealing::KeyRing;
use tokio::sync::Notify;

use crate::delivery::dns::NameResolver;
use crate::delivery::ssrf::EgressPolicy;
use crate::index::AlertIndex;
use crate::price_data::PriceData;

pub struct AppState {
    pub pool: Pool,
    pub index: AlertIndex,
    pub clock: SharedClock,
    /// Seals and opens the secrets of endpoints.
    pub keys: Arc<KeyRing>,
    pub egress_policy: Arc<EgressPolicy>,
    pub names: NameResolver,
    /// Assets that alerts may name.
    pub supported: Vec<Ticker>,
    /// Marks armed alerts that no price reaches.
    pub price_data: PriceData,
    /// Most attempts to deliver a message.
    pub max_attempts: u32,
    /// Where risk levels begin.
    pub thresholds: Thresholds,
    /// Wakes this process's relay.
    pub relay: Arc<Notify>,
    /// Wakes this process's reconciler of the index.
    pub reconcile: Arc<Notify>,
}
