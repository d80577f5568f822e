-- Which visitors are writing, for the other processes on one PostgreSQL; one process keeps it in memory.
CREATE TABLE visitor_typing (
    workspace_id INTEGER NOT NULL,
    visitor_id INTEGER NOT NULL REFERENCES visitor (id) ON DELETE CASCADE,
    process TEXT NOT NULL,
    conversation_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    team_id INTEGER NOT NULL,
    typing INTEGER NOT NULL CHECK (typing IN (0, 1)),
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, visitor_id)
) STRICT;
CREATE INDEX visitor_typing_news ON visitor_typing (updated_at);
