-- Merged conversations: the row stays, empty and out of every list, so that its number still leads on and the
-- merge can be taken back.
ALTER TABLE conversation ADD COLUMN merged_into INTEGER NOT NULL DEFAULT 0;
CREATE INDEX conversation_merged ON conversation (workspace_id, merged_into) WHERE merged_into <> 0;

CREATE TABLE conversation_merge (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL,
    into_id INTEGER NOT NULL REFERENCES conversation (id),
    from_id INTEGER NOT NULL REFERENCES conversation (id),
    agent_id INTEGER NOT NULL,
    route_id INTEGER NOT NULL,      -- leads from the merged one's own thread
    into_before TEXT NOT NULL,      -- JSON: what the merge changed of it
    from_before TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    undone_at INTEGER
) STRICT;
CREATE INDEX conversation_merge_into ON conversation_merge (workspace_id, into_id, id);
CREATE INDEX conversation_merge_from ON conversation_merge (workspace_id, from_id, id);

-- Which ways in were the merged one's before.
CREATE TABLE conversation_merge_route (
    workspace_id INTEGER NOT NULL,
    merge_id INTEGER NOT NULL REFERENCES conversation_merge (id) ON DELETE CASCADE,
    route_id INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, merge_id, route_id)
) STRICT;
-- Notes have no way: which ones came with it.
CREATE TABLE conversation_merge_note (
    workspace_id INTEGER NOT NULL,
    merge_id INTEGER NOT NULL REFERENCES conversation_merge (id) ON DELETE CASCADE,
    message_id INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, merge_id, message_id)
) STRICT;

-- "See also": both ways, a_id is the smaller number.
CREATE TABLE conversation_link (
    workspace_id INTEGER NOT NULL,
    a_id INTEGER NOT NULL REFERENCES conversation (id),
    b_id INTEGER NOT NULL REFERENCES conversation (id),
    agent_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, a_id, b_id),
    CHECK (a_id < b_id)
) STRICT;
CREATE INDEX conversation_link_b ON conversation_link (workspace_id, b_id, a_id);
