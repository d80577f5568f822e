-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: agent_list :many
-- Everybody of the workspace, in the order they came.
SELECT id, name, email, role, all_channels, all_teams, disabled_at, created_at
  FROM agent
 WHERE workspace_id = :workspace
 ORDER BY id;

-- name: agent_get :one
-- One colleague, with what the page keeps for them.
SELECT id, name, email, role, all_channels, all_teams, disabled_at, created_at, language, settings, signature, password_hash
  FROM agent
 WHERE workspace_id = :workspace AND id = :id;

-- name: agent_by_email :one
-- Sign-in: an address belongs to one workspace, so it alone finds the person.
-- workspace: any, an address is unique over all workspaces
SELECT id, workspace_id, password_hash
  FROM agent
 WHERE email_key = :email_key AND disabled_at IS NULL;

-- name: agent_insert :one
-- A new colleague.
INSERT INTO agent (workspace_id, email, email_key, name, role, password_hash, all_channels, all_teams, created_at)
VALUES (:workspace, :email, :email_key, :name, :role, :password_hash, :all_channels, :all_teams, :now)
RETURNING id;

-- name: agent_set :exec
-- What an administrator may change of a colleague.
UPDATE agent
   SET name = :name, role = :role, all_channels = :all_channels, all_teams = :all_teams, disabled_at = :disabled_at
 WHERE workspace_id = :workspace AND id = :id;

-- name: agent_set_self :exec
-- What everybody may change of themselves.
UPDATE agent
   SET name = :name, language = :language, settings = :settings, signature = :signature
 WHERE workspace_id = :workspace AND id = :id;

-- name: agent_set_password :exec
-- A new password; NULL leaves only one-time codes.
UPDATE agent
   SET password_hash = :password_hash
 WHERE workspace_id = :workspace AND id = :id;

-- name: agent_other_owners :one
-- How many can still own the workspace when this one no longer does.
SELECT count(*)
  FROM agent
 WHERE workspace_id = :workspace AND id <> :id AND role = 'owner' AND disabled_at IS NULL;

-- name: agent_any_owner :one
-- Set-up is open only while this finds nobody.
-- workspace: any, asks for the whole instance
-- scan: ok, a handful of rows, asked at start and at set-up only
SELECT count(*) FROM agent WHERE role = 'owner';

-- name: agent_first_owner :one
-- Whom the demo signs in.
SELECT id FROM agent WHERE workspace_id = :workspace AND role = 'owner' AND disabled_at IS NULL ORDER BY id LIMIT 1;

-- name: agent_channels_list :many
-- Which channels each limited colleague sees.
SELECT agent_id, channel_id FROM agent_channel WHERE workspace_id = :workspace ORDER BY agent_id, channel_id;

-- name: agent_teams_list :many
-- Which teams everybody is in.
SELECT agent_id, team_id FROM agent_team WHERE workspace_id = :workspace ORDER BY agent_id, team_id;

-- name: agent_channels_of :many
-- The channels of one colleague.
SELECT channel_id FROM agent_channel WHERE workspace_id = :workspace AND agent_id = :agent ORDER BY channel_id;

-- name: agent_teams_of :many
-- The teams of one colleague.
SELECT team_id FROM agent_team WHERE workspace_id = :workspace AND agent_id = :agent ORDER BY team_id;

-- name: agent_channels_clear :exec
-- Before the new list is written.
DELETE FROM agent_channel WHERE workspace_id = :workspace AND agent_id = :agent;

-- name: agent_teams_clear :exec
-- Before the new list is written.
DELETE FROM agent_team WHERE workspace_id = :workspace AND agent_id = :agent;

-- name: agent_channel_add :exec
-- Only a channel of the same workspace; no row is written for another's.
INSERT INTO agent_channel (workspace_id, agent_id, channel_id)
SELECT c.workspace_id, CAST(:agent AS BIGINT), c.id FROM channel c WHERE c.workspace_id = :workspace AND c.id = :channel
ON CONFLICT DO NOTHING;

-- name: agent_team_add :exec
-- Only a team of the same workspace; no row is written for another's.
INSERT INTO agent_team (workspace_id, agent_id, team_id)
SELECT t.workspace_id, CAST(:agent AS BIGINT), t.id FROM team t WHERE t.workspace_id = :workspace AND t.id = :team
ON CONFLICT DO NOTHING;
