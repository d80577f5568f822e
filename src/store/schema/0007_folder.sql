-- Saved folders: a query with a name, one's own, a team's or everybody's.
CREATE TABLE folder (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL REFERENCES workspace (id),
    whose TEXT NOT NULL CHECK (whose IN ('own', 'team', 'workspace')),
    agent_id INTEGER NOT NULL DEFAULT 0, -- own: whose
    team_id INTEGER NOT NULL DEFAULT 0,  -- team: whose
    name TEXT NOT NULL,
    q TEXT NOT NULL,
    icon TEXT NOT NULL,
    colour TEXT NOT NULL,
    sort TEXT NOT NULL,
    position INTEGER NOT NULL,           -- among all folders of the workspace; lists are short
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX folder_by_workspace ON folder (workspace_id, position, id);
-- A channel's folder in the order of urgency, and all its open conversations when another order is wanted.
CREATE INDEX conversation_channel_urgent ON conversation (workspace_id, channel_id, urgent_at, id) WHERE status = 'open' AND spam = 0;
