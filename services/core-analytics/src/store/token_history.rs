//! The history of tokens: cells of 5 minutes, and the hours and days that are made of them.

use std::collections::BTreeSet;

use deadpool_postgres::GenericClient;
use domain::interval::Interval;
use domain::token_point::TokenPoint;
use domain::velocity::VelocityPoint;
use jiff::{SignedDuration, Timestamp};
use platform::postgres::StoreError;
use rust_decimal::Decimal;
use tokio_postgres::Row;

use super::tokens::{decimal, velocity_method};

/// The lengths that are stored; the others are made of them when they are asked for.
pub const STORED: [Interval; 3] = [Interval::M5, Interval::H1, Interval::D1];

/// Longer lengths, each made of the one before it.
const ROLLED_UP: [(Interval, Interval); 2] = [(Interval::M5, Interval::H1), (Interval::H1, Interval::D1)];

/// Which token, and where its cell begins.
pub type CellKey = (i64, Timestamp);

/// The newest figures of a cell count. Of one moment those of the first choice do, then those that arrived later, so
/// that the order in which they are merged does not matter.
const MERGES_CELL: &str = "(excluded.as_of, NOT excluded.is_fallback, excluded.received_at) \
                           > (h.as_of, NOT h.is_fallback, h.received_at)";
/// An import fills in what is not there, or replaces an earlier import.
const MERGES_IMPORT: &str = "h.n = 0";
const ALWAYS: &str = "true";

/// Merges cells of 5 minutes, at most one for each token and opening time. Returns those that changed.
///
/// The caller has locked the tokens: otherwise two processes could make an hour each without the other's cell.
pub async fn merge_cells(
    client: &impl GenericClient,
    cells: &[(i64, TokenPoint)],
) -> Result<BTreeSet<CellKey>, StoreError> {
    upsert(client, Interval::M5, cells, MERGES_CELL).await
}

/// Stores imported cells of one length where nothing else is known. Returns those that changed.
pub async fn merge_imported(
    client: &impl GenericClient,
    interval: Interval,
    cells: &[(i64, TokenPoint)],
) -> Result<BTreeSet<CellKey>, StoreError> {
    upsert(client, interval, cells, MERGES_IMPORT).await
}

/// Makes the hours and days anew in which these cells of 5 minutes lie.
pub async fn roll_up(client: &impl GenericClient, changed: &BTreeSet<CellKey>) -> Result<(), StoreError> {
    let mut changed = changed.clone();
    for (parts, whole) in ROLLED_UP {
        changed = changed
            .into_iter()
            .map(|(token_id, open_time)| (token_id, whole.open_time(open_time)))
            .collect();
        let rows = list_parts(client, parts, whole, &changed).await?;
        let rolled: Vec<(i64, TokenPoint)> = rows
            .chunk_by(|(one, a), (other, b)| {
                one == other && whole.open_time(a.open_time) == whole.open_time(b.open_time)
            })
            .filter_map(|group| {
                let (token_id, first) = group.first()?;
                let parts: Vec<TokenPoint> = group.iter().map(|(_, point)| point.clone()).collect();
                Some((
                    *token_id,
                    TokenPoint::roll_up(whole.open_time(first.open_time), &parts)?,
                ))
            })
            .collect();
        upsert(client, whole, &rolled, ALWAYS).await?;
    }
    Ok(())
}

/// The parts of all these cells, by token and time.
async fn list_parts(
    client: &impl GenericClient,
    parts: Interval,
    whole: Interval,
    cells: &BTreeSet<CellKey>,
) -> Result<Vec<(i64, TokenPoint)>, StoreError> {
    let tokens: Vec<i64> = cells.iter().map(|(token_id, _)| *token_id).collect();
    let starts: Vec<Timestamp> = cells.iter().map(|(_, open_time)| *open_time).collect();
    let length = SignedDuration::from_secs(whole.seconds());
    let ends: Vec<Timestamp> = starts.iter().map(|start| *start + length).collect();
    // OFFSET 0 keeps this a lookup for each cell, in the one partition that it needs, however the planner estimates.
    let statement = client
        .prepare_cached(
            "SELECT h.* FROM unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[]) AS w (token_id, start, stop) \
             CROSS JOIN LATERAL (SELECT * FROM analytics.token_history p WHERE p.token_id = w.token_id \
             AND p.\"interval\" = $4 AND p.open_time >= w.start AND p.open_time < w.stop OFFSET 0) h \
             ORDER BY h.token_id, h.open_time",
        )
        .await?;
    let rows = client
        .query(&statement, &[&tokens, &starts, &ends, &parts.as_str()])
        .await?;
    rows.iter()
        .map(|row| Ok((row.try_get("token_id")?, from_row(row)?)))
        .collect()
}

