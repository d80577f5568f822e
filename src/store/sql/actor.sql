-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: actor_load :one
-- Who asks, afresh; disabled colleagues are nobody.
-- workspace: any, the id of a session's or token's agent tells the workspace
SELECT id, workspace_id, email, name, role, all_channels, all_teams
  FROM agent
 WHERE id = :id AND disabled_at IS NULL;

-- name: actor_channels :many
-- The channels a limited colleague sees.
SELECT channel_id FROM agent_channel WHERE workspace_id = :workspace AND agent_id = :agent ORDER BY channel_id;

-- name: actor_teams :many
-- The teams a colleague is in.
SELECT team_id FROM agent_team WHERE workspace_id = :workspace AND agent_id = :agent ORDER BY team_id;
