-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: draft_list :many
-- What one has begun in a conversation, and what colleagues share.
SELECT d.agent_id, a.name AS agent_name, d.mode, d.text, d.attachments, d.mail, d.reply_to, d.route_id, d.shared, d.version, d.updated_at
  FROM draft d JOIN agent a ON a.workspace_id = d.workspace_id AND a.id = d.agent_id
 WHERE d.workspace_id = :workspace AND d.conversation_id = :conversation AND (d.agent_id = :me OR d.shared = 1)
 ORDER BY d.agent_id, d.mode;

-- name: draft_get :one
-- One draft.
SELECT d.agent_id, a.name AS agent_name, d.mode, d.text, d.attachments, d.mail, d.reply_to, d.route_id, d.shared, d.version, d.updated_at
  FROM draft d JOIN agent a ON a.workspace_id = d.workspace_id AND a.id = d.agent_id
 WHERE d.workspace_id = :workspace AND d.conversation_id = :conversation AND d.agent_id = :agent AND d.mode = :mode;

-- name: draft_lock :one
-- Before a colleague's is taken over: it is not written on meanwhile.
SELECT version FROM draft WHERE workspace_id = :workspace AND conversation_id = :conversation AND agent_id = :agent AND mode = :mode
-- only: postgres
   FOR UPDATE
-- only: both
;

-- name: draft_put :exec
-- Kept as it is now.
INSERT INTO draft (workspace_id, conversation_id, agent_id, mode, text, attachments, mail, reply_to, route_id, shared, updated_at)
VALUES (:workspace, :conversation, :agent, :mode, :text, :attachments, :mail, :reply_to, :route, :shared, :now)
ON CONFLICT (workspace_id, conversation_id, agent_id, mode) DO UPDATE
   SET text = excluded.text, attachments = excluded.attachments, mail = excluded.mail, reply_to = excluded.reply_to, route_id = excluded.route_id,
       shared = excluded.shared, updated_at = excluded.updated_at, version = draft.version + 1;

-- name: draft_delete :exec
-- Sent, or thrown away.
DELETE FROM draft WHERE workspace_id = :workspace AND conversation_id = :conversation AND agent_id = :agent AND mode = :mode;

-- name: draft_delete_shared :exec
-- Taken over by a colleague; nothing happens when it is not shared (any more).
DELETE FROM draft
 WHERE workspace_id = :workspace AND conversation_id = :conversation AND agent_id = :agent AND mode = :mode AND shared = 1;

-- name: scheduled_insert :one
-- An answer for later.
INSERT INTO scheduled_send (workspace_id, conversation_id, agent_id, text, attachments, mail, reply_to, route_id, send_at,
                            cancel_if_customer_writes, seen_message_id, state, created_at)
VALUES (:workspace, :conversation, :agent, :text, :attachments, :mail, :reply_to, :route, :send_at, :cancel, :seen, 'waiting', :now)
RETURNING id;

-- name: scheduled_list :many
-- What still goes out in a conversation, or did not.
SELECT s.id, s.conversation_id, s.agent_id, a.name AS agent_name, s.text, s.attachments, s.mail, s.reply_to, s.route_id, s.send_at,
       s.cancel_if_customer_writes, s.seen_message_id, s.state, s.error, s.version, s.created_at
  FROM scheduled_send s JOIN agent a ON a.workspace_id = s.workspace_id AND a.id = s.agent_id
 WHERE s.workspace_id = :workspace AND s.conversation_id = :conversation
 ORDER BY s.send_at, s.id;

-- name: scheduled_get :one
-- One answer for later; locked until the write ends.
SELECT s.id, s.conversation_id, s.agent_id, a.name AS agent_name, s.text, s.attachments, s.mail, s.reply_to, s.route_id, s.send_at,
       s.cancel_if_customer_writes, s.seen_message_id, s.state, s.error, s.version, s.created_at
  FROM scheduled_send s JOIN agent a ON a.workspace_id = s.workspace_id AND a.id = s.agent_id
 WHERE s.workspace_id = :workspace AND s.id = :id
-- only: postgres
   FOR UPDATE OF s
-- only: both
;

-- name: scheduled_set :exec
-- Another text or moment; it waits again.
UPDATE scheduled_send
   SET text = :text, send_at = :send_at, cancel_if_customer_writes = :cancel, seen_message_id = :seen, state = 'waiting', error = '',
       version = version + 1
 WHERE workspace_id = :workspace AND id = :id;

-- name: scheduled_stop :exec
-- It did not go out; the reason stays until a person decides.
UPDATE scheduled_send SET state = :state, error = :error, version = version + 1 WHERE workspace_id = :workspace AND id = :id;

-- name: scheduled_delete :exec
-- It has become a message, or was cancelled.
DELETE FROM scheduled_send WHERE workspace_id = :workspace AND id = :id;

