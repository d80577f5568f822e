-- Pings: what a colleague is told about, how, and whether it reached them.

-- One unseen row per colleague and conversation: what comes on top of it counts `n` up instead of pinging twice.
CREATE TABLE ping (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL,
    agent_id INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
    conversation_id INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('all', 'team', 'mine', 'assigned', 'handed_over', 'mention', 'target', 'passed_on')),
    rank INTEGER NOT NULL,           -- of the kind; the weightiest one stays when several meet
    ways INTEGER NOT NULL,           -- 1 in the page, 2 push, 4 mail, 8 sound
    message_id INTEGER NOT NULL DEFAULT 0,
    by_id INTEGER NOT NULL DEFAULT 0,   -- the colleague who caused it; 0: a customer or the clock
    from_id INTEGER NOT NULL DEFAULT 0, -- passed on: whom it did not reach
    passes INTEGER NOT NULL DEFAULT 0,  -- how often it was passed on before
    n INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    seen_at INTEGER,                 -- they opened the conversation, or put it away
    reached_at INTEGER,              -- shown in a page somebody looked at, taken by a push service, or mailed
    push_at INTEGER,                 -- when it is to be pushed; NULL: not (any more)
    mail_at INTEGER,                 -- when it goes into a digest
    alone INTEGER NOT NULL DEFAULT 0, -- 1: it was told that nobody could be reached
    pass_at INTEGER                  -- when it is passed on unless it reached them; NULL: not
) STRICT;
CREATE UNIQUE INDEX ping_unseen ON ping (workspace_id, agent_id, conversation_id) WHERE seen_at IS NULL;
CREATE INDEX ping_of ON ping (workspace_id, agent_id, updated_at, id);
CREATE INDEX ping_of_conversation ON ping (workspace_id, conversation_id, id);
CREATE INDEX ping_push ON ping (push_at) WHERE push_at IS NOT NULL;
CREATE INDEX ping_mail ON ping (mail_at) WHERE mail_at IS NOT NULL;
CREATE INDEX ping_pass ON ping (pass_at) WHERE pass_at IS NOT NULL;
CREATE INDEX ping_age ON ping (created_at);

CREATE TABLE ping_choice (
    workspace_id INTEGER NOT NULL,
    agent_id INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
    choice TEXT NOT NULL, -- JSON in the shape of the API
    PRIMARY KEY (workspace_id, agent_id)
) STRICT;

-- Which moment of becoming late was already told, so that it is told once.
CREATE TABLE ping_target (
    workspace_id INTEGER NOT NULL,
    conversation_id INTEGER NOT NULL,
    urgent_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, conversation_id)
) STRICT;

-- This installation's key pair for browser push (VAPID); the private half sealed.
CREATE TABLE push_key (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    public_key TEXT NOT NULL,
    secret BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- A browser that takes pushes. It ends with the session it was made in.
CREATE TABLE push_device (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL,
    agent_id INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
    session_id INTEGER NOT NULL,
    endpoint_hash TEXT NOT NULL UNIQUE,
    sealed BLOB NOT NULL,            -- {endpoint, p256dh, auth}: whoever has them can reach the person
    user_agent TEXT NOT NULL DEFAULT '',
    service TEXT NOT NULL,           -- the host of the endpoint
    created_at INTEGER NOT NULL,
    last_ok_at INTEGER,
    error TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX push_device_of ON push_device (workspace_id, agent_id, id);

-- Pushes that still have to leave.
CREATE TABLE push_out (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL,
    device_id INTEGER NOT NULL REFERENCES push_device (id) ON DELETE CASCADE,
    ping_id INTEGER NOT NULL,        -- 0: a test
    state TEXT NOT NULL CHECK (state IN ('queued', 'done', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL,
    until_at INTEGER NOT NULL,       -- afterwards it is of no use
    error TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX push_out_due ON push_out (next_at) WHERE state = 'queued';
CREATE INDEX push_out_of_ping ON push_out (workspace_id, ping_id);
CREATE INDEX push_out_age ON push_out (created_at);

-- Mails of the installation itself, to colleagues.
CREATE TABLE mail_out (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL,
    agent_id INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
    to_address TEXT NOT NULL,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'done', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL,
    error TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX mail_out_due ON mail_out (next_at) WHERE state = 'queued';
