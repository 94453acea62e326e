-- What a risk check remembers between two values: its level, and since when it is being left.

ALTER TABLE alerting.monitors ADD COLUMN standings jsonb NOT NULL DEFAULT '{}';
