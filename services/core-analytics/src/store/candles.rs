//! Bars: merged in, read out.

use anyhow::Context;
use domain::candle::{Candle, Edge};
use domain::interval::Interval;
use domain::ticker::Ticker;
use jiff::Timestamp;
use rust_decimal::Decimal;
use tokio_postgres::{Row, Transaction};
use uuid::Uuid;

use super::Store;

/// The edges decide by time and id, so bars merge in any order. Counts add up; a volume is a venue's whole, so the larger one
/// counts. The condition spares a row that would not change, which is nearly every bar of a history that comes again.
const MERGE: &str = r#"
INSERT INTO analytics.candles AS c
    (ticker, "interval", open_time, open, open_at, open_id, high, low, close, close_at, close_id, volume, n, backfilled)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::timestamptz[], $4::numeric[], $5::timestamptz[], $6::uuid[], $7::numeric[], $8::numeric[],
    $9::numeric[], $10::timestamptz[], $11::uuid[], $12::numeric[], $13::bigint[], $14::boolean[])
ON CONFLICT (ticker, "interval", open_time) DO UPDATE SET
    open     = CASE WHEN (excluded.open_at, excluded.open_id) < (c.open_at, c.open_id) THEN excluded.open ELSE c.open END,
    open_at  = CASE WHEN (excluded.open_at, excluded.open_id) < (c.open_at, c.open_id) THEN excluded.open_at ELSE c.open_at END,
    open_id  = CASE WHEN (excluded.open_at, excluded.open_id) < (c.open_at, c.open_id) THEN excluded.open_id ELSE c.open_id END,
    high     = greatest(c.high, excluded.high),
    low      = least(c.low, excluded.low),
    close    = CASE WHEN (excluded.close_at, excluded.close_id) > (c.close_at, c.close_id) THEN excluded.close ELSE c.close END,
    close_at = CASE WHEN (excluded.close_at, excluded.close_id) > (c.close_at, c.close_id) THEN excluded.close_at ELSE c.close_at END,
    close_id = CASE WHEN (excluded.close_at, excluded.close_id) > (c.close_at, c.close_id) THEN excluded.close_id ELSE c.close_id END,
    volume   = greatest(c.volume, excluded.volume),
    n        = c.n + excluded.n,
    backfilled = c.backfilled OR excluded.backfilled
WHERE excluded.n > 0 OR NOT c.backfilled OR excluded.high > c.high OR excluded.low < c.low
   OR (excluded.open_at, excluded.open_id) < (c.open_at, c.open_id)
   OR (excluded.close_at, excluded.close_id) > (c.close_at, c.close_id)
   OR excluded.volume > coalesce(c.volume, -1)
"#;

/// Merges bars, at most one for each asset, length and opening time, into those that are stored.
pub async fn merge(transaction: &Transaction<'_>, bars: &[(Ticker, Candle)]) -> anyhow::Result<()> {
    if bars.is_empty() {
        return Ok(());
    }
    let mut sorted: Vec<&(Ticker, Candle)> = bars.iter().collect();
    // One order for everyone, so that two processes wait for one another instead of deadlocking.
    sorted.sort_by_key(|(ticker, bar)| (ticker, bar.interval, bar.open_time));
    fn column<'a, T>(rows: &[&'a (Ticker, Candle)], pick: impl Fn(&'a (Ticker, Candle)) -> T) -> Vec<T> {
        rows.iter().map(|row| pick(row)).collect()
    }
    let rows = sorted.as_slice();
    transaction
        .execute(
            MERGE,
            &[
                &column(rows, |(ticker, _)| ticker.as_str()),
                &column(rows, |(_, bar)| bar.interval.as_str()),
                &column(rows, |(_, bar)| bar.open_time),
                &column(rows, |(_, bar)| bar.open.price),
                &column(rows, |(_, bar)| bar.open.at),
                &column(rows, |(_, bar)| bar.open.id),
                &column(rows, |(_, bar)| bar.high),
                &column(rows, |(_, bar)| bar.low),
                &column(rows, |(_, bar)| bar.close.price),
                &column(rows, |(_, bar)| bar.close.at),
                &column(rows, |(_, bar)| bar.close.id),
                &column(rows, |(_, bar)| bar.volume),
                &column(rows, |(_, bar)| bar.n as i64),
                &column(rows, |(_, bar)| bar.backfilled),
            ],
        )
        .await?;
    Ok(())
}

/// The closing price of one bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClosePoint {
    /// When the bar opens.
    pub open_time: Timestamp,
    /// Its last price.
    pub close: Decimal,
}

/// What the windows of metrics need of one bar.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowRow {
    /// The asset.
    pub ticker: Ticker,
    /// When the bar opens.
    pub open_time: Timestamp,
    /// Its highest price.
    pub high: Decimal,
    /// Its lowest price.
    pub low: Decimal,
    /// Its last price.
    pub close: Decimal,
}

