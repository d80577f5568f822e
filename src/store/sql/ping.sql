-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: ping_people :many
-- Everybody of the workspace with what decides about their pings.
-- scan: ok, the colleagues of one workspace
SELECT a.id, a.role, a.all_channels, a.all_teams, a.disabled_at, coalesce(c.choice, '') AS choice,
       (SELECT max(s.last_seen_at) FROM session s WHERE s.workspace_id = a.workspace_id AND s.agent_id = a.id) AS last_seen_at,
       (SELECT count(*) FROM push_device d JOIN session o ON o.id = d.session_id
         WHERE d.workspace_id = a.workspace_id AND d.agent_id = a.id AND o.expires_at > :now) AS devices
  FROM agent a LEFT JOIN ping_choice c ON c.workspace_id = a.workspace_id AND c.agent_id = a.id
 WHERE a.workspace_id = :workspace
 ORDER BY a.id;

-- name: ping_subjects :many
-- The conversations a batch of events is about. :ids is a JSON array.
-- workspace: any, the reader serves all workspaces; ids come from the log
-- only: sqlite
SELECT id, workspace_id, channel_id, team_id, assignee_id, status, spam, last_in_at, waiting_since, urgent_at FROM conversation
 WHERE id IN (SELECT value FROM json_each(:ids));
-- only: postgres
SELECT id, workspace_id, channel_id, team_id, assignee_id, status, spam, last_in_at, waiting_since, urgent_at FROM conversation
 WHERE id = ANY (ARRAY(SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:ids AS JSON))));
-- only: both

-- name: ping_put :exec
-- A ping; on top of one that is not seen yet it counts up, and the weightier kind stays.
INSERT INTO ping (workspace_id, agent_id, conversation_id, kind, rank, ways, message_id, by_id, from_id, passes,
                  created_at, updated_at, push_at, mail_at, pass_at)
VALUES (:workspace, :agent, :conversation, :kind, :rank, :ways, :message, :by, :from, :passes, :now, :now, :push_at, :mail_at,
        :pass_at)
ON CONFLICT (workspace_id, agent_id, conversation_id) WHERE seen_at IS NULL DO UPDATE
   SET n = ping.n + 1, updated_at = excluded.updated_at, ways = ping.ways | excluded.ways, message_id = excluded.message_id,
       kind = CASE WHEN excluded.rank >= ping.rank THEN excluded.kind ELSE ping.kind END,
       by_id = CASE WHEN excluded.rank >= ping.rank THEN excluded.by_id ELSE ping.by_id END,
       from_id = CASE WHEN excluded.rank >= ping.rank THEN excluded.from_id ELSE ping.from_id END,
       passes = CASE WHEN excluded.passes > ping.passes THEN excluded.passes ELSE ping.passes END,
       rank = CASE WHEN excluded.rank >= ping.rank THEN excluded.rank ELSE ping.rank END,
       push_at = coalesce(ping.push_at, excluded.push_at), mail_at = coalesce(ping.mail_at, excluded.mail_at),
       pass_at = coalesce(ping.pass_at, CASE WHEN ping.reached_at IS NULL THEN excluded.pass_at END);

-- name: ping_see :exec
-- They were at the conversation: nothing of it is news to them.
UPDATE ping SET seen_at = :now, push_at = NULL, mail_at = NULL, pass_at = NULL
 WHERE workspace_id = :workspace AND agent_id = :agent AND conversation_id = :conversation AND seen_at IS NULL;

-- name: ping_see_ids :exec
-- Put away one by one. :ids is a JSON array.
UPDATE ping SET seen_at = :now, push_at = NULL, mail_at = NULL, pass_at = NULL
 WHERE workspace_id = :workspace AND agent_id = :agent AND seen_at IS NULL AND id IN
-- only: sqlite
       (SELECT value FROM json_each(:ids));
-- only: postgres
       (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:ids AS JSON)));
-- only: both

-- name: ping_see_all :exec
-- All put away.
UPDATE ping SET seen_at = :now, push_at = NULL, mail_at = NULL, pass_at = NULL
 WHERE workspace_id = :workspace AND agent_id = :agent AND seen_at IS NULL;

-- name: ping_show :exec
-- They were on a screen that somebody looked at: reached, and no push is needed. :ids is a JSON array.
UPDATE ping SET reached_at = :now, push_at = NULL, pass_at = NULL
 WHERE workspace_id = :workspace AND agent_id = :agent AND seen_at IS NULL AND id IN
-- only: sqlite
       (SELECT value FROM json_each(:ids));
-- only: postgres
       (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:ids AS JSON)));
-- only: both

-- name: ping_lapse :exec
-- Somebody took it, answered or closed it: those who were pinged as one of many need not look any more.
UPDATE ping SET seen_at = :now, push_at = NULL, mail_at = NULL, pass_at = NULL
 WHERE workspace_id = :workspace AND conversation_id = :conversation AND seen_at IS NULL
   AND (kind = 'all' OR kind = 'team' OR kind = 'target' OR kind = 'passed_on');

