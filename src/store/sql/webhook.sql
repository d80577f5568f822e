-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: webhook_insert :one
INSERT INTO webhook (workspace_id, agent_id, name, url, kinds, state, state_since, created_at)
VALUES (:workspace, :agent, :name, :url, :kinds, 'active', :now, :now)
RETURNING id;

-- name: webhook_secret_set :exec
-- A new key; the one before signs as well until a moment.
UPDATE webhook SET old_secret = secret, old_until = :until, secret = :secret
 WHERE workspace_id = :workspace AND id = :id;

-- name: webhook_list :many
-- All endpoints of a workspace, with what waits and what failed at each. :id 0: all.
SELECT w.id, w.workspace_id, w.agent_id, a.name AS agent_name, w.name, w.url, w.kinds AS kinds_text, w.state, w.state_reason,
       w.state_since, w.failing_since, w.failures, w.created_at, w.secret, w.old_secret, w.old_until,
       (SELECT count(*) FROM webhook_delivery d WHERE d.workspace_id = w.workspace_id AND d.webhook_id = w.id AND d.state = 'waiting') AS waiting,
       (SELECT count(*) FROM webhook_delivery d WHERE d.workspace_id = w.workspace_id AND d.webhook_id = w.id AND d.state = 'failed') AS failed
  FROM webhook w JOIN agent a ON a.id = w.agent_id
 WHERE w.workspace_id = :workspace AND (CAST(:id AS INTEGER) = 0 OR w.id = :id)
 ORDER BY w.id;

-- name: webhook_update :exec
UPDATE webhook SET name = :name, url = :url, kinds = :kinds WHERE workspace_id = :workspace AND id = :id;

-- name: webhook_state_set :exec
-- On or off; whoever is switched on again begins without a past.
UPDATE webhook SET state = :state, state_reason = :reason, state_since = :now, failing_since = 0, failures = 0, pause_until = 0
 WHERE workspace_id = :workspace AND id = :id AND state <> :state;

-- name: webhook_given_up :one
-- Those that Heed switched off by itself; who does it by hand gives no reason.
-- scan: ok, a workspace has fifty at most
SELECT count(*) FROM webhook WHERE workspace_id = :workspace AND state = 'disabled' AND state_reason <> '';

-- name: webhook_delete :exec
DELETE FROM webhook WHERE workspace_id = :workspace AND id = :id;

-- name: webhook_active_any :one
-- Is there anybody to be told anything?
-- workspace: any, the reader serves all
-- scan: ok, stops at the first row
SELECT count(*) FROM (SELECT 1 AS one FROM webhook WHERE state = 'active' LIMIT 1) AS found;

-- name: webhook_active :many
-- The endpoints of a workspace that are to be told.
SELECT w.id, w.agent_id, w.kinds, w.created_at FROM webhook w
 WHERE w.workspace_id = :workspace AND w.state = 'active'
 ORDER BY w.id;

-- name: webhook_delivery_insert :exec
-- The same event twice is one row.
INSERT INTO webhook_delivery (workspace_id, webhook_id, message_key, kind, body, state, next_at, created_at)
VALUES (:workspace, :webhook, :key, :kind, :body, 'waiting', :now, :now)
ON CONFLICT DO NOTHING;

-- name: webhook_delivery_insert_one :one
-- One more by hand: the test event.
INSERT INTO webhook_delivery (workspace_id, webhook_id, message_key, kind, body, state, next_at, created_at)
VALUES (:workspace, :webhook, :key, :kind, :body, 'waiting', :now, :now)
RETURNING id;

-- name: webhook_due :many
-- What is due, the oldest first, where nothing else is under way to the same endpoint.
-- workspace: any, the senders serve all
SELECT d.id, d.workspace_id, d.webhook_id
  FROM webhook_delivery d JOIN webhook w ON w.id = d.webhook_id
 WHERE d.state = 'waiting' AND d.next_at <= :now AND d.lease_until <= :now AND w.state = 'active' AND w.pause_until <= :now
   AND NOT EXISTS (SELECT 1 FROM webhook_delivery o
                    WHERE o.workspace_id = d.workspace_id AND o.webhook_id = d.webhook_id AND o.state = 'waiting' AND o.lease_until > :now)
 ORDER BY d.next_at, d.id
 LIMIT :limit;

-- name: webhook_claim :exec
-- Counts the attempt before a byte leaves; nobody else has it until the lease is over.
UPDATE webhook_delivery SET attempts = attempts + 1, lease_until = :until
 WHERE workspace_id = :workspace AND id = :id AND state = 'waiting' AND lease_until <= :now;

-- name: webhook_lock :many
-- One sender at a time looks at an endpoint.
SELECT id FROM webhook WHERE workspace_id = :workspace AND id = :id
-- only: postgres
   FOR UPDATE
-- only: both
;

-- name: webhook_delivery_send :many
-- What the sender needs.
SELECT d.message_key, d.kind, d.body, d.attempts, w.url, w.secret, w.old_secret, w.old_until, w.agent_id, w.failing_since, w.failures
  FROM webhook_delivery d JOIN webhook w ON w.id = d.webhook_id
 WHERE d.workspace_id = :workspace AND d.id = :id;

-- name: webhook_delivery_finish :exec
UPDATE webhook_delivery
   SET state = :state, next_at = :next_at, lease_until = 0, status = :status, error = :error, done_at = :done_at
 WHERE workspace_id = :workspace AND id = :id AND state = 'waiting';

-- name: webhook_attempt_insert :exec
INSERT INTO webhook_attempt (workspace_id, delivery_id, n, at, ms, status, error, answer)
VALUES (:workspace, :delivery, :n, :at, :ms, :status, :error, :answer)
ON CONFLICT DO NOTHING;

-- name: webhook_went_well :exec
UPDATE webhook SET failing_since = 0, failures = 0, pause_until = 0
 WHERE workspace_id = :workspace AND id = :id AND (failing_since > 0 OR pause_until > 0);

-- name: webhook_went_wrong :exec
UPDATE webhook SET failing_since = :since, failures = failures + 1, pause_until = :pause_until
 WHERE workspace_id = :workspace AND id = :id;

-- name: webhook_delivery_list :many
-- Newest first; the cursor is the last row's id. :state '': all.
SELECT id, webhook_id, message_key, kind, state, attempts, next_at, status, error, created_at, done_at
  FROM webhook_delivery
 WHERE workspace_id = :workspace AND webhook_id = :webhook AND id < :before AND (CAST(:state AS TEXT) = '' OR state = :state)
 ORDER BY id DESC
 LIMIT :limit;

-- name: webhook_delivery_get :one
SELECT id, webhook_id, message_key, kind, state, attempts, next_at, status, error, created_at, done_at, body
  FROM webhook_delivery
 WHERE workspace_id = :workspace AND webhook_id = :webhook AND id = :id;

-- name: webhook_attempts :many
SELECT n, at, ms, status, error, answer FROM webhook_attempt
 WHERE workspace_id = :workspace AND delivery_id = :delivery
 ORDER BY n;

-- name: webhook_delivery_replay :exec
-- Once more from the beginning, under the same webhook-id.
UPDATE webhook_delivery SET state = 'waiting', next_at = :now, lease_until = 0, done_at = NULL
 WHERE workspace_id = :workspace AND webhook_id = :webhook AND id = :id AND lease_until <= :now;

-- name: webhook_prune :exec
-- The log is kept for thirty days.
-- workspace: any, the same age for all
DELETE FROM webhook_delivery
 WHERE id IN (SELECT id FROM webhook_delivery WHERE created_at < :before ORDER BY created_at LIMIT :limit);
