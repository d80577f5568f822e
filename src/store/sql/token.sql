-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: token_by_hash :one
-- Whose token this is.
-- workspace: any, the hash is unique over all workspaces and names the workspace
SELECT t.id, t.workspace_id, t.agent_id, t.scopes AS scopes_text, t.last_used_at
  FROM token t JOIN agent a ON a.id = t.agent_id
 WHERE t.token_hash = :hash AND (t.expires_at IS NULL OR t.expires_at > :now) AND a.disabled_at IS NULL;

-- name: token_alive :one
-- May an open stream go on?
SELECT count(*) FROM token WHERE id = :id AND workspace_id = :workspace AND (expires_at IS NULL OR expires_at > :now);

-- name: token_insert :one
-- A new token, kept only as its SHA-256.
INSERT INTO token (workspace_id, agent_id, name, scopes, token_hash, created_at, expires_at)
VALUES (:workspace, :agent, :name, :scopes, :hash, :now, :expires_at)
RETURNING id;

-- name: token_touch :exec
-- When it was last of use; at most once a minute.
UPDATE token SET last_used_at = :now WHERE id = :id AND workspace_id = :workspace;

-- name: token_list :many
-- All tokens of the workspace, or of one agent.
SELECT t.id, t.name, t.scopes AS scopes_text, t.agent_id, a.name AS agent_name, t.created_at, t.last_used_at, t.expires_at
  FROM token t JOIN agent a ON a.id = t.agent_id
 WHERE t.workspace_id = :workspace AND (CAST(:agent AS BIGINT) = 0 OR t.agent_id = :agent)
 ORDER BY t.id;

-- name: token_delete :exec
-- Revokes one; agent 0: whoever's.
DELETE FROM token WHERE workspace_id = :workspace AND id = :id AND (CAST(:agent AS BIGINT) = 0 OR agent_id = :agent);

-- name: token_delete_of_agent :exec
-- A disabled colleague keeps nothing.
DELETE FROM token WHERE workspace_id = :workspace AND agent_id = :agent;
