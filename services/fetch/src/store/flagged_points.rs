//! The table `market.flagged_points`: prices that were rejected or left out.

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use platform::postgres::StoreError;
use rust_decimal::Decimal;

/// A price that took no part in a quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlaggedPoint {
    pub flagged_at: Timestamp,
    pub provider: &'static str,
    pub ticker: String,
    pub symbol: String,
    pub reason: &'static str,
    pub raw_price: Option<String>,
    pub reference_price: Option<Decimal>,
    pub quoted_at: Option<Timestamp>,
    pub received_at: Timestamp,
}

/// Inserts all points in one statement: either all are stored or none.
pub async fn insert(client: &impl GenericClient, points: &[FlaggedPoint]) -> Result<(), StoreError> {
    macro_rules! column {
        ($field:ident) => {
            points
                .iter()
                .map(|point| point.$field.clone())
                .collect::<Vec<_>>()
        };
    }
    let statement = client
        .prepare_cached(
            "INSERT INTO market.flagged_points
                (flagged_at, provider, ticker, symbol, reason, raw_price, reference_price, quoted_at, received_at)
             SELECT * FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                $7::numeric[], $8::timestamptz[], $9::timestamptz[])",
        )
        .await?;
    client
        .execute(
            &statement,
            &[
                &column!(flagged_at),
                &column!(provider),
                &column!(ticker),
                &column!(symbol),
                &column!(reason),
                &column!(raw_price),
                &column!(reference_price),
                &column!(quoted_at),
                &column!(received_at),
            ],
        )
        .await?;
    Ok(())
}

/// Deletes the points that were flagged before `before`.
pub async fn delete_before(client: &impl GenericClient, before: Timestamp) -> Result<u64, StoreError> {
    let statement = "DELETE FROM market.flagged_points WHERE flagged_at < $1";
    Ok(client.execute(statement, &[&before]).await?)
}
