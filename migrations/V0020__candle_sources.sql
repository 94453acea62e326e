-- Candles remember which provider's history is in them, so that a better source can replace a worse one.
-- Rows from before have rank 0 and are fetched again: those made of CoinGecko's charts were one candle late.

ALTER TABLE analytics.candles ADD COLUMN source text;
ALTER TABLE analytics.candles ADD COLUMN source_rank smallint NOT NULL DEFAULT 0;
ALTER TABLE analytics.candles ADD COLUMN quote_rate_assumed boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN analytics.candles.source IS 'The provider whose history is in the candle; NULL for our own prices alone';
COMMENT ON COLUMN analytics.candles.source_rank IS '0 none or unknown, 1 aggregator, 2 exchange; a candle with n > 0 is better than any';
COMMENT ON COLUMN analytics.candles.quote_rate_assumed IS 'Whether prices in a dollar token were taken at par for want of a rate';