-- name: scheduled_due :one
-- The next answer whose moment has come, over all workspaces.
-- workspace: any, the schedule serves every workspace
SELECT id, workspace_id, agent_id, conversation_id, send_at FROM scheduled_send
 WHERE state = 'waiting' AND send_at <= :now AND send_at >= :after AND (send_at > :after OR id > :after_id)
 ORDER BY send_at, id LIMIT 1;

-- name: compose_customer_wrote :one
-- 1 when the customer wrote after that message.
SELECT EXISTS (SELECT 1 FROM message
                WHERE workspace_id = :workspace AND conversation_id = :conversation AND id > :seen AND direction = 'in'
                  AND kind = 'message' AND deleted_at IS NULL);

-- name: compose_answered_since :one
-- Who answered after the newest message the writer had seen; nobody: no row.
SELECT m.id, m.author_name
  FROM message m
 WHERE m.workspace_id = :workspace AND m.conversation_id = :conversation AND m.id > :seen AND m.direction = 'out'
   AND m.kind = 'message' AND m.deleted_at IS NULL AND coalesce(m.send_state, '') NOT IN ('failed', 'cancelled')
   AND coalesce(m.call_result, 'reached') = 'reached' AND m.agent_id <> :me AND m.forward_of = 0
 ORDER BY m.created_at DESC, m.id DESC
 LIMIT 1;

-- name: compose_signature :one
-- What a colleague puts below answers; who has none: what the brand of the channel has.
SELECT CASE WHEN trim(a.signature) <> '' THEN a.signature
            ELSE coalesce((SELECT b.signature FROM channel h JOIN brand b ON b.workspace_id = h.workspace_id AND b.id = h.brand_id
                            WHERE h.workspace_id = :workspace AND h.id = :channel), '') END
  FROM agent a WHERE a.workspace_id = :workspace AND a.id = :id;

-- name: mention_insert :exec
-- A colleague named in a note.
INSERT INTO mention (workspace_id, message_id, agent_id, conversation_id)
VALUES (:workspace, :message, :agent, :conversation)
ON CONFLICT DO NOTHING;

-- name: mention_list :many
-- Who is named in the notes of a page. :ids is [1,2] on SQLite and {1,2} on PostgreSQL.
SELECT message_id, agent_id
  FROM mention
 WHERE workspace_id = :workspace
-- only: sqlite
   AND message_id IN (SELECT value FROM json_each(:ids))
-- only: postgres
   AND message_id = ANY (CAST(:ids AS BIGINT[]))
-- only: both
;

-- name: mention_delete :exec
-- A note that is gone names nobody.
DELETE FROM mention WHERE workspace_id = :workspace AND message_id = :message;

-- name: collaborator_is :one
-- 1 when they were asked in.
SELECT EXISTS (SELECT 1 FROM conversation_collaborator
                WHERE workspace_id = :workspace AND conversation_id = :conversation AND agent_id = :agent);

-- name: collaborator_list :many
-- Who was asked in.
SELECT c.agent_id, a.name AS agent_name, a.role, c.created_at
  FROM conversation_collaborator c JOIN agent a ON a.workspace_id = c.workspace_id AND a.id = c.agent_id
 WHERE c.workspace_id = :workspace AND c.conversation_id = :conversation
 ORDER BY c.agent_id;

-- name: collaborator_add :exec
-- Somebody is asked in.
INSERT INTO conversation_collaborator (workspace_id, conversation_id, agent_id, invited_by, created_at)
VALUES (:workspace, :conversation, :agent, :by, :now)
ON CONFLICT DO NOTHING;

-- name: collaborator_remove :exec
-- And no longer.
DELETE FROM conversation_collaborator WHERE workspace_id = :workspace AND conversation_id = :conversation AND agent_id = :agent;

-- name: version_list :many
-- The texts a message had before, oldest first.
SELECT version, text, replaced_at FROM message_version
 WHERE workspace_id = :workspace AND message_id = :message
 ORDER BY version;

-- name: version_last :one
-- The text before the one it has.
SELECT text FROM message_version WHERE workspace_id = :workspace AND message_id = :message ORDER BY version DESC LIMIT 1;

-- name: presence_put :exec
-- Where a colleague is, for the other processes.
INSERT INTO presence (workspace_id, agent_id, process, conversation_id, channel_id, team_id, name, typing, updated_at)
VALUES (:workspace, :agent, :process, :conversation, :channel, :team, :name, :typing, :now)
ON CONFLICT (workspace_id, agent_id) DO UPDATE
   SET process = excluded.process, conversation_id = excluded.conversation_id, channel_id = excluded.channel_id,
       team_id = excluded.team_id, name = excluded.name, typing = excluded.typing, updated_at = excluded.updated_at;

-- name: presence_news :many
-- What other processes heard since.
-- workspace: any, one feed serves every workspace
SELECT workspace_id, agent_id, conversation_id, channel_id, team_id, name, typing, updated_at FROM presence
 WHERE updated_at > :since AND process <> :process ORDER BY updated_at;
