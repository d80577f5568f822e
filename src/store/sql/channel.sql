-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: channel_insert :one
-- A new channel; "connecting" until its credentials were tried.
INSERT INTO channel (workspace_id, kind, name, name_key, state, state_reason, state_since, settings, secret, created_at)
VALUES (:workspace, :kind, :name, :name_key, :state, '', :now, :settings, NULL, :now)
RETURNING id;

-- name: channel_set_secret :exec
-- The sealed secret settings; sealed with the channel's id, so written after it is known.
UPDATE channel SET secret = :secret WHERE workspace_id = :workspace AND id = :id;

-- name: channel_get :one
-- One channel with what is sealed of it.
SELECT id, workspace_id, kind, name, state, state_reason, state_since, external_account_id, handle, settings, secret,
       session, last_event_at, created_at, brand_id, steer_to
  FROM channel
 WHERE workspace_id = :workspace AND id = :id;

-- name: channel_get_locked :one
-- The same, read in order to change it.
SELECT id, workspace_id, kind, name, state, state_reason, state_since, external_account_id, handle, settings, secret,
       session, last_event_at, created_at, brand_id, steer_to
  FROM channel
 WHERE workspace_id = :workspace AND id = :id
-- only: postgres
   FOR UPDATE
-- only: both
;

-- name: channel_list :many
-- All channels of a workspace, in the order they were made.
-- scan: ok, a workspace has a handful
SELECT id, workspace_id, kind, name, state, state_reason, state_since, external_account_id, handle, settings, secret,
       session, last_event_at, created_at, brand_id, steer_to
  FROM channel
 WHERE workspace_id = :workspace
 ORDER BY id;

-- name: channel_by_id :one
-- A webhook names only the channel; everything else follows from its row.
-- workspace: any, the address of a hook holds the channel's id alone
SELECT id, workspace_id, kind, name, state, state_reason, state_since, external_account_id, handle, settings, secret,
       session, last_event_at, created_at, brand_id, steer_to
  FROM channel
 WHERE id = :id;

-- name: channel_name_taken :one
-- How many other channels have this name.
SELECT count(*) FROM channel WHERE workspace_id = :workspace AND name_key = :name_key AND id <> :id;

-- name: channel_account_taken :one
-- How many other channels are this very account.
SELECT count(*) FROM channel
 WHERE workspace_id = :workspace AND kind = :kind AND external_account_id = :account AND id <> :id;

-- name: channel_set :exec
-- What a person may change.
UPDATE channel SET name = :name, name_key = :name_key, settings = :settings
 WHERE workspace_id = :workspace AND id = :id;

-- name: channel_set_settings :exec
-- Facts a driver found out join the settings.
UPDATE channel SET settings = :settings WHERE workspace_id = :workspace AND id = :id;

-- name: channel_set_state :exec
-- A state with its reason; since-when only moves when the state itself does.
UPDATE channel
   SET state_since = CASE WHEN state = :state THEN state_since ELSE :now END, state = :state, state_reason = :reason
 WHERE workspace_id = :workspace AND id = :id AND (state <> :state OR state_reason <> :reason);

-- name: channel_set_account :exec
-- Who the credentials belong to.
UPDATE channel SET external_account_id = :account, handle = :handle
 WHERE workspace_id = :workspace AND id = :id;

-- name: channel_set_session :exec
-- Short-lived credentials, sealed.
UPDATE channel SET session = :session WHERE workspace_id = :workspace AND id = :id;

-- name: channel_touch :exec
-- Something was heard from the network.
UPDATE channel SET last_event_at = :now
 WHERE workspace_id = :workspace AND id = :id AND (last_event_at IS NULL OR last_event_at < :now);

-- name: channel_count_inbound :one
-- Raw events of a channel in one state.
SELECT count(*) FROM inbound WHERE workspace_id = :workspace AND channel_id = :id AND state = 'quarantined';

-- name: channel_count_waiting :one
-- Raw events of a channel that nobody has read yet.
-- scan: ok, only what waits is in this index
SELECT count(*) FROM inbound WHERE state = 'waiting' AND workspace_id = :workspace AND channel_id = :id;

-- name: channel_count_outbox :many
-- What has still to leave a channel, by state.
SELECT state, count(*) AS n FROM outbox
 WHERE workspace_id = :workspace AND channel_id = :id AND state IN ('queued', 'sending', 'in_doubt', 'held', 'failed')
 GROUP BY state;

-- name: channel_traffic :many
-- Messages in and out of a channel by the hour, among the newest (from an id on that channel_traffic_probe found).
-- scan: ok, only the messages of the last day are read
SELECT received_at / 3600000 AS hour, direction, count(*) AS n FROM message
 WHERE id >= :first AND workspace_id = :workspace AND channel_id = :channel AND received_at >= :since
   AND kind = 'message'
 GROUP BY received_at / 3600000, direction;

-- name: channel_traffic_probe :one
-- When the first message at or behind an id came; a binary search over ids finds the last day by it.
-- workspace: any, only a time is read
SELECT received_at FROM message WHERE id >= :id ORDER BY id LIMIT 1;

-- name: channel_traffic_newest :one
-- The newest message's number.
-- workspace: any, only a number is read
SELECT coalesce(max(id), 0) FROM message;

