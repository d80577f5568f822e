-- SPDX-License-Identifier: AGPL-3.0-or-later
-- The outbox. The index outbox_channel has a condition; its words are repeated wherever it should be used.

-- name: outbox_insert :one
-- One more thing that has to reach a network.
INSERT INTO outbox (workspace_id, channel_id, conversation_id, message_id, action, client_key, state, next_at, created_at,
                    not_before)
VALUES (:workspace, :channel, :conversation, :message, :action, :client_key, 'queued', :next_at, :now, :next_at)
RETURNING id;

-- name: outbox_blocked_by :one
-- The state of an earlier thing in this conversation whose fate nobody knows.
SELECT state FROM outbox
 WHERE workspace_id = :workspace AND conversation_id = :conversation AND id < :id AND channel_id = :channel
   AND state IN ('queued', 'sending', 'in_doubt', 'held') AND state IN ('in_doubt', 'held')
 ORDER BY id LIMIT 1;

-- name: outbox_channels :many
-- Channels that have anything waiting, each found by one step in the index however long the queues are.
-- workspace: any, one sender serves all workspaces
-- scan: ok, one row per channel
WITH RECURSIVE waiting(channel_id) AS (
    SELECT (SELECT min(channel_id) FROM outbox WHERE state IN ('queued', 'sending', 'in_doubt', 'held', 'failed'))
    UNION ALL
    SELECT (SELECT min(o.channel_id) FROM outbox o
             WHERE o.state IN ('queued', 'sending', 'in_doubt', 'held', 'failed') AND o.channel_id > w.channel_id)
      FROM waiting w WHERE w.channel_id IS NOT NULL
)
SELECT c.id, c.workspace_id, c.kind, c.state FROM waiting w JOIN channel c ON c.id = w.channel_id
 WHERE w.channel_id IS NOT NULL;

-- name: outbox_due :many
-- What a channel could send now: due, and first of the channel in its conversation (on two networks there is no order).
-- workspace: any, one sender serves all workspaces; conversations are compared within theirs
SELECT o.id FROM outbox o
 WHERE o.channel_id = :channel AND o.state = 'queued' AND o.next_at <= :now
   AND o.state IN ('queued', 'sending', 'in_doubt', 'held', 'failed')
   AND NOT EXISTS (SELECT 1 FROM outbox e
                    WHERE e.workspace_id = o.workspace_id AND e.conversation_id = o.conversation_id AND e.id < o.id
                      AND e.channel_id = o.channel_id AND e.state IN ('queued', 'sending', 'in_doubt', 'held'))
 ORDER BY o.next_at, o.id
 LIMIT :limit;

-- name: outbox_doubts :many
-- What has to be asked about now.
-- workspace: any, one sender serves all workspaces
SELECT id FROM outbox
 WHERE channel_id = :channel AND state = 'in_doubt' AND next_at <= :now AND lease_until < :now
   AND state IN ('queued', 'sending', 'in_doubt', 'held', 'failed')
 ORDER BY next_at, id
 LIMIT :limit;

-- name: outbox_lost :many
-- Sent by somebody who is no more: whether it arrived, nobody knows.
-- workspace: any, one sender serves all workspaces
SELECT id FROM outbox
 WHERE channel_id = :channel AND state = 'sending' AND lease_until < :now
   AND state IN ('queued', 'sending', 'in_doubt', 'held', 'failed')
 LIMIT :limit;

-- name: outbox_get :one
-- One row, for the write that changes it.
-- workspace: any, by its own number
SELECT id, workspace_id, channel_id, conversation_id, message_id, action, client_key, state, attempts, next_at,
       lease_until, lease_owner, doubt_since, error, created_at
  FROM outbox
 WHERE id = :id
-- only: postgres
   FOR UPDATE
-- only: both
;

-- name: outbox_claim :exec
-- "sending", committed before the first byte goes out. Nothing happens when somebody else was quicker, or the
-- channel has fallen ill since it was looked at.
-- workspace: any, by its own number
UPDATE outbox
   SET state = 'sending', attempts = attempts + 1, lease_until = :until, lease_owner = :owner
 WHERE id = :id AND state = 'queued' AND next_at <= :now AND not_before <= :now
   AND EXISTS (SELECT 1 FROM channel c
                WHERE c.workspace_id = outbox.workspace_id AND c.id = outbox.channel_id AND c.state IN ('active', 'degraded'))
   AND NOT EXISTS (SELECT 1 FROM outbox e
                    WHERE e.workspace_id = outbox.workspace_id AND e.conversation_id = outbox.conversation_id
                      AND e.id < outbox.id AND e.channel_id = outbox.channel_id AND e.state IN ('queued', 'sending', 'in_doubt', 'held'));

