-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: query_agents :many
-- Who conversations may be assigned to, by number and e-mail address.
SELECT id, email_key FROM agent WHERE workspace_id = :workspace ORDER BY id;

-- name: query_teams :many
-- The teams a query may name.
-- scan: ok, a workspace has few teams
SELECT id, name_key FROM team WHERE workspace_id = :workspace ORDER BY name_key;

-- name: query_tags :many
-- The tags a query may name.
SELECT id, name_key FROM tag WHERE workspace_id = :workspace ORDER BY name_key;

-- name: query_channels :many
-- The channels a query may name, by name or kind.
SELECT id, name_key, kind, brand_id FROM channel WHERE workspace_id = :workspace ORDER BY name_key;

-- name: query_brands :many
-- The brands a query may name.
SELECT id, name_key FROM brand WHERE workspace_id = :workspace ORDER BY name_key;

-- name: query_item :one
-- Everything the query language asks of one conversation but its tags and texts.
SELECT c.id, c.status, c.kind, c.visibility, c.priority, c.channel_kind, c.language, c.contact_handle, c.channel_id,
       c.assignee_id, c.team_id, c.spam, c.waiting_since, c.due_at, c.urgent_at, c.created_at, c.updated_at,
       c.last_message_at, c.snoozed_until, c.unread,
       EXISTS (SELECT 1 FROM message m JOIN attachment a ON a.workspace_id = m.workspace_id AND a.message_id = m.id
                WHERE m.workspace_id = c.workspace_id AND m.conversation_id = c.id AND m.deleted_at IS NULL) AS attachment,
       EXISTS (SELECT 1 FROM message m WHERE m.workspace_id = c.workspace_id AND m.conversation_id = c.id
                  AND m.deleted_at IS NULL AND m.kind = 'note') AS note,
       EXISTS (SELECT 1 FROM message m WHERE m.workspace_id = c.workspace_id AND m.conversation_id = c.id
                  AND m.deleted_at IS NULL AND m.kind = 'message' AND m.direction = 'out' AND m.call_result IS NULL) AS reply,
       c.merged_into,
       EXISTS (SELECT 1 FROM message m WHERE m.workspace_id = c.workspace_id AND m.conversation_id = c.id
                  AND m.deleted_at IS NULL AND m.call_result IS NOT NULL) AS called,
       c.callback_at
  FROM conversation c WHERE c.workspace_id = :workspace AND c.id = :id;

-- name: query_item_tags :many
-- The tags of one conversation.
SELECT tag_id FROM conversation_tag WHERE workspace_id = :workspace AND conversation_id = :id ORDER BY tag_id;

-- name: query_item_mentions :many
-- The colleagues named in its notes.
SELECT DISTINCT agent_id FROM mention WHERE workspace_id = :workspace AND conversation_id = :id ORDER BY agent_id;

-- name: query_item_texts :many
-- The texts a query looks at: of messages, answers and notes that stand.
SELECT CASE WHEN subject = '' THEN text ELSE subject || ' ' || text END AS text
  FROM message WHERE workspace_id = :workspace AND conversation_id = :id AND deleted_at IS NULL
 ORDER BY created_at, id;

-- name: query_item_messages :many
-- The same with their numbers, to find the newest that has a word.
SELECT id, CASE WHEN subject = '' THEN text ELSE subject || ' ' || text END AS text
  FROM message WHERE workspace_id = :workspace AND conversation_id = :id AND deleted_at IS NULL
 ORDER BY created_at, id;
