-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: conversation_view :one
-- One conversation as the contract shows it. Names of tags come as one text with 0x1f between them.
SELECT c.contact_id, c.contact_name, c.contact_handle, c.assignee_id AS assigned, a.name AS assigned_name,
       c.team_id AS in_team, t.name AS in_team_name,
-- only: sqlite
       (SELECT group_concat(name, char(31)) FROM (SELECT g.name FROM conversation_tag ct
           JOIN tag g ON g.workspace_id = ct.workspace_id AND g.id = ct.tag_id
          WHERE ct.workspace_id = c.workspace_id AND ct.conversation_id = c.id ORDER BY g.name_key)) AS tag_names,
-- only: postgres
       (SELECT string_agg(g.name, chr(31) ORDER BY g.name_key) FROM conversation_tag ct
           JOIN tag g ON g.workspace_id = ct.workspace_id AND g.id = ct.tag_id
          WHERE ct.workspace_id = c.workspace_id AND ct.conversation_id = c.id) AS tag_names,
-- only: both
       c.id, c.channel_id, c.channel_kind, c.kind, c.visibility, c.status, c.spam, c.priority, c.language, c.waiting_since,
       c.due_at, c.urgent_at, c.snoozed_until, c.last_message_at, c.created_at, c.updated_at, c.closed_at, c.unread,
       c.message_count, c.version, c.preview, c.title, c.merged_into, c.callback_at
  FROM conversation c
  LEFT JOIN agent a ON a.id = c.assignee_id AND a.workspace_id = c.workspace_id
  LEFT JOIN team t ON t.id = c.team_id AND t.workspace_id = c.workspace_id
 WHERE c.workspace_id = :workspace AND c.id = :id;

-- name: conversation_views :many
-- The rows of a page whose ids a query found. :ids is [1,2] on SQLite and {1,2} on PostgreSQL; the
-- caller puts them back in the order of the query.
-- scan: ok, the tags of one conversation are sorted by name
SELECT c.contact_id, c.contact_name, c.contact_handle, c.assignee_id AS assigned, a.name AS assigned_name,
       c.team_id AS in_team, t.name AS in_team_name,
-- only: sqlite
       (SELECT group_concat(name, char(31)) FROM (SELECT g.name FROM conversation_tag ct
           JOIN tag g ON g.workspace_id = ct.workspace_id AND g.id = ct.tag_id
          WHERE ct.workspace_id = c.workspace_id AND ct.conversation_id = c.id ORDER BY g.name_key)) AS tag_names,
-- only: postgres
       (SELECT string_agg(g.name, chr(31) ORDER BY g.name_key) FROM conversation_tag ct
           JOIN tag g ON g.workspace_id = ct.workspace_id AND g.id = ct.tag_id
          WHERE ct.workspace_id = c.workspace_id AND ct.conversation_id = c.id) AS tag_names,
-- only: both
       c.id, c.channel_id, c.channel_kind, c.kind, c.visibility, c.status, c.spam, c.priority, c.language, c.waiting_since,
       c.due_at, c.urgent_at, c.snoozed_until, c.last_message_at, c.created_at, c.updated_at, c.closed_at, c.unread,
       c.message_count, c.version, c.preview, c.title, c.merged_into, c.callback_at
  FROM conversation c
  LEFT JOIN agent a ON a.id = c.assignee_id AND a.workspace_id = c.workspace_id
  LEFT JOIN team t ON t.id = c.team_id AND t.workspace_id = c.workspace_id
 WHERE c.workspace_id = :workspace
-- only: sqlite
   AND c.id IN (SELECT value FROM json_each(:ids))
-- only: postgres
   AND c.id = ANY (CAST(:ids AS BIGINT[]))
-- only: both
;

-- name: conversation_record :one
-- The whole row, to be changed: locked on PostgreSQL until the write ends.
SELECT * FROM conversation WHERE workspace_id = :workspace AND id = :id
-- only: postgres
   FOR UPDATE
-- only: both
;

-- name: conversation_record_of_thread :one
-- The same by what the network calls the thread: a route to it comes before the conversation's own thread.
-- args: workspace, channel, thread
SELECT coalesce((SELECT r.id FROM conversation_route r
                  WHERE r.workspace_id = :workspace AND r.channel_id = :channel AND r.thread_key = :thread), 0) AS by_route,
       c.*
  FROM conversation c
 WHERE c.workspace_id = :workspace
   AND c.id = coalesce((SELECT r.conversation_id FROM conversation_route r
                         WHERE r.workspace_id = :workspace AND r.channel_id = :channel AND r.thread_key = :thread),
                       (SELECT o.id FROM conversation o
                         WHERE o.workspace_id = :workspace AND o.channel_id = :channel AND o.thread_key = :thread))
