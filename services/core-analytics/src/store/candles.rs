//! Candles: merged in, read out.

use deadpool_postgres::GenericClient;
use domain::candle::{Candle, Edge, source_rank};
use domain::interval::Interval;
use domain::ticker::{ProviderId, Ticker};
use jiff::Timestamp;
use platform::postgres::StoreError;
use rust_decimal::Decimal;
use tokio_postgres::Row;

/// How an incoming candle meets a stored one of the same period. Own prices count more than an exchange's history,
/// and that more than an aggregator's; so nothing of our own is overwritten by what a repair brings.
///
/// - History on history: it **replaces** the stored one if its source is better, or as good and reported no earlier.
/// - History on own prices: where those reach both ends of the period (within a minute), only the volume is
///   **filled** in.
///   Where they began late or ended early, the edges and extremes of the history count as well.
/// - Own prices on anything are **joined**: the edges decide by time and id, so batches merge in any order; counts
///   add up.
///
/// The last condition spares a row that would not change, which is nearly every candle of a history that comes again.
fn merge_statement() -> String {
    const REPLACES: &str = "(excluded.n = 0 AND c.n = 0 AND (excluded.source_rank > c.source_rank \
        OR excluded.source_rank = c.source_rank AND excluded.close_at >= c.close_at))";
    const JOINS: &str = "(excluded.n > 0 OR c.n > 0 AND NOT (c.open_at < c.open_time + interval '1 minute' \
        AND c.close_at >= c.open_time + CASE c.\"interval\" WHEN '1d' THEN interval '24 hours' \
        ELSE c.\"interval\"::interval END - interval '1 minute'))";
    const OPENS: &str = "(excluded.open_at, excluded.open_id) < (c.open_at, c.open_id)";
    const CLOSES: &str = "(excluded.close_at, excluded.close_id) > (c.close_at, c.close_id)";
    let edge = |column: &str, wins: &str| {
        format!("{column} = CASE WHEN {REPLACES} OR {JOINS} AND {wins} THEN excluded.{column} ELSE c.{column} END")
    };
    let extreme = |column: &str, pick: &str| {
        format!(
            "{column} = CASE WHEN {REPLACES} THEN excluded.{column} \
             WHEN {JOINS} THEN {pick}(c.{column}, excluded.{column}) ELSE c.{column} END"
        )
    };
    let edges = ["open", "open_at", "open_id"]
        .map(|column| edge(column, OPENS))
        .into_iter()
        .chain(["close", "close_at", "close_id"].map(|column| edge(column, CLOSES)))
        .collect::<Vec<_>>()
        .join(", ");
    let (high, low) = (extreme("high", "greatest"), extreme("low", "least"));
    format!(
        r#"
INSERT INTO analytics.candles AS c
    (ticker, "interval", open_time, open, open_at, open_id, high, low, close, close_at, close_id, volume, n, backfilled,
     source, source_rank, quote_rate_assumed)
SELECT u.* FROM unnest(
    $1::text[], $2::text[], $3::timestamptz[], $4::numeric[], $5::timestamptz[], $6::uuid[], $7::numeric[],
    $8::numeric[], $9::numeric[], $10::timestamptz[], $11::uuid[], $12::numeric[], $13::bigint[], $14::boolean[],
    $15::text[], $16::smallint[], $17::boolean[]) AS u
ON CONFLICT (ticker, "interval", open_time) DO UPDATE SET
    {edges}, {high}, {low},
    volume = CASE WHEN {REPLACES} THEN excluded.volume
                  WHEN c.n > 0 OR excluded.n > 0 THEN coalesce(excluded.volume, c.volume) ELSE c.volume END,
    n = c.n + excluded.n,
    backfilled = c.backfilled OR excluded.backfilled,
    source = CASE WHEN {REPLACES} OR excluded.source_rank > c.source_rank THEN excluded.source ELSE c.source END,
    source_rank = greatest(c.source_rank, excluded.source_rank),
    quote_rate_assumed = CASE WHEN {REPLACES} THEN excluded.quote_rate_assumed
                              WHEN {JOINS} THEN c.quote_rate_assumed OR excluded.quote_rate_assumed
                              ELSE c.quote_rate_assumed END
WHERE excluded.n > 0
   OR {REPLACES} AND (excluded.open, excluded.high, excluded.low, excluded.close, excluded.close_at,
                      excluded.source_rank, excluded.quote_rate_assumed)
                  IS DISTINCT FROM (c.open, c.high, c.low, c.close, c.close_at, c.source_rank, c.quote_rate_assumed)
   OR {REPLACES} AND excluded.volume IS DISTINCT FROM c.volume
   OR c.n > 0 AND (NOT c.backfilled OR excluded.volume IS NOT NULL AND excluded.volume IS DISTINCT FROM c.volume
                   OR {JOINS} AND (excluded.high > c.high OR excluded.low < c.low OR {OPENS} OR {CLOSES}))
"#
    )
}

