//! A provider's names become ours: which entries of an answer are watched, and what they say.

use std::collections::HashMap;

use domain::asset::Asset;
use domain::ticker::ProviderId;
use jiff::Timestamp;

use crate::providers::{Entry, ParsedBatch};
use crate::rejection::{RejectReason, Rejected};
use crate::validate::to_observation;

/// Makes a batch of an answer's entries. Entries that are not watched, or not asked for in this currency, are left
/// out; bad ones are among the rejected. `currency` is the one that counts, upper case; `None` takes each entry's own.
pub fn batch(
    provider: ProviderId,
    assets: &[Asset],
    entries: &[Entry],
    currency: Option<&str>,
    simulated: bool,
    received_at: Timestamp,
) -> ParsedBatch {
    let by_symbol: HashMap<String, &Asset> = assets
        .iter()
        .filter_map(|asset| Some((asset.symbol_at(provider)?, asset)))
        .collect();
    let mut batch = ParsedBatch::default();
    for entry in entries {
        let raw_ticker = match entry {
            Entry::Ticker(raw_ticker) => raw_ticker,
            Entry::Candle(_) => continue,
            Entry::Malformed(_) => {
                batch.rejected.push(Rejected {
                    provider,
                    ticker: None,
                    symbol: String::new(),
                    reason: RejectReason::Malformed,
                    raw_price: None,
                    quoted_at: None,
                    received_at,
                });
                continue;
            }
        };
        let symbol = raw_ticker.symbol.as_deref().unwrap_or_default();
        let Some(asset) = by_symbol.get(symbol) else { continue };
        let other_currency = raw_ticker
            .currency
            .as_deref()
            .zip(currency)
            .is_some_and(|(is, wanted)| !is.eq_ignore_ascii_case(wanted));
        if other_currency {
            continue;
        }
        match to_observation(provider, asset, raw_ticker, received_at) {
            Ok(mut observation) => {
                observation.simulated = simulated;
                batch.observations.push(observation);
            }
            Err(reason) => batch.rejected.push(Rejected {
                provider,
                ticker: Some(asset.ticker.clone()),
                symbol: symbol.to_owned(),
                reason,
                raw_price: raw_ticker.price.as_ref().map(|price| price.as_str().to_owned()),
                quoted_at: raw_ticker.quoted_at,
                received_at,
            }),
        }
    }
    batch
}