-- only: postgres
   FOR UPDATE OF c
-- only: both
;

-- name: conversation_insert :one
-- The first sight of a thread. No row comes back when somebody else was first (never on SQLite).
INSERT INTO conversation (workspace_id, channel_id, channel_kind, kind, thread_key, visibility, created_at, updated_at)
VALUES (:workspace, :channel, :channel_kind, :kind, :thread, :visibility, :now, :now)
-- only: postgres
ON CONFLICT DO NOTHING
-- only: both
RETURNING id;

-- name: conversation_set :exec
-- Everything of the row that may change.
UPDATE conversation
   SET status = :status, spam = :spam, contact_id = :contact, contact_name = :contact_name, contact_handle = :contact_handle,
       assignee_id = :assignee, team_id = :team, priority = :priority, language = :language, waiting_since = :waiting_since,
       due_at = :due_at, urgent_at = :urgent_at, snoozed_until = :snoozed_until, last_message_at = :last_message_at,
       last_in_at = :last_in_at, last_out_at = :last_out_at, answered_at = :answered_at, answered_id = :answered_id,
       preview = :preview, message_count = :message_count, unread = :unread, version = :version, updated_at = :updated_at,
       closed_at = :closed_at, callback_at = :callback_at
 WHERE workspace_id = :workspace AND id = :id;

-- name: conversation_set_activity :exec
-- What one more message changes: leaves the columns alone that other indexes hold.
UPDATE conversation
   SET language = :language, waiting_since = :waiting_since, urgent_at = :urgent_at, last_message_at = :last_message_at,
       last_in_at = :last_in_at, last_out_at = :last_out_at, answered_at = :answered_at, answered_id = :answered_id,
       preview = :preview, message_count = :message_count, unread = :unread, version = :version, updated_at = :updated_at
 WHERE workspace_id = :workspace AND id = :id;

