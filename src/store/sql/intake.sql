-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: intake_store :one
-- Raw bytes from a network, before it gets its 2xx.
INSERT INTO inbound (workspace_id, channel_id, source, stream, body, state, received_at)
VALUES (:workspace, :channel, :source, :stream, :body, 'waiting', :now)
RETURNING id;

-- name: intake_seen :one
-- Is this message here, and what was said about it before? Always one row.
SELECT coalesce(m.id, 0) AS id, m.kind, m.conversation_id, k.edited_at, k.edited_text, k.deleted_at, coalesce(k.receipt, 0) AS receipt
  FROM (SELECT 1 AS one) AS o
  LEFT JOIN message m ON m.workspace_id = :workspace AND m.channel_id = :channel AND m.external_id = :external_id
  LEFT JOIN message_mark k ON k.workspace_id = :workspace AND k.channel_id = :channel AND k.external_id = :external_id;

-- name: intake_identity :one
-- Who wrote: the identity and the contact behind it.
SELECT i.id, i.contact_id, i.name, i.handle, i.updated_at, k.name AS contact_name
  FROM identity i
  JOIN contact k ON k.workspace_id = i.workspace_id AND k.id = i.contact_id
 WHERE i.workspace_id = :workspace AND i.kind = :kind AND i.scope = :scope AND i.external_id = :external_id;

-- name: intake_contact_insert :one
-- A person we have not met.
INSERT INTO contact (workspace_id, name, language, created_at, updated_at) VALUES (:workspace, :name, '', :now, :now)
RETURNING id;

-- name: intake_contact_delete :exec
-- Somebody else met this person in the same moment: ours goes.
DELETE FROM contact WHERE workspace_id = :workspace AND id = :id;

-- name: intake_identity_insert :one
-- Under which name the network knows them. No row when somebody else was first (never on SQLite).
INSERT INTO identity (workspace_id, kind, scope, external_id, handle, name, contact_id, updated_at)
VALUES (:workspace, :kind, :scope, :external_id, :handle, :name, :contact, :at)
-- only: postgres
ON CONFLICT DO NOTHING
-- only: both
RETURNING id;

-- name: intake_identity_set :exec
-- The newest name and handle the network told.
UPDATE identity SET name = :name, handle = :handle, updated_at = :at WHERE workspace_id = :workspace AND id = :id;

-- name: intake_contact_rename :exec
-- The contact follows its identity's name until a person gave it another one.
UPDATE contact SET name = :name, updated_at = :now WHERE workspace_id = :workspace AND id = :id AND name = :old_name;

-- name: intake_heard :exec
-- The channel has news.
UPDATE channel SET last_event_at = :now WHERE workspace_id = :workspace AND id = :id;

-- name: intake_channels :many
-- Channels of which something waits: one step in the index each, however much waits.
-- workspace: any, the intake job serves every workspace
-- scan: ok, the few rows of the recursion
WITH RECURSIVE waiting (channel_id) AS (
    SELECT min(channel_id) FROM inbound WHERE state = 'waiting'
     UNION ALL
    SELECT (SELECT min(i.channel_id) FROM inbound i WHERE i.state = 'waiting' AND i.channel_id > w.channel_id)
      FROM waiting w WHERE w.channel_id IS NOT NULL)
SELECT channel_id FROM waiting WHERE channel_id IS NOT NULL;

-- name: intake_waiting :many
-- What waits of a channel, oldest first.
-- workspace: any, the channel's number says it
SELECT id, workspace_id, channel_id, attempts FROM inbound
 WHERE state = 'waiting' AND channel_id = :channel AND id > :after ORDER BY id LIMIT :limit;

-- name: intake_count_waiting :one
-- How much waits of a channel, counted up to a limit.
-- workspace: any, the channel's number says it
SELECT count(*) FROM (SELECT id FROM inbound WHERE state = 'waiting' AND channel_id = :channel ORDER BY id LIMIT :limit) AS few;

-- name: intake_lease :exec
-- One worker at a time per channel. No change: another one has it.
INSERT INTO channel_cursor (workspace_id, channel_id, stream, value, next_at, lease_until, lease_owner)
VALUES (:workspace, :channel, '#intake', :worker, 9007199254740991, :until, :owner)
ON CONFLICT (workspace_id, channel_id, stream) DO UPDATE
   SET value = excluded.value, lease_until = excluded.lease_until, lease_owner = excluded.lease_owner
 WHERE channel_cursor.lease_until < :now OR channel_cursor.value = excluded.value;

