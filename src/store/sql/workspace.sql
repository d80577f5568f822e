-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: workspace_insert :one
-- A new workspace.
-- workspace: any, it is the tenant
INSERT INTO workspace (name, settings, created_at) VALUES (:name, :settings, :now) RETURNING id;

-- name: workspace_get :one
-- Name and settings.
SELECT id, name, settings FROM workspace WHERE id = :workspace;

-- name: workspace_set :exec
-- New name and settings.
UPDATE workspace SET name = :name, settings = :settings, second_factor_from = :second_factor_from WHERE id = :workspace;

-- name: workspace_list :many
-- All of the instance, for commands and housekeeping.
-- workspace: any, it is the list of tenants
-- scan: ok, a handful of rows
SELECT id, name, settings FROM workspace ORDER BY id;

-- name: workspace_lock :one
-- Held until the write ends, so that two owners cannot remove each other at once.
-- only: sqlite
SELECT id FROM workspace WHERE id = :workspace;
-- only: postgres
SELECT id FROM workspace WHERE id = :workspace FOR UPDATE;
