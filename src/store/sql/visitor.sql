-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: visitor_channel :one
-- The channel of a public key.
-- workspace: any, the key is 128 random bits and names the workspace
SELECT id, workspace_id, kind, name, state, settings, secret FROM channel
 WHERE external_account_id = :key AND kind = :kind;

-- name: visitor_by_hash :one
-- Whose bearer secret this is; it opens this channel alone.
SELECT id, workspace_id, channel_id, thread_key, subject, name, email, language, created_at, last_seen_at, expires_at
  FROM visitor
 WHERE token_hash = :hash AND workspace_id = :workspace AND channel_id = :channel AND expires_at > :now;

-- name: visitor_insert :one
-- Somebody opened the chat.
INSERT INTO visitor (workspace_id, channel_id, token_hash, thread_key, subject, name, email, language, created_at,
                     last_seen_at, expires_at)
VALUES (:workspace, :channel, :hash, :thread, :subject, :name, :email, :language, :now, :now, :expires_at)
RETURNING id;

-- name: visitor_touch :exec
-- Slides the expiry.
UPDATE visitor SET last_seen_at = :now, expires_at = :expires_at
 WHERE workspace_id = :workspace AND id = :id AND last_seen_at < :now;

-- name: visitor_set :exec
-- What the visitor said of themselves.
UPDATE visitor SET name = :name, email = :email, language = :language WHERE workspace_id = :workspace AND id = :id;

-- name: visitor_delete :exec
-- Signed out.
DELETE FROM visitor WHERE workspace_id = :workspace AND id = :id;

-- name: visitor_alive :many
-- Which of these may go on with their open streams. :ids is a JSON array.
-- workspace: any, the streams of all workspaces are looked at together
-- scan: ok, by the primary key of each; the channels are a handful
SELECT v.id FROM visitor v JOIN channel c ON c.id = v.channel_id
 WHERE v.expires_at > :now AND c.state <> 'disabled'
-- only: sqlite
   AND v.id IN (SELECT value FROM json_each(:ids))
-- only: postgres
   AND v.id = ANY (ARRAY(SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:ids AS JSON))))
-- only: both
 ORDER BY v.id;

-- name: visitor_delete_expired :exec
-- Housekeeping, once an hour.
-- workspace: any, the clock is the same for all
DELETE FROM visitor WHERE expires_at <= :now;

-- name: visitor_once_delete_expired :exec
-- What is over needs not be remembered: its own time refuses it.
-- workspace: any, the clock is the same for all
DELETE FROM visitor_once WHERE expires_at <= :now;

-- name: visitor_once_take :exec
-- No change: it was used before.
INSERT INTO visitor_once (workspace_id, channel_id, hash, expires_at) VALUES (:workspace, :channel, :hash, :expires_at)
ON CONFLICT DO NOTHING;

-- name: visitor_messages :many
-- The messages of one thread, newest first, behind a cursor. A thread's ids begin alike whatever conversation
-- they are shown in now, so what was merged in from elsewhere is never seen.
-- scan: ok, sorts the messages of one visitor
SELECT m.id, m.external_id, m.direction, m.origin, m.text, m.created_at, m.edited_at, m.deleted_at, m.channel_id, a.name
  FROM message m
  LEFT JOIN agent a ON a.workspace_id = m.workspace_id AND a.id = m.agent_id
 WHERE m.workspace_id = :workspace AND m.channel_id = :channel AND m.external_id > :from AND m.external_id < :to
   AND m.kind = 'message' AND m.visibility = 'private' AND (m.created_at, m.id) < (:before_at, :before_id)
 ORDER BY m.created_at DESC, m.id DESC
 LIMIT :limit;

-- name: visitor_message :one
-- One message as a visitor may see it.
SELECT m.id, m.external_id, m.direction, m.origin, m.text, m.created_at, m.edited_at, m.deleted_at, m.channel_id, a.name
  FROM message m
  LEFT JOIN agent a ON a.workspace_id = m.workspace_id AND a.id = m.agent_id
 WHERE m.workspace_id = :workspace AND m.id = :id AND m.kind = 'message' AND m.visibility = 'private'
   AND m.external_id IS NOT NULL;

-- name: visitor_attachments :many
-- The files of those messages. :ids is a JSON array.
-- scan: ok, sorts the few files of one page
SELECT message_id, id, mime, name, alt, state, size, width, height FROM attachment
 WHERE workspace_id = :workspace AND state = 'ready'
-- only: sqlite
   AND message_id IN (SELECT value FROM json_each(:ids))
-- only: postgres
   AND message_id = ANY (ARRAY(SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:ids AS JSON))))
-- only: both
 ORDER BY message_id, position;

