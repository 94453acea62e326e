-- An attempt is on record from its claim on: `open` until its outcome is known, `interrupted` when its process died before that.
-- deliveries.attempts counts the attempts that were begun.

ALTER TABLE alerting.delivery_attempts
    DROP CONSTRAINT delivery_attempts_status_check,
    ADD CONSTRAINT delivery_attempts_status_check CHECK (status IN ('open', 'success', 'failed', 'interrupted')),
    ALTER COLUMN latency_ms DROP NOT NULL;
