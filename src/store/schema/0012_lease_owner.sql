-- Which process holds a lease on a channel's stream, so that the others need not wait for its end when the
-- process is gone.
ALTER TABLE channel_cursor ADD COLUMN lease_owner TEXT NOT NULL DEFAULT '';
