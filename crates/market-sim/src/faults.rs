//! What can be made to go wrong, for how long, and where.
//!
//! A fault belongs to a venue, perhaps to one route and one asset, and ends after a number of answers or a time.

use serde::{Deserialize, Serialize};

use crate::assets::{AssetId, Catalogue};
use crate::clock::Millis;
use crate::fault_effects::FaultEffects;
use crate::fault_kind::FaultKind;
use crate::venue::Venue;
use crate::venues;

/// Faults that may stand at the same time.
const MAX_FAULTS: usize = 100;
/// The longest wait of a slow answer.
const MAX_MILLIS: u64 = 600_000;

/// A fault as it is asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FaultRequest {
    /// Where: `binance`, `coingecko` or `coinmarketcap`.
    pub venue: String,
    /// At which route only, such as `ticker/24hr`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// For which asset only; any name of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    #[serde(flatten)]
    pub kind: FaultKind,
}

impl FaultRequest {
    /// A fault at a venue, everywhere and until it is lifted.
    pub fn new(venue: Venue, kind: FaultKind) -> Self {
        Self {
            venue: venue.slug().to_owned(),
            endpoint: None,
            symbol: None,
            remaining: None,
            duration_ms: None,
            kind,
        }
    }

    /// Only at an route, such as `ticker/24hr`.
    #[must_use]
    pub fn at(mut self, endpoint: &str) -> Self {
        self.endpoint = Some(endpoint.to_owned());
        self
    }

    /// Only for an asset.
    #[must_use]
    pub fn for_symbol(mut self, symbol: &str) -> Self {
        self.symbol = Some(symbol.to_owned());
        self
    }

    /// Only for a number of answers.
    #[must_use]
    pub fn times(mut self, count: u64) -> Self {
        self.remaining = Some(count);
        self
    }
}

/// A refused wish of the control interface, in words for a person.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

struct Fault {
    venue: Venue,
    asset: Option<AssetId>,
    since: Millis,
    until: Option<Millis>,
    request: FaultRequest,
}

#[derive(Default)]
pub struct Faults {
    standing: Vec<Fault>,
}

impl Faults {
    /// Adds a fault from now on.
    ///
    /// # Errors
    /// When the wish names nothing known or is out of bounds.
    pub fn add(&mut self, request: FaultRequest, catalogue: &Catalogue, now: Millis) -> Result<(), Refused> {
        self.expire(now);
        if self.standing.len() >= MAX_FAULTS {
            return Err(Refused(format!(
                "{MAX_FAULTS} faults stand already; lift them with DELETE /_sim/faults"
            )));
        }
        let venue =
            Venue::find(&request.venue).ok_or_else(|| Refused(format!("no venue is called `{}`", request.venue)))?;
        if let Some(endpoint) = &request.endpoint
            && !venues::routes(venue).contains(&endpoint.as_str())
        {
            return Err(Refused(format!(
                "{} has these endpoints: {}",
                venue.slug(),
                venues::routes(venue).join(", ")
            )));
        }
        let asset = match &request.symbol {
            Some(symbol) => Some(
                catalogue
                    .find(symbol)
                    .ok_or_else(|| Refused(format!("no asset is called `{symbol}`")))?,
            ),
            None => None,
        };
        check(request.kind)?;
        let until = request.duration_ms.map(|length| now.saturating_add_unsigned(length));
        self.standing.push(Fault {
            venue,
            asset,
            since: now,
            until,
            request,
        });
        Ok(())
    }

    /// Lifts all faults; how many stood.
    pub fn clear(&mut self) -> usize {
        std::mem::take(&mut self.standing).len()
    }

    /// The standing faults as they were asked for, with what is left of them.
    pub fn list(&mut self, now: Millis) -> Vec<FaultRequest> {
        self.expire(now);
        self.standing
            .iter()
            .map(|fault| FaultRequest {
                duration_ms: fault.until.map(|until| until.abs_diff(now)),
                ..fault.request.clone()
            })
            .collect()
    }

    /// What happens to an answer that is about to be made; uses up those that last for a number of answers.
    pub fn take(&mut self, venue: Venue, endpoint: &str, now: Millis) -> FaultEffects {
        self.expire(now);
        let mut effects = FaultEffects::default();
        for fault in &mut self.standing {
            let here = fault.venue == venue
                && fault
                    .request
                    .endpoint
                    .as_deref()
                    .is_none_or(|wanted| wanted == endpoint);
            if !here {
                continue;
            }
            if let Some(remaining) = &mut fault.request.remaining {
                *remaining -= 1;
            }
            match fault.request.kind {
                kind @ (FaultKind::RateLimited { .. }
                | FaultKind::QuotaExhausted
                | FaultKind::ServerError { .. }
                | FaultKind::Html) => {
                    effects.instead = Some(kind);
                }
                FaultKind::Truncated => effects.truncated = true,
                FaultKind::Absurd { what } => effects.absurd.push((fault.asset, what)),
                FaultKind::Slow { ms } => effects.slow = Some(ms),
                FaultKind::Hang => effects.hang = true,
                FaultKind::PriceOffset { percent } => effects.offsets.push((fault.asset, percent)),
                FaultKind::Freeze => effects.frozen.push((fault.asset, fault.since)),
            }
        }
        self.standing.retain(|fault| fault.request.remaining != Some(0));
        effects
    }

