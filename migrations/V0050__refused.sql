-- What PostgreSQL or this service refused for good and was set aside so that the rest could go on: one row per item, however
-- often it came. Nothing reads it but a person.
CREATE TABLE alerting.refused (
    kind     text        NOT NULL CHECK (kind IN ('quote', 'alert', 'metrics')),
    item     text        NOT NULL,
    reason   text        NOT NULL,
    payload  text        NOT NULL,
    times    bigint      NOT NULL DEFAULT 1 CHECK (times > 0),
    first_at timestamptz NOT NULL,
    last_at  timestamptz NOT NULL,
    PRIMARY KEY (kind, item)
);
