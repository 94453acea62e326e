//! The table `market.provider_credits`: what requests to providers cost, by UTC day.

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use jiff::civil::Date;
use platform::postgres::StoreError;

/// Credits of the month and of the day that were asked for, and when a listing was last asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    pub month: i64,
    pub day: i64,
    pub listed_at: Option<Timestamp>,
}

/// Adds credits to a day, or takes some back. Additions of several processes all count.
pub async fn add(
    client: &impl GenericClient,
    provider: &str,
    day: Date,
    credits: i64,
    listed_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    let statement = client
        .prepare_cached(
            "INSERT INTO market.provider_credits AS known (provider, day, credits, listed_at)
             VALUES ($1, $2, greatest($3::bigint, 0), $4)
             ON CONFLICT (provider, day) DO UPDATE SET
                credits = greatest(known.credits + $3::bigint, 0),
                listed_at = greatest(known.listed_at, excluded.listed_at)",
        )
        .await?;
    client
        .execute(&statement, &[&provider, &day, &credits, &listed_at])
        .await?;
    Ok(())
}

/// What was spent since `month`, its first day, and on `day`.
pub async fn spent(client: &impl GenericClient, provider: &str, month: Date, day: Date) -> Result<Spent, StoreError> {
    let statement = client
        .prepare_cached(
            "SELECT coalesce(sum(credits) FILTER (WHERE day >= $2), 0)::bigint AS month,
                    coalesce(sum(credits) FILTER (WHERE day = $3), 0)::bigint AS day,
                    max(listed_at) AS listed_at
             FROM market.provider_credits WHERE provider = $1 AND day > $2::date - 62",
        )
        .await?;
    let row = client.query_one(&statement, &[&provider, &month, &day]).await?;
    Ok(Spent {
        month: row.try_get("month")?,
        day: row.try_get("day")?,
        listed_at: row.try_get("listed_at")?,
    })
}
