-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: live_mine :many
-- How much open work one colleague has, by cell, so that what they may no longer see is left out.
SELECT channel_id, team_id, n FROM count_cell WHERE workspace_id = :workspace AND folder = :folder;

-- name: inbound_backlog :many
-- Raw events that wait, by channel: beyond a limit a hook answers 429.
-- workspace: any, looked at for all channels at once
-- scan: ok, over the partial index of waiting rows only
SELECT channel_id, count(*) AS n, min(received_at) AS oldest FROM inbound WHERE state = 'waiting' GROUP BY channel_id;

-- name: outbox_backlog :many
-- What still has to leave, by state, with the age of the oldest.
-- workspace: any, figures of the whole instance
-- scan: ok, over the partial index of unfinished rows only
SELECT state, count(*) AS n, min(created_at) AS oldest FROM outbox
 WHERE state IN ('queued', 'sending', 'in_doubt', 'held') GROUP BY state;

-- name: status_answers :many
-- How long today's first answers took: each customer message that began a wait and the first answer behind it.
-- scan: ok, only conversations answered since then are read
SELECT c.last_out_at - (SELECT max(m.created_at) FROM message m
                         WHERE m.workspace_id = c.workspace_id AND m.conversation_id = c.id AND m.direction = 'in'
                           AND m.kind = 'message' AND m.created_at <= c.last_out_at
                           AND coalesce(m.call_result, '') <> 'reached') AS took,
       c.priority, c.channel_id, c.team_id
  FROM conversation c
 WHERE c.workspace_id = :workspace AND c.last_message_at >= :since AND c.last_out_at >= :since
 ORDER BY c.last_message_at DESC
 LIMIT 2000;