-- name: outbox_claim_doubt :exec
-- To ask about it; it stays in doubt meanwhile.
-- workspace: any, by its own number
UPDATE outbox SET lease_until = :until, lease_owner = :owner
 WHERE id = :id AND state = 'in_doubt' AND lease_until < :now;

-- name: outbox_set :exec
-- What became of one row.
-- workspace: any, by its own number, read before in the same write
UPDATE outbox
   SET state = :state, next_at = :next_at, doubt_since = :doubt_since, error = :error, done_at = :done_at,
       lease_until = 0, lease_owner = ''
 WHERE id = :id;

-- name: outbox_undo :exec
-- Taken back before it began to leave: nothing happens when the sender was quicker.
UPDATE outbox SET state = 'cancelled', done_at = :now
 WHERE workspace_id = :workspace AND id = :id AND state = 'queued' AND attempts = 0;

-- name: outbox_renew :exec
-- Still at it: what is on its way keeps its lease.
-- workspace: any, rows this sender holds
UPDATE outbox SET lease_until = :until
 WHERE lease_owner = :owner AND state IN ('sending', 'in_doubt')
-- only: sqlite
   AND id IN (SELECT value FROM json_each(:ids));
-- only: postgres
   AND id = ANY (ARRAY(SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:ids AS JSON))));
-- only: both

-- name: outbox_expire :exec
-- One process on SQLite: whoever held a lease before its start is gone.
-- workspace: any, done once at start
UPDATE outbox SET lease_until = 0
 WHERE state IN ('queued', 'sending', 'in_doubt', 'held', 'failed') AND state IN ('sending', 'in_doubt')
   AND lease_until > 0 AND channel_id = :channel;

-- name: outbox_owners :many
-- Who else is sending or asking on this channel.
-- workspace: any, one sender serves all workspaces
-- scan: ok, at most one row per sender
SELECT DISTINCT lease_owner FROM outbox
 WHERE channel_id = :channel AND state IN ('sending', 'in_doubt') AND lease_until >= :now AND lease_owner <> :owner
   AND state IN ('queued', 'sending', 'in_doubt', 'held', 'failed');

-- name: outbox_forsake :exec
-- That sender is gone: its leases end now.
-- workspace: any, one sender serves all workspaces
UPDATE outbox SET lease_until = 0
 WHERE channel_id = :channel AND state IN ('sending', 'in_doubt') AND lease_owner = :owner AND lease_until > 0
   AND state IN ('queued', 'sending', 'in_doubt', 'held', 'failed');

-- name: process_gone :one
-- 1 when no process holds this number's lock. Taking it ourselves lasts for this statement only.
-- only: postgres
SELECT CASE WHEN pg_try_advisory_xact_lock(CAST(:process AS BIGINT)) THEN 1 ELSE 0 END;
-- only: both

-- name: outbox_old :many
-- Ordered and due long ago, and first in its conversation: its channel has not been able to send since.
-- workspace: any, one clock serves all workspaces; conversations are compared within theirs
-- scan: ok, only what has still to leave is in this index
SELECT o.id FROM outbox o
 WHERE o.state = 'queued' AND o.created_at < :before AND o.next_at < :before
   AND o.state IN ('queued', 'sending', 'in_doubt', 'held', 'failed')
   AND NOT EXISTS (SELECT 1 FROM outbox e
                    WHERE e.workspace_id = o.workspace_id AND e.conversation_id = o.conversation_id
                      AND e.channel_id = o.channel_id AND e.id < o.id
                      AND e.state IN ('queued', 'sending', 'in_doubt', 'held'))
 LIMIT :limit;

-- name: outbox_order_again :exec
-- A person orders it once more: its five days begin now.
-- workspace: any, by its own number, read before in the same write
UPDATE outbox SET created_at = :now WHERE id = :id;

