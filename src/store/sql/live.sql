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

-- name: channel_backlog :many
-- The figures beside each channel in the settings.
-- scan: ok, over partial indexes only
SELECT channel_id, 'waiting_in' AS what, count(*) AS n FROM inbound
 WHERE workspace_id = :workspace AND state = 'waiting' GROUP BY channel_id
UNION ALL
SELECT channel_id, 'quarantined', count(*) FROM inbound
 WHERE workspace_id = :workspace AND state = 'quarantined' GROUP BY channel_id
UNION ALL
SELECT channel_id, state, count(*) FROM outbox
 WHERE workspace_id = :workspace AND state IN ('queued', 'sending', 'in_doubt', 'held') GROUP BY channel_id, state;

-- name: channel_failed :many
-- Answers that failed in the last days.
-- scan: ok, over the days' newest messages only
SELECT channel_id, count(*) AS n FROM message
 WHERE workspace_id = :workspace AND send_state = 'failed' AND created_at > :since GROUP BY channel_id;
