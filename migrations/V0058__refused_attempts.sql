-- Attempts to deliver may be refused for good as well.

ALTER TABLE alerting.refused
    DROP CONSTRAINT refused_kind_check,
    ADD CONSTRAINT refused_kind_check CHECK (kind IN ('quote', 'alert', 'metrics', 'attempt'));
