-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: message_view :one
-- One message as the contract shows it, with who wrote it.
SELECT m.id, m.conversation_id, m.channel_id, m.external_id, m.direction, m.kind, m.visibility, m.origin, m.text,
       m.language, m.reply_to, m.created_at, m.received_at, m.edited_at, m.deleted_at, m.liked_at, m.send_state, m.error, m.route_id,
       m.undo_until, m.call_result, m.call_s,
       m.agent_id AS by_agent, m.author_name AS by_name, m.author_handle AS by_handle, i.contact_id AS by_contact,
       m.forward_of
  FROM message m
  LEFT JOIN identity i ON i.id = m.identity_id AND i.workspace_id = m.workspace_id
 WHERE m.workspace_id = :workspace AND m.id = :id;

-- name: message_page :many
-- The messages before a moment, newest first.
SELECT m.id, m.conversation_id, m.channel_id, m.external_id, m.direction, m.kind, m.visibility, m.origin, m.text,
       m.language, m.reply_to, m.created_at, m.received_at, m.edited_at, m.deleted_at, m.liked_at, m.send_state, m.error, m.route_id,
       m.undo_until, m.call_result, m.call_s,
       m.agent_id AS by_agent, m.author_name AS by_name, m.author_handle AS by_handle, i.contact_id AS by_contact,
       m.forward_of
  FROM message m
  LEFT JOIN identity i ON i.id = m.identity_id AND i.workspace_id = m.workspace_id
 WHERE m.workspace_id = :workspace AND m.conversation_id = :conversation AND (m.created_at, m.id) < (:before_at, :before_id)
 ORDER BY m.created_at DESC, m.id DESC
 LIMIT :limit;

-- name: message_page_on :many
-- The messages from a moment on, oldest first.
SELECT m.id, m.conversation_id, m.channel_id, m.external_id, m.direction, m.kind, m.visibility, m.origin, m.text,
       m.language, m.reply_to, m.created_at, m.received_at, m.edited_at, m.deleted_at, m.liked_at, m.send_state, m.error, m.route_id,
       m.undo_until, m.call_result, m.call_s,
       m.agent_id AS by_agent, m.author_name AS by_name, m.author_handle AS by_handle, i.contact_id AS by_contact,
       m.forward_of
  FROM message m
  LEFT JOIN identity i ON i.id = m.identity_id AND i.workspace_id = m.workspace_id
 WHERE m.workspace_id = :workspace AND m.conversation_id = :conversation AND (m.created_at, m.id) >= (:from_at, :from_id)
 ORDER BY m.created_at, m.id
 LIMIT :limit;

-- name: message_moment :one
-- Where a message stands in its conversation.
SELECT created_at, id FROM message WHERE workspace_id = :workspace AND conversation_id = :conversation AND id = :id;

-- name: message_lowest_behind :one
-- The lowest number from a moment on: what is older and has a higher one came late.
SELECT MIN(id) FROM message
 WHERE workspace_id = :workspace AND conversation_id = :conversation AND (created_at, id) >= (:from_at, :from_id);

-- name: message_came_late :one
-- 1 when something newer was already here when it arrived.
SELECT EXISTS (SELECT 1 FROM message n
                WHERE n.workspace_id = :workspace AND n.conversation_id = :conversation AND n.created_at > :created_at
                  AND n.id < :id);

-- name: message_attachments :many
-- The files of a page's messages. :ids is [1,2] on SQLite and {1,2} on PostgreSQL.
-- scan: ok, sorts the few files of one page
SELECT message_id, id, mime, name, alt, state, reason, size, width, height
  FROM attachment
 WHERE workspace_id = :workspace
-- only: sqlite
   AND message_id IN (SELECT value FROM json_each(:ids))
-- only: postgres
   AND message_id = ANY (CAST(:ids AS BIGINT[]))
-- only: both
 ORDER BY message_id, position;

