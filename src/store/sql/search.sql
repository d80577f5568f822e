-- SPDX-License-Identifier: AGPL-3.0-or-later
-- What the search index reads from the messages, and the few statements on the index itself.

-- name: search_messages :many
-- Messages whose index entries are to be looked at, of any workspace. :ids is a JSON array.
-- workspace: any, one index serves all workspaces; its tokens name theirs
-- only: sqlite
SELECT id, workspace_id, conversation_id, version, deleted_at,
       CASE WHEN subject = '' THEN text ELSE subject || ' ' || text END AS text
  FROM message
 WHERE id IN (SELECT value FROM json_each(:ids));
-- only: postgres
SELECT id, workspace_id, conversation_id, version, deleted_at,
       CASE WHEN subject = '' THEN text ELSE subject || ' ' || text END AS text
  FROM message
 WHERE id = ANY (ARRAY(SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:ids AS JSON))));

-- name: search_messages_before :many
-- The next messages of an index that is built anew, newest first.
-- workspace: any, one index serves all workspaces; its tokens name theirs
SELECT id, workspace_id, conversation_id, version, deleted_at,
       CASE WHEN subject = '' THEN text ELSE subject || ' ' || text END AS text
  FROM message
 WHERE id <= :newest ORDER BY id DESC LIMIT :limit;

-- name: search_newest_message :one
-- Where building anew begins.
-- workspace: any, one index serves all workspaces; its tokens name theirs
SELECT coalesce(max(id), 0) FROM message;

-- name: search_text_before :one
-- The text a message had at a version, when it has changed since: kept under the version before the
-- change.
SELECT CASE WHEN m.subject = '' THEN v.text ELSE m.subject || ' ' || v.text END
  FROM message_version v
  JOIN message m ON m.workspace_id = v.workspace_id AND m.id = v.message_id
 WHERE v.workspace_id = :workspace AND v.message_id = :message AND v.version >= :version
 ORDER BY v.version LIMIT 1;

-- name: search_oldest_event :one
-- What is older than the kept log cannot be followed, only built anew. When nothing is kept: the next one.
-- workspace: any, one index serves all workspaces; its tokens name theirs
-- only: sqlite
SELECT coalesce((SELECT min(id) FROM event), (SELECT seq + 1 FROM sqlite_sequence WHERE name = 'event'), 1);

-- name: search_text_add :exec
-- Indexes the tokens of a message.
-- schema: search
-- only: sqlite
INSERT INTO search_text (rowid, tokens) VALUES (:message, :tokens);

-- name: search_text_remove :exec
-- Must be given the very tokens that were indexed: any other leave words behind, without an error.
-- schema: search
-- only: sqlite
INSERT INTO search_text (search_text, rowid, tokens) VALUES ('delete', :message, :tokens);

-- name: search_text_set :exec
-- A setting of the index: hashsize, automerge.
-- schema: search
-- only: sqlite
INSERT INTO search_text (search_text, rank) VALUES (:name, :value);

-- name: search_doc_get :one
-- What the index holds of a message.
-- schema: search
-- only: sqlite
SELECT conversation_id, version FROM search_doc WHERE message_id = :message;

-- name: search_doc_put :exec
-- A message is indexed with the text of this version.
-- schema: search
-- only: sqlite
INSERT INTO search_doc (message_id, conversation_id, version) VALUES (:message, :conversation, :version)
    ON CONFLICT (message_id) DO UPDATE SET conversation_id = excluded.conversation_id, version = excluded.version;

-- name: search_doc_drop :exec
-- A message is not indexed any more.
-- schema: search
-- only: sqlite
DELETE FROM search_doc WHERE message_id = :message;

-- name: search_state_read :one
-- One of the index's own facts: format, epoch, position, fill_next, fill_total.
-- schema: search
-- only: sqlite
SELECT value FROM search_state WHERE key = :key;

-- name: search_state_write :exec
-- Sets one of the index's own facts.
-- schema: search
-- only: sqlite
INSERT INTO search_state (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value;

-- name: search_fact :one
-- One of the index's own facts: format, epoch, fill_next, fill_total.
-- only: postgres
SELECT value FROM search_state WHERE key = :key;

-- name: search_fact_lock :one
-- The same, held until the end of the write: several processes fill one index.
-- only: postgres
SELECT value FROM search_state WHERE key = :key FOR UPDATE;

-- name: search_fact_set :exec
-- Sets one of the index's own facts.
-- only: postgres
INSERT INTO search_state (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value;

-- name: search_docs_clear :exec
-- An index that does not fit is built anew.
-- workspace: any, one index serves all workspaces; its tokens name theirs
-- only: postgres
TRUNCATE search_doc;

-- name: search_docs_of :many
-- Which versions of these messages are indexed.
-- workspace: any, one index serves all workspaces; its tokens name theirs
-- only: postgres
SELECT d.message_id, d.conversation_id, d.version
  FROM json_to_recordset(CAST(:messages AS JSON)) AS r (workspace_id BIGINT, id BIGINT)
  JOIN search_doc d ON d.workspace_id = r.workspace_id AND d.message_id = r.id AND d.part = 0;

-- name: search_docs_remove :exec
-- Takes messages out of the index.
-- workspace: any, one index serves all workspaces; its tokens name theirs
-- only: postgres
DELETE FROM search_doc d USING json_to_recordset(CAST(:messages AS JSON)) AS r (workspace_id BIGINT, id BIGINT)
 WHERE d.workspace_id = r.workspace_id AND d.message_id = r.id;

-- name: search_docs_add :exec
-- Puts the parts of many messages into the index at once; words is a tsvector as text, of our own tokens.
-- workspace: any, one index serves all workspaces; its tokens name theirs
-- only: postgres
INSERT INTO search_doc (workspace_id, message_id, part, conversation_id, version, words)
SELECT r.w, r.m, r.p, r.c, r.v, CAST(r.t AS tsvector)
  FROM json_to_recordset(CAST(:parts AS JSON)) AS r (w BIGINT, m BIGINT, p BIGINT, c BIGINT, v BIGINT, t TEXT)
    ON CONFLICT (workspace_id, message_id, part) DO UPDATE
   SET conversation_id = excluded.conversation_id, version = excluded.version, words = excluded.words;
