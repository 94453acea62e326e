//! The prices that batches fetched, in pages: by number, or by a cursor that follows a snapshot.

use contracts::api::price::{PriceHistoryBody, PriceHistoryItem, PriceHistoryPage, PriceHistoryQuery, VS_CURRENCY};
use contracts::number::Price;
use contracts::problem::ProblemKind;
use contracts::time::Time;
use deadpool_postgres::Pool;
use domain::coin_id::CoinId;
use jiff::Timestamp;
use platform::postgres::StoreError;
use platform::problem::Problem;
use uuid::Uuid;

use crate::store::price_records::{self, HistoryRow, Position, Range};

/// Newer than every record.
const END: Position = Position {
    fetched_at: Timestamp::MAX,
    batch_id: Uuid::max(),
};

pub struct PriceHistory {
    pub postgres: Pool,
}

/// Where a page begins, as the cursor spells it: the number of the page, the newest record of the first page, and the
/// last one of the page before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cursor {
    page: u32,
    newest: Position,
    before: Position,
}

fn spell(at: Position) -> String {
    format!("{}.{}", at.fetched_at.as_microsecond(), at.batch_id.simple())
}

impl Cursor {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let page = parts.next()?.parse().ok()?;
        let mut position = || {
            Some(Position {
                fetched_at: Timestamp::from_microsecond(parts.next()?.parse().ok()?).ok()?,
                batch_id: parts.next()?.parse().ok()?,
            })
        };
        let cursor = Self {
            page,
            newest: position()?,
            before: position()?,
        };
        parts.next().is_none().then_some(cursor)
    }

    fn to_text(self) -> String {
        format!("{}.{}.{}", self.page, spell(self.newest), spell(self.before))
    }
}

impl From<&HistoryRow> for Position {
    fn from(row: &HistoryRow) -> Self {
        Self {
            fetched_at: row.fetched_at,
            batch_id: row.batch_id,
        }
    }
}

impl PriceHistory {
    /// One page of the history of a coin; a coin that was never fetched has an empty one.
    ///
    /// # Errors
    ///
    /// A range or cursor that makes no sense, or PostgreSQL does not answer.
    pub async fn page(&self, coin: &CoinId, query: &PriceHistoryQuery) -> Result<PriceHistoryPage, Problem> {
        let (from, to) = (
            query.from.map_or(Timestamp::UNIX_EPOCH, Timestamp::from),
            query.to.map_or(Timestamp::MAX, Timestamp::from),
        );
        if from > to {
            return Err(Problem::new(
                ProblemKind::InvalidRange,
                "`from` must not be after `to`.",
            ));
        }
        let cursor = match &query.cursor {
            Some(text) => {
                let unknown = || Problem::new(ProblemKind::InvalidCursor, "The cursor is unknown.");
                Some(Cursor::parse(text).ok_or_else(unknown)?)
            }
            None => None,
        };
        let (limit, page) = (
            query.limit.max(1),
            cursor.map_or(query.page.max(1), |cursor| cursor.page),
        );
        let range = Range {
            coin_id: coin,
            from,
            to,
            newest: cursor.map_or(END, |cursor| cursor.newest),
        };
        let skip = match cursor {
            Some(_) => 0,
            None => i64::from(page - 1) * i64::from(limit),
        };
        let Found {
            mut rows,
            newest,
            total_items,
        } = self
            .find(&range, cursor.map(|cursor| cursor.before), limit, skip)
            .await?;
        let has_next_page = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = has_next_page.then(|| newest.zip(rows.last())).flatten();
        let next_cursor = next.map(|(newest, last)| {
            let (page, before) = (page.saturating_add(1), last.into());
            Cursor { page, newest, before }.to_text()
        });
        let items = rows.iter().map(|row| PriceHistoryItem {
            price: Price(row.price.normalize()),
            fetched_at: Time(row.fetched_at),
        });
        let body = PriceHistoryBody {
            coin_id: coin.clone(),
            vs_currency: VS_CURRENCY.to_owned(),
            items: items.collect(),
            page,
            limit,
            total_items,
            total_pages: total_items.div_ceil(u64::from(limit)),
            has_next_page,
        };
        Ok(PriceHistoryPage { body, next_cursor })
    }

    async fn find(
        &self,
        range: &Range<'_>,
        before: Option<Position>,
        limit: u32,
        skip: i64,
    ) -> Result<Found, StoreError> {
        let client = self.postgres.get().await?;
        let rows = price_records::list(&client, range, before, i64::from(limit) + 1, skip).await?;
        let newest = if range.newest != END {
            Some(range.newest)
        } else if skip == 0 {
            rows.first().map(Position::from)
        } else {
            price_records::list(&client, range, None, 1, 0)
                .await?
                .first()
                .map(Position::from)
        };
        Ok(Found {
            rows,
            newest,
            total_items: price_records::count(&client, range).await?,
        })
    }
}

/// The rows of a page and one more, the newest of all, and how many there are.
struct Found {
    rows: Vec<HistoryRow>,
    newest: Option<Position>,
    total_items: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_is_read_as_it_was_written() {
        let at = |text: &str| Position {
            fetched_at: text.parse().unwrap(),
            batch_id: Uuid::now_v7(),
        };
        let cursor = Cursor {
            page: 2,
            newest: at("2026-01-01T00:00:00.123Z"),
            before: at("2025-01-01T00:00:00Z"),
        };
        assert_eq!(Cursor::parse(&cursor.to_text()), Some(cursor));
        for text in ["", "1", "x.1.y", "1.2.3.4.5", &format!("{}.1", cursor.to_text())] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }
}
