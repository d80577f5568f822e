-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: tag_all :many
-- Tags by name, with how much open work carries each.
-- scan: ok, sorted by name, some hundred rows
SELECT t.id, t.name,
       (SELECT count(*) FROM conversation_tag ct
         WHERE ct.workspace_id = t.workspace_id AND ct.tag_id = t.id AND ct.open = 1) AS open_count
  FROM tag t
 WHERE t.workspace_id = :workspace
 ORDER BY t.name_key;

-- name: tag_one :one
SELECT t.id, t.name,
       (SELECT count(*) FROM conversation_tag ct
         WHERE ct.workspace_id = t.workspace_id AND ct.tag_id = t.id AND ct.open = 1) AS open_count
  FROM tag t
 WHERE t.workspace_id = :workspace AND t.id = :id;

-- name: tag_new :one
-- A new tag; its folded name is unique.
INSERT INTO tag (workspace_id, name, name_key, created_at) VALUES (:workspace, :name, :name_key, :now) RETURNING id;

-- name: tag_rename :exec
UPDATE tag SET name = :name, name_key = :name_key WHERE workspace_id = :workspace AND id = :id;
