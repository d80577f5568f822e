-- Ways into a conversation besides its own thread: the customer moved from public to private or on to
-- another network (a reply went out there), or another conversation was merged into this one. What arrives
-- on (channel, thread) goes to the conversation named here; only without a row does the conversation whose
-- own thread it is get it.
CREATE TABLE conversation_route (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL REFERENCES channel (id),
    channel_kind TEXT NOT NULL,
    thread_key TEXT NOT NULL,
    conversation_id INTEGER NOT NULL REFERENCES conversation (id),
    kind TEXT NOT NULL CHECK (kind IN ('dm', 'thread', 'review', 'email')),
    visibility TEXT NOT NULL CHECK (visibility IN ('public', 'private')),
    address TEXT NOT NULL DEFAULT '', -- whom it reaches, for a thread that we began ourselves
    created_at INTEGER NOT NULL,
    UNIQUE (workspace_id, channel_id, thread_key)
) STRICT;
CREATE INDEX conversation_route_of ON conversation_route (workspace_id, conversation_id, id);

-- By which way a message came or goes; 0: the conversation's own thread.
ALTER TABLE message ADD COLUMN route_id INTEGER NOT NULL DEFAULT 0;

-- The moment before which an answer can be taken back for certain; it leaves not earlier.
ALTER TABLE message ADD COLUMN undo_until INTEGER;
ALTER TABLE outbox ADD COLUMN not_before INTEGER NOT NULL DEFAULT 0;
