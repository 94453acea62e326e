-- Deliveries are scheduled by their endpoints: an endpoint has a window of messages that may be outstanding (in the broker or
-- with a consumer) and a breaker, its user a bound for all endpoints together. Only what fits is published.
--
-- The messages themselves never change any more. What changes is in the outbox, whose rows are small and live as long as
-- their delivery is not finished.

CREATE TABLE alerting.outbox (
    delivery_id uuid        PRIMARY KEY REFERENCES alerting.deliveries (id),
    user_id     uuid        NOT NULL,
    endpoint_id uuid        NOT NULL,
    is_test     boolean     NOT NULL,
    -- Attempts that were begun.
    attempts    integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- When the next attempt may be made.
    due_at      timestamptz NOT NULL,
    -- When a relay took it, and until when whoever has it (relay, broker, consumer) may keep it; null while it waits.
    taken_at    timestamptz,
    lease_until timestamptz,
    -- A consumer has it.
    is_claimed  boolean     NOT NULL DEFAULT false,
    -- The bound of its user that it counts against.
    is_fast     boolean,
    CHECK ((taken_at IS NULL) = (lease_until IS NULL)),
    CHECK ((taken_at IS NULL) = (is_fast IS NULL)),
    CHECK (taken_at IS NOT NULL OR NOT is_claimed)
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

INSERT INTO alerting.outbox
    (delivery_id, user_id, endpoint_id, is_test, attempts, due_at, taken_at, lease_until, is_claimed, is_fast)
SELECT id, user_id, endpoint_id, kind = 'test.ping', attempts, CASE WHEN held THEN created_at ELSE due_at END,
       CASE WHEN status <> 'pending' THEN updated_at END, CASE WHEN status <> 'pending' THEN due_at END, status = 'sending',
       CASE WHEN status <> 'pending' THEN false END
FROM alerting.deliveries WHERE due_at IS NOT NULL;

-- The columns that lease and claim change are in no index, so that these updates touch no index.
CREATE INDEX outbox_waiting ON alerting.outbox (endpoint_id, is_test, due_at) WHERE taken_at IS NULL;
CREATE INDEX outbox_taken ON alerting.outbox (user_id, endpoint_id, is_fast) WHERE taken_at IS NOT NULL;

-- One row per endpoint: what is known about how much it takes, and when its next message may be published.
CREATE TABLE alerting.endpoint_queues (
    endpoint_id uuid        PRIMARY KEY REFERENCES alerting.endpoints (id) ON DELETE CASCADE,
    user_id     uuid        NOT NULL,
    -- Most messages outstanding.
    max_taken   integer     NOT NULL DEFAULT 4 CHECK (max_taken > 0),
    -- The average time to an answer; null before the first.
    latency_ms  integer     CHECK (latency_ms >= 0),
    is_fast     boolean     NOT NULL GENERATED ALWAYS AS (coalesce(latency_ms <= 1000, false)) STORED,
    -- Attempts in a row that hung.
    hung        integer     NOT NULL DEFAULT 0 CHECK (hung >= 0),
    -- Times in a row that its messages found no room at a consumer.
    deferred    integer     NOT NULL DEFAULT 0 CHECK (deferred >= 0),
    -- Nothing is published before this moment.
    closed_until timestamptz,
    -- When there is something to publish; null: nothing, or as much is outstanding as may be. May be too early, never too late.
    ready_at    timestamptz
) WITH (fillfactor = 60);

CREATE INDEX endpoint_queues_ready ON alerting.endpoint_queues (user_id, is_fast, ready_at) WHERE ready_at IS NOT NULL;

-- Two rows per user, one for endpoints that are known to answer quickly and one for the others. The lock of the latter orders
-- all changes of what the user's endpoints may have published.
CREATE TABLE alerting.user_queues (
    user_id  uuid        NOT NULL,
    is_fast  boolean     NOT NULL,
    -- When one of the endpoints is ready; null: none, or as much is outstanding as may be. May be too early, never too late.
    ready_at timestamptz,
    PRIMARY KEY (user_id, is_fast)
) WITH (fillfactor = 60);

CREATE INDEX user_queues_ready ON alerting.user_queues (ready_at) WHERE ready_at IS NOT NULL;

INSERT INTO alerting.endpoint_queues (endpoint_id, user_id, ready_at)
SELECT e.id, e.user_id, (SELECT now() FROM alerting.outbox o WHERE o.endpoint_id = e.id LIMIT 1) FROM alerting.endpoints e;

INSERT INTO alerting.user_queues (user_id, is_fast, ready_at)
SELECT user_id, f.is_fast, min(ready_at) FROM alerting.endpoint_queues, (VALUES (true), (false)) AS f (is_fast)
GROUP BY user_id, f.is_fast;

CREATE FUNCTION alerting.create_queues() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO alerting.user_queues (user_id, is_fast) VALUES (NEW.user_id, false), (NEW.user_id, true)
    ON CONFLICT DO NOTHING;
    INSERT INTO alerting.endpoint_queues (endpoint_id, user_id) VALUES (NEW.id, NEW.user_id);
    RETURN NULL;
END $$;

CREATE TRIGGER endpoint_created AFTER INSERT ON alerting.endpoints FOR EACH ROW EXECUTE FUNCTION alerting.create_queues();

-- Whoever enables an endpoint, what was held for it may be published at once. Two transactions that enable endpoints of the same
-- users in different orders wait for each other in a circle; one of them is then repeated.
DROP TRIGGER endpoint_enabled ON alerting.endpoints;
DROP FUNCTION alerting.release_held();

CREATE FUNCTION alerting.release_held() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM alerting.user_queues WHERE user_id = NEW.user_id AND NOT is_fast FOR NO KEY UPDATE;
    UPDATE alerting.endpoint_queues SET ready_at = NEW.updated_at, closed_until = NULL, hung = 0 WHERE endpoint_id = NEW.id;
    UPDATE alerting.user_queues SET ready_at = least(ready_at, NEW.updated_at) WHERE user_id = NEW.user_id;
    RETURN NULL;
END $$;

CREATE TRIGGER endpoint_enabled AFTER UPDATE OF disabled_reason ON alerting.endpoints FOR EACH ROW
    WHEN (OLD.disabled_reason IS NOT NULL AND NEW.disabled_reason IS NULL)
    EXECUTE FUNCTION alerting.release_held();

ALTER TABLE alerting.deliveries
    DROP COLUMN status,
    DROP COLUMN attempts,
    DROP COLUMN due_at,
    DROP COLUMN held,
    DROP COLUMN updated_at;
ALTER TABLE alerting.deliveries RESET (fillfactor);

CREATE INDEX deliveries_created ON alerting.deliveries (created_at);

-- The state of each delivery, for operators and tests.
CREATE VIEW alerting.delivery_states AS
SELECT d.id AS delivery_id, d.endpoint_id, d.alert_id,
       CASE WHEN o.delivery_id IS NOT NULL THEN
                CASE WHEN o.is_claimed THEN 'sending' WHEN o.taken_at IS NOT NULL THEN 'queued' ELSE 'pending' END
            WHEN l.delivery_id IS NOT NULL THEN 'failed'
            ELSE 'success'
       END AS status,
       o.due_at
FROM alerting.deliveries d
LEFT JOIN alerting.outbox o ON o.delivery_id = d.id
LEFT JOIN alerting.dead_letters l ON l.delivery_id = d.id;
