-- Tokens of the listing and their history. Only core-analytics writes here.

CREATE TABLE analytics.tokens (
    token_id    bigint      PRIMARY KEY,
    slug        text        NOT NULL,
    symbol      text        NOT NULL,
    name        text        NOT NULL,
    rank        integer,
    date_added  timestamptz,
    tags        text[]      NOT NULL,
    -- The newest figures, as the listing has them.
    as_of       timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    poll_id     uuid        NOT NULL,
    provider    text        NOT NULL,
    is_fallback boolean     NOT NULL,
    simulated   boolean     NOT NULL,
    price                    numeric,
    volume_24h               numeric,
    market_cap               numeric,
    fully_diluted_market_cap numeric,
    circulating_supply       numeric,
    total_supply             numeric,
    max_supply               numeric,
    percent_change_1h        double precision,
    percent_change_24h       double precision,
    percent_change_7d        double precision,
    velocity                 double precision,
    velocity_method          text   NOT NULL,
    -- Of the newest 24 hours of history.
    velocity_trend           text   NOT NULL DEFAULT 'insufficient_data',
    vwap_24h                 numeric,
    flags                    text[] NOT NULL
);

COMMENT ON COLUMN analytics.tokens.is_fallback IS 'Whether another provider is the first choice';

-- Cells of 5 minutes, and the hours and days that are made of them. Of several figures in one cell of 5 minutes the
-- newest counts.
CREATE TABLE analytics.token_history (
    token_id    bigint      NOT NULL,
    "interval"  text        NOT NULL,
    open_time   timestamptz NOT NULL,
    as_of       timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    price                    numeric,
    market_cap               numeric,
    fully_diluted_market_cap numeric,
    volume_24h               numeric,
    circulating_supply       numeric,
    velocity                 double precision,
    velocity_method          text    NOT NULL,
    vwap                     numeric,
    quality                  double precision,
    n                        integer NOT NULL,
    provider                 text    NOT NULL,
    is_fallback              boolean NOT NULL,
    backfilled               boolean NOT NULL,
    PRIMARY KEY (token_id, "interval", open_time)
) PARTITION BY LIST ("interval");

COMMENT ON COLUMN analytics.token_history.n IS 'Cells of 5 minutes that are in it';
COMMENT ON COLUMN analytics.token_history.backfilled IS 'Whether anything in it was imported or filled in later';

CREATE TABLE analytics.token_history_5m PARTITION OF analytics.token_history FOR VALUES IN ('5m') PARTITION BY RANGE (open_time);
CREATE TABLE analytics.token_history_1h PARTITION OF analytics.token_history FOR VALUES IN ('1h') PARTITION BY RANGE (open_time);
CREATE TABLE analytics.token_history_1d PARTITION OF analytics.token_history FOR VALUES IN ('1d') PARTITION BY RANGE (open_time);

-- What became of the newest poll of the listing: one row.
CREATE TABLE analytics.listing_state (
    singleton         boolean     PRIMARY KEY DEFAULT true CHECK (singleton),
    version           bigint      NOT NULL,
    poll_id           uuid        NOT NULL,
    at                timestamptz NOT NULL,
    provider          text,
    is_fallback       boolean     NOT NULL,
    unavailable_since timestamptz,
    reason            text
);

COMMENT ON COLUMN analytics.listing_state.version IS 'Grows with every change of tokens';
