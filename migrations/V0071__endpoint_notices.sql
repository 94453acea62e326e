-- The owner learns of receivers that are disabled and of messages that are given up.

ALTER TABLE alerting.endpoints ADD COLUMN disabled_at timestamptz;

ALTER TABLE alerting.deliveries
    DROP CONSTRAINT deliveries_kind_check,
    ADD CONSTRAINT deliveries_kind_check CHECK (kind IN ('alert.triggered', 'endpoint.disabled', 'test.ping'));

-- An event of a message that was given up repeats the number of the firing that it is about: one of each per firing.
CREATE UNIQUE INDEX alert_events_one_per_fire
    ON alerting.alert_events (alert_id, fire_number, (reason = 'delivery_failed'));

ALTER TABLE alerting.alert_events DROP CONSTRAINT alert_events_alert_id_fire_number_key;
