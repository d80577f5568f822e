-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Readers of the log that write: their cursor, and who may move it now.

-- name: reader_get :one
-- Where a reader stands and whose lease it is.
SELECT epoch, xid, position, lease_owner, lease_until FROM reader WHERE name = :name;

-- name: reader_lock :one
-- The same, held until the end of the transaction; nothing when another process is in the middle of a step.
-- only: sqlite
SELECT epoch, xid, position, lease_owner, lease_until FROM reader WHERE name = :name;
-- only: postgres
SELECT epoch, xid, position, lease_owner, lease_until FROM reader WHERE name = :name FOR UPDATE SKIP LOCKED;

-- name: reader_add :exec
-- A new reader starts at the beginning of the log.
INSERT INTO reader (name) VALUES (:name) ON CONFLICT (name) DO NOTHING;

-- name: reader_move :exec
-- Compare and set, together with the effect of what was read.
UPDATE reader
   SET epoch = :new_epoch, xid = :new_xid, position = :new_position, lease_owner = :owner, lease_until = :until
 WHERE name = :name AND epoch = :epoch AND xid = :xid AND position = :position;
