-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: contact_word_names :many
-- Under which names a customer is known.
SELECT name FROM contact WHERE workspace_id = :workspace AND id = :contact
 UNION ALL
SELECT name FROM identity WHERE workspace_id = :workspace AND contact_id = :contact;

-- name: contact_word_clear :exec
DELETE FROM contact_word WHERE workspace_id = :workspace AND contact_id = :contact;

-- name: contact_word_add :exec
INSERT INTO contact_word (workspace_id, word, contact_id) VALUES (:workspace, :word, :contact) ON CONFLICT DO NOTHING;

-- name: contact_word_next :many
-- The next customers to be learnt, of any workspace.
-- workspace: any, a database from before is learnt whole
SELECT id, workspace_id FROM contact WHERE id > :after ORDER BY id LIMIT :limit;

-- name: contact_word_find :many
-- Whose name has a word that begins so.
-- scan: ok, one range of the key, cut at a few hundred
SELECT contact_id, min(word) AS word FROM contact_word WHERE workspace_id = :workspace AND word >= :low AND word < :high
 GROUP BY contact_id ORDER BY min(word), contact_id LIMIT 200;

-- name: contact_word_handle :many
-- Whose handle begins so.
-- scan: ok, one range of the index, cut at some dozens
SELECT DISTINCT contact_id FROM identity
 WHERE workspace_id = :workspace AND lower(ltrim(handle, '@')) >= :low AND lower(ltrim(handle, '@')) < :high LIMIT 50;

-- name: contact_word_email :many
-- Whose e-mail address begins so.
SELECT id FROM contact WHERE workspace_id = :workspace AND email_key <> '' AND email_key >= :low AND email_key < :high LIMIT 50;

-- name: contact_word_found :one
-- What is shown of one that was found.
SELECT k.id, k.name, k.email, k.merged_into,
       coalesce((SELECT i.handle FROM identity i WHERE i.workspace_id = k.workspace_id AND i.contact_id = k.id ORDER BY i.id LIMIT 1), '') AS handle,
       coalesce((SELECT i.kind FROM identity i WHERE i.workspace_id = k.workspace_id AND i.contact_id = k.id ORDER BY i.id LIMIT 1), '') AS kind
  FROM contact k WHERE k.workspace_id = :workspace AND k.id = :contact;

-- name: contact_word_places :many
-- Where a customer's conversations are, newest first, for the question who may see them.
SELECT id, channel_id, team_id, last_message_at FROM conversation
 WHERE workspace_id = :workspace AND contact_id = :contact AND merged_into = 0
 ORDER BY last_message_at DESC LIMIT 50;