/// The cells of a token with `from <= open time < to`, ascending, at most `limit`.
pub async fn list(
    client: &impl GenericClient,
    token_id: i64,
    interval: Interval,
    (from, to): (Timestamp, Timestamp),
    limit: u32,
) -> Result<Vec<TokenPoint>, StoreError> {
    let statement = client
        .prepare_cached(
            "SELECT * FROM analytics.token_history WHERE token_id = $1 AND \"interval\" = $2 \
             AND open_time >= $3 AND open_time < $4 ORDER BY open_time LIMIT $5",
        )
        .await?;
    let rows = client
        .query(
            &statement,
            &[&token_id, &interval.as_str(), &from, &to, &i64::from(limit)],
        )
        .await?;
    rows.iter().map(from_row).collect()
}

/// The velocities of a token from `from` on, ascending.
pub async fn list_velocities(
    client: &impl GenericClient,
    token_id: i64,
    from: Timestamp,
) -> Result<Vec<VelocityPoint>, StoreError> {
    let statement = client
        .prepare_cached(
            "SELECT as_of, velocity FROM analytics.token_history WHERE token_id = $1 AND \"interval\" = '5m' \
             AND open_time >= $2 ORDER BY open_time",
        )
        .await?;
    let rows = client.query(&statement, &[&token_id, &from]).await?;
    rows.iter()
        .map(|row| Ok(VelocityPoint::new(row.try_get("as_of")?, row.try_get("velocity")?)))
        .collect()
}

/// What the newest day of a token is judged by.
#[derive(Debug, Clone, PartialEq)]
pub struct DayCell {
    pub token_id: i64,
    pub as_of: Timestamp,
    pub velocity: Option<f64>,
    pub price: Option<Decimal>,
    pub volume_24h: Option<Decimal>,
}

/// Cells of 5 minutes of several tokens from `from` on, by token and time.
pub async fn list_day(
    client: &impl GenericClient,
    tokens: &[i64],
    from: Timestamp,
) -> Result<Vec<DayCell>, StoreError> {
    let statement = client
        .prepare_cached(
            "SELECT token_id, as_of, velocity, vwap, volume_24h FROM analytics.token_history \
             WHERE token_id = ANY($1) AND \"interval\" = '5m' AND open_time >= $2 ORDER BY token_id, open_time",
        )
        .await?;
    let rows = client.query(&statement, &[&tokens, &from]).await?;
    rows.iter()
        .map(|row| {
            Ok(DayCell {
                token_id: row.try_get("token_id")?,
                as_of: row.try_get("as_of")?,
                velocity: row.try_get("velocity")?,
                price: row.try_get("vwap")?,
                volume_24h: row.try_get("volume_24h")?,
            })
        })
        .collect()
}

