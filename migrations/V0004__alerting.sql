-- Alerts, their events, and the outbox of webhooks. Only the service `alerts` writes here.
-- User ids point into `accounts` without a foreign key: a service does not reach into another's schema.

CREATE SCHEMA IF NOT EXISTS alerting;

-- A receiver of webhooks. An alert's webhook_url makes one for its user, so that all alerts to one address share a secret
-- and a state of health.
CREATE TABLE alerting.endpoints (
    id                   uuid        PRIMARY KEY,
    user_id              uuid        NOT NULL,
    url                  text        NOT NULL,
    secret               text        NOT NULL CHECK (secret LIKE 'whsec\_%'),
    implicit             boolean     NOT NULL,
    disabled_reason      text        CHECK (disabled_reason IN ('gone', 'too_many_failures')),
    consecutive_failures integer     NOT NULL DEFAULT 0 CHECK (consecutive_failures >= 0),
    last_success_at      timestamptz,
    created_at           timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL,
    UNIQUE (user_id, url)
);

CREATE TABLE alerting.alerts (
    id           uuid            PRIMARY KEY,
    user_id      uuid            NOT NULL,
    ticker       text            NOT NULL CHECK (ticker ~ '^[A-Z0-9]{1,20}$'),
    kind         text            NOT NULL CHECK (kind = 'price'),
    condition    text            NOT NULL CHECK (condition IN ('gt', 'lt')),
    target_price numeric(38, 18) NOT NULL CHECK (target_price > 0),
    params       jsonb           NOT NULL DEFAULT '{}',
    webhook_url  text            NOT NULL,
    endpoint_id  uuid            NOT NULL REFERENCES alerting.endpoints (id),
    is_active    boolean         NOT NULL,
    state        text            NOT NULL CHECK (state IN ('armed', 'triggered')),
    last_value   numeric(38, 18),
    fires        integer         NOT NULL DEFAULT 0 CHECK (fires >= 0),
    request_id   text            NOT NULL,
    created_at   timestamptz     NOT NULL,
    updated_at   timestamptz     NOT NULL,
    triggered_at timestamptz,
    CHECK (is_active = (state = 'armed'))
);

-- Of equal requests that arrive together exactly one succeeds.
CREATE UNIQUE INDEX alerts_one_active
    ON alerting.alerts (user_id, ticker, kind, condition, target_price, params) WHERE is_active;

-- A user's list, newest first: ids are UUID v7.
CREATE INDEX alerts_of_user ON alerting.alerts (user_id, id DESC);

-- Rebuilding and reconciling the index in Redis, and counting what it should hold, from this index alone.
CREATE INDEX alerts_armed ON alerting.alerts (ticker, condition, id) INCLUDE (target_price) WHERE is_active;

CREATE TABLE alerting.alert_events (
    id          uuid            PRIMARY KEY,
    alert_id    uuid            NOT NULL REFERENCES alerting.alerts (id) ON DELETE CASCADE,
    fire_number integer         NOT NULL CHECK (fire_number > 0),
    at          timestamptz     NOT NULL,
    from_state  text            NOT NULL,
    to_state    text            NOT NULL,
    value       numeric(38, 18) NOT NULL,
    price_id    uuid            NOT NULL,
    reason      text            NOT NULL,
    late        boolean         NOT NULL,
    UNIQUE (alert_id, fire_number)
);

-- One message to one endpoint: the outbox. The id is the `webhook-id`; the body is fixed at firing, so that every attempt
-- sends the same bytes. What was promised survives its alert, so there is no foreign key to it.
--
-- `due_at` is the one thing the relay looks at: the moment at which a row needs it again.
--   pending          not in the queue yet, or waiting for a retry: when to queue it
--   queued           in the queue: when to assume that the queue lost it
--   sending          claimed by a consumer: when to assume that the consumer died
--   success, failed  null, nothing is ever due again
CREATE TABLE alerting.deliveries (
    id          uuid        PRIMARY KEY,
    user_id     uuid        NOT NULL,
    endpoint_id uuid        NOT NULL REFERENCES alerting.endpoints (id),
    alert_id    uuid,
    event_id    uuid,
    kind        text        NOT NULL CHECK (kind IN ('alert.triggered', 'test.ping')),
    body        text        NOT NULL CHECK (octet_length(body) <= 20000),
    status      text        NOT NULL CHECK (status IN ('pending', 'queued', 'sending', 'success', 'failed')),
    attempts    integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    due_at      timestamptz,
    request_id  text        NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    CHECK ((due_at IS NULL) = (status IN ('success', 'failed')))
) WITH (fillfactor = 70);

CREATE INDEX deliveries_due ON alerting.deliveries (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_of_alert ON alerting.deliveries (alert_id, id DESC) WHERE alert_id IS NOT NULL;

CREATE TABLE alerting.delivery_attempts (
    delivery_id      uuid        NOT NULL REFERENCES alerting.deliveries (id),
    attempt          integer     NOT NULL CHECK (attempt > 0),
    status           text        NOT NULL CHECK (status IN ('success', 'failed')),
    response_code    integer,
    error_msg        text,
    latency_ms       bigint      NOT NULL CHECK (latency_ms >= 0),
    dispatched_at    timestamptz NOT NULL,
    next_attempt_at  timestamptz,
    response_excerpt text,
    PRIMARY KEY (delivery_id, attempt)
);

-- Messages that were given up.
CREATE TABLE alerting.dead_letters (
    delivery_id uuid        PRIMARY KEY REFERENCES alerting.deliveries (id),
    reason      text        NOT NULL,
    at          timestamptz NOT NULL
);

-- The newest risk levels of each asset, and how they came about.
CREATE TABLE alerting.monitors (
    ticker text        PRIMARY KEY,
    level  text        CHECK (level IN ('OK', 'Warning', 'Alert')),
    since  timestamptz,
    checks jsonb       NOT NULL,
    as_of  timestamptz NOT NULL
);

CREATE TABLE alerting.monitor_transitions (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ticker     text        NOT NULL,
    from_level text,
    to_level   text        NOT NULL,
    at         timestamptz NOT NULL
);

CREATE INDEX monitor_transitions_of_ticker ON alerting.monitor_transitions (ticker, at DESC);
