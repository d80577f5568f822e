-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: session_by_hash :one
-- Whose cookie this is. The secret itself is 256 bits and stored only as its SHA-256.
-- workspace: any, the hash is unique over all workspaces and names the workspace
SELECT s.id, s.workspace_id, s.agent_id, s.created_at, s.last_seen_at, s.expires_at
  FROM session s JOIN agent a ON a.id = s.agent_id
 WHERE s.token_hash = :hash AND s.expires_at > :now AND a.disabled_at IS NULL;

-- name: session_alive :many
-- Which of these may go on with their open streams. :ids is a JSON array.
-- workspace: any, the streams of all workspaces are looked at together
-- only: sqlite
SELECT id FROM session WHERE expires_at > :now AND id IN (SELECT value FROM json_each(:ids)) ORDER BY id;
-- only: postgres
SELECT id FROM session
 WHERE expires_at > :now AND id = ANY (ARRAY(SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:ids AS JSON))))
 ORDER BY id;
-- only: both

-- name: session_insert :one
-- Signed in.
INSERT INTO session (workspace_id, agent_id, token_hash, user_agent, address, created_at, last_seen_at, expires_at)
VALUES (:workspace, :agent, :hash, :user_agent, :address, :now, :now, :expires_at)
RETURNING id;

-- name: session_touch :exec
-- Slides the expiry; at most once in some minutes.
UPDATE session SET last_seen_at = :now, expires_at = :expires_at
 WHERE id = :id AND workspace_id = :workspace AND last_seen_at < :now;

-- name: session_list :many
-- Where one is signed in, newest first.
SELECT id, user_agent, address, created_at, last_seen_at, expires_at
  FROM session
 WHERE workspace_id = :workspace AND agent_id = :agent AND expires_at > :now
 ORDER BY id DESC;

-- name: session_delete :exec
-- Signs out one of one's own.
DELETE FROM session WHERE workspace_id = :workspace AND agent_id = :agent AND id = :id;

-- name: session_delete_others :exec
-- Signs out everywhere but here (id 0: everywhere).
DELETE FROM session WHERE workspace_id = :workspace AND agent_id = :agent AND id <> :id;

-- name: session_delete_expired :exec
-- Housekeeping, once an hour.
-- workspace: any, the clock is the same for all
-- scan: ok, some thousand rows once an hour
DELETE FROM session WHERE expires_at <= :now;
