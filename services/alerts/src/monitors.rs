//! Risk levels: evaluates each asset's metrics as they come, keeps the newest level, and announces changes.

use std::collections::BTreeMap;
use std::time::Duration;

use contracts::api::alerts::MonitorCheckBody;
use contracts::keys;
use contracts::messages::{AlertEventMessage, MetricsMessage, VERSION};
use contracts::number::Float;
use deadpool_postgres::Pool;
use domain::monitor::{self, Check, CheckName, Level, Reading, Thresholds};
use domain::ticker::Ticker;
use jiff::Timestamp;
use platform::backoff::Backoff;
use platform::clock::SharedClock;
use platform::redis::Connection;
use platform::retry::{Limit, retry};
use platform::stream::{GroupReader, append};
use tokio_util::sync::CancellationToken;

use crate::error_chain::error_chain;
use crate::metrics;
use crate::store::StoreError;
use crate::store::monitors::{self, Decision, Standings, Stored};
use crate::store::refused::{self, Kind};

/// Most messages evaluated together.
const BATCH_SIZE: usize = 500;

/// Longest wait for a message before looking at the stop again.
const BLOCK: Duration = Duration::from_secs(1);

pub struct Monitors {
    pub pool: Pool,
    /// For announcements.
    pub redis: Connection,
    pub clock: SharedClock,
    /// Where each level begins.
    pub thresholds: Thresholds,
}

impl Monitors {
    /// Evaluates until the stop. Every failure is waited out.
    pub async fn run(self, mut reader: GroupReader, stop: CancellationToken) -> anyhow::Result<()> {
        loop {
            let Some(entries) = stop.run_until_cancelled(reader.read(BATCH_SIZE, BLOCK)).await else {
                return Ok(());
            };
            let newest = newest_per_asset(entries.iter().map(|entry| entry.payload.as_str()));
            for message in newest.values() {
                if stop
                    .run_until_cancelled(self.evaluate_with_retry(message))
                    .await
                    .is_none()
                {
                    return Ok(());
                }
            }
            // Only now: after a crash they come again, and a state that is stored already is not replaced by itself.
            let ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
            if let Err(error) = reader.ack(&ids).await {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "metrics not acknowledged, they will come again"
                );
            }
        }
    }

    async fn evaluate_with_retry(&self, message: &MetricsMessage) {
        let mut outages = 0;
        // Waited out for good, so there is no error.
        let _ = retry(
            Backoff::RECONNECT,
            Limit::Never,
            |_| self.evaluate_or_set_aside(message),
            |error, attempt| {
                outages = attempt + 1;
                if attempt == 0 {
                    tracing::warn!(error = error_chain(error), "risk levels wait");
                }
            },
        )
        .await;
        if outages > 0 {
            tracing::info!(attempts = outages, "risk levels go on");
        }
    }

    /// Metrics that are refused for good are set aside; the next ones may be better.
    async fn evaluate_or_set_aside(&self, message: &MetricsMessage) -> Result<(), StoreError> {
        match self.evaluate(message).await {
            Err(error) if !error.is_outage() => {
                let payload = serde_json::to_string(message).unwrap_or_default();
                let (item, now) = (message.ticker.as_str(), self.clock.now());
                refused::set_aside(&self.pool, Kind::Metrics, item, &error, &payload, now).await
            }
            evaluated => evaluated,
        }
    }

    /// Evaluates the checks of one asset and announces a change of its level.
    pub async fn evaluate(&self, message: &MetricsMessage) -> Result<(), StoreError> {
        let decide = |previous: &Standings| {
            let checks = checks(message, &self.thresholds, previous);
            Decision {
                level: monitor::overall(&checks),
                bodies: checks.iter().map(to_body).collect(),
                standings: checks
                    .iter()
                    .filter_map(|check| Some((check.name, check.standing?)))
                    .collect(),
            }
        };
        let stored = monitors::update(&self.pool, &message.ticker, message.as_of, decide).await?;
        // After the commit. A crash in between costs the live notice; the level and its transition are stored.
        if let Stored::Changed { from, to: Some(to) } = stored {
            self.announce(message, from, to).await;
        }
        Ok(())
    }

    async fn announce(&self, message: &MetricsMessage, from: Option<Level>, to: Level) {
        ::metrics::counter!(metrics::LEVEL_CHANGES, "to" => to.as_str()).increment(1);
        tracing::info!(
            ticker = %message.ticker,
            from = from.map(Level::as_str),
            to = to.as_str(),
            request_id = message.request_id,
            "risk level changed"
        );
        let event = AlertEventMessage::LevelChanged {
            v: VERSION,
            ticker: message.ticker.clone(),
            from: from.map(|level| level.as_str().to_owned()),
            to: to.as_str().to_owned(),
            at: message.as_of,
            request_id: message.request_id.clone(),
        };
        let text = serde_json::to_string(&event).expect("an event of texts and times is always JSON");
        let command = append(keys::ALERT_EVENTS_STREAM, keys::ALERT_EVENTS_STREAM_MAX_LEN, &text);
        let announced: redis::RedisResult<()> = command.query_async(&mut self.redis.clone()).await;
        if let Err(error) = announced {
            tracing::warn!(%error, "level change not announced; it is stored");
        }
    }
}

