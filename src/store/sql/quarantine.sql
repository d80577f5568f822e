-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: quarantine_list :many
-- What could not be read, newest first, with the beginning of its bytes.
SELECT id, received_at, error AS reason, attempts, length(body) AS size, body
  FROM inbound
 WHERE workspace_id = :workspace AND channel_id = :channel AND state = 'quarantined'
 ORDER BY id DESC
 LIMIT :limit;

-- name: quarantine_retry :exec
-- Back to the readers: perhaps a newer Heed can read it.
UPDATE inbound SET state = 'waiting', attempts = 0, error = ''
 WHERE workspace_id = :workspace AND channel_id = :channel AND id = :id AND state = 'quarantined';

-- name: quarantine_discard :exec
-- A person looked at it and lets it go; the event log says who.
DELETE FROM inbound WHERE workspace_id = :workspace AND channel_id = :channel AND id = :id AND state = 'quarantined';