/// Which end of a range a page is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The earliest bars.
    Oldest,
    /// The latest bars.
    Newest,
}

impl Store {
    /// Closing prices with `from <= open time < to`, ascending.
    ///
    /// # Errors
    /// PostgreSQL does not answer.
    pub async fn list_closes(
        &self,
        ticker: &Ticker,
        interval: Interval,
        from: Timestamp,
        to: Timestamp,
    ) -> anyhow::Result<Vec<ClosePoint>> {
        let client = self.client().await?;
        let query = client
            .prepare_cached(
                r#"SELECT open_time, close FROM analytics.candles
                   WHERE ticker = $1 AND "interval" = $2 AND open_time >= $3 AND open_time < $4 ORDER BY open_time"#,
            )
            .await?;
        let rows = client
            .query(&query, &[&ticker.as_str(), &interval.as_str(), &from, &to])
            .await?;
        rows.iter()
            .map(|row| {
                Ok(ClosePoint {
                    open_time: row.try_get(0)?,
                    close: row.try_get(1)?,
                })
            })
            .collect()
    }

    /// At most `limit` bars with `from <= open time < to`, ascending, from one end of the range.
    ///
    /// # Errors
    /// PostgreSQL does not answer.
    pub async fn list_candles(
        &self,
        ticker: &Ticker,
        interval: Interval,
        (from, to): (Timestamp, Timestamp),
        limit: u32,
        direction: Direction,
    ) -> anyhow::Result<Vec<Candle>> {
        let client = self.client().await?;
        let order = match direction {
            Direction::Oldest => "ASC",
            Direction::Newest => "DESC",
        };
        let query = client
            .prepare_cached(&format!(
                r#"SELECT open_time, open, open_at, open_id, high, low, close, close_at, close_id, volume, n, backfilled
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
        let mut bars = rows
            .iter()
            .map(|row| candle(interval, row))
            .collect::<anyhow::Result<Vec<_>>>()?;
        if direction == Direction::Newest {
            bars.reverse();
        }
        Ok(bars)
    }

    /// Whether there is any bar of this asset.
    ///
    /// # Errors
    /// PostgreSQL does not answer.
    pub async fn has_candles(&self, ticker: &Ticker) -> anyhow::Result<bool> {
        let client = self.client().await?;
        let query = "SELECT EXISTS (SELECT FROM analytics.candles WHERE ticker = $1)";
        let query = client.prepare_cached(query).await?;
        Ok(client.query_one(&query, &[&ticker.as_str()]).await?.try_get(0)?)
    }

    /// Bars of these assets from `from` on, ascending, for the windows of metrics.
    ///
    /// # Errors
    /// PostgreSQL does not answer.
    pub async fn list_window(
        &self,
        tickers: &[Ticker],
        interval: Interval,
        from: Timestamp,
    ) -> anyhow::Result<Vec<WindowRow>> {
        let client = self.client().await?;
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
                    ticker: row.try_get::<_, &str>(0)?.parse()?,
                    open_time: row.try_get(1)?,
                    high: row.try_get(2)?,
                    low: row.try_get(3)?,
                    close: row.try_get(4)?,
                })
            })
            .collect()
    }

    /// The opening time of the first bar that is missing in `from <= open time < to`; both are aligned.
    ///
    /// # Errors
    /// PostgreSQL does not answer.
    pub async fn find_first_hole(
        &self,
        ticker: &Ticker,
        interval: Interval,
        from: Timestamp,
        to: Timestamp,
    ) -> anyhow::Result<Option<Timestamp>> {
        let client = self.client().await?;
        let row = client
            .query_one(
                r#"SELECT min(t) FROM generate_series($3::timestamptz, $4::timestamptz - $5 * interval '1 second',
                                                      $5 * interval '1 second') AS t
                   WHERE NOT EXISTS (SELECT FROM analytics.candles c
                                     WHERE c.ticker = $1 AND c."interval" = $2 AND c.open_time = t)"#,
                &[
                    &ticker.as_str(),
                    &interval.as_str(),
                    &from,
                    &to,
                    &(interval.seconds() as f64),
                ],
            )
            .await
            .context("looking for holes")?;
        Ok(row.try_get(0)?)
    }
}

fn candle(interval: Interval, row: &Row) -> anyhow::Result<Candle> {
    let edge = |price: usize| -> anyhow::Result<Edge> {
        Ok(Edge {
            price: row.try_get::<_, Decimal>(price)?,
            at: row.try_get::<_, Timestamp>(price + 1)?,
            id: row.try_get::<_, Uuid>(price + 2)?,
        })
    };
    Ok(Candle {
        interval,
        open_time: row.try_get(0)?,
        open: edge(1)?,
        high: row.try_get(4)?,
        low: row.try_get(5)?,
        close: edge(6)?,
        volume: row.try_get(9)?,
        n: u64::try_from(row.try_get::<_, i64>(10)?)?,
        backfilled: row.try_get(11)?,
    })
}
