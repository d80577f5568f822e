-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: push_key_get :one
-- This installation's key pair.
SELECT public_key, secret FROM push_key WHERE id = 1;

-- name: push_key_set :exec
-- Kept once; whoever is second takes the first one's.
INSERT INTO push_key (id, public_key, secret, created_at) VALUES (1, :public_key, :secret, :now) ON CONFLICT (id) DO NOTHING;

-- name: push_key_drop :exec
-- It cannot be opened with this instance's key (a restore without it).
-- scan: ok, one row
DELETE FROM push_key;

-- name: push_device_drop_all :exec
-- They were made for the key pair that is gone.
-- workspace: any, the key pair is everybody's
-- scan: ok, a row per device, after a restore only
DELETE FROM push_device;

-- name: push_device_put :exec
-- A browser that takes pushes; whoever signs in there next takes it over.
INSERT INTO push_device (workspace_id, agent_id, session_id, endpoint_hash, sealed, user_agent, service, created_at)
VALUES (:workspace, :agent, :session, :hash, :sealed, :user_agent, :service, :now)
ON CONFLICT (endpoint_hash) DO UPDATE
   SET workspace_id = excluded.workspace_id, agent_id = excluded.agent_id, session_id = excluded.session_id,
       sealed = excluded.sealed, user_agent = excluded.user_agent, error = '', created_at = excluded.created_at;

-- name: push_device_by_hash :one
-- workspace: any, the hash is unique over all workspaces
SELECT id FROM push_device WHERE endpoint_hash = :hash;

-- name: push_device_count :one
SELECT count(*) FROM push_device WHERE workspace_id = :workspace AND agent_id = :agent;

-- name: push_device_list :many
-- One's own devices whose session still holds.
SELECT d.id, d.user_agent, d.service, d.created_at, d.last_ok_at, d.error, d.session_id
  FROM push_device d JOIN session s ON s.id = d.session_id
 WHERE d.workspace_id = :workspace AND d.agent_id = :agent AND s.expires_at > :now
 ORDER BY d.id;

-- name: push_device_delete :exec
DELETE FROM push_device WHERE workspace_id = :workspace AND agent_id = :agent AND id = :id;

-- name: push_device_gone :exec
-- The push service says that there is no such browser any more.
DELETE FROM push_device WHERE workspace_id = :workspace AND id = :id;

-- name: push_device_ok :exec
UPDATE push_device SET last_ok_at = :now, error = '' WHERE workspace_id = :workspace AND id = :id;

-- name: push_device_error :exec
UPDATE push_device SET error = :error WHERE workspace_id = :workspace AND id = :id;

-- name: push_device_prune :exec
-- Devices whose session ended.
-- workspace: any, the same for all
-- scan: ok, a row per device, once an hour
DELETE FROM push_device WHERE NOT EXISTS (SELECT 1 FROM session s WHERE s.id = push_device.session_id);

-- name: push_ping_due :many
-- Pings that are to be pushed now.
-- workspace: any, the job serves every workspace
SELECT id, workspace_id, agent_id, kind FROM ping
 WHERE push_at IS NOT NULL AND push_at <= :now
 ORDER BY push_at
 LIMIT :limit
-- only: postgres
   FOR UPDATE SKIP LOCKED
-- only: both
;

-- name: push_anything :one
-- Is there anything to do? Asked on a reading connection.
-- workspace: any, the job serves every workspace
SELECT (SELECT count(*) FROM (SELECT 1 FROM ping WHERE push_at IS NOT NULL AND push_at <= :now LIMIT 1) AS a)
     + (SELECT count(*) FROM (SELECT 1 FROM push_out WHERE state = 'queued' AND next_at <= :now LIMIT 1) AS b);

-- name: push_ping_done :exec
-- Its pushes are on their way.
UPDATE ping SET push_at = NULL WHERE workspace_id = :workspace AND id = :id;

