-- People, their API keys, and the answers kept for repeated POSTs. Written by the gateway only.
CREATE SCHEMA accounts;

CREATE TABLE accounts.users (
    id          uuid        PRIMARY KEY,
    email       text        NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
    role        text        NOT NULL DEFAULT 'reader' CHECK (role IN ('reader', 'analyst', 'admin')),
    tier        text        NOT NULL DEFAULT 'enterprise'
                            CHECK (tier IN ('basic', 'hobbyist', 'startup', 'standard', 'professional', 'enterprise')),
    is_active   boolean     NOT NULL DEFAULT true,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL
);

-- One account per address, whatever its case.
CREATE UNIQUE INDEX users_email_key ON accounts.users (lower(email));

CREATE TABLE accounts.api_keys (
    id           uuid        PRIMARY KEY,
    user_id      uuid        NOT NULL REFERENCES accounts.users (id) ON DELETE CASCADE,
    name         text        NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    -- The first characters, so that people can tell their keys apart.
    prefix       text        NOT NULL,
    -- HMAC-SHA-256 of the key under the server's pepper; the key itself is not stored.
    key_hash     bytea       NOT NULL UNIQUE CHECK (octet_length(key_hash) = 32),
    -- NULL: everything the owner's role may do.
    scopes       text[],
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    expires_at   timestamptz,
    revoked_at   timestamptz
);

CREATE INDEX api_keys_user_id_idx ON accounts.api_keys (user_id);
CREATE INDEX api_keys_prefix_idx ON accounts.api_keys (prefix);

CREATE TABLE accounts.idempotency_keys (
    -- Who sent the key: `user:<id>`, or `ip:<address>` on routes without credentials.
    subject          text        NOT NULL,
    key              text        NOT NULL CHECK (length(key) BETWEEN 1 AND 128),
    -- SHA-256 of method, path, query and body.
    request_hash     bytea       NOT NULL,
    -- NULL while the first request runs.
    status           smallint,
    -- NULL when the answer held a secret: only its status is kept.
    response_body    bytea,
    -- Whether the body is an internal problem, of which the public body is made anew at each repeat.
    is_problem       boolean     NOT NULL DEFAULT false,
    response_headers jsonb       NOT NULL DEFAULT '{}',
    -- A run that has not finished by then died with its process: the next request takes over.
    running_until    timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL,
    PRIMARY KEY (subject, key)
);

CREATE INDEX idempotency_keys_expires_at_idx ON accounts.idempotency_keys (expires_at);
