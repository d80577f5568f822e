-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Checks of heed doctor. Each gives sentences, at most twenty.

-- name: doctor_integrity :many
-- What SQLite finds in its own pages and indexes.
-- scan: ok, a check
-- only: sqlite
SELECT integrity_check FROM pragma_integrity_check(20);

-- name: doctor_foreign_keys :many
-- Rows that point to nothing.
-- scan: ok, a check
-- only: sqlite
SELECT "table" || ' row ' || coalesce(CAST(rowid AS TEXT), '?') || ' points to a row of ' || parent || ' that is not there'
  FROM pragma_foreign_key_check LIMIT 20;

-- name: doctor_objects :many
-- Tables and indexes with their columns, one line each, to compare with the schema files.
-- scan: ok, the catalogue
-- only: sqlite
SELECT type || ' ' || name || ' on ' || tbl_name || coalesce(': ' || sql, '') FROM sqlite_schema
 WHERE name NOT LIKE 'sqlite%' AND name NOT LIKE 'search%' AND name <> 'schema_migration' ORDER BY 1;

-- name: doctor_columns :many
-- The same for PostgreSQL, of the schema that comes first in the search path.
-- scan: ok, the catalogue
-- only: postgres
SELECT 'column ' || table_name || '.' || column_name || ': ' || data_type ||
       CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END
  FROM information_schema.columns WHERE table_schema = current_schema()
UNION ALL
SELECT 'index ' || replace(replace(indexdef, schemaname || '.', ''), 'pg_temp.', '') FROM pg_indexes WHERE schemaname = current_schema()
UNION ALL
SELECT 'constraint on ' || split_part(CAST(CAST(conrelid AS regclass) AS TEXT), '.', -1) || ': ' ||
       replace(replace(pg_get_constraintdef(pg_constraint.oid), current_schema() || '.', ''), 'pg_temp.', '')
  FROM pg_constraint JOIN pg_namespace n ON n.oid = connamespace WHERE nspname = current_schema()
ORDER BY 1;

-- name: doctor_counts :many
-- Cells of the folders' counts that differ from counting anew.
-- workspace: any, looks at all
-- scan: ok, a check
WITH place AS (
    SELECT workspace_id, channel_id, team_id, assignee_id, status, spam, coalesce(waiting_since, 0) AS waiting
      FROM conversation WHERE merged_into = 0
), member AS (
    SELECT workspace_id, channel_id, team_id,
           CASE WHEN spam <> 0 THEN 'spam' ELSE status END AS folder
      FROM place
    UNION ALL
    SELECT workspace_id, channel_id, team_id, 'unanswered' FROM place WHERE spam = 0 AND status = 'open' AND waiting > 0
    UNION ALL
    SELECT workspace_id, channel_id, team_id,
           CASE WHEN assignee_id = 0 THEN 'unassigned' ELSE 'mine:' || CAST(assignee_id AS TEXT) END
      FROM place WHERE spam = 0 AND status = 'open'
), cell AS (
    SELECT workspace_id, folder, channel_id, team_id, count(*) AS wanted, 0 AS n
      FROM member GROUP BY workspace_id, folder, channel_id, team_id
    UNION ALL
    SELECT workspace_id, folder, channel_id, team_id, 0, n FROM count_cell
), both_of AS (
    SELECT workspace_id, folder, channel_id, team_id, sum(wanted) AS wanted, sum(n) AS n
      FROM cell GROUP BY workspace_id, folder, channel_id, team_id
)
SELECT 'The count of folder ' || folder || ' in workspace ' || CAST(workspace_id AS TEXT) || ' (channel ' ||
       CAST(channel_id AS TEXT) || ', team ' || CAST(team_id AS TEXT) || ') says ' || CAST(n AS TEXT) ||
       ', but there are ' || CAST(wanted AS TEXT)
  FROM both_of WHERE wanted <> n ORDER BY workspace_id, folder, channel_id, team_id LIMIT 20;

-- name: doctor_strangers :many
-- Rows that lie in another workspace than what they belong to.
-- workspace: any, looks at all
-- scan: ok, a check
SELECT 'Message ' || CAST(m.id AS TEXT) || ' is in workspace ' || CAST(m.workspace_id AS TEXT) || ', its conversation ' ||
       CAST(c.id AS TEXT) || ' in ' || CAST(c.workspace_id AS TEXT)
  FROM message m JOIN conversation c ON c.id = m.conversation_id WHERE c.workspace_id <> m.workspace_id
UNION ALL
SELECT 'Conversation ' || CAST(c.id AS TEXT) || ' is in workspace ' || CAST(c.workspace_id AS TEXT) || ', its channel ' ||
       CAST(h.id AS TEXT) || ' in ' || CAST(h.workspace_id AS TEXT)
  FROM conversation c JOIN channel h ON h.id = c.channel_id WHERE h.workspace_id <> c.workspace_id
UNION ALL
SELECT 'Identity ' || CAST(i.id AS TEXT) || ' is in workspace ' || CAST(i.workspace_id AS TEXT) || ', its contact ' ||
       CAST(k.id AS TEXT) || ' in ' || CAST(k.workspace_id AS TEXT)
  FROM identity i JOIN contact k ON k.id = i.contact_id WHERE k.workspace_id <> i.workspace_id
LIMIT 20;