fn newest_per_asset<'a>(payloads: impl IntoIterator<Item = &'a str>) -> BTreeMap<Ticker, MetricsMessage> {
    let mut newest: BTreeMap<Ticker, MetricsMessage> = BTreeMap::new();
    for payload in payloads {
        match serde_json::from_str::<MetricsMessage>(payload) {
            Ok(message) => {
                let is_newer = newest
                    .get(&message.ticker)
                    .is_none_or(|known| known.as_of <= message.as_of);
                if is_newer {
                    newest.insert(message.ticker.clone(), message);
                }
            }
            Err(error) => tracing::warn!(%error, "unreadable metrics left out"),
        }
    }
    newest
}

fn checks(message: &MetricsMessage, thresholds: &Thresholds, previous: &Standings) -> Vec<Check> {
    let reading = |value: Option<f64>, field: &str| match value {
        Some(value) => Reading::Known(value),
        None => Reading::Unknown(
            message
                .undefined
                .get(field)
                .cloned()
                .unwrap_or_else(|| "insufficient_data".to_owned()),
        ),
    };
    let of = |name: CheckName| match name {
        CheckName::PriceDrop => reading(message.drop_24h_percent, "drop_24h_percent"),
        CheckName::VolatilitySpike => reading(message.volatility_ratio, "volatility_ratio"),
        CheckName::Drawdown => reading(message.drawdown_30d_percent, "drawdown_30d_percent"),
    };
    CheckName::ALL
        .map(|name| {
            let standing = previous.get(&name).copied();
            monitor::check(name, of(name), thresholds, standing, message.as_of)
        })
        .into()
}

fn to_body(check: &Check) -> MonitorCheckBody {
    let (value, reason) = match &check.reading {
        Reading::Known(value) => (Some(Float(*value)), None),
        Reading::Unknown(reason) => (None, Some(reason.clone())),
    };
    MonitorCheckBody {
        name: check.name.as_str().to_owned(),
        value,
        warning: Float(check.threshold.warning),
        alert: Float(check.threshold.alert),
        level: check.level().map(|level| level.as_str().to_owned()),
        reason,
    }
}

/// The checks of an asset that has no metrics yet.
pub fn unknown_checks(thresholds: &Thresholds) -> Vec<MonitorCheckBody> {
    let unknown = |name| {
        to_body(&monitor::check(
            name,
            Reading::Unknown("no_metrics_yet".to_owned()),
            thresholds,
            None,
            Timestamp::UNIX_EPOCH,
        ))
    };
    CheckName::ALL.map(unknown).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(ticker: &str, as_of: &str, drop: Option<f64>) -> MetricsMessage {
        MetricsMessage {
            v: 1,
            ticker: ticker.parse().unwrap(),
            as_of: as_of.parse().unwrap(),
            price: 1.into(),
            change_24h_percent: None,
            high_24h: None,
            low_24h: None,
            drop_24h_percent: drop,
            volatility_1h: None,
            volatility_7d_median: None,
            volatility_ratio: Some(2.5),
            drawdown_30d_percent: None,
            undefined: [("drawdown_30d_percent".to_owned(), "no_history".to_owned())].into(),
            request_id: "r".to_owned(),
        }
    }

    #[test]
    fn metrics_become_checks_and_unknowns_keep_their_reason() {
        let message = metrics("BTC", "2026-01-01T00:00:00Z", Some(5.0));
        let checks = checks(&message, &Thresholds::DEFAULT, &Standings::new());
        let bodies: Vec<MonitorCheckBody> = checks.iter().map(to_body).collect();
        let seen: Vec<_> = bodies
            .iter()
            .map(|b| (b.name.as_str(), b.level.as_deref(), b.reason.as_deref()))
            .collect();
        assert_eq!(
            seen,
            [
                ("price_drop", Some("Warning"), None),
                ("volatility_spike", Some("Alert"), None),
                ("drawdown", None, Some("no_history")),
            ]
        );
        assert_eq!(monitor::overall(&checks), Some(Level::Alert));
    }

    #[test]
    fn newest_metrics_of_each_asset_count_in_a_batch() {
        let texts: Vec<String> = [
            metrics("BTC", "2026-01-01T00:00:02Z", Some(2.0)),
            metrics("BTC", "2026-01-01T00:00:01Z", Some(1.0)),
            metrics("ETH", "2026-01-01T00:00:00Z", None),
        ]
        .iter()
        .map(|message| serde_json::to_string(message).unwrap())
        .collect();
        let newest = newest_per_asset(texts.iter().map(String::as_str).chain(["nonsense"]));
        let drops: Vec<_> = newest.values().map(|message| message.drop_24h_percent).collect();
        assert_eq!(drops, [Some(2.0), None]);
    }
}
