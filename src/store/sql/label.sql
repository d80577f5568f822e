-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: tag_all :many
-- Tags by name, with how much open work carries each; of a limited colleague only what they see. :id 0: all tags.
-- scan: ok, sorted by name, some hundred rows
SELECT t.id, t.name,
       CASE WHEN CAST(:limited AS BIGINT) = 0
            THEN (SELECT count(*) FROM conversation_tag ct
                   WHERE ct.workspace_id = t.workspace_id AND ct.tag_id = t.id AND ct.open = 1)
            ELSE (SELECT count(*)
                    FROM conversation_tag ct
                    JOIN conversation c ON c.workspace_id = ct.workspace_id AND c.id = ct.conversation_id
                    JOIN agent a ON a.workspace_id = c.workspace_id AND a.id = CAST(:limited AS BIGINT)
                   WHERE ct.workspace_id = t.workspace_id AND ct.tag_id = t.id AND ct.open = 1
                     AND (a.all_channels = 1
                          OR EXISTS (SELECT 1 FROM agent_channel ac
                                      WHERE ac.workspace_id = c.workspace_id AND ac.agent_id = a.id
                                        AND ac.channel_id = c.channel_id))
                     AND (a.all_teams = 1 OR c.team_id = 0
                          OR EXISTS (SELECT 1 FROM agent_team tm
                                      WHERE tm.workspace_id = c.workspace_id AND tm.agent_id = a.id
                                        AND tm.team_id = c.team_id)))
       END AS open_count
  FROM tag t
 WHERE t.workspace_id = :workspace AND (CAST(:id AS BIGINT) = 0 OR t.id = CAST(:id AS BIGINT))
 ORDER BY t.name_key;

-- name: tag_new :one
-- A new tag; its folded name is unique.
INSERT INTO tag (workspace_id, name, name_key, created_at) VALUES (:workspace, :name, :name_key, :now) RETURNING id;

-- name: tag_rename :exec
UPDATE tag SET name = :name, name_key = :name_key WHERE workspace_id = :workspace AND id = :id;
