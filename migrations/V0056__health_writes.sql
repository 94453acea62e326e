-- What health checks write, and undo. A row is nearly a page long and stored as it is, so that a check needs what new rows
-- need: room on the disk. Nothing of it is in the write-ahead log.

CREATE SCHEMA health;

CREATE UNLOGGED TABLE health.writes (
    filler text NOT NULL DEFAULT repeat('x', 6000)
);

ALTER TABLE health.writes ALTER COLUMN filler SET STORAGE PLAIN;

COMMENT ON TABLE health.writes IS 'Always empty: every write is rolled back';
