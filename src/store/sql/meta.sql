-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Facts about the database itself: its epoch, which key sealed its secrets.

-- name: meta_get :one
-- One fact.
SELECT value FROM meta WHERE key = :key;

-- name: meta_set :exec
-- Writes one fact.
INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value;

-- name: meta_add :exec
-- Writes one fact unless it is there.
INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO NOTHING;

-- name: meta_epoch_starts :many
-- Where in the log each epoch began (epoch_start:N), for cursors from before a restore.
-- scan: ok, a dozen rows
SELECT key, value FROM meta WHERE key LIKE 'epoch_start:%';
