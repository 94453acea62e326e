//! Ids of prices: a UUID v7 whose random part is a hash of the inputs.
//!
//! Two processes that see the same inputs give the price the same id, so a price that is published twice is
//! recognised as one.

use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::input::ClassifiedInput;
use crate::ticker::Ticker;

/// The id of a price made of `included`.
pub(super) fn price_id(ticker: &Ticker, price: Decimal, as_of: Timestamp, included: &[&ClassifiedInput]) -> Uuid {
    let mut text = format!("{ticker}|{}", price.normalize());
    for input in included {
        let observation = &input.observation;
        text.push_str(&format!(
            "|{}:{}:{}:{}",
            observation.provider,
            observation.price.normalize(),
            observation.source_time().as_millisecond(),
            input.quote_rate.unwrap_or_default().normalize(),
        ));
    }
    let mut random = [0_u8; 10];
    random[..8].copy_from_slice(&fnv1a(text.as_bytes(), 0xcbf2_9ce4_8422_2325).to_be_bytes());
    random[8..].copy_from_slice(&fnv1a(text.as_bytes(), 0x9e37_79b9_7f4a_7c15).to_be_bytes()[..2]);
    let millis = u64::try_from(as_of.as_millisecond()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// FNV-1a: stable over versions and machines, which the standard library's hasher is not.
fn fnv1a(bytes: &[u8], start: u64) -> u64 {
    bytes.iter().fold(start, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