-- name: outbox_wake_followers :exec
-- The way is free: what waited behind in this conversation is due now. What waits for a moment of its own
-- (tried before) keeps it, unless a row that was held had put it off for ever.
UPDATE outbox SET next_at = CASE WHEN not_before > :now THEN not_before ELSE :now END
 WHERE workspace_id = :workspace AND conversation_id = :conversation AND id > :id AND state = 'queued'
   AND channel_id = :channel AND next_at > :now AND (attempts = 0 OR next_at = 9007199254740991)
   AND state IN ('queued', 'sending', 'in_doubt', 'held');

-- name: outbox_hold_followers :exec
-- Nothing behind this one in its conversation needs looking at before then.
UPDATE outbox SET next_at = :until
 WHERE workspace_id = :workspace AND conversation_id = :conversation AND id > :id AND state = 'queued'
   AND channel_id = :channel AND next_at < :until AND state IN ('queued', 'sending', 'in_doubt', 'held');

-- name: outbox_followers :many
-- Messages that wait behind this one.
SELECT message_id FROM outbox
 WHERE workspace_id = :workspace AND conversation_id = :conversation AND id > :id AND state = 'queued'
   AND channel_id = :channel AND action = 'send' AND state IN ('queued', 'sending', 'in_doubt', 'held')
 ORDER BY id LIMIT 200;

-- name: outbox_of_message :many
-- All that was ever to be done about a message, newest first.
SELECT id, workspace_id, channel_id, conversation_id, message_id, action, client_key, state, attempts, next_at,
       lease_until, lease_owner, doubt_since, error, created_at
  FROM outbox
 WHERE workspace_id = :workspace AND message_id = :message
 ORDER BY id DESC
-- only: postgres
   FOR UPDATE
-- only: both
;

-- name: outbox_oldest :one
-- Since when the oldest unsent thing waits; for the alarm.
-- workspace: any, one figure for the whole instance
SELECT coalesce(min(created_at), 0) FROM outbox
 WHERE state IN ('queued', 'sending', 'in_doubt', 'held', 'failed') AND state IN ('queued', 'sending')
   AND channel_id = :channel;

-- name: delivery_load :one
-- One claimed row with its message and conversation: all the driver is told.
-- workspace: any, by its own number
SELECT o.id, o.workspace_id, o.channel_id, o.conversation_id, o.message_id, o.action, o.client_key, o.attempts,
       o.doubt_since, o.created_at, coalesce(r.thread_key, c.thread_key), coalesce(r.visibility, c.visibility),
       coalesce(r.kind, c.kind), m.text, m.reply_to, m.external_id, m.extra, m.like_external_id, m.created_at, m.route_id,
       coalesce(r.address, '')
  FROM outbox o
  JOIN conversation c ON c.workspace_id = o.workspace_id AND c.id = o.conversation_id
  JOIN message m ON m.workspace_id = o.workspace_id AND m.id = o.message_id
  LEFT JOIN conversation_route r ON r.workspace_id = m.workspace_id AND r.id = m.route_id
 WHERE o.id = :id;

-- name: delivery_answered :one
-- What the driver wanted back when this message is answered.
SELECT extra FROM message WHERE workspace_id = :workspace AND channel_id = :channel AND external_id = :external_id;

-- name: delivery_newest_in :one
-- The newest thing the customer said by that way: what an answer without a target answers.
SELECT external_id, extra FROM message
 WHERE workspace_id = :workspace AND conversation_id = :conversation AND direction = 'in' AND kind = 'message'
   AND route_id = :route
   AND deleted_at IS NULL AND external_id IS NOT NULL
 ORDER BY created_at DESC, id DESC
 LIMIT 1;

-- name: delivery_attachments :many
-- Files that go with a message.
SELECT a.sha256, a.mime, a.name, a.alt, a.url, a.width, a.height, f.mime, f.width, f.height, f.size
  FROM attachment a LEFT JOIN file f ON f.workspace_id = a.workspace_id AND f.sha256 = a.sha256
 WHERE a.workspace_id = :workspace AND a.message_id = :message
 ORDER BY a.position;

-- name: delivery_note_error :exec
-- A like or a deletion that the network refused; the message says why.
UPDATE message SET error = :error WHERE workspace_id = :workspace AND id = :id;
