-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: prune_inbound :exec
-- Raw events that were taken over long ago; deduplication does not need them.
-- workspace: any, the same age for all
DELETE FROM inbound WHERE id IN (SELECT id FROM inbound WHERE state = 'done' AND done_at < :before ORDER BY done_at LIMIT :limit);

-- name: prune_idempotency :exec
-- Saved answers to POSTs, kept 72 hours.
-- workspace: any, the same age for all
DELETE FROM idempotency WHERE created_at < :before;

-- name: prune_events :exec
-- Old events behind every reader's cursor: the oldest ones are looked at, no more.
-- workspace: any, the same age for all
-- scan: ok, a handful of readers
DELETE FROM event
-- only: sqlite
 WHERE id IN (SELECT o.id FROM (SELECT id, at FROM event ORDER BY id LIMIT :limit) AS o
               WHERE o.at < :before AND o.id <= (SELECT coalesce(min(r.position), 9007199254740991) FROM reader r));
-- only: postgres
 WHERE (epoch, xid, id) IN (
       SELECT o.epoch, o.xid, o.id
         FROM (SELECT epoch, xid, id, at FROM event ORDER BY epoch, xid, id LIMIT :limit) AS o
        WHERE o.at < :before
          AND NOT EXISTS (SELECT 1 FROM reader r
                           WHERE (r.epoch, r.xid, r.position) < (o.epoch, CAST(CAST(o.xid AS TEXT) AS BIGINT), o.id)));
-- only: both

-- name: prune_sessions :exec
-- Sessions that ran out.
-- workspace: any, the same for all
-- scan: ok, a row per signed-in browser, once an hour
DELETE FROM session WHERE expires_at < :now;

-- name: prune_codes :exec
-- One-time codes that ran out.
-- workspace: any, the same for all
-- scan: ok, a handful of rows
DELETE FROM code WHERE expires_at < :now;

-- name: attachment_due :many
-- Files of messages still to be fetched.
-- workspace: any, the job serves every workspace
SELECT id, workspace_id, message_id, url, mime, attempts
  FROM attachment
 WHERE state = 'waiting' AND next_at <= :now
 ORDER BY next_at
 LIMIT :limit
-- only: postgres
   FOR UPDATE SKIP LOCKED
-- only: both
;

-- name: attachment_waiting :one
-- Is there anything to fetch? Asked each second without troubling the writer.
-- workspace: any, the job serves every workspace
SELECT id FROM attachment WHERE state = 'waiting' AND next_at <= :now LIMIT 1;

-- name: attachment_claim :exec
-- Counted before the work; nobody else looks at it before `until`.
UPDATE attachment SET attempts = attempts + 1, next_at = :until WHERE workspace_id = :workspace AND id = :id;

-- name: attachment_ready :exec
-- Here, cleaned.
UPDATE attachment SET state = 'ready', reason = '', sha256 = :sha256, mime = :mime, size = :size, width = :width, height = :height
 WHERE workspace_id = :workspace AND id = :id AND state = 'waiting';

-- name: attachment_not :exec
-- It will not come, or not yet; with the reason. taken_back: an attempt that was none.
UPDATE attachment SET state = :state, reason = :reason, next_at = :next_at, attempts = attempts - :taken_back
 WHERE workspace_id = :workspace AND id = :id AND state = 'waiting';

-- name: attachment_place :one
-- Whose it is, for the event.
SELECT m.conversation_id, m.channel_id
  FROM attachment a
  JOIN message m ON m.workspace_id = a.workspace_id AND m.id = a.message_id
 WHERE a.workspace_id = :workspace AND a.id = :id;
