-- Log-ins, what keys are confined to, and the record of administration.

ALTER TABLE accounts.users
    -- The name of the bootstrap administrator, who need not have an e-mail address.
    ADD COLUMN username  text CHECK (length(username) BETWEEN 1 AND 100),
    -- When the personal data of the account were erased; the row stays, because others name its id.
    ADD COLUMN erased_at timestamptz;

CREATE UNIQUE INDEX users_username_key ON accounts.users (lower(username));

-- Networks from which the key may be used; empty: from everywhere.
ALTER TABLE accounts.api_keys ADD COLUMN ip_allow text[] NOT NULL DEFAULT '{}';

-- A log-in, from the password or key to the end of its refresh tokens.
CREATE TABLE accounts.sessions (
    id               uuid        PRIMARY KEY,
    user_id          uuid        NOT NULL REFERENCES accounts.users (id) ON DELETE CASCADE,
    -- The key that was exchanged for it: its scopes and networks hold for the session too, and it ends with the key.
    key_id           uuid        REFERENCES accounts.api_keys (id) ON DELETE CASCADE,
    -- The name under which caches of identities know it.
    cache_hash       bytea       NOT NULL UNIQUE CHECK (octet_length(cache_hash) = 32),
    -- How often its refresh token was rotated; a token of an earlier generation was used already.
    generation       integer     NOT NULL DEFAULT 0,
    -- Keyed hash of the newest refresh token.
    refresh_hash     bytea       NOT NULL CHECK (octet_length(refresh_hash) = 32),
    created_at       timestamptz NOT NULL,
    -- When the newest refresh token ends.
    expires_at       timestamptz NOT NULL,
    revoked_at       timestamptz
);

CREATE INDEX sessions_user_id_idx ON accounts.sessions (user_id, created_at);
CREATE INDEX sessions_key_id_idx ON accounts.sessions (key_id) WHERE key_id IS NOT NULL;
CREATE INDEX sessions_expires_at_idx ON accounts.sessions (expires_at);

CREATE FUNCTION accounts.note_session_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO accounts.stale_identities (key_hash, changed_at) VALUES (OLD.cache_hash, clock_timestamp())
    ON CONFLICT (key_hash) DO UPDATE SET changed_at = excluded.changed_at;
    RETURN NULL;
END $$;

CREATE TRIGGER session_changed AFTER UPDATE OF revoked_at OR DELETE
    ON accounts.sessions FOR EACH ROW EXECUTE FUNCTION accounts.note_session_change();

-- A key's change concerns the sessions that were made from it.
CREATE OR REPLACE FUNCTION accounts.note_key_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO accounts.stale_identities (key_hash, changed_at)
    SELECT changed.hash, clock_timestamp() FROM (
        SELECT OLD.key_hash AS hash
        UNION ALL
        SELECT cache_hash FROM accounts.sessions WHERE key_id = OLD.id AND revoked_at IS NULL
    ) AS changed ORDER BY changed.hash
    ON CONFLICT (key_hash) DO UPDATE SET changed_at = excluded.changed_at;
    RETURN NULL;
END $$;

DROP TRIGGER key_changed ON accounts.api_keys;
CREATE TRIGGER key_changed AFTER UPDATE OF user_id, key_hash, scopes, ip_allow, expires_at, revoked_at OR DELETE
    ON accounts.api_keys FOR EACH ROW EXECUTE FUNCTION accounts.note_key_change();

CREATE OR REPLACE FUNCTION accounts.note_user_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO accounts.stale_identities (key_hash, changed_at)
    SELECT changed.hash, clock_timestamp() FROM (
        SELECT key_hash AS hash FROM accounts.api_keys WHERE user_id = NEW.id AND revoked_at IS NULL
        UNION ALL
        SELECT cache_hash FROM accounts.sessions WHERE user_id = NEW.id AND revoked_at IS NULL
    ) AS changed ORDER BY changed.hash
    ON CONFLICT (key_hash) DO UPDATE SET changed_at = excluded.changed_at;
    RETURN NULL;
END $$;

-- Who asked for the erasure of an account, until every service has forgotten it.
CREATE TABLE accounts.erasures (
    user_id      uuid        PRIMARY KEY,
    requested_at timestamptz NOT NULL
);

-- Who did what. Rows are only ever added, and name people by id: an erasure leaves no trace of an e-mail address here.
CREATE TABLE accounts.audit (
    id         uuid        PRIMARY KEY,
    at         timestamptz NOT NULL,
    -- NULL: the platform itself.
    actor_id   uuid,
    action     text        NOT NULL CHECK (length(action) BETWEEN 1 AND 64),
    target     text        NOT NULL CHECK (length(target) BETWEEN 1 AND 128),
    details    jsonb       NOT NULL DEFAULT '{}',
    request_id text
);

CREATE INDEX audit_actor_id_idx ON accounts.audit (actor_id, id DESC);
CREATE INDEX audit_target_idx ON accounts.audit (target, id DESC);
CREATE INDEX audit_action_idx ON accounts.audit (action, id DESC);

CREATE FUNCTION accounts.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is not allowed: it is append-only', TG_OP, TG_TABLE_NAME;
END $$;

CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON accounts.audit FOR EACH STATEMENT EXECUTE FUNCTION accounts.refuse_change();
