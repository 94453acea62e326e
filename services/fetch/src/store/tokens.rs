//! The table `market.tokens`: every token that was ever listed, and what the providers call it.

use deadpool_postgres::GenericClient;
use deadpool_postgres::tokio_postgres::Row;
use domain::ticker::ProviderId;
use jiff::Timestamp;
use platform::postgres::StoreError;

/// One field of all rows, as a parameter of a statement.
macro_rules! column {
    ($rows:expr, $field:ident) => {
        $rows.iter().map(|row| row.$field.clone()).collect::<Vec<_>>()
    };
}

/// A token and its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub token_id: i64,
    pub coinmarketcap: Option<i64>,
    pub coingecko: Option<String>,
    pub slug: String,
    pub symbol: String,
    pub name: String,
}

/// A token that is seen for the first time. Without an id it gets one of our own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    pub token_id: Option<i64>,
    pub coinmarketcap: Option<i64>,
    pub coingecko: Option<String>,
    pub slug: String,
    pub symbol: String,
    pub name: String,
    pub matched_by: &'static str,
}

/// A provider's id of a token that another provider listed before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub token_id: i64,
    pub coinmarketcap: Option<i64>,
    pub coingecko: Option<String>,
    pub matched_by: &'static str,
}

impl Token {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            token_id: row.try_get("token_id")?,
            coinmarketcap: row.try_get("coinmarketcap")?,
            coingecko: row.try_get("coingecko")?,
            slug: row.try_get("slug")?,
            symbol: row.try_get("symbol")?,
            name: row.try_get("name")?,
        })
    }

    /// What a provider calls it; exchanges have no listing.
    pub fn id_at(&self, provider: ProviderId) -> Option<String> {
        match provider {
            ProviderId::CoinMarketCap => self.coinmarketcap.map(|id| id.to_string()),
            ProviderId::CoinGecko => self.coingecko.clone(),
            ProviderId::Binance => None,
        }
    }
}

/// Keeps other writers out until the end of the transaction; readers go on.
pub async fn lock(client: &impl GenericClient) -> Result<(), StoreError> {
    client
        .batch_execute("LOCK TABLE market.tokens IN SHARE ROW EXCLUSIVE MODE")
        .await?;
    Ok(())
}

/// The tokens with any of these ids at the providers, or with any of these symbols.
pub async fn find(
    client: &impl GenericClient,
    coinmarketcap: &[i64],
    coingecko: &[String],
    symbols: &[String],
) -> Result<Vec<Token>, StoreError> {
    let statement = client
        .prepare_cached(
            "SELECT token_id, coinmarketcap, coingecko, slug, symbol, name FROM market.tokens
             WHERE coinmarketcap = ANY($1) OR coingecko = ANY($2) OR symbol = ANY($3)",
        )
        .await?;
    let rows = client
        .query(&statement, &[&coinmarketcap, &coingecko, &symbols])
        .await?;
    rows.iter().map(Token::read).collect()
}

/// Inserts all tokens in one statement, and gives them back with their ids.
pub async fn insert(
    client: &impl GenericClient,
    tokens: &[NewToken],
    now: Timestamp,
) -> Result<Vec<Token>, StoreError> {
    let statement = client
        .prepare_cached(
            "INSERT INTO market.tokens
                (token_id, coinmarketcap, coingecko, slug, symbol, name, matched_by, first_seen_at, updated_at)
             SELECT coalesce(id, nextval('market.own_token_ids')), coinmarketcap, coingecko, slug, symbol, name,
                matched_by, $8, $8
             FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
                AS listed (id, coinmarketcap, coingecko, slug, symbol, name, matched_by)
             RETURNING token_id, coinmarketcap, coingecko, slug, symbol, name",
        )
        .await?;
    let rows = client
        .query(
            &statement,
            &[
                &column!(tokens, token_id),
                &column!(tokens, coinmarketcap),
                &column!(tokens, coingecko),
                &column!(tokens, slug),
                &column!(tokens, symbol),
                &column!(tokens, name),
                &column!(tokens, matched_by),
                &now,
            ],
        )
        .await?;
    rows.iter().map(Token::read).collect()
}

/// Adds a provider's ids to tokens that have none of it.
pub async fn link(client: &impl GenericClient, links: &[Link], now: Timestamp) -> Result<(), StoreError> {
    let statement = client
        .prepare_cached(
            "UPDATE market.tokens AS known SET
                coinmarketcap = coalesce(known.coinmarketcap, link.coinmarketcap),
                coingecko = coalesce(known.coingecko, link.coingecko),
                matched_by = link.matched_by, updated_at = $5
             FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[])
                AS link (token_id, coinmarketcap, coingecko, matched_by)
             WHERE known.token_id = link.token_id",
        )
        .await?;
    client
        .execute(
            &statement,
            &[
                &column!(links, token_id),
                &column!(links, coinmarketcap),
                &column!(links, coingecko),
                &column!(links, matched_by),
                &now,
            ],
        )
        .await?;
    Ok(())
}

/// Writes the names that tokens have now.
pub async fn rename(client: &impl GenericClient, tokens: &[Token], now: Timestamp) -> Result<(), StoreError> {
    let statement = client
        .prepare_cached(
            "UPDATE market.tokens AS known
             SET slug = listed.slug, symbol = listed.symbol, name = listed.name, updated_at = $5
             FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS listed (token_id, slug, symbol, name)
             WHERE known.token_id = listed.token_id",
        )
        .await?;
    client
        .execute(
            &statement,
            &[
                &column!(tokens, token_id),
                &column!(tokens, slug),
                &column!(tokens, symbol),
                &column!(tokens, name),
                &now,
            ],
        )
        .await?;
    Ok(())
}
