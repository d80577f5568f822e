-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: merge_mark :exec
-- Where a conversation went; 0: it is itself again.
UPDATE conversation SET merged_into = :into WHERE workspace_id = :workspace AND id = :id;

-- name: merge_insert :one
INSERT INTO conversation_merge (workspace_id, into_id, from_id, agent_id, route_id, into_before, from_before, created_at)
VALUES (:workspace, :into, :from, :agent, :route, :into_before, :from_before, :now)
RETURNING id;

-- name: merge_last :many
-- The merge by which a conversation went, if it still stands.
SELECT id, into_id, route_id, into_before, from_before FROM conversation_merge
 WHERE workspace_id = :workspace AND from_id = :from AND undone_at IS NULL ORDER BY id DESC LIMIT 1;

-- name: merge_later :many
-- Whether something was merged into it since: that goes first.
SELECT id FROM conversation_merge
 WHERE workspace_id = :workspace AND from_id = :into AND undone_at IS NULL AND id > :merge ORDER BY id LIMIT 1;

-- name: merge_undone :exec
UPDATE conversation_merge SET undone_at = :now WHERE workspace_id = :workspace AND id = :id;

-- name: merge_of :many
-- What went into a conversation, for the page.
SELECT m.from_id AS id, c.contact_name, c.channel_kind, m.created_at
  FROM conversation_merge m JOIN conversation c ON c.workspace_id = m.workspace_id AND c.id = m.from_id
 WHERE m.workspace_id = :workspace AND m.into_id = :into AND m.undone_at IS NULL ORDER BY m.into_id, m.id LIMIT 100;

-- name: merge_keep_routes :exec
INSERT INTO conversation_merge_route (workspace_id, merge_id, route_id)
SELECT workspace_id, CAST(:merge AS BIGINT), id FROM conversation_route WHERE workspace_id = :workspace AND conversation_id = :from;

-- name: merge_keep_notes :exec
-- What came by no way: notes, and what went out before there were any.
INSERT INTO conversation_merge_note (workspace_id, merge_id, message_id)
SELECT workspace_id, CAST(:merge AS BIGINT), id FROM message
 WHERE workspace_id = :workspace AND conversation_id = :from AND kind = 'note';

-- name: merge_keep_all :exec
-- Its thread leads elsewhere: the way says nothing, so all is kept by number.
INSERT INTO conversation_merge_note (workspace_id, merge_id, message_id)
SELECT workspace_id, CAST(:merge AS BIGINT), id FROM message WHERE workspace_id = :workspace AND conversation_id = :from;

-- name: merge_routes :exec
UPDATE conversation_route SET conversation_id = :into WHERE workspace_id = :workspace AND conversation_id = :from;

-- name: merge_route_delete :exec
DELETE FROM conversation_route WHERE workspace_id = :workspace AND id = :id;

-- name: merge_routes_back :exec
UPDATE conversation_route SET conversation_id = :from
 WHERE workspace_id = :workspace
   AND id IN (SELECT route_id FROM conversation_merge_route WHERE workspace_id = :workspace AND merge_id = :merge);

-- name: merge_messages :many
-- All that moves, in order, for the log.
SELECT id, channel_id FROM message WHERE workspace_id = :workspace AND conversation_id = :from ORDER BY created_at, id LIMIT :limit;

-- name: merge_move_messages :exec
UPDATE message SET conversation_id = :into, route_id = CASE WHEN route_id = 0 AND kind <> 'note' THEN CAST(:route AS BIGINT) ELSE route_id END
 WHERE workspace_id = :workspace AND conversation_id = :from;

-- name: merge_move_outbox :exec
-- scan: ok, a conversation's unfinished rows by the index; the finished ones are few
UPDATE outbox SET conversation_id = :into
 WHERE workspace_id = :workspace AND message_id IN (SELECT id FROM message WHERE workspace_id = :workspace AND conversation_id = :into)
   AND conversation_id <> :into;

-- name: merge_wake_outbox :exec
-- What was put off behind another one is due again; order is kept by who is first, not by this.
UPDATE outbox SET next_at = CASE WHEN not_before > :now THEN not_before ELSE :now END
 WHERE workspace_id = :workspace AND conversation_id = :conversation AND state = 'queued' AND next_at > :now
   AND (attempts = 0 OR next_at = 9007199254740991) AND state IN ('queued', 'sending', 'in_doubt', 'held');

