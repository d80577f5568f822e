-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: code_insert :exec
-- A one-time code, kept only as its SHA-256. workspace and agent are NULL for set-up.
INSERT INTO code (hash, purpose, workspace_id, agent_id, expires_at)
VALUES (:hash, :purpose, :workspace, :agent, :expires_at);

-- name: code_take :one
-- Uses a code up: whoever deletes the row has it, nobody else.
-- workspace: any, the hash is unique over all workspaces and names the workspace
DELETE FROM code
 WHERE hash = :hash AND purpose = :purpose AND expires_at > :now
RETURNING workspace_id, agent_id;

-- name: code_delete_purpose :exec
-- A new start prints a new set-up code, and the old one ends.
-- workspace: any, set-up codes belong to no workspace
-- scan: ok, a handful of rows
DELETE FROM code WHERE purpose = :purpose;

-- name: code_delete_of_agent :exec
-- A disabled colleague keeps nothing.
-- scan: ok, a handful of rows
DELETE FROM code WHERE workspace_id = :workspace AND agent_id = :agent;

-- name: code_delete_expired :exec
-- Housekeeping, once an hour.
-- workspace: any, the clock is the same for all
-- scan: ok, a handful of rows
DELETE FROM code WHERE expires_at <= :now;