-- name: message_conversation :one
-- Whose message it is, before both are locked in order.
SELECT conversation_id FROM message WHERE workspace_id = :workspace AND id = :id;

-- name: message_record :one
-- A message to be changed.
SELECT * FROM message WHERE workspace_id = :workspace AND id = :id
-- only: postgres
   FOR UPDATE
-- only: both
;

-- name: message_record_external :one
-- The same by the network's id.
SELECT * FROM message WHERE workspace_id = :workspace AND channel_id = :channel AND external_id = :external_id
-- only: postgres
   FOR UPDATE
-- only: both
;

-- name: message_record_own :one
-- An answer of ours named by our own number, as the contract of programs allows; the thread must agree,
-- because a customer's ids are numbers too.
SELECT m.*
  FROM message m
  JOIN conversation c ON c.workspace_id = m.workspace_id AND c.id = m.conversation_id
  LEFT JOIN conversation_route r ON r.workspace_id = m.workspace_id AND r.id = m.route_id
 WHERE m.workspace_id = :workspace AND m.id = :id AND m.channel_id = :channel AND m.origin = 'agent'
   AND m.kind = 'message' AND (CAST(:thread AS TEXT) = '' OR coalesce(r.thread_key, c.thread_key) = :thread)
-- only: postgres
   FOR UPDATE OF m
-- only: both
;

-- name: message_insert :one
-- A message, theirs or ours. No row comes back when this one is here already (on SQLite the one writer has
-- just looked).
INSERT INTO message (workspace_id, conversation_id, channel_id, external_id, direction, kind, visibility, origin,
                     identity_id, agent_id, author_name, author_handle, text, language, reply_to, extra, created_at,
                     received_at, edited_at, deleted_at, version, send_state, route_id, undo_until)
VALUES (:workspace, :conversation, :channel, :external_id, :direction, :kind, :visibility, :origin, :identity, :agent,
        :author_name, :author_handle, :text, :language, :reply_to, :extra, :created_at, :received_at, :edited_at,
        :deleted_at, :version, :send_state, :route, :undo_until)
-- only: postgres
ON CONFLICT DO NOTHING
-- only: both
RETURNING id;

-- name: message_set_text :exec
-- An edit or a deletion.
UPDATE message SET text = :text, edited_at = :edited_at, deleted_at = :deleted_at, version = :version
 WHERE workspace_id = :workspace AND id = :id;

-- name: message_set_state :exec
-- How far an answer of ours has come.
UPDATE message SET send_state = :state, error = :error WHERE workspace_id = :workspace AND id = :id;

-- name: message_set_external :exec
-- What the network calls our answer.
UPDATE message SET external_id = :external_id, extra = :extra WHERE workspace_id = :workspace AND id = :id;

-- name: message_set_like :exec
-- Our like.
UPDATE message SET liked_at = :liked_at, like_external_id = :like_id WHERE workspace_id = :workspace AND id = :id;

-- name: message_version_insert :exec
-- The text it had until now.
INSERT INTO message_version (workspace_id, message_id, version, text, replaced_at)
VALUES (:workspace, :message, :version, :text, :now)
ON CONFLICT DO NOTHING;

-- name: message_versions_delete :exec
-- The old texts of a row that goes.
DELETE FROM message_version WHERE workspace_id = :workspace AND message_id = :message;

-- name: message_attachments_delete :exec
-- The files of a row that goes.
DELETE FROM attachment WHERE workspace_id = :workspace AND message_id = :message;

-- name: message_delete :exec
-- A row that was another sight of a message we have.
DELETE FROM message WHERE workspace_id = :workspace AND id = :id;

