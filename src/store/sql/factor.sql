-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: factor_begin :one
-- A key that is not good for anything until a first code is right; one at a time.
INSERT INTO factor (workspace_id, agent_id, kind, secret, created_at)
VALUES (:workspace, :agent, 'totp', :secret, :now)
ON CONFLICT (workspace_id, agent_id, kind) DO UPDATE SET secret = excluded.secret, last_step = 0, created_at = excluded.created_at
 WHERE factor.confirmed = 0
RETURNING id;

-- name: factor_of :many
-- The factor of one person, if there is one.
SELECT id, secret, confirmed, last_step, created_at, last_used_at
  FROM factor
 WHERE workspace_id = :workspace AND agent_id = :agent AND kind = 'totp';

-- name: factor_use :exec
-- A code is good once: whoever moves the step has used it, nobody else.
UPDATE factor SET last_step = :step, last_used_at = :now, confirmed = 1
 WHERE workspace_id = :workspace AND id = :id AND last_step < :step;

-- name: factor_delete :exec
DELETE FROM factor WHERE workspace_id = :workspace AND agent_id = :agent;

-- name: factor_count :one
-- What is left for a second step: the app and passkeys.
SELECT (SELECT count(*) FROM factor WHERE workspace_id = :workspace AND agent_id = :agent AND confirmed = 1)
     + (SELECT count(*) FROM passkey WHERE workspace_id = :workspace AND agent_id = :agent);

-- name: factor_mark :exec
-- Whether signing in has a second step.
UPDATE agent SET second_factor = :has WHERE workspace_id = :workspace AND id = :agent;

-- name: factor_required_of :one
-- Does signing in have a second step for this person?
SELECT second_factor FROM agent WHERE workspace_id = :workspace AND id = :agent;

-- name: recovery_insert :exec
INSERT INTO recovery_code (workspace_id, agent_id, hash) VALUES (:workspace, :agent, :hash) ON CONFLICT DO NOTHING;

-- name: recovery_delete_all :exec
DELETE FROM recovery_code WHERE workspace_id = :workspace AND agent_id = :agent;

-- name: recovery_take :exec
-- Whoever deletes the row has used the code.
DELETE FROM recovery_code WHERE workspace_id = :workspace AND agent_id = :agent AND hash = :hash;

-- name: recovery_count :one
SELECT count(*) FROM recovery_code WHERE workspace_id = :workspace AND agent_id = :agent;

-- name: step_insert :exec
-- The password was right.
INSERT INTO sign_in_step (hash, workspace_id, agent_id, tries_left, expires_at)
VALUES (:hash, :workspace, :agent, :tries, :expires_at);

-- name: step_try :exec
-- One try less, however many come at once.
-- workspace: any, the hash is unique over all workspaces and names the workspace
UPDATE sign_in_step SET tries_left = tries_left - 1
 WHERE hash = :hash AND tries_left > 0 AND expires_at > :now;

-- name: step_get :many
-- Whose step it is.
-- workspace: any, the hash is unique over all workspaces and names the workspace
SELECT s.workspace_id, s.agent_id FROM sign_in_step s JOIN agent a ON a.id = s.agent_id
 WHERE s.hash = :hash AND s.expires_at > :now AND a.disabled_at IS NULL;

-- name: step_delete :exec
-- Done, or over.
-- workspace: any, the hash is unique over all workspaces and names the workspace
-- scan: ok, the few who are just signing in
DELETE FROM sign_in_step WHERE hash = :hash OR expires_at <= :now;
