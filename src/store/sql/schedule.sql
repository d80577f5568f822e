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

-- name: prune_unlearnt :one
-- Everything that was replaced before this moment is out of the search index: the time of the first event it has
-- not looked at, or now. No row of its state: it begins yet.
-- workspace: any, one index serves all workspaces
-- scan: ok, one row of a handful, and the next event
-- only: sqlite
SELECT coalesce((SELECT e.at FROM event e WHERE e.id > (SELECT value FROM search.search_state WHERE key = 'position')
                  ORDER BY e.id LIMIT 1),
                CASE WHEN (SELECT value FROM search.search_state WHERE key = 'position') IS NULL THEN 0 ELSE :now END);
-- only: postgres
SELECT coalesce((SELECT e.at FROM event e, reader r
                  WHERE r.name = 'search' AND (e.epoch, e.xid, e.id) > (r.epoch, CAST(CAST(r.xid AS TEXT) AS xid8), r.position)
                  ORDER BY e.epoch, e.xid, e.id LIMIT 1),
                CASE WHEN EXISTS (SELECT 1 FROM reader WHERE name = 'search') THEN CAST(:now AS BIGINT) ELSE 0 END);
-- only: both

-- name: prune_versions :exec
-- Old texts that the search index has unlearnt.
-- workspace: any, the same age for all
DELETE FROM message_version
 WHERE (workspace_id, message_id, version) IN (
       SELECT workspace_id, message_id, version FROM message_version WHERE replaced_at < :before
        ORDER BY replaced_at LIMIT :limit);

-- name: prune_files_unused :many
-- Files that were given long ago and that no message, draft or visitor has.
-- workspace: any, the same age for all; files are compared within their workspace
-- scan: ok, the table of files, once an hour; drafts and scheduled messages only for those nobody has
SELECT f.workspace_id, f.sha256 FROM file f
 WHERE f.created_at < :before
   AND NOT EXISTS (SELECT 1 FROM attachment a WHERE a.workspace_id = f.workspace_id AND a.sha256 = f.sha256)
   AND NOT EXISTS (SELECT 1 FROM visitor_file v WHERE v.workspace_id = f.workspace_id AND v.sha256 = f.sha256)
   AND NOT EXISTS (SELECT 1 FROM draft d WHERE d.workspace_id = f.workspace_id AND d.attachments LIKE '%' || f.sha256 || '%')
   AND NOT EXISTS (SELECT 1 FROM scheduled_send s WHERE s.workspace_id = f.workspace_id AND s.attachments LIKE '%' || f.sha256 || '%')
 LIMIT :limit;

-- name: prune_file_parts :exec
-- The bytes of a file nobody has.
DELETE FROM file_part WHERE workspace_id = :workspace AND sha256 = :sha256;

-- name: prune_file :exec
-- The file, unless somebody wants it again just now.
DELETE FROM file WHERE workspace_id = :workspace AND sha256 = :sha256 AND created_at < :before;

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