-- name: merge_move_mentions :exec
-- scan: ok, the few colleagues named in one conversation
UPDATE mention SET conversation_id = :into
 WHERE workspace_id = :workspace AND message_id IN (SELECT id FROM message WHERE workspace_id = :workspace AND conversation_id = :into)
   AND conversation_id <> :into;

-- name: merge_move_scheduled :exec
-- Answers that are to leave later leave by their old way.
UPDATE scheduled_send SET conversation_id = :into, route_id = CASE WHEN route_id <= 0 AND CAST(:route AS BIGINT) > 0 THEN CAST(:route AS BIGINT) ELSE route_id END
 WHERE workspace_id = :workspace AND conversation_id = :from;

-- name: merge_scheduled_back :exec
-- Those that leave by the merged one's ways.
UPDATE scheduled_send SET conversation_id = :from, route_id = CASE WHEN route_id = :route THEN 0 ELSE route_id END
 WHERE workspace_id = :workspace AND conversation_id = :into AND route_id > 0
   AND (route_id = :route
        OR route_id IN (SELECT route_id FROM conversation_merge_route WHERE workspace_id = :workspace AND merge_id = :merge));

-- name: merge_messages_back :many
-- What came by the merged one's ways, before or since, and its notes.
SELECT id, channel_id FROM message
 WHERE workspace_id = :workspace AND conversation_id = :into
   AND (route_id = :route
        OR route_id IN (SELECT route_id FROM conversation_merge_route WHERE workspace_id = :workspace AND merge_id = :merge)
        OR id IN (SELECT message_id FROM conversation_merge_note WHERE workspace_id = :workspace AND merge_id = :merge))
 ORDER BY created_at, id;

-- name: merge_move_back :exec
UPDATE message SET conversation_id = :from, route_id = CASE WHEN route_id = :route THEN 0 ELSE route_id END
 WHERE workspace_id = :workspace AND conversation_id = :into
   AND (route_id = :route
        OR route_id IN (SELECT route_id FROM conversation_merge_route WHERE workspace_id = :workspace AND merge_id = :merge)
        OR id IN (SELECT message_id FROM conversation_merge_note WHERE workspace_id = :workspace AND merge_id = :merge));

-- name: merge_figures :one
-- What a conversation's own counters are, anew.
SELECT count(*) AS n, coalesce(sum(CASE WHEN kind = 'message' THEN 1 ELSE 0 END), 0) AS messages, coalesce(max(id), 0) AS newest
  FROM message WHERE workspace_id = :workspace AND conversation_id = :conversation;

-- name: split_first :many
-- The message from which on it is split, and whether anything is before it.
SELECT m.created_at, m.route_id,
       EXISTS (SELECT 1 FROM message b WHERE b.workspace_id = m.workspace_id AND b.conversation_id = m.conversation_id
                  AND (b.created_at, b.id) < (m.created_at, m.id)) AS before
  FROM message m WHERE m.workspace_id = :workspace AND m.conversation_id = :conversation AND m.id = :message;

-- name: split_messages :many
SELECT id, channel_id, CASE WHEN direction = 'in' AND kind = 'message' AND deleted_at IS NULL THEN 1 ELSE 0 END AS customers
  FROM message
 WHERE workspace_id = :workspace AND conversation_id = :from AND (created_at, id) >= (:at, :message)
 ORDER BY created_at, id LIMIT :limit;

-- name: split_move :exec
UPDATE message SET conversation_id = :into, route_id = CASE WHEN route_id = 0 AND kind <> 'note' THEN CAST(:route AS BIGINT) ELSE route_id END
 WHERE workspace_id = :workspace AND conversation_id = :from AND (created_at, id) >= (:at, :message);

-- name: split_route :exec
-- What the customer writes on from here goes to the new conversation.
UPDATE conversation_route SET conversation_id = :into WHERE workspace_id = :workspace AND id = :id;

-- name: link_add :exec
INSERT INTO conversation_link (workspace_id, a_id, b_id, agent_id, created_at) VALUES (:workspace, :a, :b, :agent, :now)
ON CONFLICT DO NOTHING;

-- name: link_delete :exec
DELETE FROM conversation_link WHERE workspace_id = :workspace AND a_id = :a AND b_id = :b;

-- name: link_of :many
-- What a conversation is linked to, newest first; the caller leaves out what is not seen.
-- scan: ok, a conversation has few links
SELECT b_id AS other FROM conversation_link WHERE workspace_id = :workspace AND a_id = :id
 UNION ALL
SELECT a_id AS other FROM conversation_link WHERE workspace_id = :workspace AND b_id = :id
 ORDER BY other DESC LIMIT 100;
