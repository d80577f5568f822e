-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: actor_load :one
-- Who asks, afresh; disabled colleagues are nobody.
-- workspace: any, the id of a session's or token's agent tells the workspace
SELECT a.id, a.workspace_id, a.email, a.name, a.role, a.all_channels, a.all_teams, a.second_factor, w.second_factor_from
  FROM agent a JOIN workspace w ON w.id = a.workspace_id
 WHERE a.id = :id AND a.disabled_at IS NULL;

-- name: actor_channels :many
-- The channels a limited colleague sees.
SELECT channel_id FROM agent_channel WHERE workspace_id = :workspace AND agent_id = :agent ORDER BY channel_id;

-- name: actor_teams :many
-- The teams a colleague is in.
SELECT team_id FROM agent_team WHERE workspace_id = :workspace AND agent_id = :agent ORDER BY team_id;
