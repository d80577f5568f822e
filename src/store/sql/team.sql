-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: team_list :many
-- All teams by name.
-- scan: ok, sorted by name, a handful of rows
SELECT id, name FROM team WHERE workspace_id = :workspace ORDER BY name_key;

-- name: team_get :one
SELECT id, name FROM team WHERE workspace_id = :workspace AND id = :id;

-- name: team_insert :one
-- A new team; its folded name is unique.
INSERT INTO team (workspace_id, name, name_key, created_at) VALUES (:workspace, :name, :name_key, :now) RETURNING id;

-- name: team_rename :exec
UPDATE team SET name = :name, name_key = :name_key WHERE workspace_id = :workspace AND id = :id;

-- name: team_lock :one
-- Before it goes: nobody gives it a conversation any more.
SELECT id FROM team WHERE workspace_id = :workspace AND id = :id
-- only: postgres
   FOR UPDATE
-- only: both
;

-- name: team_delete :exec
-- Its members are forgotten with it (ON DELETE CASCADE).
DELETE FROM team WHERE workspace_id = :workspace AND id = :id;