-- name: conversation_waiting_since :one
-- The waiting rule, from the rows: the first customer message that neither an own answer nor closing
-- (by arrival: ids) nor an answer given elsewhere or a call (by the network's time) has answered. NULL: none.
SELECT min(m.created_at)
  FROM message m
 WHERE m.workspace_id = :workspace AND m.conversation_id = :conversation AND m.created_at > :answered_at
   AND m.id > :answered_id AND m.direction = 'in' AND m.kind = 'message' AND m.deleted_at IS NULL
   AND m.id > (SELECT coalesce(max(o.id), 0) FROM message o
                WHERE o.workspace_id = :workspace AND o.conversation_id = :conversation AND o.direction = 'out'
                  AND o.kind = 'message' AND o.origin = 'agent' AND o.forward_of = 0 AND o.deleted_at IS NULL
                  AND o.send_state NOT IN ('failed', 'cancelled'));

-- name: conversation_answered_at :one
-- The newest answer given elsewhere, or call in which both spoke, that still stands.
SELECT coalesce(max(created_at), 0)
  FROM message
 WHERE workspace_id = :workspace AND conversation_id = :conversation AND kind = 'message' AND deleted_at IS NULL
   AND ((direction = 'out' AND origin = 'elsewhere') OR call_result = 'reached');

-- name: conversation_newest_message :one
-- The newest message id here: what closing has seen.
SELECT coalesce(max(id), 0) FROM message WHERE workspace_id = :workspace AND conversation_id = :conversation;

-- name: conversation_closed_before :one
-- What the closing before this one has seen: the newest message at the last closing after which the customer
-- (nobody of ours) opened again. 0: there was none.
SELECT coalesce(max(m.message_id), 0)
  FROM event m
 WHERE m.workspace_id = :workspace AND m.conversation_id = :conversation AND m.kind = 'message.created'
   AND m.id < (SELECT max(c.id) FROM event c
                WHERE c.workspace_id = :workspace AND c.conversation_id = :conversation AND c.kind = 'conversation.updated'
                  AND c.data LIKE '%"after":"closed"}%'
                  AND c.id < (SELECT max(o.id) FROM event o
                               WHERE o.workspace_id = :workspace AND o.conversation_id = :conversation
                                 AND o.kind = 'conversation.updated' AND o.agent_id = 0
                                 AND o.data LIKE '%"status":{"before":"closed","after":"open"}%'));

-- name: conversation_newest_text :one
-- What the preview shows: the newest visible message, or the name of its first file. A call nobody said a word
-- about shows nothing.
-- scan: ok, equal times within one conversation are few; the sort is by them only
SELECT m.text,
       coalesce((SELECT CASE WHEN a.alt <> '' THEN a.alt ELSE a.name END FROM attachment a
                  WHERE a.workspace_id = m.workspace_id AND a.message_id = m.id AND a.position = 0), '') AS file
  FROM message m
 WHERE m.workspace_id = :workspace AND m.conversation_id = :conversation AND m.kind = 'message' AND m.deleted_at IS NULL
   AND coalesce(m.send_state, '') <> 'cancelled' AND (m.call_result IS NULL OR m.text <> '')
 ORDER BY m.created_at DESC, coalesce(m.external_id, '') DESC, m.id DESC
 LIMIT 1;

-- name: conversation_newest_language :one
-- The language of the newest customer message that told one.
-- scan: ok, equal times within one conversation are few; the sort is by them only
SELECT m.language
  FROM message m
 WHERE m.workspace_id = :workspace AND m.conversation_id = :conversation AND m.kind = 'message' AND m.direction = 'in'
   AND m.language <> ''
 ORDER BY m.created_at DESC, coalesce(m.external_id, '') DESC, m.id DESC
 LIMIT 1;

-- name: conversation_first_customer :one
-- Whose conversation it is: the author of the first customer message.
-- scan: ok, equal times within one conversation are few; the sort is by them only
SELECT i.contact_id, k.name, i.handle
  FROM message m
  JOIN identity i ON i.workspace_id = m.workspace_id AND i.id = m.identity_id
  JOIN contact k ON k.workspace_id = i.workspace_id AND k.id = i.contact_id
 WHERE m.workspace_id = :workspace AND m.conversation_id = :conversation AND m.kind = 'message' AND m.direction = 'in'
 ORDER BY m.created_at, coalesce(m.external_id, ''), m.id
 LIMIT 1;

-- name: conversation_times :one
-- The newest times of both directions, after a row went away.
SELECT coalesce(max(created_at), 0), coalesce(max(CASE WHEN direction = 'in' THEN created_at END), 0),
       coalesce(max(CASE WHEN call_result = 'reached' OR (direction = 'out' AND call_result IS NULL) THEN created_at END), 0)
  FROM message
 WHERE workspace_id = :workspace AND conversation_id = :conversation AND kind = 'message';

-- name: conversation_unread_behind :one
-- How many customer messages came after this one: whether it still counts as unread.
SELECT count(*)
  FROM message
 WHERE workspace_id = :workspace AND conversation_id = :conversation AND id > :message AND direction = 'in'
   AND kind = 'message' AND deleted_at IS NULL;

-- name: conversation_rename_contact :exec
-- The contact's name as lists show it.
UPDATE conversation SET contact_name = :name WHERE workspace_id = :workspace AND contact_id = :contact AND contact_name <> :name;

-- name: conversation_rehandle_contact :exec
-- The handle follows the identity that carried the old one.
UPDATE conversation SET contact_handle = :handle
 WHERE workspace_id = :workspace AND contact_id = :contact AND channel_kind = :kind AND contact_handle = :old_handle;

-- name: conversation_snoozed_due :many
-- Snoozes that ran out, over all workspaces.
-- workspace: any, the wake-up serves every workspace
-- scan: ok, the partial index holds snoozed conversations only
SELECT workspace_id, id FROM conversation
 WHERE status = 'snoozed' AND snoozed_until <= :now
 ORDER BY workspace_id, id
 LIMIT :limit;

-- name: conversation_leave_team :exec
-- A team goes: its conversations belong to no team.
-- scan: ok, deleting a team is rare and closed conversations have no index by team
UPDATE conversation SET team_id = 0, version = version + 1, updated_at = :now
 WHERE workspace_id = :workspace AND team_id = :team;

-- name: conversation_renew_urgency :exec
-- New allowances: the moment at which each waiting conversation becomes late, anew.
-- scan: ok, a change of the workspace's settings is rare
UPDATE conversation
   SET urgent_at = CASE WHEN due_at IS NOT NULL AND due_at < waiting_since +
           CASE priority WHEN 'urgent' THEN CAST(:urgent AS BIGINT) WHEN 'high' THEN CAST(:high AS BIGINT)
                         WHEN 'low' THEN CAST(:low AS BIGINT) ELSE CAST(:normal AS BIGINT) END
       THEN due_at
       ELSE waiting_since +
           CASE priority WHEN 'urgent' THEN CAST(:urgent AS BIGINT) WHEN 'high' THEN CAST(:high AS BIGINT)
                         WHEN 'low' THEN CAST(:low AS BIGINT) ELSE CAST(:normal AS BIGINT) END
       END
 WHERE workspace_id = :workspace AND waiting_since IS NOT NULL;

-- name: conversation_renew_tag_urgency :exec
-- The same in the tags' copy of the key.
-- scan: ok, a change of the workspace's settings is rare
UPDATE conversation_tag
   SET urgent_at = (SELECT c.urgent_at FROM conversation c
                     WHERE c.workspace_id = conversation_tag.workspace_id AND c.id = conversation_tag.conversation_id)
 WHERE workspace_id = :workspace;

-- name: conversation_tags :many
-- The tags a conversation has, by name.
-- scan: ok, the few tags of one conversation are sorted by name
SELECT t.id, t.name
  FROM conversation_tag ct
  JOIN tag t ON t.workspace_id = ct.workspace_id AND t.id = ct.tag_id
 WHERE ct.workspace_id = :workspace AND ct.conversation_id = :conversation
 ORDER BY t.name_key;

-- name: conversation_tag_insert :exec
-- One more tag, with the conversation's sort key.
INSERT INTO conversation_tag (workspace_id, tag_id, conversation_id, open, urgent_at)
VALUES (:workspace, :tag, :conversation, :open, :urgent_at)
ON CONFLICT DO NOTHING;

-- name: conversation_tag_delete :exec
-- One tag less.
DELETE FROM conversation_tag WHERE workspace_id = :workspace AND tag_id = :tag AND conversation_id = :conversation;

-- name: conversation_tag_carry :exec
-- The sort key moved: its copies follow.
UPDATE conversation_tag SET open = :open, urgent_at = :urgent_at
 WHERE workspace_id = :workspace AND conversation_id = :conversation;

-- name: conversation_tag_find :one
-- A tag by its folded name.
SELECT id, name FROM tag WHERE workspace_id = :workspace AND name_key = :key;

-- name: conversation_tag_make :one
-- An unknown tag is made by using it. No row when somebody else made it just now.
INSERT INTO tag (workspace_id, name, name_key, created_at) VALUES (:workspace, :name, :key, :now)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: conversation_assignable :one
-- Somebody who can be given a conversation.
SELECT id FROM agent WHERE workspace_id = :workspace AND id = :id AND disabled_at IS NULL;

-- name: conversation_team_exists :one
-- A team it can be given to, and that stays until the write ends.
SELECT id FROM team WHERE workspace_id = :workspace AND id = :id
-- only: postgres
   FOR KEY SHARE
-- only: both
;

-- name: conversation_allowances :one
-- The workspace's settings, for the allowance of each priority.
SELECT settings FROM workspace WHERE id = :workspace;

-- name: conversation_place :one
-- Where it is, for the question who may see it.
SELECT channel_id, team_id FROM conversation WHERE workspace_id = :workspace AND id = :id;

-- name: count_cell_add :exec
-- Moves one cell of the folders' counts.
INSERT INTO count_cell (workspace_id, folder, channel_id, team_id, n)
VALUES (:workspace, :folder, :channel, :team, :n)
ON CONFLICT (workspace_id, folder, channel_id, team_id) DO UPDATE SET n = count_cell.n + excluded.n;

-- name: count_cells_read :many
-- The cells of the shared folders and one person's own.
SELECT folder, channel_id, team_id, n
  FROM count_cell
 WHERE workspace_id = :workspace
   AND folder IN ('unanswered', 'unassigned', 'open', 'snoozed', 'closed', 'spam', :mine);

-- name: count_cells_of_team :many
-- What has to move when a team goes.
-- scan: ok, deleting a team is rare and a workspace has few cells
SELECT folder, channel_id, n FROM count_cell WHERE workspace_id = :workspace AND team_id = :team ORDER BY folder, channel_id;

-- name: count_cells_drop_team :exec
-- And the cells it leaves.
DELETE FROM count_cell WHERE workspace_id = :workspace AND team_id = :team;
