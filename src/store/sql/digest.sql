-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: digest_anything :one
-- Is there anything to do? Asked on a reading connection.
-- workspace: any, the job serves every workspace
SELECT (SELECT count(*) FROM (SELECT 1 FROM ping WHERE mail_at IS NOT NULL AND mail_at <= :now LIMIT 1) AS a)
     + (SELECT count(*) FROM (SELECT 1 FROM mail_out WHERE state = 'queued' AND next_at <= :now LIMIT 1) AS b);

-- name: digest_people :many
-- Whose pings stayed unseen for as long as they chose.
-- scan: ok, what is due of the index, made distinct
-- workspace: any, the job serves every workspace
SELECT DISTINCT workspace_id, agent_id FROM ping
 WHERE mail_at IS NOT NULL AND mail_at <= :now
 ORDER BY workspace_id, agent_id
 LIMIT :limit;

-- name: digest_pings :many
-- All that waits for somebody's digest, the weightiest first.
-- scan: ok, the few rows of a person are joined
SELECT p.id, p.kind, p.n, p.conversation_id, c.contact_name, c.preview, c.title, coalesce(b.name, '') AS by_name, c.channel_id,
       c.team_id
  FROM ping p
  JOIN conversation c ON c.workspace_id = p.workspace_id AND c.id = p.conversation_id
  LEFT JOIN agent b ON b.workspace_id = p.workspace_id AND b.id = p.by_id
 WHERE p.workspace_id = :workspace AND p.agent_id = :agent AND p.seen_at IS NULL AND p.mail_at IS NOT NULL
 ORDER BY p.rank DESC, p.updated_at DESC, p.id DESC
 LIMIT :limit
-- only: postgres
   FOR UPDATE OF p SKIP LOCKED
-- only: both
;

-- name: digest_person :one
-- Where it goes, and in which language.
SELECT email, name, language FROM agent WHERE workspace_id = :workspace AND id = :agent AND disabled_at IS NULL;

-- name: digest_take :exec
-- In this mail (0: in none), and not waiting for one any more.
UPDATE ping SET mail_at = NULL, mail_out_id = :mail WHERE workspace_id = :workspace AND id = :id;

-- name: digest_drop :exec
-- There is nothing they could be mailed by.
UPDATE ping SET mail_at = NULL WHERE workspace_id = :workspace AND agent_id = :agent AND mail_at <= :now;

-- name: mail_out_insert :one
-- A mail to a colleague.
INSERT INTO mail_out (workspace_id, agent_id, to_address, subject, text, state, next_at, created_at)
VALUES (:workspace, :agent, :address, :subject, :text, 'queued', :now, :now)
RETURNING id;

-- name: mail_out_due :many
-- Mails whose time has come.
-- workspace: any, the job serves every workspace
SELECT o.id, o.workspace_id, o.to_address, o.subject, o.text, o.attempts, o.created_at
  FROM mail_out o
 WHERE o.state = 'queued' AND o.next_at <= :now
 ORDER BY o.next_at
 LIMIT :limit
-- only: postgres
   FOR UPDATE SKIP LOCKED
-- only: both
;

-- name: mail_out_claim :exec
-- Counted before the work; nobody else looks at it before `until`.
UPDATE mail_out SET attempts = attempts + 1, next_at = :until WHERE workspace_id = :workspace AND id = :id;

-- name: mail_out_unseen :one
-- How many of its pings are news still.
SELECT count(*) FROM ping WHERE workspace_id = :workspace AND mail_out_id = :id AND mail_out_id <> 0 AND seen_at IS NULL;

-- name: mail_out_set :exec
-- What became of it.
UPDATE mail_out SET state = :state, next_at = :next_at, error = :error WHERE workspace_id = :workspace AND id = :id;

-- name: mail_out_reached :exec
-- It is out: its pings reached somebody.
UPDATE ping SET reached_at = coalesce(reached_at, :now), pass_at = NULL
 WHERE workspace_id = :workspace AND mail_out_id = :id AND mail_out_id <> 0;

-- name: mail_out_prune :exec
-- Old mails.
-- workspace: any, the same age for all
DELETE FROM mail_out WHERE id IN (SELECT id FROM mail_out WHERE created_at < :before ORDER BY created_at LIMIT :limit);
