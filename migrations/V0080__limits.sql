-- What is used, what administrators allow besides the settings, and whom they shut out.

-- Requests by user, day (UTC) and rate-limit policy. Redis counts; gateways copy the numbers here.
CREATE TABLE accounts.usage (
    user_id     uuid   NOT NULL REFERENCES accounts.users (id) ON DELETE CASCADE,
    day         date   NOT NULL,
    route_class text   NOT NULL CHECK (length(route_class) BETWEEN 1 AND 32),
    requests    bigint NOT NULL CHECK (requests > 0),
    PRIMARY KEY (user_id, day, route_class)
);

CREATE INDEX usage_day_idx ON accounts.usage (day);

CREATE TABLE accounts.limit_overrides (
    id             uuid        PRIMARY KEY,
    user_id        uuid        REFERENCES accounts.users (id) ON DELETE CASCADE,
    key_id         uuid        REFERENCES accounts.api_keys (id) ON DELETE CASCADE,
    -- The user or the key; there is one override of a policy for each.
    subject_id     uuid        NOT NULL GENERATED ALWAYS AS (coalesce(user_id, key_id)) STORED,
    -- A rate-limit policy, or `quota` for the month's.
    policy         text        NOT NULL CHECK (length(policy) BETWEEN 1 AND 32),
    requests       integer     NOT NULL CHECK (requests BETWEEN 1 AND 10000000),
    window_seconds integer     CHECK (window_seconds BETWEEN 1 AND 10000000),
    expires_at     timestamptz,
    created_at     timestamptz NOT NULL,
    created_by     uuid        NOT NULL,
    CHECK ((user_id IS NULL) <> (key_id IS NULL)),
    CHECK ((policy = 'quota') = (window_seconds IS NULL)),
    UNIQUE (subject_id, policy)
);

CREATE INDEX limit_overrides_user_id_idx ON accounts.limit_overrides (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX limit_overrides_key_id_idx ON accounts.limit_overrides (key_id) WHERE key_id IS NOT NULL;
CREATE INDEX limit_overrides_expires_at_idx ON accounts.limit_overrides (expires_at) WHERE expires_at IS NOT NULL;

-- The overrides for a user and, if there is one, a key, as gateways read them: a JSON array.
CREATE FUNCTION accounts.overrides_of(of_user uuid, of_key uuid) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(json_agg(json_build_object(
        'policy', policy, 'requests', requests, 'window_seconds', window_seconds,
        'is_of_key', key_id IS NOT NULL, 'expires_at', expires_at)), '[]')::text
    FROM accounts.limit_overrides WHERE subject_id IN (of_user, of_key)
$$;

-- Identities carry the overrides, so a change of one is a change of each identity that it concerns.
CREATE FUNCTION accounts.note_override_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed accounts.limit_overrides := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
BEGIN
    INSERT INTO accounts.stale_identities (key_hash, changed_at)
    SELECT stale.hash, clock_timestamp() FROM (
        SELECT key_hash AS hash FROM accounts.api_keys
        WHERE (user_id = changed.user_id OR id = changed.key_id) AND revoked_at IS NULL
        UNION
        SELECT cache_hash FROM accounts.sessions
        WHERE (user_id = changed.user_id OR key_id = changed.key_id) AND revoked_at IS NULL
    ) AS stale ORDER BY stale.hash
    ON CONFLICT (key_hash) DO UPDATE SET changed_at = excluded.changed_at;
    RETURN NULL;
END $$;

CREATE TRIGGER override_changed AFTER INSERT OR UPDATE OR DELETE
    ON accounts.limit_overrides FOR EACH ROW EXECUTE FUNCTION accounts.note_override_change();

-- Addresses that administrators block, and blocks that they lift. Every gateway reads the newest state each second.
CREATE TABLE accounts.ip_blocks (
    -- An IPv4 address, or the first address of an IPv6 /64 network.
    address       text        PRIMARY KEY CHECK (length(address) BETWEEN 2 AND 45),
    -- Another one for every change, so that a gateway sees that there was one.
    change_id     uuid        NOT NULL,
    blocked_at    timestamptz NOT NULL,
    blocked_until timestamptz NOT NULL,
    -- When it was lifted; lifts the block that failed authentications imposed on the address, too.
    lifted_at     timestamptz,
    comment       text        CHECK (length(comment) BETWEEN 1 AND 200),
    created_by    uuid        NOT NULL
);

CREATE INDEX ip_blocks_blocked_until_idx ON accounts.ip_blocks (blocked_until);
