-- What caches of identities must forget. Triggers note every change of a key or its user, whoever makes it, in the same
-- transaction; gateways pass the notes on to Redis and to one another, and remove them. A change made while Redis is away is
-- therefore not lost, and holds as soon as Redis is back.

CREATE TABLE accounts.stale_identities (
    key_hash   bytea       PRIMARY KEY,
    -- Tells a later change of the same key from the one that was passed on.
    changed_at timestamptz NOT NULL
);

CREATE FUNCTION accounts.note_key_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO accounts.stale_identities (key_hash, changed_at) VALUES (OLD.key_hash, clock_timestamp())
    ON CONFLICT (key_hash) DO UPDATE SET changed_at = excluded.changed_at;
    RETURN NULL;
END $$;

CREATE TRIGGER key_changed AFTER UPDATE OF user_id, key_hash, scopes, expires_at, revoked_at OR DELETE
    ON accounts.api_keys FOR EACH ROW EXECUTE FUNCTION accounts.note_key_change();

CREATE FUNCTION accounts.note_user_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO accounts.stale_identities (key_hash, changed_at)
    SELECT key_hash, clock_timestamp() FROM accounts.api_keys WHERE user_id = NEW.id ORDER BY key_hash
    ON CONFLICT (key_hash) DO UPDATE SET changed_at = excluded.changed_at;
    RETURN NULL;
END $$;

CREATE TRIGGER user_changed AFTER UPDATE ON accounts.users FOR EACH ROW
    WHEN ((OLD.email, OLD.role, OLD.tier, OLD.is_active) IS DISTINCT FROM (NEW.email, NEW.role, NEW.tier, NEW.is_active))
    EXECUTE FUNCTION accounts.note_user_change();
