-- What core-analytics keeps: the prices it has counted, and the bars made of them.
-- Only core-analytics writes here. It makes and drops the range partitions by itself (services/core-analytics/src/store/partitions.rs).

CREATE SCHEMA IF NOT EXISTS analytics;

-- Every price that is in the bars. The key is what makes a redelivered price count once.
CREATE TABLE analytics.ticks (
    ticker   text           NOT NULL,
    as_of    timestamptz    NOT NULL,
    price_id uuid           NOT NULL,
    price    numeric(38, 18) NOT NULL CHECK (price > 0),
    PRIMARY KEY (ticker, as_of, price_id)
) PARTITION BY RANGE (as_of);

COMMENT ON TABLE analytics.ticks IS 'Prices counted into bars; kept for TICKS_RETENTION_DAYS';

-- Bars. The edges carry time and id of the first and the last price, so that batches merge in any order.
CREATE TABLE analytics.candles (
    ticker     text            NOT NULL,
    "interval" text            NOT NULL,
    open_time  timestamptz     NOT NULL,
    open       numeric(38, 18) NOT NULL,
    open_at    timestamptz     NOT NULL,
    open_id    uuid            NOT NULL,
    high       numeric(38, 18) NOT NULL,
    low        numeric(38, 18) NOT NULL,
    close      numeric(38, 18) NOT NULL,
    close_at   timestamptz     NOT NULL,
    close_id   uuid            NOT NULL,
    volume     numeric(38, 18),
    n          bigint          NOT NULL,
    backfilled boolean         NOT NULL,
    PRIMARY KEY (ticker, "interval", open_time)
) PARTITION BY LIST ("interval");

COMMENT ON COLUMN analytics.candles.n IS 'How many of our own prices are in the bar; 0 for a venue''s history alone';
COMMENT ON COLUMN analytics.candles.volume IS 'Traded amount in units of the asset, as a venue told it';
COMMENT ON COLUMN analytics.candles.backfilled IS 'Whether a venue''s history is in the bar';

-- One table per length, because short bars are dropped early and long ones are kept; each is cut by time.
CREATE TABLE analytics.candles_1m  PARTITION OF analytics.candles FOR VALUES IN ('1m')  PARTITION BY RANGE (open_time);
CREATE TABLE analytics.candles_5m  PARTITION OF analytics.candles FOR VALUES IN ('5m')  PARTITION BY RANGE (open_time);
CREATE TABLE analytics.candles_15m PARTITION OF analytics.candles FOR VALUES IN ('15m') PARTITION BY RANGE (open_time);
CREATE TABLE analytics.candles_1h  PARTITION OF analytics.candles FOR VALUES IN ('1h')  PARTITION BY RANGE (open_time);
CREATE TABLE analytics.candles_4h  PARTITION OF analytics.candles FOR VALUES IN ('4h')  PARTITION BY RANGE (open_time);
CREATE TABLE analytics.candles_12h PARTITION OF analytics.candles FOR VALUES IN ('12h') PARTITION BY RANGE (open_time);
CREATE TABLE analytics.candles_1d  PARTITION OF analytics.candles FOR VALUES IN ('1d')  PARTITION BY RANGE (open_time);
