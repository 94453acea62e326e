-- What the batched price route fetched: one row for each batch that got a price.
CREATE TABLE market.price_records (
    batch_id uuid PRIMARY KEY,
    coin_id text NOT NULL CHECK (coin_id ~ '^[a-z0-9][a-z0-9-]{0,63}$'),
    vs_currency text NOT NULL CHECK (vs_currency ~ '^[a-z]{3,10}$'),
    price numeric(38, 18) NOT NULL CHECK (price > 0),
    fetched_at timestamptz NOT NULL,
    provider text NOT NULL CHECK (provider <> '')
);

COMMENT ON TABLE market.price_records IS
    'Prices that batches of requests fetched. A batch that was flushed twice, because its first flusher died, has one row.';

-- The history of a coin, newest first; the id orders the batches of one moment.
CREATE INDEX price_records_by_coin ON market.price_records (coin_id, fetched_at DESC, batch_id DESC);
CREATE INDEX price_records_by_time ON market.price_records (fetched_at);
