-- One change to many conversations: a selection, or all that a query finds. A job does it in small writes,
-- so it can be watched, stopped, and taken back.
CREATE TABLE bulk (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL REFERENCES workspace (id),
    agent_id INTEGER NOT NULL,          -- who asked; acts with their rights as they are then
    q TEXT,                             -- NULL: a selection
    change TEXT NOT NULL,               -- JSON of what shall be different
    state TEXT NOT NULL CHECK (state IN ('running', 'done', 'stopped', 'failed', 'undoing', 'undone')),
    found_all INTEGER NOT NULL,         -- 1: the query has been followed to its end
    found_to INTEGER NOT NULL DEFAULT 0, -- the last conversation it found, newest first
    total INTEGER NOT NULL DEFAULT 0,
    done INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',     -- the first failure, in words
    created_at INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;
CREATE INDEX bulk_active ON bulk (id) WHERE state = 'running' OR state = 'undoing';
CREATE INDEX bulk_by_agent ON bulk (workspace_id, agent_id, id);

-- What is to be done, and what was before, to be taken back.
CREATE TABLE bulk_item (
    workspace_id INTEGER NOT NULL,
    bulk_id INTEGER NOT NULL REFERENCES bulk (id) ON DELETE CASCADE,
    conversation_id INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'failed', 'undone')),
    status TEXT NOT NULL DEFAULT '',
    snoozed_until INTEGER,
    assignee_id INTEGER NOT NULL DEFAULT 0,
    team_id INTEGER NOT NULL DEFAULT 0,
    priority TEXT NOT NULL DEFAULT '',
    spam INTEGER NOT NULL DEFAULT 0,
    tags TEXT NOT NULL DEFAULT '',      -- 0x1f between them
    PRIMARY KEY (workspace_id, bulk_id, conversation_id)
) STRICT;
CREATE INDEX bulk_item_state ON bulk_item (workspace_id, bulk_id, state, conversation_id);
