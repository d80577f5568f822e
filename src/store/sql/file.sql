-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: file_part_put :exec
-- One part of a file, at most 256 KiB; the same bytes again change nothing.
INSERT INTO file_part (workspace_id, sha256, part, bytes) VALUES (:workspace, :sha256, :part, :bytes)
ON CONFLICT DO NOTHING;

-- name: file_put :exec
-- The file itself, once all its parts are here. Given again it is as new: nobody prunes it meanwhile.
INSERT INTO file (workspace_id, sha256, mime, size, width, height, uploaded_by, created_at)
VALUES (:workspace, :sha256, :mime, :size, :width, :height, :uploaded_by, :now)
ON CONFLICT (workspace_id, sha256) DO UPDATE SET created_at = excluded.created_at;

-- name: file_touch :exec
-- It is wanted again: nobody prunes it meanwhile.
UPDATE file SET created_at = :now WHERE workspace_id = :workspace AND sha256 = :sha256;

-- name: file_parts :many
-- The bytes, in order, from one part to another.
SELECT bytes FROM file_part
 WHERE workspace_id = :workspace AND sha256 = :sha256 AND part BETWEEN :first AND :last
 ORDER BY part;

-- name: file_get :one
-- What is known of a file.
SELECT sha256, mime, size, width, height FROM file WHERE workspace_id = :workspace AND sha256 = :sha256;

-- name: file_attachment :one
-- An attachment with what decides who may see it.
SELECT a.sha256, a.name, a.state, f.mime, f.size, c.channel_id, c.team_id, m.deleted_at
  FROM attachment a
  JOIN message m ON m.id = a.message_id
  JOIN conversation c ON c.id = m.conversation_id
  LEFT JOIN file f ON f.workspace_id = a.workspace_id AND f.sha256 = a.sha256
 WHERE a.workspace_id = :workspace AND a.id = :id;