-- name: visitor_attachment :one
-- A file of a message of this thread.
SELECT a.sha256, a.mime, a.name, f.size
  FROM attachment a
  JOIN message m ON m.workspace_id = a.workspace_id AND m.id = a.message_id
  JOIN file f ON f.workspace_id = a.workspace_id AND f.sha256 = a.sha256
 WHERE a.workspace_id = :workspace AND a.id = :id AND a.state = 'ready' AND m.channel_id = :channel
   AND m.external_id > :from AND m.external_id < :to AND m.kind = 'message' AND m.deleted_at IS NULL;

-- name: visitor_conversation :one
-- Where this thread is talked about now, and whether colleagues have read it.
SELECT c.id, c.unread, c.team_id, c.message_count FROM conversation c
 WHERE c.workspace_id = :workspace AND c.id = coalesce(
       (SELECT r.conversation_id FROM conversation_route r
         WHERE r.workspace_id = :workspace AND r.channel_id = :channel AND r.thread_key = :thread),
       (SELECT o.id FROM conversation o
         WHERE o.workspace_id = :workspace AND o.channel_id = :channel AND o.thread_key = :thread));

-- name: visitor_settings :one
-- What a channel's settings are now: its hours.
SELECT settings FROM channel WHERE workspace_id = :workspace AND id = :channel;

-- name: visitor_online :one
-- Colleagues who may answer on this channel and were here in the last minutes.
SELECT count(*) FROM session s
  JOIN agent a ON a.workspace_id = s.workspace_id AND a.id = s.agent_id
 WHERE s.workspace_id = :workspace AND s.last_seen_at > :since AND s.expires_at > :now AND a.disabled_at IS NULL
   AND (a.role = 'agent' OR a.role = 'lead' OR a.role = 'admin' OR a.role = 'owner')
   AND (a.all_channels = 1 OR EXISTS (SELECT 1 FROM agent_channel c
        WHERE c.workspace_id = :workspace AND c.agent_id = a.id AND c.channel_id = :channel));

-- name: visitor_may_answer :many
-- Who may answer on this channel.
-- scan: ok, the colleagues of one workspace
SELECT a.id FROM agent a
 WHERE a.workspace_id = :workspace AND a.disabled_at IS NULL
   AND (a.role = 'agent' OR a.role = 'lead' OR a.role = 'admin' OR a.role = 'owner')
   AND (a.all_channels = 1 OR EXISTS (SELECT 1 FROM agent_channel c
        WHERE c.workspace_id = :workspace AND c.agent_id = a.id AND c.channel_id = :channel));

-- name: visitor_file_put :exec
-- This visitor put this file, and may send it.
INSERT INTO visitor_file (workspace_id, visitor_id, sha256, channel_id, name, size, created_at)
VALUES (:workspace, :visitor, :sha256, :channel, :name, :size, :now)
ON CONFLICT (workspace_id, visitor_id, sha256) DO UPDATE SET name = excluded.name;

-- name: visitor_file_get :one
-- A file that this visitor put.
SELECT v.name, f.mime, f.size, f.width, f.height FROM visitor_file v
  JOIN file f ON f.workspace_id = v.workspace_id AND f.sha256 = v.sha256
 WHERE v.workspace_id = :workspace AND v.visitor_id = :visitor AND v.sha256 = :sha256;

-- name: visitor_file_total :one
-- Bytes that visitors of a channel put since a moment; and those of one of them.
SELECT coalesce(CAST(sum(size) AS BIGINT), 0) AS every_one,
       coalesce(CAST(sum(CASE WHEN visitor_id = :visitor THEN size ELSE 0 END) AS BIGINT), 0) AS this_one
  FROM visitor_file WHERE workspace_id = :workspace AND channel_id = :channel AND created_at > :since;

-- name: visitor_typing_put :exec
-- That a visitor writes, or not any more, for the other processes.
INSERT INTO visitor_typing (workspace_id, visitor_id, process, conversation_id, channel_id, team_id, typing, updated_at)
VALUES (:workspace, :visitor, :process, :conversation, :channel, :team, :typing, :now)
ON CONFLICT (workspace_id, visitor_id) DO UPDATE
   SET process = excluded.process, conversation_id = excluded.conversation_id, channel_id = excluded.channel_id,
       team_id = excluded.team_id, typing = excluded.typing, updated_at = excluded.updated_at;

-- name: visitor_typing_news :many
-- What other processes heard of visitors since.
-- workspace: any, one feed serves every workspace
SELECT workspace_id, visitor_id, conversation_id, channel_id, team_id, typing, updated_at FROM visitor_typing
 WHERE updated_at > :since AND process <> :process ORDER BY updated_at;
