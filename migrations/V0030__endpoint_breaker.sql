-- Health of receivers over time: failures of one burst count once, a receiver that fails is asked again by probes, and what
-- is addressed to it meanwhile is held instead of given up.

ALTER TABLE alerting.endpoints
    -- The first failure since the last success, and the last one that was counted.
    ADD COLUMN failing_since   timestamptz,
    ADD COLUMN last_failure_at timestamptz,
    -- When a disabled receiver is probed next; null when it is gone for good.
    ADD COLUMN probe_at        timestamptz;

UPDATE alerting.endpoints SET probe_at = now() WHERE disabled_reason = 'too_many_failures';

CREATE INDEX endpoints_probe ON alerting.endpoints (probe_at) WHERE disabled_reason = 'too_many_failures';

ALTER TABLE alerting.deliveries ADD COLUMN held boolean NOT NULL DEFAULT false;

CREATE INDEX deliveries_held ON alerting.deliveries (endpoint_id) WHERE held;

-- Whoever enables a receiver, what was held for it is due at once. Rows that another transaction holds come by themselves.
CREATE FUNCTION alerting.release_held() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE alerting.deliveries SET held = false, due_at = least(due_at, NEW.updated_at)
    WHERE id IN (
        SELECT id FROM alerting.deliveries
        WHERE endpoint_id = NEW.id AND held AND status = 'pending'
        ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
    );
    RETURN NULL;
END $$;

CREATE TRIGGER endpoint_enabled AFTER UPDATE OF disabled_reason ON alerting.endpoints FOR EACH ROW
    WHEN (OLD.disabled_reason IS NOT NULL AND NEW.disabled_reason IS NULL)
    EXECUTE FUNCTION alerting.release_held();
