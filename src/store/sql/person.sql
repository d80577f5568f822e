-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: contact_one :one
SELECT id, name, language, note, created_at FROM contact WHERE workspace_id = :workspace AND id = :id;

-- name: contact_identities :many
-- Under which names a customer writes.
SELECT id, kind, handle, name, external_id
  FROM identity
 WHERE workspace_id = :workspace AND contact_id = :contact
 ORDER BY id
 LIMIT 100;

-- name: contact_conversations :many
-- All a customer ever asked, newest first; the caller drops what the reader may not see.
SELECT id, channel_id, team_id, channel_kind, status, preview, last_message_at, waiting_since
  FROM conversation
 WHERE workspace_id = :workspace AND contact_id = :contact
 ORDER BY last_message_at DESC
 LIMIT 100;

-- name: contact_set :exec
-- What a colleague knows better than the network.
UPDATE contact SET name = :name, note = :note, language = :language, updated_at = :now
 WHERE workspace_id = :workspace AND id = :id;

-- name: contact_rename_conversations :exec
-- The list shows the name from the conversation's own row.
UPDATE conversation SET contact_name = :name, updated_at = :now, version = version + 1
 WHERE workspace_id = :workspace AND contact_id = :contact;
