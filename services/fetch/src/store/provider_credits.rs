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
    /// When one last came.
    pub arrived_at: Option<Timestamp>,
}

/// Most credits of one day that are counted, so that no sum is too large for a column.
const MAX_CREDITS: i64 = 1_000_000_000_000;

/// Adds credits to a day, or takes some back. Additions of several processes all count.
pub async fn add(
    client: &impl GenericClient,
    provider: &str,
    day: Date,
    credits: i64,
    listed_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    // A moment that a wrong clock has put into the future gives way to the next one.
    let statement = client
        .prepare_cached(
            "INSERT INTO market.provider_credits AS known (provider, day, credits, listed_at)
             VALUES ($1, $2, greatest($3::bigint, 0), $4)
             ON CONFLICT (provider, day) DO UPDATE SET
                credits = least(greatest(known.credits + $3::bigint, 0), $5::bigint),
                listed_at = CASE WHEN known.listed_at > excluded.listed_at + interval '5 minutes'
                    THEN excluded.listed_at ELSE greatest(known.listed_at, excluded.listed_at) END",
        )
        .await?;
    let credits = credits.clamp(-MAX_CREDITS, MAX_CREDITS);
    client
        .execute(&statement, &[&provider, &day, &credits, &listed_at, &MAX_CREDITS])
        .await?;
    Ok(())
}

/// Notes that a listing came.
pub async fn arrived(
    client: &impl GenericClient,
    provider: &str,
    day: Date,
    arrived_at: Timestamp,
) -> Result<(), StoreError> {
    let statement = client
        .prepare_cached(
            "INSERT INTO market.provider_credits (provider, day, credits, arrived_at) VALUES ($1, $2, 0, $3)
             ON CONFLICT (provider, day) DO UPDATE SET arrived_at = excluded.arrived_at",
        )
        .await?;
    client.execute(&statement, &[&provider, &day, &arrived_at]).await?;
    Ok(())
}

/// What was spent in the month that begins with `month`, and on `day`. Moments after `latest` are those of a wrong clock.
pub async fn spent(
    client: &impl GenericClient,
    provider: &str,
    month: Date,
    day: Date,
    latest: Timestamp,
) -> Result<Spent, StoreError> {
    let statement = client
        .prepare_cached(
            "SELECT coalesce(sum(credits) FILTER (WHERE day >= $2 AND day < $2::date + interval '1 month'), 0)::bigint
                        AS month,
                    coalesce(sum(credits) FILTER (WHERE day = $3), 0)::bigint AS day,
                    max(listed_at) FILTER (WHERE listed_at <= $4) AS listed_at,
                    max(arrived_at) FILTER (WHERE arrived_at <= $4) AS arrived_at
             FROM market.provider_credits WHERE provider = $1 AND day > $2::date - 62",
        )
        .await?;
    let row = client
        .query_one(&statement, &[&provider, &month, &day, &latest])
        .await?;
    Ok(Spent {
        month: row.try_get("month")?,
        day: row.try_get("day")?,
        listed_at: row.try_get("listed_at")?,
        arrived_at: row.try_get("arrived_at")?,
    })
}