-- name: ping_list :many
-- One's pings, newest first. The cursor is the last row's (updated_at, id).
-- scan: ok, the few rows of a page are joined
SELECT p.id, p.kind, p.conversation_id, p.n, p.by_id, coalesce(b.name, '') AS by_name, p.from_id, coalesce(f.name, '') AS from_name,
       p.ways, p.created_at, p.updated_at, p.seen_at, c.contact_name, c.preview, c.channel_kind, c.channel_id, c.team_id,
       c.visibility
  FROM ping p
  JOIN conversation c ON c.workspace_id = p.workspace_id AND c.id = p.conversation_id
  LEFT JOIN agent b ON b.workspace_id = p.workspace_id AND b.id = p.by_id
  LEFT JOIN agent f ON f.workspace_id = p.workspace_id AND f.id = p.from_id
 WHERE p.workspace_id = :workspace AND p.agent_id = :agent AND (p.updated_at, p.id) < (:time, :id)
 ORDER BY p.updated_at DESC, p.id DESC
 LIMIT :limit;

-- name: ping_unseen :one
-- What the bell shows: how many wait, and how new the newest is.
SELECT count(*), coalesce(max(updated_at), 0) FROM ping
 WHERE workspace_id = :workspace AND agent_id = :agent AND seen_at IS NULL AND ways % 2 = 1;

-- name: ping_targets_near :many
-- Open conversations that become late before :until and were not told yet for that moment; the oldest first.
SELECT c.id, c.channel_id, c.urgent_at
  FROM conversation c
 WHERE c.workspace_id = :workspace AND c.status = 'open' AND c.spam = 0 AND c.urgent_at > :since AND c.urgent_at <= :until
   AND NOT EXISTS (SELECT 1 FROM ping_target t
                    WHERE t.workspace_id = c.workspace_id AND t.conversation_id = c.id AND t.urgent_at = c.urgent_at)
 ORDER BY c.urgent_at, c.id
 LIMIT :limit;

-- name: ping_target_mark :exec
-- Told for this moment. 0 rows: somebody else was quicker.
INSERT INTO ping_target (workspace_id, conversation_id, urgent_at) VALUES (:workspace, :conversation, :urgent_at)
ON CONFLICT (workspace_id, conversation_id) DO UPDATE SET urgent_at = excluded.urgent_at WHERE ping_target.urgent_at <> excluded.urgent_at;

-- name: ping_workspaces :many
-- Whose targets there are to look at.
-- scan: ok, the workspaces of an installation
SELECT id FROM workspace ORDER BY id;

-- name: ping_pass_due :many
-- Pings that reached nobody in time.
-- workspace: any, the job serves every workspace
SELECT p.id, p.workspace_id, p.agent_id, p.conversation_id, p.kind, p.message_id, p.by_id, p.passes, p.alone, p.created_at
  FROM ping p
 WHERE p.pass_at IS NOT NULL AND p.pass_at <= :now
 ORDER BY p.pass_at
 LIMIT :limit
-- only: postgres
   FOR UPDATE SKIP LOCKED
-- only: both
;

-- name: ping_pass_waiting :one
-- Is there any? Asked on a reading connection.
-- workspace: any, the job serves every workspace
SELECT id FROM ping WHERE pass_at IS NOT NULL AND pass_at <= :now LIMIT 1;

-- name: ping_pass_set :exec
-- Passed on (NULL), or looked at again later.
UPDATE ping SET pass_at = :pass_at, alone = :alone WHERE workspace_id = :workspace AND id = :id;

-- name: ping_passed_to :many
-- Who was pinged about it already: they are not asked twice.
SELECT agent_id FROM ping WHERE workspace_id = :workspace AND conversation_id = :conversation AND created_at >= :since;

-- name: ping_reached :exec
-- A push service took it, or it was mailed.
UPDATE ping SET reached_at = coalesce(reached_at, :now), pass_at = NULL WHERE workspace_id = :workspace AND id = :id;

-- name: ping_unreached :exec
-- The last device of the person is gone: it is passed on without waiting any longer.
UPDATE ping SET pass_at = :now WHERE workspace_id = :workspace AND id = :id AND reached_at IS NULL AND pass_at IS NOT NULL;

-- name: ping_prune :exec
-- Old pings.
-- workspace: any, the same age for all
DELETE FROM ping WHERE id IN (SELECT id FROM ping WHERE created_at < :before ORDER BY created_at LIMIT :limit);

-- name: ping_choice_get :one
SELECT choice FROM ping_choice WHERE workspace_id = :workspace AND agent_id = :agent;

-- name: ping_choice_set :exec
-- How somebody wants to be pinged.
INSERT INTO ping_choice (workspace_id, agent_id, choice) VALUES (:workspace, :agent, :choice)
ON CONFLICT (workspace_id, agent_id) DO UPDATE SET choice = excluded.choice;
