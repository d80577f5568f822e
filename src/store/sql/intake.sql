-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: intake_store :one
-- Raw bytes from a network, before it gets its 2xx.
INSERT INTO inbound (workspace_id, channel_id, source, stream, body, state, received_at)
VALUES (:workspace, :channel, :source, :stream, :body, 'waiting', :now)
RETURNING id;

-- name: intake_seen :one
-- Is this message here, and what was said about it before? Always one row.
SELECT coalesce(m.id, 0) AS id, m.kind, m.conversation_id, k.edited_at, k.edited_text, k.deleted_at, coalesce(k.receipt, 0) AS receipt
  FROM (SELECT 1 AS one) AS o
  LEFT JOIN message m ON m.workspace_id = :workspace AND m.channel_id = :channel AND m.external_id = :external_id
  LEFT JOIN message_mark k ON k.workspace_id = :workspace AND k.channel_id = :channel AND k.external_id = :external_id;

-- name: intake_identity :one
-- Who wrote: the identity and the contact behind it.
SELECT i.id, i.contact_id, i.name, i.handle, i.updated_at, k.name AS contact_name
  FROM identity i
  JOIN contact k ON k.workspace_id = i.workspace_id AND k.id = i.contact_id
 WHERE i.workspace_id = :workspace AND i.kind = :kind AND i.scope = :scope AND i.external_id = :external_id;

-- name: intake_contact_insert :one
-- A person we have not met.
INSERT INTO contact (workspace_id, name, language, created_at, updated_at) VALUES (:workspace, :name, '', :now, :now)
RETURNING id;

-- name: intake_contact_delete :exec
-- Somebody else met this person in the same moment: ours goes.
DELETE FROM contact WHERE workspace_id = :workspace AND id = :id;

-- name: intake_identity_insert :one
-- Under which name the network knows them. No row when somebody else was first.
INSERT INTO identity (workspace_id, kind, scope, external_id, handle, name, contact_id, updated_at)
VALUES (:workspace, :kind, :scope, :external_id, :handle, :name, :contact, :at)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: intake_identity_set :exec
-- The newest name and handle the network told.
UPDATE identity SET name = :name, handle = :handle, updated_at = :at WHERE workspace_id = :workspace AND id = :id;

-- name: intake_contact_rename :exec
-- The contact follows its identity's name until a person gave it another one.
UPDATE contact SET name = :name, updated_at = :now WHERE workspace_id = :workspace AND id = :id AND name = :old_name;

-- name: intake_heard :exec
-- The channel has news.
UPDATE channel SET last_event_at = :now WHERE workspace_id = :workspace AND id = :id;

-- name: intake_waiting :many
-- What waits, oldest first, over all channels.
-- workspace: any, the intake job serves every workspace
-- scan: ok, the partial index holds waiting rows only
SELECT id, workspace_id, channel_id, attempts FROM inbound WHERE state = 'waiting' AND id > :after ORDER BY id LIMIT :limit;

-- name: intake_lease :exec
-- One worker at a time per channel. No change: another one has it.
INSERT INTO channel_cursor (workspace_id, channel_id, stream, value, next_at, lease_until)
VALUES (:workspace, :channel, '#intake', :owner, 9007199254740991, :until)
ON CONFLICT (workspace_id, channel_id, stream) DO UPDATE
   SET value = excluded.value, lease_until = excluded.lease_until
 WHERE channel_cursor.lease_until < :now OR channel_cursor.value = excluded.value;

-- name: intake_lease_end :exec
-- The channel is free again.
UPDATE channel_cursor SET lease_until = 0
 WHERE workspace_id = :workspace AND channel_id = :channel AND stream = '#intake' AND value = :owner;

-- name: intake_attempt :exec
-- Counted before the work, so that work that kills the process is counted too.
UPDATE inbound SET attempts = attempts + 1 WHERE workspace_id = :workspace AND id = :id AND state = 'waiting';

-- name: intake_unattempt :exec
-- The database was away: not the row's fault.
UPDATE inbound SET attempts = attempts - 1
 WHERE workspace_id = :workspace AND id = :id AND state = 'waiting' AND attempts > 0;

-- name: intake_body :one
-- The raw bytes.
SELECT source, stream, body, attempts, received_at FROM inbound WHERE workspace_id = :workspace AND id = :id AND state = 'waiting';

-- name: intake_done :exec
-- Taken over. No change: somebody else did it.
UPDATE inbound SET state = 'done', error = '', done_at = :now WHERE workspace_id = :workspace AND id = :id AND state = 'waiting';

-- name: intake_failed :exec
-- Still waiting, with what went wrong.
UPDATE inbound SET error = :error WHERE workspace_id = :workspace AND id = :id AND state = 'waiting';

-- name: intake_quarantine :exec
-- Set aside with its bytes; a person can repeat it.
UPDATE inbound SET state = 'quarantined', error = :error WHERE workspace_id = :workspace AND id = :id AND state = 'waiting';

-- name: intake_quarantine_part :exec
-- A part of a body that could not be read, on its own.
INSERT INTO inbound (workspace_id, channel_id, source, stream, body, state, attempts, error, received_at)
VALUES (:workspace, :channel, :source, :stream, :body, 'quarantined', 1, :error, :received_at);
