-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: idempotency_claim :exec
-- First of all in a write: nobody else can take this key until the write ends, and a second one finds
-- the answer of the first. status 0 never outlives the write.
INSERT INTO idempotency (workspace_id, actor, key, fingerprint, status, body, created_at)
VALUES (:workspace, :actor, :key, :fingerprint, 0, CAST('' AS BLOB), :now)
ON CONFLICT DO NOTHING;

-- name: idempotency_get :one
-- What was answered then.
SELECT fingerprint, status, body, sealed FROM idempotency
 WHERE workspace_id = :workspace AND actor = :actor AND key = :key;

-- name: idempotency_save :exec
-- The answer, in the same write as its effect.
UPDATE idempotency SET status = :status, body = :body, sealed = :sealed
 WHERE workspace_id = :workspace AND actor = :actor AND key = :key;

-- name: idempotency_delete_old :exec
-- Kept 72 hours.
-- workspace: any, the clock is the same for all
DELETE FROM idempotency WHERE created_at < :before;
