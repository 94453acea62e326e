-- Intervals whose quotes the stream had trimmed before they were read. They are evaluated from candles.

CREATE TABLE alerting.missed_quotes (
    from_at    timestamptz NOT NULL,
    to_at      timestamptz NOT NULL,
    quotes     bigint      NOT NULL,
    noticed_at timestamptz NOT NULL,
    done_at    timestamptz,
    PRIMARY KEY (from_at, to_at)
);

CREATE INDEX missed_quotes_open ON alerting.missed_quotes (noticed_at) WHERE done_at IS NULL;
