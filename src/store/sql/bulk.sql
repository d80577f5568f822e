-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: bulk_insert :one
INSERT INTO bulk (workspace_id, agent_id, q, change, state, found_all, created_at)
VALUES (:workspace, :agent, :q, :change, 'running', :found_all, :now)
RETURNING id;

-- name: bulk_one :one
SELECT id, workspace_id, agent_id, q, change, state, found_all, found_to, total, done, failed, error, created_at, finished_at
  FROM bulk WHERE workspace_id = :workspace AND id = :id;

-- name: bulk_lock :one
-- The same, by the one write that may go on with it.
SELECT id, workspace_id, agent_id, q, change, state, found_all, found_to, total, done, failed, error, created_at, finished_at
  FROM bulk WHERE workspace_id = :workspace AND id = :id
-- only: postgres
   FOR UPDATE
-- only: both
;

-- name: bulk_of :many
-- Somebody's last ones.
SELECT id, workspace_id, agent_id, q, change, state, found_all, found_to, total, done, failed, error, created_at, finished_at
  FROM bulk WHERE workspace_id = :workspace AND agent_id = :agent ORDER BY id DESC LIMIT 20;

-- name: bulk_next :many
-- What is under way, of any workspace.
-- workspace: any, one job serves every workspace
-- scan: ok, over the partial index of what is under way
SELECT workspace_id, id, agent_id FROM bulk WHERE state = 'running' OR state = 'undoing' ORDER BY id LIMIT 50;

-- name: bulk_set :exec
UPDATE bulk SET state = :state, found_all = :found_all, found_to = :found_to, total = :total, done = :done, failed = :failed,
       error = :error, finished_at = :finished
 WHERE workspace_id = :workspace AND id = :id;

-- name: bulk_item_add :exec
-- Named twice it is done once.
INSERT INTO bulk_item (workspace_id, bulk_id, conversation_id, state)
VALUES (:workspace, :bulk, :conversation, 'waiting')
ON CONFLICT DO NOTHING;

-- name: bulk_items :many
-- The next ones in a state.
SELECT conversation_id, status, snoozed_until, assignee_id, team_id, priority, spam, tags
  FROM bulk_item WHERE workspace_id = :workspace AND bulk_id = :bulk AND state = :state
 ORDER BY conversation_id LIMIT :limit;

-- name: bulk_item_done :exec
UPDATE bulk_item SET state = :state, status = :status, snoozed_until = :snoozed_until, assignee_id = :assignee, team_id = :team,
       priority = :priority, spam = :spam, tags = :tags
 WHERE workspace_id = :workspace AND bulk_id = :bulk AND conversation_id = :conversation;

-- name: bulk_item_state :exec
UPDATE bulk_item SET state = :state WHERE workspace_id = :workspace AND bulk_id = :bulk AND conversation_id = :conversation;

-- name: bulk_prune :exec
-- After some days nothing is taken back any more; its items go with it.
-- workspace: any, for all workspaces
-- scan: ok, a few hundred rows, once an hour
DELETE FROM bulk WHERE finished_at IS NOT NULL AND finished_at < :before;
