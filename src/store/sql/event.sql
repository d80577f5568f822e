-- SPDX-License-Identifier: AGPL-3.0-or-later
-- The event log. On PostgreSQL its order is (epoch, xid, id), and only transactions below the oldest
-- running one are read, so none is skipped that commits out of id order. Events of earlier epochs are
-- finished whatever their xid says: it may come from another cluster.

-- name: event_add :exec
-- Writes one event; PostgreSQL tells its xid.
-- args: workspace, at, kind, conversation, message, channel, agent, data, epoch
-- only: sqlite
INSERT INTO event (workspace_id, at, kind, conversation_id, message_id, channel_id, agent_id, data)
VALUES (:workspace, coalesce(:at, :epoch), :kind, :conversation, :message, :channel, :agent, :data);
-- only: postgres
INSERT INTO event (workspace_id, at, kind, conversation_id, message_id, channel_id, agent_id, data, epoch)
VALUES (:workspace, :at, :kind, :conversation, :message, :channel, :agent, :data, :epoch)
RETURNING CAST(CAST(xid AS TEXT) AS BIGINT);

-- name: event_after :many
-- Events behind a cursor, in the order of the log. current: this database's epoch.
-- workspace: any, readers serve all workspaces
-- args: epoch, xid, id, current, limit
-- only: sqlite
SELECT CAST(:current AS INTEGER) AS epoch, 0 AS xid, id, workspace_id, at, kind, conversation_id, message_id, channel_id,
       agent_id, data
  FROM event
 WHERE id > :id AND :epoch IS NOT NULL AND :xid IS NOT NULL
 ORDER BY id
 LIMIT :limit;
-- only: postgres
SELECT epoch, CAST(CAST(xid AS TEXT) AS BIGINT) AS xid, id, workspace_id, at, kind, conversation_id, message_id,
       channel_id, agent_id, data
  FROM event
 WHERE (epoch, xid, id) > (:epoch, CAST(CAST(:xid AS TEXT) AS xid8), :id)
   AND (epoch < :current OR xid < pg_snapshot_xmin(pg_current_snapshot()))
 ORDER BY event.epoch, event.xid, event.id
 LIMIT :limit;

-- name: event_exists :one
-- Is the event at this place still kept? On SQLite its number is the whole place.
-- workspace: any, only a place in the log is asked about
-- args: epoch, xid, id
-- only: sqlite
SELECT count(*) FROM event WHERE id = :id AND :epoch IS NOT NULL AND :xid IS NOT NULL;
-- only: postgres
SELECT count(*) FROM event WHERE epoch = :epoch AND xid = CAST(CAST(:xid AS TEXT) AS xid8) AND id = :id;

-- name: event_tail :one
-- The newest readable event; on SQLite the last one there was when none is kept any more.
-- workspace: any, the end of the log is the same for all
-- scan: ok, one row from the end of the primary key
-- only: sqlite
SELECT CAST(:current AS INTEGER), 0,
       coalesce((SELECT max(id) FROM event), (SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0);
-- only: postgres
SELECT epoch, CAST(CAST(xid AS TEXT) AS BIGINT), id
  FROM event
 WHERE epoch < :current OR xid < pg_snapshot_xmin(pg_current_snapshot())
 ORDER BY event.epoch DESC, event.xid DESC, event.id DESC
 LIMIT 1;

-- name: event_last_id :one
-- The highest id ever given (0: none), to see a cursor that is ahead of the log.
-- only: sqlite
SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0);

-- name: event_xid_state :one
-- What became of a transaction: 1 committed, 2 rolled back, 0 not known yet.
-- only: postgres
SELECT CASE pg_xact_status(CAST(CAST(:xid AS TEXT) AS xid8)) WHEN 'committed' THEN 1 WHEN 'aborted' THEN 2 ELSE 0 END;
