-- What a POST makes gets the same id in every run for its key, so that a repeat finds what a run made that died.
ALTER TABLE accounts.idempotency_keys ADD COLUMN creation_id uuid;
