-- Writing together: drafts on the server, answers that go out later, mentions, who was asked in, signatures,
-- edits of our own messages.

-- What somebody has begun to write. shared: colleagues may open it, take it over and send it.
CREATE TABLE draft (
    workspace_id INTEGER NOT NULL,
    conversation_id INTEGER NOT NULL REFERENCES conversation (id),
    agent_id INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
    mode TEXT NOT NULL CHECK (mode IN ('reply', 'note')),
    text TEXT NOT NULL,
    attachments TEXT NOT NULL DEFAULT '{}', -- JSON: {"attachments": [… as in POST messages]}
    reply_to INTEGER NOT NULL DEFAULT 0,    -- message
    route_id INTEGER NOT NULL DEFAULT -1,   -- -1: as the customer wrote last
    shared INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 1,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, conversation_id, agent_id, mode)
) STRICT;

-- Answers that go out at a moment of their own: only then do they become messages.
CREATE TABLE scheduled_send (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL,
    conversation_id INTEGER NOT NULL REFERENCES conversation (id),
    agent_id INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    attachments TEXT NOT NULL DEFAULT '{}',
    reply_to INTEGER NOT NULL DEFAULT 0,
    route_id INTEGER NOT NULL,
    send_at INTEGER NOT NULL,
    cancel_if_customer_writes INTEGER NOT NULL DEFAULT 0,
    seen_message_id INTEGER NOT NULL DEFAULT 0, -- newest message when it was written
    state TEXT NOT NULL CHECK (state IN ('waiting', 'stopped', 'failed')),
    error TEXT NOT NULL DEFAULT '',
    version INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX scheduled_send_due ON scheduled_send (send_at) WHERE state = 'waiting';
CREATE INDEX scheduled_send_of ON scheduled_send (workspace_id, conversation_id, send_at, id);

-- Colleagues named in a note.
CREATE TABLE mention (
    workspace_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    agent_id INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
    conversation_id INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, message_id, agent_id)
) STRICT;
CREATE INDEX mention_of_agent ON mention (workspace_id, agent_id, conversation_id);
CREATE INDEX mention_in ON mention (workspace_id, conversation_id, agent_id);

-- Collaborators write notes only where they were asked in.
CREATE TABLE conversation_collaborator (
    workspace_id INTEGER NOT NULL,
    conversation_id INTEGER NOT NULL REFERENCES conversation (id),
    agent_id INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
    invited_by INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, conversation_id, agent_id)
) STRICT;

-- Who has what open, for the other processes on one PostgreSQL; one process keeps it in memory.
CREATE TABLE presence (
    workspace_id INTEGER NOT NULL,
    agent_id INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
    process TEXT NOT NULL,
    conversation_id INTEGER NOT NULL, -- 0: none
    channel_id INTEGER NOT NULL,
    team_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    typing TEXT NOT NULL CHECK (typing IN ('', 'reply', 'note')),
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, agent_id)
) STRICT;
CREATE INDEX presence_news ON presence (updated_at);

-- Put below answers where the channel allows.
ALTER TABLE agent ADD COLUMN signature TEXT NOT NULL DEFAULT '';

-- The outbox also carries edits of our own messages.
-- only: postgres
ALTER TABLE outbox DROP CONSTRAINT outbox_action_check;
ALTER TABLE outbox ADD CONSTRAINT outbox_action_check CHECK (action IN ('send', 'edit', 'delete', 'like', 'unlike'));
-- only: sqlite
CREATE TABLE outbox_new (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    conversation_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('send', 'edit', 'delete', 'like', 'unlike')),
    client_key TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'in_doubt', 'held', 'done', 'failed', 'cancelled')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL,
    lease_until INTEGER NOT NULL DEFAULT 0,
    lease_owner TEXT NOT NULL DEFAULT '',
    doubt_since INTEGER,
    error TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    done_at INTEGER,
    not_before INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO outbox_new SELECT * FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_new RENAME TO outbox;
CREATE INDEX outbox_channel ON outbox (channel_id, state, next_at, id) WHERE state IN ('queued', 'sending', 'in_doubt', 'held', 'failed');
CREATE INDEX outbox_order ON outbox (workspace_id, conversation_id, id) WHERE state IN ('queued', 'sending', 'in_doubt', 'held');
CREATE INDEX outbox_by_message ON outbox (workspace_id, message_id);
-- only: both
