-- What is done is removed some day, oldest first.

CREATE INDEX deliveries_done ON alerting.deliveries (updated_at) WHERE due_at IS NULL;
CREATE INDEX alert_events_at ON alerting.alert_events (at);
CREATE INDEX monitor_transitions_at ON alerting.monitor_transitions (at);
CREATE INDEX refused_at ON alerting.refused (last_at);