/// Merges candles, at most one for each asset, length and opening time, into those that are stored.
pub async fn merge(client: &impl GenericClient, candles: &[(Ticker, Candle)]) -> Result<(), StoreError> {
    if candles.is_empty() {
        return Ok(());
    }
    let mut sorted: Vec<&(Ticker, Candle)> = candles.iter().collect();
    // One order for everyone, so that two processes wait for one another instead of deadlocking.
    sorted.sort_by_key(|(ticker, candle)| (ticker, candle.interval, candle.open_time));
    fn column<'a, T>(rows: &[&'a (Ticker, Candle)], pick: impl Fn(&'a (Ticker, Candle)) -> T) -> Vec<T> {
        rows.iter().map(|row| pick(row)).collect()
    }
    let rows = sorted.as_slice();
    client
        .execute(
            &merge_statement(),
            &[
                &column(rows, |(ticker, _)| ticker.as_str()),
                &column(rows, |(_, candle)| candle.interval.as_str()),
                &column(rows, |(_, candle)| candle.open_time),
                &column(rows, |(_, candle)| candle.open.price),
                &column(rows, |(_, candle)| candle.open.at),
                &column(rows, |(_, candle)| candle.open.id),
                &column(rows, |(_, candle)| candle.high),
                &column(rows, |(_, candle)| candle.low),
                &column(rows, |(_, candle)| candle.close.price),
                &column(rows, |(_, candle)| candle.close.at),
                &column(rows, |(_, candle)| candle.close.id),
                &column(rows, |(_, candle)| candle.volume),
                &column(rows, |(_, candle)| candle.n as i64),
                &column(rows, |(_, candle)| candle.backfilled),
                &column(rows, |(_, candle)| candle.source.map(ProviderId::as_str)),
                &column(rows, |(_, candle)| source_rank(candle.source)),
                &column(rows, |(_, candle)| candle.quote_rate_assumed),
            ],
        )
        .await?;
    Ok(())
}

/// The closing price of one candle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClosePoint {
    pub open_time: Timestamp,
    pub close: Decimal,
    pub close_at: Timestamp,
}

/// What the windows of metrics need of one candle.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowRow {
    pub ticker: Ticker,
    pub open_time: Timestamp,
    pub high: Decimal,
    pub low: Decimal,
    pub close: Decimal,
}

/// Which end of a range a page is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Oldest,
    Newest,
}