-- name: channel_cursor_put :exec
-- A stream of a channel begins (or is asked to look again at once).
INSERT INTO channel_cursor (workspace_id, channel_id, stream, value, next_at)
VALUES (:workspace, :channel, :stream, '', :next_at)
ON CONFLICT (workspace_id, channel_id, stream) DO UPDATE SET next_at = excluded.next_at, failures = 0;

-- name: channel_cursor_due :many
-- Streams whose time has come, of channels that are well enough to be asked: of each network some that
-- answered lately and some that failed, so that no crowd of either hides the others; the former first.
-- workspace: any, one poller serves all workspaces
-- scan: ok, only what is due is sorted
SELECT workspace_id, channel_id, stream, value, failures, next_at, kind
  FROM (SELECT k.workspace_id, k.channel_id, k.stream, k.value, k.failures, k.next_at, c.kind,
               CASE WHEN k.failures > 0 THEN 1 ELSE 0 END AS failing,
               row_number() OVER (PARTITION BY c.kind, CASE WHEN k.failures > 0 THEN 1 ELSE 0 END ORDER BY k.next_at) AS place
          FROM channel_cursor k
          JOIN channel c ON c.id = k.channel_id
         WHERE k.next_at <= :now AND k.lease_until < :now AND substr(k.stream, 1, 1) <> '#'
           AND ((k.stream = 'connect' AND c.state = 'connecting')
             OR (k.stream <> 'connect' AND c.state IN ('active', 'degraded')))) AS due
 WHERE place <= :limit
 ORDER BY failing, next_at;

-- name: channel_cursor_nudge :exec
-- There is news: the stream is looked at now, or right after the turn that is under way.
UPDATE channel_cursor SET next_at = :now
 WHERE workspace_id = :workspace AND channel_id = :channel AND stream = :stream AND next_at > :now AND failures = 0;

-- name: channel_cursor_lease :exec
-- One poller takes a stream; whoever comes second changes nothing.
UPDATE channel_cursor SET lease_until = :until, lease_owner = :owner
 WHERE workspace_id = :workspace AND channel_id = :channel AND stream = :stream AND lease_until < :now;

-- name: channel_cursor_lease_put :exec
-- A lease on a name that is no polled stream ("#session").
INSERT INTO channel_cursor (workspace_id, channel_id, stream, value, next_at, lease_until, lease_owner)
VALUES (:workspace, :channel, :stream, '', 9007199254740991, :until, :owner)
ON CONFLICT (workspace_id, channel_id, stream) DO UPDATE
   SET lease_until = excluded.lease_until, lease_owner = excluded.lease_owner
 WHERE channel_cursor.lease_until < :now;

-- name: channel_cursor_release :exec
-- Gives a lease back before its time.
UPDATE channel_cursor SET lease_until = 0
 WHERE workspace_id = :workspace AND channel_id = :channel AND stream = :stream AND lease_until = :until;

-- name: channel_cursor_move :exec
-- The cursor moves with the raw events it stands behind; only under the lease it was read with.
UPDATE channel_cursor SET value = :value, next_at = :next_at, failures = 0, lease_until = 0
 WHERE workspace_id = :workspace AND channel_id = :channel AND stream = :stream AND lease_until = :until;

-- name: channel_cursor_fail :exec
-- A turn that failed: later again, from the same place.
UPDATE channel_cursor SET next_at = :next_at, failures = :failures, lease_until = 0
 WHERE workspace_id = :workspace AND channel_id = :channel AND stream = :stream AND lease_until = :until;

-- name: channel_cursor_renew :exec
-- A long turn keeps its lease.
UPDATE channel_cursor SET lease_until = :next_until
 WHERE workspace_id = :workspace AND channel_id = :channel AND stream = :stream AND lease_until = :until;

-- name: channel_cursor_owners :many
-- Who else holds leases on streams.
-- workspace: any, one poller serves all workspaces
-- scan: ok, a few rows a channel, once a second
SELECT DISTINCT lease_owner FROM channel_cursor
 WHERE lease_until >= :now AND lease_owner <> '' AND lease_owner <> :owner;

-- name: channel_cursor_forsake :exec
-- That process is gone: its leases end now.
-- workspace: any, one poller serves all workspaces
-- scan: ok, a few rows a channel, when a process died
UPDATE channel_cursor SET lease_until = 0 WHERE lease_owner = :owner AND lease_until > 0;

-- name: channel_cursor_expire :exec
-- One process on SQLite: whoever held a lease before its start is gone.
-- workspace: any, done once at start
-- scan: ok, a handful of rows, once at start
UPDATE channel_cursor SET lease_until = 0 WHERE lease_until > 0 AND stream <> '#intake';

-- name: channel_watched :many
-- Messages of the newest open conversations: what is looked at again for deletions.
SELECT m.external_id
  FROM (SELECT workspace_id, id FROM conversation
         WHERE workspace_id = :workspace AND channel_id = :channel AND status = 'open' AND visibility = 'public'
         ORDER BY last_message_at DESC, id DESC LIMIT 300) c
  JOIN message m ON m.workspace_id = c.workspace_id AND m.conversation_id = c.id
 WHERE m.kind = 'message' AND m.deleted_at IS NULL AND m.external_id IS NOT NULL
 LIMIT :limit;