async fn upsert(
    client: &impl GenericClient,
    interval: Interval,
    cells: &[(i64, TokenPoint)],
    replaces: &str,
) -> Result<BTreeSet<CellKey>, StoreError> {
    if cells.is_empty() {
        return Ok(BTreeSet::new());
    }
    fn column<'a, T>(cells: &'a [(i64, TokenPoint)], pick: impl Fn(&'a TokenPoint) -> T) -> Vec<T> {
        cells.iter().map(|(_, point)| pick(point)).collect()
    }
    let tokens: Vec<i64> = cells.iter().map(|(token_id, _)| *token_id).collect();
    let n: Vec<i32> = column(cells, |point| i32::try_from(point.n).unwrap_or(i32::MAX));
    let statement = client
        .prepare_cached(&format!(
            "INSERT INTO analytics.token_history AS h (token_id, \"interval\", open_time, as_of, received_at, price, \
             market_cap, fully_diluted_market_cap, volume_24h, circulating_supply, velocity, velocity_method, vwap, \
             quality, n, provider, is_fallback, backfilled) \
             SELECT u.token_id, $2, u.open_time, u.as_of, u.received_at, u.price, u.market_cap, u.fully_diluted, \
             u.volume_24h, u.supply, u.velocity, u.method, u.vwap, u.quality, u.n, u.provider, u.is_fallback, \
             u.backfilled FROM unnest($1::bigint[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[], \
             $6::numeric[], $7::numeric[], $8::numeric[], $9::numeric[], $10::numeric[], $11::float8[], $12::text[], \
             $13::numeric[], $14::float8[], $15::int[], $16::text[], $17::bool[], $18::bool[]) AS u (token_id, \
             open_time, as_of, received_at, price, market_cap, fully_diluted, volume_24h, supply, velocity, method, \
             vwap, quality, n, provider, is_fallback, backfilled) \
             ON CONFLICT (token_id, \"interval\", open_time) DO UPDATE SET as_of = excluded.as_of, \
             received_at = excluded.received_at, price = excluded.price, market_cap = excluded.market_cap, \
             fully_diluted_market_cap = excluded.fully_diluted_market_cap, volume_24h = excluded.volume_24h, \
             circulating_supply = excluded.circulating_supply, velocity = excluded.velocity, \
             velocity_method = excluded.velocity_method, vwap = excluded.vwap, quality = excluded.quality, \
             n = excluded.n, provider = excluded.provider, is_fallback = excluded.is_fallback, \
             backfilled = excluded.backfilled WHERE {replaces} RETURNING token_id, open_time",
        ))
        .await?;
    let rows = client
        .query(
            &statement,
            &[
                &tokens,
                &interval.as_str(),
                &column(cells, |point| point.open_time),
                &column(cells, |point| point.as_of),
                &column(cells, |point| point.received_at),
                &column(cells, |point| point.price),
                &column(cells, |point| point.market_cap),
                &column(cells, |point| point.fully_diluted_market_cap),
                &column(cells, |point| point.volume_24h),
                &column(cells, |point| point.circulating_supply),
                &column(cells, |point| point.velocity),
                &column(cells, |point| point.velocity_method.as_str()),
                &column(cells, |point| point.vwap),
                &column(cells, |point| point.quality),
                &n,
                &column(cells, |point| point.provider.as_str()),
                &column(cells, |point| point.is_fallback),
                &column(cells, |point| point.backfilled),
            ],
        )
        .await?;
    rows.iter()
        .map(|row| Ok((row.try_get("token_id")?, row.try_get("open_time")?)))
        .collect()
}

fn from_row(row: &Row) -> Result<TokenPoint, StoreError> {
    let (method, provider): (&str, &str) = (row.try_get("velocity_method")?, row.try_get("provider")?);
    let n: i32 = row.try_get("n")?;
    Ok(TokenPoint {
        open_time: row.try_get("open_time")?,
        as_of: row.try_get("as_of")?,
        received_at: row.try_get("received_at")?,
        price: decimal(row, "price")?,
        market_cap: decimal(row, "market_cap")?,
        fully_diluted_market_cap: decimal(row, "fully_diluted_market_cap")?,
        volume_24h: decimal(row, "volume_24h")?,
        circulating_supply: decimal(row, "circulating_supply")?,
        velocity: row.try_get("velocity")?,
        velocity_method: velocity_method(method)?,
        vwap: decimal(row, "vwap")?,
        quality: row.try_get("quality")?,
        n: u32::try_from(n).unwrap_or_default(),
        provider: provider.parse().map_err(|_| StoreError::Unreadable("provider"))?,
        is_fallback: row.try_get("is_fallback")?,
        backfilled: row.try_get("backfilled")?,
    })
}