-- name: intake_lease_end :exec
-- The channel is free again.
UPDATE channel_cursor SET lease_until = 0
 WHERE workspace_id = :workspace AND channel_id = :channel AND stream = '#intake' AND value = :owner;

-- name: intake_attempt :exec
-- Counted before the work, so that work that kills the process is counted too. :ids is a JSON array.
UPDATE inbound SET attempts = attempts + 1
 WHERE workspace_id = :workspace AND state = 'waiting'
-- only: sqlite
   AND id IN (SELECT value FROM json_each(:ids))
-- only: postgres
   AND id = ANY (ARRAY(SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:ids AS JSON))))
-- only: both
;

-- name: intake_unattempt :exec
-- The database was away: not the rows' fault.
UPDATE inbound SET attempts = attempts - 1
 WHERE workspace_id = :workspace AND state = 'waiting' AND attempts > 0
-- only: sqlite
   AND id IN (SELECT value FROM json_each(:ids))
-- only: postgres
   AND id = ANY (ARRAY(SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:ids AS JSON))))
-- only: both
;

-- name: intake_bodies :many
-- The raw bytes of those that still wait.
SELECT id, source, stream, body, received_at FROM inbound
 WHERE workspace_id = :workspace AND state = 'waiting'
-- only: sqlite
   AND id IN (SELECT value FROM json_each(:ids))
-- only: postgres
   AND id = ANY (ARRAY(SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:ids AS JSON))))
-- only: both
;

-- name: intake_done :exec
-- Taken over. Fewer than asked for: somebody else did some of them.
UPDATE inbound SET state = 'done', error = '', done_at = :now
 WHERE workspace_id = :workspace AND state = 'waiting'
-- only: sqlite
   AND id IN (SELECT value FROM json_each(:ids))
-- only: postgres
   AND id = ANY (ARRAY(SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:ids AS JSON))))
-- only: both
;

-- name: intake_failed :exec
-- Still waiting, with what went wrong.
UPDATE inbound SET error = :error WHERE workspace_id = :workspace AND id = :id AND state = 'waiting';

-- name: intake_quarantine :exec
-- Set aside with its bytes; a person can repeat it.
UPDATE inbound SET state = 'quarantined', error = :error WHERE workspace_id = :workspace AND id = :id AND state = 'waiting';

-- name: intake_quarantine_part :exec
-- A part of a body that could not be read, on its own.
INSERT INTO inbound (workspace_id, channel_id, source, stream, body, state, attempts, error, received_at)
VALUES (:workspace, :channel, :source, :stream, :body, 'quarantined', 1, :error, :received_at);

-- name: intake_seen_many :many
-- For a batch: which of these messages are here. :names is a JSON array of external ids. On PostgreSQL each
-- name is looked up by itself (OFFSET 0 keeps the planner from turning it round): without statistics yet
-- it takes a channel for small and reads all of it.
-- args: workspace, channel, names
-- only: sqlite
SELECT external_id, id, kind, conversation_id FROM message
 WHERE workspace_id = :workspace AND channel_id = :channel AND external_id IN (SELECT value FROM json_each(:names));
-- only: postgres
SELECT m.* FROM json_array_elements_text(CAST(:names AS JSON)) AS n
 CROSS JOIN LATERAL (SELECT external_id, id, kind, conversation_id FROM message
                      WHERE workspace_id = :workspace AND channel_id = :channel AND external_id = n.value OFFSET 0) AS m;
-- only: both

-- name: intake_marks_many :many
-- For a batch: what was said about these messages before.
-- args: workspace, channel, names
-- only: sqlite
SELECT external_id, edited_at, edited_text, deleted_at, receipt FROM message_mark
 WHERE workspace_id = :workspace AND channel_id = :channel AND external_id IN (SELECT value FROM json_each(:names));
-- only: postgres
SELECT k.* FROM json_array_elements_text(CAST(:names AS JSON)) AS n
 CROSS JOIN LATERAL (SELECT external_id, edited_at, edited_text, deleted_at, receipt FROM message_mark
                      WHERE workspace_id = :workspace AND channel_id = :channel AND external_id = n.value OFFSET 0) AS k;
