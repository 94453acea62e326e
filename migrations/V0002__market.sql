-- Schema of `fetch`: what was wrong with the market's data.

CREATE SCHEMA market;

CREATE TABLE market.flagged_points (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    flagged_at timestamptz NOT NULL,
    provider text NOT NULL CHECK (provider <> ''),
    ticker text NOT NULL CHECK (ticker ~ '^[A-Z0-9]{1,20}$'),
    symbol text NOT NULL,
    -- Why it took no part in a price: outlier, not_positive, out_of_range, not_a_number, time_out_of_range, jump.
    reason text NOT NULL CHECK (reason <> ''),
    -- As the venue wrote it; it may be no number at all.
    raw_price text,
    -- The price all others agreed on, where there was one.
    reference_price numeric(38, 18),
    quoted_at timestamptz,
    received_at timestamptz NOT NULL
);

COMMENT ON TABLE market.flagged_points IS
    'Observations that were refused or left out as outliers. An outlier is noted when it begins, not at every poll.';

CREATE INDEX flagged_points_by_ticker ON market.flagged_points (ticker, flagged_at DESC);
CREATE INDEX flagged_points_by_time ON market.flagged_points (flagged_at);
