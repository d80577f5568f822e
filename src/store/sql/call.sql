-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: call_insert :one
-- A call somebody wrote down.
INSERT INTO message (workspace_id, conversation_id, channel_id, direction, kind, visibility, origin, identity_id, agent_id,
                     author_name, author_handle, text, created_at, received_at, route_id, call_result, call_s)
VALUES (:workspace, :conversation, :channel, :direction, 'message', 'private', :origin, :identity, :agent, :author_name, :number,
        :text, :at, :now, :route, :result, :seconds)
RETURNING id;

-- name: call_identity :many
-- Whose number it is.
SELECT i.id, i.contact_id, k.name, i.name AS identity_name
  FROM identity i JOIN contact k ON k.workspace_id = i.workspace_id AND k.id = i.contact_id
 WHERE i.workspace_id = :workspace AND i.kind = :kind AND i.scope = '' AND i.external_id = :number;

-- name: call_number_of :many
-- The number a contact was last called by.
-- scan: ok, the few identities of one person
SELECT i.external_id FROM identity i
 WHERE i.workspace_id = :workspace AND i.contact_id = :contact AND i.kind = :kind AND i.scope = ''
 ORDER BY i.updated_at DESC, i.id DESC LIMIT 1;

-- name: callback_get :one
-- A call-back to be changed.
SELECT b.* FROM callback b WHERE b.workspace_id = :workspace AND b.id = :id
-- only: postgres
   FOR UPDATE
-- only: both
;

-- name: callback_place :one
-- Where it is booked, before both are locked in order.
SELECT conversation_id FROM callback WHERE workspace_id = :workspace AND id = :id;

-- name: callback_list :many
-- Call-backs, soonest first; with conversation 0 all that are booked in the workspace.
-- scan: ok, what is booked; the few of one conversation are sorted
SELECT b.id, b.conversation_id, b.note, b.due_at, b.state, b.told_at, b.missed_at, b.moves, b.created_at, b.ended_at, b.version,
       b.agent_id, coalesce(a.name, '') AS agent_name, b.team_id, coalesce(t.name, '') AS team_name,
       b.booked_by, coalesce(k.name, '') AS booked_name,
       c.contact_name, c.contact_handle, c.channel_id, c.team_id AS conversation_team
  FROM callback b
  JOIN conversation c ON c.workspace_id = b.workspace_id AND c.id = b.conversation_id
  LEFT JOIN agent a ON a.workspace_id = b.workspace_id AND a.id = b.agent_id
  LEFT JOIN team t ON t.workspace_id = b.workspace_id AND t.id = b.team_id
  LEFT JOIN agent k ON k.workspace_id = b.workspace_id AND k.id = b.booked_by
 WHERE b.workspace_id = :workspace
   AND ((CAST(:conversation AS BIGINT) = 0 AND b.state = 'booked') OR b.conversation_id = :conversation)
   AND (CAST(:id AS BIGINT) = 0 OR b.id = :id)
   AND (b.due_at, b.id) > (:after_at, :after_id)
 ORDER BY b.due_at, b.id
 LIMIT :limit;

-- name: callback_insert :one
INSERT INTO callback (workspace_id, conversation_id, agent_id, team_id, note, due_at, state, booked_by, created_at)
VALUES (:workspace, :conversation, :agent, :team, :note, :due_at, 'booked', :by, :now)
RETURNING id;

-- name: callback_set :exec
-- Moved, given to somebody else, or over.
UPDATE callback SET agent_id = :agent, team_id = :team, note = :note, due_at = :due_at, state = :state, told_at = :told_at,
       missed_at = :missed_at, moves = :moves, ended_at = :ended_at, version = version + 1
 WHERE workspace_id = :workspace AND id = :id;

-- name: callback_booked_in :one
-- The call-back booked in a conversation: the earliest. 0: none.
SELECT coalesce((SELECT b.id FROM callback b
                  WHERE b.workspace_id = :workspace AND b.conversation_id = :conversation AND b.state = 'booked'
                  ORDER BY b.due_at, b.id LIMIT 1), 0);

-- name: callback_earliest :one
-- When it is. NULL: none is booked.
SELECT min(due_at) FROM callback WHERE workspace_id = :workspace AND conversation_id = :conversation AND state = 'booked';

-- name: callback_due :many
-- Call-backs whose moment has come, and those nobody made: not told yet.
-- workspace: any, the schedule serves every workspace
SELECT workspace_id, id, conversation_id FROM callback
 WHERE state = 'booked' AND missed_at IS NULL AND due_at <= :now AND (told_at IS NULL OR due_at <= :missed_before)
 ORDER BY due_at
 LIMIT :limit;

-- name: callback_merge :exec
-- They go with their conversation.
UPDATE callback SET conversation_id = :into, home_id = CASE WHEN home_id = 0 THEN conversation_id ELSE home_id END
 WHERE workspace_id = :workspace AND conversation_id = :from;

-- name: callback_merge_back :exec
-- And back.
UPDATE callback SET conversation_id = :from, home_id = CASE WHEN home_id = :from THEN 0 ELSE home_id END
 WHERE workspace_id = :workspace AND conversation_id = :into
   AND (home_id = :from
        OR home_id IN (SELECT m.from_id FROM conversation_merge m
                        WHERE m.workspace_id = :workspace AND m.into_id = :from AND m.undone_at IS NULL));
