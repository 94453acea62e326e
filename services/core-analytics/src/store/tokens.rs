//! The tokens of the listing and their newest figures.

use contracts::listing::{ListedToken, ListingPage};
use deadpool_postgres::GenericClient;
use domain::ticker::ProviderId;
use domain::velocity::{Trend, Velocity, VelocityMethod};
use jiff::Timestamp;
use platform::postgres::StoreError;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use uuid::Uuid;

/// A token, its newest figures, and where they come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredToken {
    pub token: ListedToken,
    pub velocity: Option<f64>,
    pub velocity_method: VelocityMethod,
    /// Over 24 hours.
    pub velocity_trend: Trend,
    /// Mean price of 24 hours by volume.
    pub vwap_24h: Option<Decimal>,
    pub received_at: Timestamp,
    pub provider: ProviderId,
    pub is_fallback: bool,
    pub simulated: bool,
}

/// What became of the newest poll of the listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingState {
    /// Counts the changes of tokens.
    pub version: i64,
    pub poll_id: Uuid,
    pub at: Timestamp,
    /// Of the newest listing that arrived, if one ever did.
    pub provider: Option<ProviderId>,
    pub is_fallback: bool,
    /// Since then no provider answers.
    pub unavailable_since: Option<Timestamp>,
    pub reason: Option<String>,
}

/// Stores the figures of a page that are newer than the stored ones, and locks all its tokens until the transaction
/// ends. In the order of their ids, so that two processes wait for one another instead of deadlocking.
pub async fn merge(client: &impl GenericClient, page: &ListingPage, velocities: &[Velocity]) -> Result<(), StoreError> {
    let mut rows: Vec<(&ListedToken, &Velocity)> = page.tokens.iter().zip(velocities).collect();
    rows.sort_by_key(|(token, _)| token.token_id);
    fn column<'a, T>(
        rows: &[(&'a ListedToken, &'a Velocity)],
        pick: impl Fn(&'a ListedToken, &'a Velocity) -> T,
    ) -> Vec<T> {
        rows.iter().map(|(token, velocity)| pick(token, velocity)).collect()
    }
    let rows = rows.as_slice();
    let ranks: Vec<Option<i32>> = column(rows, |token, _| token.rank.and_then(|rank| i32::try_from(rank).ok()));
    let flags: Vec<String> = column(rows, |token, _| joined(&token.flags));
    let tags: Vec<String> = column(rows, |token, _| joined(&token.tags));
    let statement = client
        .prepare_cached(
            "INSERT INTO analytics.tokens AS t (token_id, slug, symbol, name, rank, date_added, tags, as_of, \
             received_at, poll_id, provider, is_fallback, simulated, price, volume_24h, market_cap, \
             fully_diluted_market_cap, circulating_supply, total_supply, max_supply, percent_change_1h, \
             percent_change_24h, percent_change_7d, velocity, velocity_method, flags) \
             SELECT u.id, u.slug, u.symbol, u.name, u.rank, u.added, string_to_array(u.tags, E'\\x1f'), u.as_of, $1, \
             $2, $3, $4, $5, u.price, u.volume, u.cap, u.fully_diluted, u.circulating, u.total, u.max, u.c1h, u.c24h, \
             u.c7d, u.velocity, u.method, string_to_array(u.flags, E'\\x1f') \
             FROM unnest($6::bigint[], $7::text[], $8::text[], $9::text[], $10::int[], $11::timestamptz[], $12::text[], \
             $13::timestamptz[], $14::numeric[], $15::numeric[], $16::numeric[], $17::numeric[], $18::numeric[], \
             $19::numeric[], $20::numeric[], $21::float8[], $22::float8[], $23::float8[], $24::float8[], $25::text[], \
             $26::text[]) AS u (id, slug, symbol, name, rank, added, tags, as_of, price, volume, cap, fully_diluted, \
             circulating, total, max, c1h, c24h, c7d, velocity, method, flags) \
             ON CONFLICT (token_id) DO UPDATE SET slug = excluded.slug, symbol = excluded.symbol, \
             name = excluded.name, rank = excluded.rank, date_added = coalesce(excluded.date_added, t.date_added), \
             tags = CASE WHEN excluded.tags = '{}' THEN t.tags ELSE excluded.tags END, as_of = excluded.as_of, \
             received_at = excluded.received_at, poll_id = excluded.poll_id, provider = excluded.provider, \
             is_fallback = excluded.is_fallback, simulated = excluded.simulated, price = excluded.price, \
             volume_24h = excluded.volume_24h, market_cap = excluded.market_cap, \
             fully_diluted_market_cap = excluded.fully_diluted_market_cap, \
             circulating_supply = excluded.circulating_supply, total_supply = excluded.total_supply, \
             max_supply = excluded.max_supply, percent_change_1h = excluded.percent_change_1h, \
             percent_change_24h = excluded.percent_change_24h, percent_change_7d = excluded.percent_change_7d, \
             velocity = excluded.velocity, velocity_method = excluded.velocity_method, flags = excluded.flags \
             WHERE (excluded.as_of, NOT excluded.is_fallback, excluded.received_at) \
             >= (t.as_of, NOT t.is_fallback, t.received_at)",
        )
        .await?;
    client
        .execute(
            &statement,
            &[
                &page.received_at,
                &page.poll_id,
                &page.provider.as_str(),
                &page.is_fallback,
                &page.simulated,
                &column(rows, |token, _| token.token_id),
                &column(rows, |token, _| token.slug.as_str()),
                &column(rows, |token, _| token.symbol.as_str()),
                &column(rows, |token, _| token.name.as_str()),
                &ranks,
                &column(rows, |token, _| token.date_added),
                &tags,
                &column(rows, |token, _| token.quoted_at),
                &column(rows, |token, _| token.price),
                &column(rows, |token, _| token.volume_24h),
                &column(rows, |token, _| token.market_cap),
                &column(rows, |token, _| token.fully_diluted_market_cap),
                &column(rows, |token, _| token.circulating_supply),
                &column(rows, |token, _| token.total_supply),
                &column(rows, |token, _| token.max_supply),
                &column(rows, |token, _| token.percent_change_1h),
                &column(rows, |token, _| token.percent_change_24h),
                &column(rows, |token, _| token.percent_change_7d),
                &column(rows, |_, velocity| velocity.value),
                &column(rows, |_, velocity| velocity.method.as_str()),
                &flags,
            ],
        )
        .await?;
    Ok(())
}

