-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: passkey_list :many
-- One person's, oldest first.
SELECT id, workspace_id, agent_id, name, credential_id, public_key, counter, created_at, last_used_at, refused_at
  FROM passkey
 WHERE workspace_id = :workspace AND agent_id = :agent
 ORDER BY id;

-- name: passkey_one :one
SELECT id, workspace_id, agent_id, name, credential_id, public_key, counter, created_at, last_used_at, refused_at
  FROM passkey
 WHERE workspace_id = :workspace AND agent_id = :agent AND id = :id;

-- name: passkey_find :one
-- Whose passkey signs: the device's name for it says so by itself.
-- workspace: any, the credential's id is unique over all workspaces and names the workspace
SELECT p.id, p.workspace_id, p.agent_id, p.name, p.credential_id, p.public_key, p.counter, p.created_at, p.last_used_at,
       p.refused_at
  FROM passkey p JOIN agent a ON a.id = p.agent_id
 WHERE p.credential_id = :credential AND a.disabled_at IS NULL;

-- name: passkey_count :one
SELECT count(*) FROM passkey WHERE workspace_id = :workspace AND agent_id = :agent;

-- name: passkey_insert :one
INSERT INTO passkey (workspace_id, agent_id, name, credential_id, public_key, counter, created_at)
VALUES (:workspace, :agent, :name, :credential, :key, :counter, :now)
RETURNING id;

-- name: passkey_rename :exec
UPDATE passkey SET name = :name WHERE workspace_id = :workspace AND agent_id = :agent AND id = :id;

-- name: passkey_use :exec
-- The counter only rises (or is always 0): of two signatures with the same one, one is too late.
UPDATE passkey SET counter = :counter, last_used_at = :now
 WHERE workspace_id = :workspace AND id = :id AND (counter < :counter OR (counter = 0 AND :counter = 0));

-- name: passkey_refuse :exec
UPDATE passkey SET refused_at = :now WHERE workspace_id = :workspace AND id = :id;

-- name: passkey_delete :exec
DELETE FROM passkey WHERE workspace_id = :workspace AND agent_id = :agent AND id = :id;

-- name: passkey_delete_all :exec
DELETE FROM passkey WHERE workspace_id = :workspace AND agent_id = :agent;

-- name: passkey_challenge_insert :exec
INSERT INTO passkey_challenge (hash, purpose, workspace_id, agent_id, session_id, step_hash, expires_at)
VALUES (:hash, :purpose, :workspace, :agent, :session, :step, :expires_at);

-- name: passkey_challenge_take :many
-- Whoever deletes the row has used the challenge, nobody else.
-- workspace: any, the hash is unique over all workspaces and names the workspace
DELETE FROM passkey_challenge
 WHERE hash = :hash AND purpose = :purpose AND expires_at > :now
RETURNING workspace_id, agent_id, session_id, step_hash;

-- name: passkey_challenge_clean :exec
-- workspace: any, what is over is over everywhere
DELETE FROM passkey_challenge WHERE expires_at <= :now;

-- name: session_created :one
-- When somebody last showed who they are.
SELECT created_at FROM session WHERE workspace_id = :workspace AND id = :id;