-- name: doctor_lost :many
-- Rows whose other end is missing without a foreign key that would say so.
-- workspace: any, looks at all
-- scan: ok, a check
SELECT 'Conversation ' || CAST(id AS TEXT) || ' has contact ' || CAST(contact_id AS TEXT) || ', which is not there'
  FROM conversation c
 WHERE contact_id <> 0 AND NOT EXISTS (SELECT 1 FROM contact k WHERE k.id = c.contact_id AND k.workspace_id = c.workspace_id)
UNION ALL
SELECT 'Outbox row ' || CAST(id AS TEXT) || ' is to send message ' || CAST(message_id AS TEXT) || ', which is not there'
  FROM outbox o
 WHERE state IN ('queued', 'sending', 'in_doubt', 'held')
   AND NOT EXISTS (SELECT 1 FROM message m WHERE m.id = o.message_id AND m.workspace_id = o.workspace_id)
UNION ALL
SELECT 'Message ' || CAST(id AS TEXT) || ' waits to be sent, but nothing in the outbox will send it'
  FROM message m
 WHERE send_state IN ('queued', 'sending')
   AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.message_id = m.id AND o.workspace_id = m.workspace_id
                      AND o.state IN ('queued', 'sending', 'in_doubt', 'held'))
LIMIT 20;

-- name: doctor_tags :many
-- Tags of conversations whose sort key differs from the conversation's.
-- workspace: any, looks at all
-- scan: ok, a check
SELECT 'Conversation ' || CAST(c.id AS TEXT) || ' is listed under tag ' || CAST(t.tag_id AS TEXT) || ' at the wrong place'
  FROM conversation_tag t JOIN conversation c ON c.id = t.conversation_id
 WHERE t.workspace_id <> c.workspace_id OR t.urgent_at <> c.urgent_at
    OR t.open <> (CASE WHEN c.status = 'open' AND c.spam = 0 THEN 1 ELSE 0 END)
 LIMIT 20;

-- name: doctor_files :many
-- Files that are not whole, parts without a file, attachments that are ready without one.
-- workspace: any, looks at all
-- scan: ok, a check
SELECT 'File ' || f.sha256 || ' of workspace ' || CAST(f.workspace_id AS TEXT) || ' should have ' || CAST(f.size AS TEXT) ||
       ' bytes, its parts have ' || CAST(coalesce(sum(length(p.bytes)), 0) AS TEXT)
  FROM file f LEFT JOIN file_part p ON p.workspace_id = f.workspace_id AND p.sha256 = f.sha256
 GROUP BY f.workspace_id, f.sha256, f.size HAVING coalesce(sum(length(p.bytes)), 0) <> f.size
UNION ALL
SELECT 'Part ' || CAST(part AS TEXT) || ' of file ' || sha256 || ' in workspace ' || CAST(workspace_id AS TEXT) ||
       ' belongs to no file'
  FROM file_part p
 WHERE NOT EXISTS (SELECT 1 FROM file f WHERE f.workspace_id = p.workspace_id AND f.sha256 = p.sha256)
UNION ALL
SELECT 'Attachment ' || CAST(id AS TEXT) || ' is ready, but its file ' || coalesce(sha256, '(none)') || ' is not there'
  FROM attachment a
 WHERE state = 'ready'
   AND NOT EXISTS (SELECT 1 FROM file f WHERE f.workspace_id = a.workspace_id AND f.sha256 = a.sha256)
LIMIT 20;

-- name: doctor_readers :many
-- Readers that stand ahead of the log: they would sleep through what comes.
-- scan: ok, a check
-- only: sqlite
SELECT 'Reader ' || name || ' stands at event ' || position || ', ahead of the log, which ends at ' ||
       coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0)
  FROM reader
 WHERE position > coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0)
    OR epoch > (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'epoch');
-- only: postgres
SELECT 'Reader ' || name || ' stands at transaction ' || CAST(xid AS TEXT) || ' of epoch ' || CAST(epoch AS TEXT) ||
       ', ahead of the log'
  FROM reader
 WHERE epoch > (SELECT CAST(value AS BIGINT) FROM meta WHERE key = 'epoch')
    OR (epoch = (SELECT CAST(value AS BIGINT) FROM meta WHERE key = 'epoch')
        AND CAST(CAST(xid AS TEXT) AS xid8) >= pg_snapshot_xmax(pg_current_snapshot()));

-- name: doctor_quarantine :many
-- Worth knowing: raw events nobody could read yet.
-- workspace: any, looks at all
-- scan: ok, a check
SELECT CAST(count(*) AS TEXT) || ' raw events of channel ' || CAST(channel_id AS TEXT) || ' in workspace ' ||
       CAST(workspace_id AS TEXT) || ' are in quarantine'
  FROM inbound WHERE state = 'quarantined' GROUP BY workspace_id, channel_id LIMIT 20;

-- name: doctor_held :many
-- Worth knowing: what waits for a person's decision.
-- workspace: any, looks at all
-- scan: ok, a check
SELECT CAST(count(*) AS TEXT) || ' outgoing messages of workspace ' || CAST(workspace_id AS TEXT) || ' are ' ||
       CASE state WHEN 'held' THEN 'held until an owner says yes' ELSE 'in doubt' END
  FROM outbox WHERE state IN ('held', 'in_doubt') GROUP BY workspace_id, state LIMIT 20;
