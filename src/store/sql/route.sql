-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: route_get :one
-- One way into a conversation besides its own thread.
SELECT id AS route_id, channel_id, channel_kind, thread_key, kind, visibility, address
  FROM conversation_route
 WHERE workspace_id = :workspace AND conversation_id = :conversation AND id = :id;

-- name: route_of_customer :one
-- By which way the customer wrote last.
SELECT route_id FROM message
 WHERE workspace_id = :workspace AND conversation_id = :conversation AND direction = 'in' AND kind = 'message'
   AND deleted_at IS NULL
 ORDER BY created_at DESC, id DESC
 LIMIT 1;

-- name: route_insert :exec
-- One more way into a conversation. Nothing happens when the thread leads somewhere already.
INSERT INTO conversation_route (workspace_id, channel_id, channel_kind, thread_key, conversation_id, kind, visibility, address,
                                created_at)
VALUES (:workspace, :channel, :channel_kind, :thread, :conversation, :kind, :visibility, :address, :now)
ON CONFLICT DO NOTHING;

-- name: route_find :one
-- The way from a thread.
SELECT id FROM conversation_route WHERE workspace_id = :workspace AND channel_id = :channel AND thread_key = :thread;
