//! Prices that are in the candles.

use std::collections::HashMap;

use deadpool_postgres::GenericClient;
use domain::candle::Tick;
use domain::ticker::Ticker;
use jiff::Timestamp;
use platform::postgres::StoreError;
use rust_decimal::Decimal;
use uuid::Uuid;

/// Inserts prices and returns those that were not there yet.
///
/// Rows are sorted first: two processes that were given the same entries then wait for one another instead of
/// deadlocking.
pub async fn insert_new(
    client: &impl GenericClient,
    ticks: &[(Ticker, Tick)],
) -> Result<Vec<(Ticker, Tick)>, StoreError> {
    let mut sorted: Vec<&(Ticker, Tick)> = ticks.iter().collect();
    sorted.sort_by_key(|(ticker, tick)| (ticker, tick.at, tick.id));
    let tickers: Vec<&str> = sorted.iter().map(|(ticker, _)| ticker.as_str()).collect();
    let times: Vec<Timestamp> = sorted.iter().map(|(_, tick)| tick.at).collect();
    let ids: Vec<Uuid> = sorted.iter().map(|(_, tick)| tick.id).collect();
    let prices: Vec<Decimal> = sorted.iter().map(|(_, tick)| tick.price).collect();
    let published_at: HashMap<Uuid, Timestamp> = sorted.iter().map(|(_, tick)| (tick.id, tick.published_at)).collect();
    let rows = client
        .query(
            "INSERT INTO analytics.ticks (ticker, as_of, price_id, price) \
             SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::uuid[], $4::numeric[]) \
             ON CONFLICT DO NOTHING \
             RETURNING ticker, as_of, price_id, price",
            &[&tickers, &times, &ids, &prices],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let ticker = super::candles::ticker_of(row)?;
            let (at, id) = (row.try_get("as_of")?, row.try_get("price_id")?);
            let tick = Tick {
                at,
                id,
                published_at: published_at.get(&id).copied().unwrap_or(at),
                price: row.try_get("price")?,
                volume: None,
            };
            Ok((ticker, tick))
        })
        .collect()
}
