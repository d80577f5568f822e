-- Outgoing webhooks: where other programs want to be told of what happens, and what is on its way to them.

CREATE TABLE webhook (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL,
    agent_id INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE, -- who made it; told is only what they may see
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    kinds TEXT NOT NULL,             -- space-separated, desk/webhook_read.c has the list
    secret BLOB,                     -- sealed
    old_secret BLOB,                 -- sealed; signs too until old_until
    old_until INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL CHECK (state IN ('active', 'disabled')),
    state_reason TEXT NOT NULL DEFAULT '', -- one sentence a person can act on
    state_since INTEGER NOT NULL,
    failing_since INTEGER NOT NULL DEFAULT 0, -- first failure behind the last success; 0: it is fine
    failures INTEGER NOT NULL DEFAULT 0,      -- in a row
    pause_until INTEGER NOT NULL DEFAULT 0,   -- nothing is sent there before
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX webhook_by_workspace ON webhook (workspace_id, id);

-- One row per event and endpoint, written in the transaction that moves the reader's cursor.
CREATE TABLE webhook_delivery (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL,
    webhook_id INTEGER NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
    message_key TEXT NOT NULL,       -- the header webhook-id: the same on each attempt
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'failed', 'cancelled')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL,
    lease_until INTEGER NOT NULL DEFAULT 0,
    status INTEGER NOT NULL DEFAULT 0, -- of the last answer; 0: none came
    error TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    done_at INTEGER,
    UNIQUE (workspace_id, webhook_id, message_key)
) STRICT;
CREATE INDEX webhook_delivery_due ON webhook_delivery (next_at, id) WHERE state = 'waiting';
CREATE INDEX webhook_delivery_of ON webhook_delivery (workspace_id, webhook_id, id);
CREATE INDEX webhook_delivery_age ON webhook_delivery (created_at);

CREATE TABLE webhook_attempt (
    workspace_id INTEGER NOT NULL,
    delivery_id INTEGER NOT NULL REFERENCES webhook_delivery (id) ON DELETE CASCADE,
    n INTEGER NOT NULL,
    at INTEGER NOT NULL,
    ms INTEGER NOT NULL,
    status INTEGER NOT NULL,
    error TEXT NOT NULL,
    answer TEXT NOT NULL,            -- the first bytes of what came back
    PRIMARY KEY (workspace_id, delivery_id, n)
) STRICT;
