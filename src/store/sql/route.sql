-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: route_get :one
-- args: workspace, conversation, id
-- One way into a conversation besides its own thread; also one that leads elsewhere since it was split.
SELECT id AS route_id, channel_id, channel_kind, thread_key, kind, visibility, address
  FROM conversation_route
 WHERE workspace_id = :workspace AND id = :id
   AND (conversation_id = :conversation
        OR EXISTS (SELECT 1 FROM message m WHERE m.workspace_id = :workspace AND m.conversation_id = :conversation AND m.route_id = :id));

-- name: route_of_customer :one
-- By which way the customer wrote last.
SELECT route_id FROM message
 WHERE workspace_id = :workspace AND conversation_id = :conversation AND direction = 'in' AND kind = 'message'
   AND deleted_at IS NULL AND call_result IS NULL
 ORDER BY created_at DESC, id DESC
 LIMIT 1;

-- name: route_of_split :one
-- By which thread a conversation that was split off is reached; 0: none.
-- scan: ok, the ways of one conversation's messages
SELECT coalesce(max(r.id), 0) FROM conversation_route r
 WHERE r.workspace_id = :workspace
   AND r.id IN (SELECT w.id FROM conversation_route w WHERE w.workspace_id = :workspace AND w.conversation_id = :conversation
                UNION ALL
                SELECT m.route_id FROM message m WHERE m.workspace_id = :workspace AND m.conversation_id = :conversation)
   AND r.channel_id = :channel AND r.thread_key NOT LIKE 'split:%';

-- name: route_insert :exec
-- One more way into a conversation. Nothing happens when the thread leads somewhere already.
INSERT INTO conversation_route (workspace_id, channel_id, channel_kind, thread_key, conversation_id, kind, visibility, address,
                                created_at)
VALUES (:workspace, :channel, :channel_kind, :thread, :conversation, :kind, :visibility, :address, :now)
ON CONFLICT DO NOTHING;

-- name: route_find :one
-- The way from a thread.
SELECT id FROM conversation_route WHERE workspace_id = :workspace AND channel_id = :channel AND thread_key = :thread;

-- name: route_last_in :one
-- When the customer last wrote by that way; 0: never.
SELECT coalesce(max(created_at), 0) FROM message
 WHERE workspace_id = :workspace AND conversation_id = :conversation AND route_id = :route AND direction = 'in'
   AND kind = 'message' AND call_result IS NULL;

-- name: route_views :many
-- The ways of a conversation with the state of their channels, its own first.
-- scan: ok, the few ways of one conversation are sorted
SELECT 0 AS route_id, c.channel_id, c.channel_kind, h.name AS channel_name, c.kind, c.visibility, '' AS address, h.state,
       h.settings
  FROM conversation c JOIN channel h ON h.workspace_id = c.workspace_id AND h.id = c.channel_id
 WHERE c.workspace_id = :workspace AND c.id = :conversation
   AND NOT EXISTS (SELECT 1 FROM conversation_route o WHERE o.workspace_id = c.workspace_id AND o.channel_id = c.channel_id
                      AND o.thread_key = c.thread_key AND o.conversation_id = c.id)
UNION ALL
SELECT r.id, r.channel_id, r.channel_kind, h.name, r.kind, r.visibility, r.address, h.state, h.settings
  FROM conversation_route r JOIN channel h ON h.workspace_id = r.workspace_id AND h.id = r.channel_id
 WHERE r.workspace_id = :workspace AND r.conversation_id = :conversation
 ORDER BY 1;