-- name: message_newest_in :one
-- What a reply answers when nobody says: the newest customer message that came by the same way; never a mail of
-- a stranger, who is answered only when picked.
SELECT m.external_id
  FROM message m
 WHERE m.workspace_id = :workspace AND m.conversation_id = :conversation AND m.direction = 'in' AND m.kind = 'message'
   AND m.route_id = :route AND m.deleted_at IS NULL AND m.external_id IS NOT NULL
   AND m.call_result IS NULL
   AND NOT EXISTS (SELECT 1 FROM mail k WHERE k.workspace_id = m.workspace_id AND k.message_id = m.id AND k.stranger = 1)
 ORDER BY m.created_at DESC, m.id DESC
 LIMIT 1;

-- name: message_channel :one
-- The channel an answer goes through.
SELECT kind, name, state, state_reason, settings FROM channel WHERE workspace_id = :workspace AND id = :id;

-- name: message_file :one
-- A file somebody put before.
SELECT mime, size, width, height FROM file WHERE workspace_id = :workspace AND sha256 = :sha256;

-- name: message_attach :exec
-- A file of a message.
INSERT INTO attachment (workspace_id, message_id, position, url, mime, name, alt, size, width, height, sha256, state, reason,
                        next_at)
VALUES (:workspace, :message, :position, :url, :mime, :name, :alt, :size, :width, :height, :sha256, :state, :reason, :next_at)
ON CONFLICT DO NOTHING;

-- name: message_outbox_of :one
-- The newest row of one action for a message.
-- scan: ok, a message has very few outbox rows
SELECT id, state FROM outbox
 WHERE workspace_id = :workspace AND message_id = :message AND action = :action
 ORDER BY id DESC
 LIMIT 1
-- only: postgres
   FOR UPDATE
-- only: both
;

-- name: message_mark_hold :one
-- What the network said about a message before it was here. On PostgreSQL the row is made and locked: whoever
-- brings a receipt in the same moment waits until the message can be seen, or is waited for.
-- only: postgres
INSERT INTO message_mark (workspace_id, channel_id, external_id) VALUES (:workspace, :channel, :external_id)
ON CONFLICT (workspace_id, channel_id, external_id) DO UPDATE SET receipt = message_mark.receipt
RETURNING edited_at, edited_text, deleted_at, receipt;
-- only: sqlite
SELECT edited_at, edited_text, deleted_at, receipt
  FROM message_mark
 WHERE workspace_id = :workspace AND channel_id = :channel AND external_id = :external_id;

-- name: message_mark_edit :one
-- The newest edit wins; a repeat changes nothing and gives no row.
INSERT INTO message_mark (workspace_id, channel_id, external_id, edited_at, edited_text)
VALUES (:workspace, :channel, :external_id, :at, :text)
ON CONFLICT (workspace_id, channel_id, external_id) DO UPDATE
   SET edited_at = excluded.edited_at, edited_text = excluded.edited_text
 WHERE message_mark.edited_at IS NULL OR excluded.edited_at > message_mark.edited_at
    OR (excluded.edited_at = message_mark.edited_at AND excluded.edited_text > message_mark.edited_text)
RETURNING edited_at, edited_text, deleted_at, receipt;

-- name: message_mark_delete :one
-- The earliest deletion wins; a repeat changes nothing and gives no row.
INSERT INTO message_mark (workspace_id, channel_id, external_id, deleted_at)
VALUES (:workspace, :channel, :external_id, :at)
ON CONFLICT (workspace_id, channel_id, external_id) DO UPDATE
   SET deleted_at = excluded.deleted_at
 WHERE message_mark.deleted_at IS NULL OR excluded.deleted_at < message_mark.deleted_at
RETURNING edited_at, edited_text, deleted_at, receipt;

-- name: message_mark_receipt :one
-- Receipts only move up; a repeat changes nothing and gives no row.
INSERT INTO message_mark (workspace_id, channel_id, external_id, receipt)
VALUES (:workspace, :channel, :external_id, :receipt)
ON CONFLICT (workspace_id, channel_id, external_id) DO UPDATE
   SET receipt = excluded.receipt
 WHERE excluded.receipt > message_mark.receipt
RETURNING edited_at, edited_text, deleted_at, receipt;
