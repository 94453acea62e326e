-- Deliveries are listed by user, and can be sent again.

CREATE INDEX deliveries_of_user ON alerting.deliveries (user_id, created_at DESC, id DESC);

-- Attempts before the delivery was sent again: the retry policy counts from there on, attempts are numbered on.
ALTER TABLE alerting.outbox
    ADD COLUMN attempts_before integer NOT NULL DEFAULT 0 CHECK (attempts_before BETWEEN 0 AND attempts);