/// PostgreSQL unnests arrays of arrays to their elements, so each list travels as one text. The separator is a control
/// character, which no tag has.
fn joined(list: &[String]) -> String {
    let clean = list.iter().map(|text| text.replace('\u{1f}', ""));
    clean.collect::<Vec<_>>().join("\u{1f}")
}

/// What became of one poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollOutcome {
    pub poll_id: Uuid,
    pub at: Timestamp,
    /// Who answered, and whether another provider is the first choice; or why nobody did.
    pub answered: Result<(ProviderId, bool), String>,
}

/// Notes what became of a poll, unless a later one is known already. Returns the version of the listing, which grows
/// with every call.
pub async fn note_poll(client: &impl GenericClient, outcome: &PollOutcome) -> Result<i64, StoreError> {
    let answered = outcome.answered.as_ref();
    let if_newer =
        |column: &str, new: &str| format!("{column} = CASE WHEN excluded.at >= s.at THEN {new} ELSE s.{column} END");
    let changes = [
        if_newer("poll_id", "excluded.poll_id"),
        if_newer("at", "excluded.at"),
        if_newer("provider", "coalesce(excluded.provider, s.provider)"),
        if_newer(
            "is_fallback",
            "CASE WHEN excluded.provider IS NULL THEN s.is_fallback ELSE excluded.is_fallback END",
        ),
        if_newer(
            "unavailable_since",
            "CASE WHEN excluded.provider IS NULL THEN coalesce(s.unavailable_since, excluded.at) END",
        ),
        if_newer("reason", "excluded.reason"),
    ];
    let row = client
        .query_one(
            &format!(
                "INSERT INTO analytics.listing_state AS s (version, poll_id, at, provider, is_fallback, \
                 unavailable_since, reason) VALUES (1, $1, $2::timestamptz, $3::text, $4, \
                 CASE WHEN $3::text IS NULL THEN $2::timestamptz END, $5) \
                 ON CONFLICT (singleton) DO UPDATE SET version = s.version + 1, {} RETURNING version",
                changes.join(", ")
            ),
            &[
                &outcome.poll_id,
                &outcome.at,
                &answered.ok().map(|(provider, _)| provider.as_str()),
                &answered.is_ok_and(|(_, is_fallback)| *is_fallback),
                &answered.err(),
            ],
        )
        .await?;
    Ok(row.try_get("version")?)
}

/// Writes what the newest 24 hours say about tokens.
pub async fn set_day_metrics(
    client: &impl GenericClient,
    metrics: &[(i64, Trend, Option<Decimal>)],
) -> Result<(), StoreError> {
    let ids: Vec<i64> = metrics.iter().map(|(id, ..)| *id).collect();
    let trends: Vec<&str> = metrics.iter().map(|(_, trend, _)| trend.as_str()).collect();
    let prices: Vec<Option<Decimal>> = metrics.iter().map(|(.., price)| *price).collect();
    let statement = client
        .prepare_cached(
            "UPDATE analytics.tokens t SET velocity_trend = u.trend, vwap_24h = u.vwap \
             FROM unnest($1::bigint[], $2::text[], $3::numeric[]) AS u (id, trend, vwap) WHERE t.token_id = u.id",
        )
        .await?;
    client.execute(&statement, &[&ids, &trends, &prices]).await?;
    Ok(())
}