-- only: both

-- name: intake_identities_many :many
-- For a batch: who of these authors is known.
-- args: workspace, kind, scope, names
-- only: sqlite
SELECT i.external_id, i.id, i.contact_id, i.name, i.handle, i.updated_at, k.name AS contact_name
  FROM identity i
  JOIN contact k ON k.workspace_id = i.workspace_id AND k.id = i.contact_id
 WHERE i.workspace_id = :workspace AND i.kind = :kind AND i.scope = :scope
   AND i.external_id IN (SELECT value FROM json_each(:names));
-- only: postgres
SELECT p.* FROM json_array_elements_text(CAST(:names AS JSON)) AS n
 CROSS JOIN LATERAL (SELECT i.external_id, i.id, i.contact_id, i.name, i.handle, i.updated_at, k.name AS contact_name
                       FROM identity i
                       JOIN contact k ON k.workspace_id = i.workspace_id AND k.id = i.contact_id
                      WHERE i.workspace_id = :workspace AND i.kind = :kind AND i.scope = :scope
                        AND i.external_id = n.value OFFSET 0) AS p;
-- only: both

-- name: intake_routes_many :many
-- For a batch: which of these threads lead into a conversation that is not theirs.
-- args: workspace, channel, names
-- only: sqlite
SELECT thread_key, id, conversation_id FROM conversation_route
 WHERE workspace_id = :workspace AND channel_id = :channel AND thread_key IN (SELECT value FROM json_each(:names));
-- only: postgres
SELECT r.* FROM json_array_elements_text(CAST(:names AS JSON)) AS n
 CROSS JOIN LATERAL (SELECT thread_key, id, conversation_id FROM conversation_route
                      WHERE workspace_id = :workspace AND channel_id = :channel AND thread_key = n.value OFFSET 0) AS r;
-- only: both

-- name: intake_threads_many :many
-- For a batch: the conversations of these threads, locked in the order of their numbers.
-- scan: ok, a batch's few conversations are sorted
-- args: workspace, channel, names
-- only: sqlite
SELECT * FROM conversation
 WHERE workspace_id = :workspace
   AND (id IN (SELECT id FROM conversation WHERE workspace_id = :workspace AND channel_id = :channel
                  AND thread_key IN (SELECT value FROM json_each(:names)))
        OR id IN (SELECT conversation_id FROM conversation_route WHERE workspace_id = :workspace AND channel_id = :channel
                     AND thread_key IN (SELECT value FROM json_each(:names))))
 ORDER BY id;
-- only: postgres
SELECT * FROM conversation
 WHERE workspace_id = :workspace
   AND id = ANY (ARRAY(SELECT coalesce(r.conversation_id, c.id) FROM json_array_elements_text(CAST(:names AS JSON)) AS n
                         LEFT JOIN LATERAL (SELECT id FROM conversation
                                             WHERE workspace_id = :workspace AND channel_id = :channel
                                               AND thread_key = n.value OFFSET 0) AS c ON true
                         LEFT JOIN LATERAL (SELECT conversation_id FROM conversation_route
                                             WHERE workspace_id = :workspace AND channel_id = :channel
                                               AND thread_key = n.value OFFSET 0) AS r ON true))
 ORDER BY id
   FOR UPDATE;
-- only: both

-- name: intake_person_insert :one
-- A person we have not met, with the name the network knows them by, in one round trip. identity_id 0:
-- somebody else was first, and the contact made here has to go again.
-- args: workspace, name, now, kind, scope, external_id, handle, at
-- only: postgres
WITH person AS (
    INSERT INTO contact (workspace_id, name, language, created_at, updated_at) VALUES (:workspace, :name, '', :now, :now)
    RETURNING id),
known AS (
    INSERT INTO identity (workspace_id, kind, scope, external_id, handle, name, contact_id, updated_at)
    SELECT CAST(:workspace AS BIGINT), :kind, :scope, :external_id, :handle, :name, person.id, CAST(:at AS BIGINT)
      FROM person
    ON CONFLICT DO NOTHING
    RETURNING id)
SELECT person.id AS contact_id, coalesce((SELECT known.id FROM known), 0) AS identity_id FROM person;
-- only: both
