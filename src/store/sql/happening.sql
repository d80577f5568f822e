-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: happening_list :many
-- What colleagues did with a conversation, newest first, for the lines between its messages.
SELECT e.id, e.at, e.kind, e.agent_id, COALESCE(a.name, '') AS agent_name, e.data
  FROM event e LEFT JOIN agent a ON a.id = e.agent_id AND a.workspace_id = e.workspace_id
 WHERE e.workspace_id = :workspace AND e.conversation_id = :conversation AND (e.kind LIKE 'conversation.%' OR e.kind LIKE 'ping.%' OR e.kind = 'target.near')
 ORDER BY e.id DESC
 LIMIT :limit;