-- name: push_out_fan :exec
-- One push to each device of the person whose session holds.
INSERT INTO push_out (workspace_id, device_id, ping_id, state, next_at, until_at, created_at)
SELECT d.workspace_id, d.id, CAST(:ping AS BIGINT), 'queued', CAST(:now AS BIGINT), CAST(:until AS BIGINT), CAST(:now AS BIGINT)
  FROM push_device d JOIN session s ON s.id = d.session_id
 WHERE d.workspace_id = :workspace AND d.agent_id = :agent AND s.expires_at > :now;

-- name: push_out_test :exec
-- A push to try one device.
INSERT INTO push_out (workspace_id, device_id, ping_id, state, next_at, until_at, created_at)
SELECT d.workspace_id, d.id, 0, 'queued', CAST(:now AS BIGINT), CAST(:until AS BIGINT), CAST(:now AS BIGINT)
  FROM push_device d
 WHERE d.workspace_id = :workspace AND d.agent_id = :agent AND d.id = :id;

-- name: push_out_due :many
-- Pushes whose time has come.
-- workspace: any, the job serves every workspace
SELECT o.id, o.workspace_id, o.device_id, o.ping_id, o.attempts, o.until_at, o.created_at
  FROM push_out o
 WHERE o.state = 'queued' AND o.next_at <= :now
 ORDER BY o.next_at
 LIMIT :limit
-- only: postgres
   FOR UPDATE SKIP LOCKED
-- only: both
;

-- name: push_out_claim :exec
-- Counted before the work; nobody else looks at it before `until`.
UPDATE push_out SET attempts = attempts + 1, next_at = :until WHERE workspace_id = :workspace AND id = :id;

-- name: push_out_set :exec
-- What became of it.
UPDATE push_out SET state = :state, next_at = :next_at, error = :error WHERE workspace_id = :workspace AND id = :id;

-- name: push_out_load :one
-- All that a push is made of; a ping that was seen meanwhile has seen_at.
SELECT d.sealed, d.endpoint_hash, d.agent_id, a.language, coalesce(c.choice, '') AS choice, w.settings,
       coalesce(p.kind, '') AS kind, coalesce(p.n, 0) AS n, p.seen_at, coalesce(p.conversation_id, 0) AS conversation_id,
       coalesce(v.contact_name, '') AS contact_name, coalesce(v.preview, '') AS preview, coalesce(b.name, '') AS by_name,
       coalesce(v.channel_id, 0) AS channel_id, coalesce(v.team_id, 0) AS team_id
  FROM push_out o
  JOIN push_device d ON d.workspace_id = o.workspace_id AND d.id = o.device_id
  JOIN session s ON s.id = d.session_id AND s.expires_at > :now
  JOIN agent a ON a.workspace_id = d.workspace_id AND a.id = d.agent_id
  JOIN workspace w ON w.id = o.workspace_id
  LEFT JOIN ping_choice c ON c.workspace_id = d.workspace_id AND c.agent_id = d.agent_id
  LEFT JOIN ping p ON p.workspace_id = o.workspace_id AND p.id = o.ping_id
  LEFT JOIN conversation v ON v.workspace_id = p.workspace_id AND v.id = p.conversation_id
  LEFT JOIN agent b ON b.workspace_id = p.workspace_id AND b.id = p.by_id
 WHERE o.workspace_id = :workspace AND o.id = :id;

-- name: push_out_left :one
-- Whether another push of the ping may still arrive.
SELECT count(*) FROM push_out WHERE workspace_id = :workspace AND ping_id = :ping AND state = 'queued' AND id <> :id;

-- name: push_out_prune :exec
-- Old pushes.
-- workspace: any, the same age for all
DELETE FROM push_out WHERE id IN (SELECT id FROM push_out WHERE created_at < :before ORDER BY created_at LIMIT :limit);

-- name: push_contact :one
-- Whom a push service may ask: the workspace's first owner.
SELECT email FROM agent WHERE workspace_id = :workspace AND role = 'owner' AND disabled_at IS NULL ORDER BY id LIMIT 1;
