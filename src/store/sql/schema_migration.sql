-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Which files of schema/ were applied to this database, with their hashes.

-- name: schema_migration_make :exec
-- The table that remembers which schema files were applied.
CREATE TABLE IF NOT EXISTS schema_migration (version BIGINT PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, applied_at BIGINT NOT NULL);

-- name: schema_migration_exists :one
-- Whether that table is there.
-- scan: ok, the catalogue
-- only: sqlite
SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migration';
-- only: postgres
SELECT count(*) FROM pg_class WHERE oid = to_regclass('schema_migration');

-- name: schema_migration_list :many
-- What was applied, in order.
-- scan: ok, a row per schema file
SELECT version, name, sha256, applied_at FROM schema_migration ORDER BY version;

-- name: schema_migration_add :exec
-- Records one applied file.
INSERT INTO schema_migration (version, name, sha256, applied_at) VALUES (:version, :name, :sha256, :at);

-- name: schema_lock :exec
-- One process at a time brings a PostgreSQL schema up to date; the lock ends with the transaction.
-- only: postgres
SELECT pg_advisory_xact_lock(:number);

-- name: cluster_number :one
-- The number a PostgreSQL cluster got when it was made; its standbys have the same.
-- scan: ok, one row
-- only: postgres
SELECT CAST(system_identifier AS TEXT) FROM pg_control_system();