    fn expire(&mut self, now: Millis) {
        self.standing
            .retain(|fault| fault.until.is_none_or(|until| now < until) && fault.request.remaining != Some(0));
    }
}

fn check(kind: FaultKind) -> Result<(), Refused> {
    let (right, wanted) = match kind {
        FaultKind::RateLimited { status, .. } => (
            status.is_none_or(|status| (400..500).contains(&status)),
            "status must be from 400 to 499",
        ),
        FaultKind::ServerError { status } => ((500..600).contains(&status), "status must be from 500 to 599"),
        FaultKind::Slow { ms } => (ms <= MAX_MILLIS, "ms must be at most 600000"),
        FaultKind::PriceOffset { percent } => (percent.is_finite() && percent > -100.0, "percent must be above -100"),
        FaultKind::QuotaExhausted
        | FaultKind::Html
        | FaultKind::Truncated
        | FaultKind::Absurd { .. }
        | FaultKind::Hang
        | FaultKind::Freeze => (true, ""),
    };
    if right { Ok(()) } else { Err(Refused(wanted.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault_kind::CorruptPrice;

    fn faults(requests: Vec<FaultRequest>) -> Faults {
        let mut faults = Faults::default();
        for request in requests {
            faults.add(request, &Catalogue::built_in(), 0).unwrap();
        }
        faults
    }

    #[test]
    fn a_fault_ends_after_its_number_of_answers() {
        let request = FaultRequest::new(Venue::Binance, FaultKind::Html)
            .at("ticker/price")
            .times(2);
        let mut faults = faults(vec![request]);
        assert!(faults.take(Venue::Binance, "klines", 1).instead.is_none());
        assert!(faults.take(Venue::CoinGecko, "ticker/price", 1).instead.is_none());
        assert!(faults.take(Venue::Binance, "ticker/price", 1).instead.is_some());
        assert!(faults.take(Venue::Binance, "ticker/price", 1).instead.is_some());
        assert!(faults.take(Venue::Binance, "ticker/price", 1).instead.is_none());
    }

    #[test]
    fn a_fault_ends_after_its_time() {
        let request = FaultRequest {
            duration_ms: Some(500),
            ..FaultRequest::new(Venue::CoinGecko, FaultKind::Hang)
        };
        let mut faults = faults(vec![request]);
        assert!(faults.take(Venue::CoinGecko, "simple/price", 499).hang);
        assert!(!faults.take(Venue::CoinGecko, "simple/price", 500).hang);
        assert!(faults.list(500).is_empty());
    }

    #[test]
    fn a_symbol_narrows_what_is_absurd() {
        let kind = FaultKind::Absurd {
            what: CorruptPrice::Zero,
        };
        let mut faults = faults(vec![FaultRequest::new(Venue::Binance, kind).for_symbol("ETHUSDT")]);
        let effects = faults.take(Venue::Binance, "ticker/price", 1);
        assert_eq!(effects.corrupt_price(0), None);
        assert_eq!(
            effects.corrupt_price(Catalogue::built_in().find("ETH").unwrap()),
            Some(CorruptPrice::Zero)
        );
    }

    #[test]
    fn nonsense_is_refused_in_words() {
        let mut faults = Faults::default();
        let request = FaultRequest {
            venue: "nowhere".into(),
            ..FaultRequest::new(Venue::Binance, FaultKind::Hang)
        };
        let error = faults.add(request, &Catalogue::built_in(), 0).unwrap_err();
        assert_eq!(error.to_string(), "no venue is called `nowhere`");
        let request = FaultRequest::new(Venue::Binance, FaultKind::Hang).at("nothing");
        assert!(
            faults
                .add(request, &Catalogue::built_in(), 0)
                .unwrap_err()
                .to_string()
                .contains("ticker/price")
        );
    }

    #[test]
    fn the_wire_form_is_flat() {
        let request: FaultRequest =
            serde_json::from_str(r#"{"venue":"binance","kind":"rate_limited","retry_after":7,"remaining":1}"#).unwrap();
        assert_eq!(
            request.kind,
            FaultKind::RateLimited {
                retry_after: 7,
                status: None
            }
        );
        assert_eq!(request.remaining, Some(1));
    }
}