/// Closing prices with `from <= open time < to`, ascending.
pub async fn list_closes(
    client: &impl GenericClient,
    ticker: &Ticker,
    interval: Interval,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<ClosePoint>, StoreError> {
    let query = client
        .prepare_cached(
            r#"SELECT open_time, close, close_at FROM analytics.candles
               WHERE ticker = $1 AND "interval" = $2 AND open_time >= $3 AND open_time < $4 ORDER BY open_time"#,
        )
        .await?;
    let rows = client
        .query(&query, &[&ticker.as_str(), &interval.as_str(), &from, &to])
        .await?;
    rows.iter()
        .map(|row| {
            Ok(ClosePoint {
                open_time: row.try_get("open_time")?,
                close: row.try_get("close")?,
                close_at: row.try_get("close_at")?,
            })
        })
        .collect()
}

/// At most `limit` candles with `from <= open time < to`, ascending, from one end of the range.
pub async fn list_candles(
    client: &impl GenericClient,
    ticker: &Ticker,
    interval: Interval,
    (from, to): (Timestamp, Timestamp),
    limit: u32,
    direction: Direction,
) -> Result<Vec<Candle>, StoreError> {
    let order = match direction {
        Direction::Oldest => "ASC",
        Direction::Newest => "DESC",
    };
    let query = client
        .prepare_cached(&format!(
            r#"SELECT open_time, open, open_at, open_id, high, low, close, close_at, close_id, volume, n, backfilled,
                      source, quote_rate_assumed
               FROM analytics.candles WHERE ticker = $1 AND "interval" = $2 AND open_time >= $3 AND open_time < $4
               ORDER BY open_time {order} LIMIT $5"#
        ))
        .await?;
    let rows = client
        .query(
            &query,
            &[&ticker.as_str(), &interval.as_str(), &from, &to, &i64::from(limit)],
        )
        .await?;
    let mut candles = rows
        .iter()
        .map(|row| candle(interval, row))
        .collect::<Result<Vec<_>, StoreError>>()?;
    if direction == Direction::Newest {
        candles.reverse();
    }
    Ok(candles)
}

/// Whether there is any candle of this asset.
pub async fn has_candles(client: &impl GenericClient, ticker: &Ticker) -> Result<bool, StoreError> {
    let query = "SELECT EXISTS (SELECT FROM analytics.candles WHERE ticker = $1) AS known";
    let query = client.prepare_cached(query).await?;
    Ok(client.query_one(&query, &[&ticker.as_str()]).await?.try_get("known")?)
}

/// Candles of these assets from `from` on, ascending, for the windows of metrics.
pub async fn list_window(
    client: &impl GenericClient,
    tickers: &[Ticker],
    interval: Interval,
    from: Timestamp,
) -> Result<Vec<WindowRow>, StoreError> {
    let query = client
        .prepare_cached(
            r#"SELECT ticker, open_time, high, low, close FROM analytics.candles
               WHERE ticker = ANY($1) AND "interval" = $2 AND open_time >= $3 ORDER BY ticker, open_time"#,
        )
        .await?;
    let names: Vec<&str> = tickers.iter().map(Ticker::as_str).collect();
    let rows = client.query(&query, &[&names, &interval.as_str(), &from]).await?;
    rows.iter()
        .map(|row| {
            Ok(WindowRow {
                ticker: ticker_of(row)?,
                open_time: row.try_get("open_time")?,
                high: row.try_get("high")?,
                low: row.try_get("low")?,
                close: row.try_get("close")?,
            })
        })
        .collect()
}

/// What is to be fetched in `from <= open time < to`, both aligned and in the past.
pub async fn find_holes(
    client: &impl GenericClient,
    ticker: &Ticker,
    interval: Interval,
    from: Timestamp,
    to: Timestamp,
) -> Result<Holes, StoreError> {
    // A candle that ran when its history was fetched, without prices of our own since, ends where it was fetched.
    let row = client
        .query_one(
            r#"SELECT min(t) FILTER (WHERE c.ticker IS NULL
                                        OR c.n = 0 AND (c.close_at < t + ($5 - 1) * interval '1 second'
                                                        OR c.source_rank = 0)) AS missing,
                      min(t) FILTER (WHERE c.n = 0 AND c.source_rank = 1) AS from_aggregator
               FROM generate_series($3::timestamptz, $4::timestamptz - $5 * interval '1 second',
                                    $5 * interval '1 second') AS t
               LEFT JOIN analytics.candles c ON c.ticker = $1 AND c."interval" = $2 AND c.open_time = t"#,
            &[
                &ticker.as_str(),
                &interval.as_str(),
                &from,
                &to,
                &(interval.seconds() as f64),
            ],
        )
        .await?;
    Ok(Holes {
        missing: row.try_get("missing")?,
        from_aggregator: row.try_get("from_aggregator")?,
    })
}

/// The opening times of the first candles that are to be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holes {
    /// Of those that do not exist or are incomplete.
    pub missing: Option<Timestamp>,
    /// Of those that an exchange can replace.
    pub from_aggregator: Option<Timestamp>,
}

pub fn ticker_of(row: &Row) -> Result<Ticker, StoreError> {
    let text: &str = row.try_get("ticker")?;
    text.parse().map_err(|_| StoreError::Unreadable("ticker"))
}

fn candle(interval: Interval, row: &Row) -> Result<Candle, StoreError> {
    Ok(Candle {
        interval,
        open_time: row.try_get("open_time")?,
        open: Edge {
            price: row.try_get("open")?,
            at: row.try_get("open_at")?,
            id: row.try_get("open_id")?,
        },
        high: row.try_get("high")?,
        low: row.try_get("low")?,
        close: Edge {
            price: row.try_get("close")?,
            at: row.try_get("close_at")?,
            id: row.try_get("close_id")?,
        },
        volume: row.try_get("volume")?,
        n: u64::try_from(row.try_get::<_, i64>("n")?).map_err(|_| StoreError::Unreadable("number of prices"))?,
        backfilled: row.try_get("backfilled")?,
        source: row
            .try_get::<_, Option<&str>>("source")?
            .map(str::parse)
            .transpose()
            .map_err(|_| StoreError::Unreadable("source"))?,
        quote_rate_assumed: row.try_get("quote_rate_assumed")?,
    })
}
