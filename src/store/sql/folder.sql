-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: folder_all :many
-- All saved folders of a workspace in their order; the caller leaves out what is not the reader's.
SELECT id, whose, agent_id, team_id, name, q, icon, colour, sort, position, created_at, updated_at
  FROM folder
 WHERE workspace_id = :workspace
 ORDER BY position, id;

-- name: folder_one :one
SELECT id, whose, agent_id, team_id, name, q, icon, colour, sort, position, created_at, updated_at
  FROM folder
 WHERE workspace_id = :workspace AND id = :id;

-- name: folder_lock :many
-- Before it is read to be changed.
SELECT id FROM folder WHERE workspace_id = :workspace AND id = :id
-- only: postgres
   FOR UPDATE
-- only: both
;

-- name: folder_insert :one
INSERT INTO folder (workspace_id, whose, agent_id, team_id, name, q, icon, colour, sort, position, created_at, updated_at)
VALUES (:workspace, :whose, :agent, :team, :name, :q, :icon, :colour, :sort, :position, :now, :now)
RETURNING id;

-- name: folder_set :exec
UPDATE folder
   SET whose = :whose, agent_id = :agent, team_id = :team, name = :name, q = :q, icon = :icon, colour = :colour, sort = :sort,
       position = :position, updated_at = :now
 WHERE workspace_id = :workspace AND id = :id;

-- name: folder_delete :exec
DELETE FROM folder WHERE workspace_id = :workspace AND id = :id;

-- name: folder_leave_team :exec
-- A team goes, and its folders with it.
-- scan: ok, a workspace has some hundred folders at most
DELETE FROM folder WHERE workspace_id = :workspace AND whose = 'team' AND team_id = :team;

-- name: folder_room :one
-- How many folders there are of this kind, and the last position.
-- scan: ok, a workspace has some hundred folders at most
SELECT coalesce(sum(CASE WHEN whose = :whose AND agent_id = :agent AND team_id = :team THEN 1 ELSE 0 END), 0) AS n,
       coalesce(max(position), 0) AS last
  FROM folder WHERE workspace_id = :workspace;
