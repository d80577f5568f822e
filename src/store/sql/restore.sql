-- SPDX-License-Identifier: AGPL-3.0-or-later
-- What a restored copy has to forget or to ask about. Runs in the copy, which is always SQLite.

-- name: restore_doubt :exec
-- What was being sent when the backup was made may have arrived: it is read back, never sent blindly.
-- workspace: any, the whole copy
-- scan: ok, once per restore
-- only: sqlite
UPDATE outbox SET state = 'in_doubt', doubt_since = :now, next_at = :now, lease_until = 0, lease_owner = ''
 WHERE state = 'sending';

-- name: restore_doubt_messages :exec
-- And their messages say so.
-- workspace: any, the whole copy
-- scan: ok, once per restore
-- only: sqlite
UPDATE message SET send_state = 'in_doubt'
 WHERE send_state = 'sending' AND id IN (SELECT message_id FROM outbox WHERE state = 'in_doubt');

-- name: restore_hold :exec
-- What waited may have been sent since: an owner decides.
-- workspace: any, the whole copy
-- scan: ok, once per restore
-- only: sqlite
UPDATE outbox SET state = 'held', next_at = 9007199254740991, lease_until = 0, lease_owner = ''
 WHERE state = 'queued' AND action = 'send';

-- name: restore_hold_messages :exec
-- Where people look, too: an answer that only says "queued" asks nobody for anything.
-- workspace: any, the whole copy
-- scan: ok, once per restore
-- only: sqlite
UPDATE message SET send_state = 'in_doubt',
       error = 'This comes from a backup and may have been sent since. Look there, then mark it as sent or send it again.'
 WHERE send_state = 'queued' AND id IN (SELECT message_id FROM outbox WHERE state = 'held' AND action = 'send');

-- name: restore_drop_rest :exec
-- Likes and deletions are asked for again by whoever misses them; held, they would stand in the way of
-- every later answer.
-- workspace: any, the whole copy
-- scan: ok, once per restore
-- only: sqlite
UPDATE outbox SET state = 'failed', done_at = :now, error = 'This comes from a backup.'
 WHERE state = 'queued' AND action <> 'send';

-- name: restore_leases :exec
-- Nobody holds a reader.
-- scan: ok, a handful of rows
-- only: sqlite
UPDATE reader SET epoch = :epoch, xid = 0, lease_owner = '', lease_until = 0;

-- name: restore_cursor_leases :exec
-- Nobody polls.
-- workspace: any, the whole copy
-- scan: ok, once per restore
-- only: sqlite
UPDATE channel_cursor SET lease_until = 0;

-- name: restore_quick_check :many
-- Whether the file is whole.
-- scan: ok, a check
-- only: sqlite
SELECT quick_check FROM pragma_quick_check(20);

-- name: backup_into :exec
-- A consistent copy while others write.
-- scan: ok, all of it
-- only: sqlite
VACUUM INTO :path;