/// All tokens, in the order of their ids.
pub async fn list(client: &impl GenericClient) -> Result<Vec<StoredToken>, StoreError> {
    let statement = client
        .prepare_cached("SELECT * FROM analytics.tokens ORDER BY token_id")
        .await?;
    let rows = client.query(&statement, &[]).await?;
    rows.iter().map(from_row).collect()
}

/// What became of the newest poll; `None` before the first.
pub async fn listing_state(client: &impl GenericClient) -> Result<Option<ListingState>, StoreError> {
    let query =
        "SELECT version, poll_id, at, provider, is_fallback, unavailable_since, reason FROM analytics.listing_state";
    let Some(row) = client.query_opt(query, &[]).await? else {
        return Ok(None);
    };
    let provider: Option<&str> = row.try_get("provider")?;
    Ok(Some(ListingState {
        version: row.try_get("version")?,
        poll_id: row.try_get("poll_id")?,
        at: row.try_get("at")?,
        provider: provider
            .map(|name| name.parse().map_err(|_| StoreError::Unreadable("provider")))
            .transpose()?,
        is_fallback: row.try_get("is_fallback")?,
        unavailable_since: row.try_get("unavailable_since")?,
        reason: row.try_get("reason")?,
    }))
}

/// The token of this id.
pub async fn find(client: &impl GenericClient, token_id: i64) -> Result<Option<StoredToken>, StoreError> {
    let statement = client
        .prepare_cached("SELECT * FROM analytics.tokens WHERE token_id = $1")
        .await?;
    let row = client.query_opt(&statement, &[&token_id]).await?;
    row.as_ref().map(from_row).transpose()
}

fn from_row(row: &Row) -> Result<StoredToken, StoreError> {
    let (method, provider): (&str, &str) = (row.try_get("velocity_method")?, row.try_get("provider")?);
    let trend: &str = row.try_get("velocity_trend")?;
    let rank: Option<i32> = row.try_get("rank")?;
    Ok(StoredToken {
        token: ListedToken {
            token_id: row.try_get("token_id")?,
            slug: row.try_get("slug")?,
            symbol: row.try_get("symbol")?,
            name: row.try_get("name")?,
            rank: rank.and_then(|rank| u32::try_from(rank).ok()),
            price: decimal(row, "price")?,
            volume_24h: decimal(row, "volume_24h")?,
            market_cap: decimal(row, "market_cap")?,
            fully_diluted_market_cap: decimal(row, "fully_diluted_market_cap")?,
            circulating_supply: decimal(row, "circulating_supply")?,
            total_supply: decimal(row, "total_supply")?,
            max_supply: decimal(row, "max_supply")?,
            percent_change_1h: row.try_get("percent_change_1h")?,
            percent_change_24h: row.try_get("percent_change_24h")?,
            percent_change_7d: row.try_get("percent_change_7d")?,
            quoted_at: row.try_get("as_of")?,
            date_added: row.try_get("date_added")?,
            tags: row.try_get("tags")?,
            flags: row.try_get("flags")?,
        },
        velocity: row.try_get("velocity")?,
        velocity_method: velocity_method(method)?,
        velocity_trend: velocity_trend(trend)?,
        vwap_24h: decimal(row, "vwap_24h")?,
        received_at: row.try_get("received_at")?,
        provider: provider.parse().map_err(|_| StoreError::Unreadable("provider"))?,
        is_fallback: row.try_get("is_fallback")?,
        simulated: row.try_get("simulated")?,
    })
}

pub fn velocity_method(text: &str) -> Result<VelocityMethod, StoreError> {
    [
        VelocityMethod::MarketCap,
        VelocityMethod::Fdv,
        VelocityMethod::Unavailable,
    ]
    .into_iter()
    .find(|method| method.as_str() == text)
    .ok_or(StoreError::Unreadable("velocity_method"))
}

fn velocity_trend(text: &str) -> Result<Trend, StoreError> {
    [
        Trend::Increasing,
        Trend::Decreasing,
        Trend::Stable,
        Trend::InsufficientData,
    ]
    .into_iter()
    .find(|trend| trend.as_str() == text)
    .ok_or(StoreError::Unreadable("velocity_trend"))
}

/// An amount without the trailing zeros that PostgreSQL keeps.
pub fn decimal(row: &Row, column: &str) -> Result<Option<Decimal>, StoreError> {
    let value: Option<Decimal> = row.try_get(column)?;
    Ok(value.map(|value| value.normalize()))
}
