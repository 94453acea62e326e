-- A key that was rotated is not rotated again: its end is that of the overlap, and the next key would get it too.
ALTER TABLE accounts.api_keys ADD COLUMN rotated_at timestamptz;

-- A log-in looks at the sessions that run, not at all that ended.
CREATE INDEX sessions_running_idx ON accounts.sessions (user_id, created_at DESC) WHERE revoked_at IS NULL;
