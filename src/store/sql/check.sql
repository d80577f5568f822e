-- SPDX-License-Identifier: AGPL-3.0-or-later
-- What derived data should be, worked out anew from the rows: for `heed doctor` and the tests.

-- name: check_counts :many
-- Cells that do not say what the conversations say. Empty when all is well.
-- workspace: any, the whole database is looked at
-- scan: ok, it is meant to look at everything
WITH should AS (
    SELECT workspace_id, folder, channel_id, team_id, count(*) AS n
      FROM (SELECT workspace_id, channel_id, team_id,
                   CASE WHEN spam = 1 THEN 'spam' ELSE status END AS folder
              FROM conversation WHERE merged_into = 0
            UNION ALL
            SELECT workspace_id, channel_id, team_id, 'unanswered'
              FROM conversation WHERE status = 'open' AND spam = 0 AND waiting_since IS NOT NULL
            UNION ALL
            SELECT workspace_id, channel_id, team_id,
                   CASE WHEN assignee_id = 0 THEN 'unassigned' ELSE 'mine:' || CAST(assignee_id AS TEXT) END
              FROM conversation WHERE status = 'open' AND spam = 0) AS placed
     GROUP BY workspace_id, folder, channel_id, team_id)
SELECT coalesce(s.workspace_id, c.workspace_id) AS workspace_id, coalesce(s.folder, c.folder) AS folder,
       coalesce(s.channel_id, c.channel_id) AS channel_id, coalesce(s.team_id, c.team_id) AS team_id,
       coalesce(s.n, 0) AS should_be, coalesce(c.n, 0) AS is_now
  FROM should s
  FULL JOIN (SELECT * FROM count_cell WHERE n <> 0) AS c
    ON c.workspace_id = s.workspace_id AND c.folder = s.folder AND c.channel_id = s.channel_id AND c.team_id = s.team_id
 WHERE coalesce(s.n, 0) <> coalesce(c.n, 0);

-- name: check_waiting :many
-- Conversations whose waiting_since is not what their messages say. Empty when all is well.
-- workspace: any, the whole database is looked at
-- scan: ok, it is meant to look at everything
SELECT c.workspace_id, c.id, coalesce(c.waiting_since, 0) AS is_now, coalesce(w.since, 0) AS should_be
  FROM conversation c
  LEFT JOIN (SELECT m.workspace_id, m.conversation_id, min(m.created_at) AS since
               FROM message m
               JOIN conversation k ON k.workspace_id = m.workspace_id AND k.id = m.conversation_id
              WHERE m.direction = 'in' AND m.kind = 'message' AND m.deleted_at IS NULL AND m.id > k.answered_id
                AND NOT EXISTS (SELECT 1 FROM message o
                                 WHERE o.workspace_id = m.workspace_id AND o.conversation_id = m.conversation_id
                                   AND o.kind = 'message' AND o.deleted_at IS NULL
                                   AND ((o.direction = 'out' AND o.origin = 'agent' AND o.forward_of = 0 AND o.id > m.id
                                         AND o.send_state NOT IN ('failed', 'cancelled'))
                                        OR (o.direction = 'out' AND o.origin = 'elsewhere' AND o.created_at >= m.created_at)
                                        OR (o.call_result = 'reached' AND o.created_at >= m.created_at)))
              GROUP BY m.workspace_id, m.conversation_id) AS w
    ON w.workspace_id = c.workspace_id AND w.conversation_id = c.id
 WHERE coalesce(c.waiting_since, 0) <> coalesce(w.since, 0);

-- name: check_tag_keys :many
-- Copies of the sort key in conversation_tag that differ from the conversation. Empty when all is well.
-- workspace: any, the whole database is looked at
-- scan: ok, it is meant to look at everything
SELECT ct.workspace_id, ct.conversation_id, ct.tag_id
  FROM conversation_tag ct
  JOIN conversation c ON c.workspace_id = ct.workspace_id AND c.id = ct.conversation_id
 WHERE ct.urgent_at <> c.urgent_at OR ct.open <> CASE WHEN c.status = 'open' AND c.spam = 0 THEN 1 ELSE 0 END;

-- name: check_contacts :one
-- How many people a workspace knows.
SELECT count(*) FROM contact WHERE workspace_id = :workspace;

-- name: check_inbound :many
-- The raw events in order.
-- scan: ok, for tests and the doctor
SELECT id, state, error, body, attempts FROM inbound WHERE workspace_id = :workspace ORDER BY id;

-- name: check_requeue :exec
-- Every raw event once more: repeating doubles nothing.
-- scan: ok, for tests and the doctor
UPDATE inbound SET state = 'waiting', attempts = 0, error = '' WHERE workspace_id = :workspace;

-- name: check_set_kind :exec
-- A channel of another version's network, for tests.
UPDATE channel SET kind = :kind WHERE workspace_id = :workspace;

-- name: check_thread :one
-- A conversation by its thread, for tests.
SELECT id FROM conversation WHERE workspace_id = :workspace AND channel_id = :channel AND thread_key = :thread;

-- name: check_make_team :exec
-- A team with a number of its own, for tests.
INSERT INTO team (workspace_id, id, name, name_key, created_at) VALUES (:workspace, :id, 'Night', 'night', :now);

-- name: check_set_outbox :exec
-- What became of an answer, without a network, for tests.
UPDATE outbox SET state = :state WHERE workspace_id = :workspace AND message_id = :message;

-- name: check_outbox_open :one
-- How much still has to leave.
SELECT count(*) FROM outbox WHERE workspace_id = :workspace AND state IN ('queued', 'sending', 'in_doubt', 'held') AND action <> 'send';

-- name: check_files :one
-- How many different files a workspace keeps.
SELECT count(*) FROM file WHERE workspace_id = :workspace;

-- name: check_callbacks :many
-- Conversations whose callback_at is not the earliest call-back booked in them. Empty when all is well.
-- workspace: any, the whole database is looked at
-- scan: ok, it is meant to look at everything
SELECT c.workspace_id, c.id
  FROM conversation c
 WHERE coalesce(c.callback_at, 0) <> coalesce((SELECT min(b.due_at) FROM callback b
                                               WHERE b.workspace_id = c.workspace_id AND b.conversation_id = c.id
                                                 AND b.state = 'booked'), 0);
