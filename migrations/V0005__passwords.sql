-- Accounts may have a password.
ALTER TABLE accounts.users
    -- Argon2id, as a PHC string; NULL: this account has keys only.
    ADD COLUMN password_hash text CHECK (password_hash LIKE '$argon2id$%');

-- A body may hold one, so a plain hash of it could be guessed.
COMMENT ON COLUMN accounts.idempotency_keys.request_hash IS 'HMAC-SHA-256 of path, query and body under the server''s pepper';
