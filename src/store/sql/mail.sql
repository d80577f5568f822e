-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: mail_insert :exec
-- What a message is as a mail.
INSERT INTO mail (workspace_id, message_id, channel_id, mail_id, details, html, stranger)
VALUES (:workspace, :message, :channel, :mail_id, :details, :html, :stranger)
ON CONFLICT (workspace_id, message_id) DO NOTHING;

-- name: mail_party_insert :exec
-- An address that has a part in the conversation from this message on.
INSERT INTO mail_party (workspace_id, message_id, address) VALUES (:workspace, :message, :address)
ON CONFLICT DO NOTHING;

-- name: mail_subject_set :exec
-- The subject belongs to the text: it is searched with it.
UPDATE message SET subject = :subject WHERE workspace_id = :workspace AND id = :message;

-- name: mail_title_set :exec
-- The first subject is the conversation's title.
UPDATE conversation SET title = :title WHERE workspace_id = :workspace AND id = :conversation AND title = '';

-- name: mail_forward_set :exec
-- It passes another message on.
UPDATE message SET forward_of = :of WHERE workspace_id = :workspace AND id = :message;

-- name: mail_id_set :exec
-- Our own mail got its Message-ID.
UPDATE mail SET mail_id = :mail_id WHERE workspace_id = :workspace AND message_id = :message;

-- name: mail_named :many
-- The conversations a Message-ID was seen in on this channel.
SELECT DISTINCT m.conversation_id
  FROM mail k
  JOIN message m ON m.workspace_id = k.workspace_id AND m.id = k.message_id
 WHERE k.workspace_id = :workspace AND k.channel_id = :channel AND k.mail_id = :mail_id
 LIMIT 5;

-- name: mail_has_part :one
-- Whether an address has a part in a conversation; a stranger's mail gave none.
SELECT EXISTS (SELECT 1 FROM message m
                 JOIN mail_party p ON p.workspace_id = m.workspace_id AND p.message_id = m.id
                 JOIN mail k ON k.workspace_id = m.workspace_id AND k.message_id = m.id
                WHERE m.workspace_id = :workspace AND m.conversation_id = :conversation AND p.address = :address
                  AND k.stranger = 0);

-- name: mail_conversation :one
-- The thread by which mail of this channel gets into a conversation, and the one it leads into now (after a
-- merge it is another): its own thread, else the newest way.
-- scan: ok, a conversation has few ways
SELECT thread_key, into_id FROM (
    SELECT c.thread_key, coalesce(r.conversation_id, c.id) AS into_id, 9007199254740991 AS place
      FROM conversation c
      LEFT JOIN conversation_route r ON r.workspace_id = c.workspace_id AND r.channel_id = c.channel_id
                                    AND r.thread_key = c.thread_key
     WHERE c.workspace_id = :workspace AND c.id = :conversation AND c.channel_id = :channel
    UNION ALL
    SELECT w.thread_key, w.conversation_id, w.id
      FROM conversation_route w
     WHERE w.workspace_id = :workspace AND w.conversation_id = :conversation AND w.channel_id = :channel) AS ways
 ORDER BY place DESC LIMIT 1;

-- name: mail_own_message :one
-- The conversation of an answer of ours on this channel.
SELECT conversation_id FROM message
 WHERE workspace_id = :workspace AND id = :message AND channel_id = :channel AND origin = 'agent';

-- name: mail_html :one
-- The HTML as it came.
SELECT html FROM mail WHERE workspace_id = :workspace AND message_id = :message;

-- name: mail_chain :many
-- The Message-IDs of a conversation, oldest first, for References.
SELECT k.mail_id
  FROM message m
  JOIN mail k ON k.workspace_id = m.workspace_id AND k.message_id = m.id
 WHERE m.workspace_id = :workspace AND m.conversation_id = :conversation AND m.id <> :message AND k.mail_id <> ''
   AND m.deleted_at IS NULL AND (m.direction = 'in' OR m.external_id IS NOT NULL)
 ORDER BY m.created_at DESC, m.id DESC
 LIMIT 40;

-- name: mail_of_answered :one
-- The mail an answer goes to, by the network's id.
SELECT k.details, k.mail_id, m.subject, c.title
  FROM message m
  JOIN mail k ON k.workspace_id = m.workspace_id AND k.message_id = m.id
  JOIN conversation c ON c.workspace_id = m.workspace_id AND c.id = m.conversation_id
 WHERE m.workspace_id = :workspace AND m.conversation_id = :conversation AND m.external_id = :external_id;

-- name: mail_of_outgoing :one
-- What the sender is told of a mail of ours.
SELECT k.details, m.subject FROM mail k
  JOIN message m ON m.workspace_id = k.workspace_id AND m.id = k.message_id
 WHERE k.workspace_id = :workspace AND k.message_id = :message;

-- name: mail_of_page :many
-- What a page's messages are as mails. :ids is [1,2] on SQLite and {1,2} on PostgreSQL.
SELECT k.message_id, k.details, k.stranger, CASE WHEN k.html IS NULL THEN 0 ELSE 1 END AS has_html, m.subject
  FROM mail k
  JOIN message m ON m.workspace_id = k.workspace_id AND m.id = k.message_id
 WHERE k.workspace_id = :workspace
-- only: sqlite
   AND k.message_id IN (SELECT value FROM json_each(:ids));
-- only: postgres
   AND k.message_id = ANY (CAST(:ids AS BIGINT[]));
-- only: both

-- name: mail_listening :many
-- Channels that may have somebody waiting for their news.
-- workspace: any, one listener serves all workspaces
-- scan: ok, a handful of channels
SELECT id, workspace_id, kind FROM channel WHERE state = 'active' OR state = 'degraded' ORDER BY id;
