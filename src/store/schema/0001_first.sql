-- The first schema. One text for both databases: on PostgreSQL INTEGER becomes BIGINT, BLOB becomes
-- BYTEA, "STRICT" goes, and AUTOINCREMENT becomes an identity; "-- only:" lines mark what differs.
-- Times are ms UTC (…_at), enums TEXT with CHECK, JSON is TEXT. Every tenant row names its workspace
-- and every key that is not the row's own number begins with it.

CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

CREATE TABLE workspace (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    settings TEXT NOT NULL DEFAULT '{}', -- JSON: allowances per priority, language, time zone
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE agent (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL REFERENCES workspace (id),
    email TEXT NOT NULL,             -- as given
    email_key TEXT NOT NULL UNIQUE,  -- folded; an address belongs to one workspace
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'lead', 'agent', 'collaborator', 'viewer')),
    password_hash TEXT,              -- NULL: can sign in by a code only
    all_channels INTEGER NOT NULL DEFAULT 1, -- 0: only those in agent_channel
    all_teams INTEGER NOT NULL DEFAULT 1,    -- 0: only those in agent_team, and conversations without a team
    language TEXT NOT NULL DEFAULT '',       -- of the page: en, id, et, fi, ko; '' follows the browser
    settings TEXT NOT NULL DEFAULT '{}',     -- JSON, the page's own: theme, density, keys
    disabled_at INTEGER,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX agent_by_workspace ON agent (workspace_id, id);

CREATE TABLE team (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL REFERENCES workspace (id),
    name TEXT NOT NULL,
    name_key TEXT NOT NULL, -- folded
    created_at INTEGER NOT NULL,
    UNIQUE (workspace_id, name_key)
) STRICT;

CREATE TABLE channel (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL REFERENCES workspace (id),
    kind TEXT NOT NULL,              -- custom, bluesky, ... (channels/registry.c)
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('connecting', 'active', 'degraded', 'reauth', 'dead', 'disabled')),
    state_reason TEXT NOT NULL DEFAULT '', -- one sentence a person can act on
    state_since INTEGER NOT NULL,
    external_account_id TEXT,        -- DID, page id, ...; NULL until connected
    handle TEXT NOT NULL DEFAULT '', -- as shown: "@shop.example"
    settings TEXT NOT NULL DEFAULT '{}', -- JSON, without secrets
    secret BLOB,                     -- sealed JSON of the secret settings (webhook key, app password)
    session BLOB,                    -- sealed JSON of short-lived credentials (access and refresh tokens)
    last_event_at INTEGER,           -- newest thing heard from the network
    created_at INTEGER NOT NULL,
    UNIQUE (workspace_id, name_key)
) STRICT;
CREATE UNIQUE INDEX channel_account ON channel (workspace_id, kind, external_account_id) WHERE external_account_id IS NOT NULL;

-- Where polling of a stream of a channel stands ("notifications", "dm").
CREATE TABLE channel_cursor (
    workspace_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    stream TEXT NOT NULL,
    value TEXT NOT NULL DEFAULT '',  -- the driver's own; '' at first
    next_at INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (workspace_id, channel_id, stream)
) STRICT;
CREATE INDEX channel_cursor_due ON channel_cursor (next_at);

CREATE TABLE agent_channel (
    workspace_id INTEGER NOT NULL,
    agent_id INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
    channel_id INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    PRIMARY KEY (workspace_id, agent_id, channel_id)
) STRICT;
CREATE TABLE agent_team (
    workspace_id INTEGER NOT NULL,
    agent_id INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
    team_id INTEGER NOT NULL REFERENCES team (id) ON DELETE CASCADE,
    PRIMARY KEY (workspace_id, agent_id, team_id)
) STRICT;

CREATE TABLE session (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL,
    agent_id INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
    token_hash BLOB NOT NULL UNIQUE, -- SHA-256 of the cookie
    user_agent TEXT NOT NULL DEFAULT '',
    address TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX session_by_agent ON session (workspace_id, agent_id, id);

CREATE TABLE token (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL,
    agent_id INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE, -- acts with this agent's rights
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,            -- space-separated: read, write, admin, metrics
    token_hash BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    expires_at INTEGER
) STRICT;
CREATE INDEX token_by_workspace ON token (workspace_id, id);

-- One-time codes: set-up, sign-in, invitation. Stored hashed, single use.
CREATE TABLE code (
    hash BLOB PRIMARY KEY,
    purpose TEXT NOT NULL CHECK (purpose IN ('setup', 'sign_in')),
    workspace_id INTEGER,
    agent_id INTEGER REFERENCES agent (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE contact (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    language TEXT NOT NULL DEFAULT '',
    note TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX contact_by_workspace ON contact (workspace_id, id);

CREATE TABLE identity (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL,
    kind TEXT NOT NULL,        -- the network
    scope TEXT NOT NULL,       -- where the external id is unique: '' or the channel's id as text
    external_id TEXT NOT NULL,
    handle TEXT NOT NULL DEFAULT '',
    name TEXT NOT NULL DEFAULT '',
    contact_id INTEGER NOT NULL REFERENCES contact (id),
    updated_at INTEGER NOT NULL,
    UNIQUE (workspace_id, kind, scope, external_id)
) STRICT;
CREATE INDEX identity_by_contact ON identity (workspace_id, contact_id);

CREATE TABLE conversation (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL REFERENCES channel (id),
    channel_kind TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('dm', 'thread', 'review', 'email')),
    thread_key TEXT NOT NULL,
    visibility TEXT NOT NULL CHECK (visibility IN ('public', 'private')),
    status TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'snoozed', 'closed')),
    spam INTEGER NOT NULL DEFAULT 0,
    contact_id INTEGER NOT NULL DEFAULT 0, -- 0 until a customer's message told who
    contact_name TEXT NOT NULL DEFAULT '', -- kept here: the join is two thirds of a list
    contact_handle TEXT NOT NULL DEFAULT '',
    assignee_id INTEGER NOT NULL DEFAULT 0, -- 0 nobody
    team_id INTEGER NOT NULL DEFAULT 0,     -- 0 none
    priority TEXT NOT NULL DEFAULT 'normal' CHECK (priority IN ('urgent', 'high', 'normal', 'low')),
    language TEXT NOT NULL DEFAULT '',
    waiting_since INTEGER,          -- created_at of the first unanswered customer message
    due_at INTEGER,
    urgent_at INTEGER NOT NULL DEFAULT 9007199254740991, -- the moment it becomes late; the maximum: not waiting
    snoozed_until INTEGER,
    last_message_at INTEGER NOT NULL DEFAULT 0,
    last_in_at INTEGER,
    last_out_at INTEGER,
    answered_at INTEGER NOT NULL DEFAULT 0, -- answers given elsewhere count by their time: newest such created_at
    answered_id INTEGER NOT NULL DEFAULT 0, -- own answers and closing count by arrival: newest message id they saw
    preview TEXT NOT NULL DEFAULT '',
    message_count INTEGER NOT NULL DEFAULT 0,
    unread INTEGER NOT NULL DEFAULT 0,      -- customer messages since somebody last opened or answered it
    version INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    closed_at INTEGER,
    UNIQUE (workspace_id, channel_id, thread_key)
) STRICT;
-- "Most urgent first" for each built-in folder is one of these, in order, without sorting.
CREATE INDEX conversation_urgent ON conversation (workspace_id, urgent_at, id) WHERE status = 'open' AND spam = 0;
CREATE INDEX conversation_team_urgent ON conversation (workspace_id, team_id, urgent_at, id) WHERE status = 'open' AND spam = 0;
CREATE INDEX conversation_mine ON conversation (workspace_id, assignee_id, urgent_at, id) WHERE status = 'open' AND spam = 0;
CREATE INDEX conversation_newest ON conversation (workspace_id, last_message_at, id);
CREATE INDEX conversation_status_newest ON conversation (workspace_id, status, last_message_at, id);
CREATE INDEX conversation_channel_newest ON conversation (workspace_id, channel_id, last_message_at, id);
CREATE INDEX conversation_by_contact ON conversation (workspace_id, contact_id, last_message_at);
CREATE INDEX conversation_snoozed ON conversation (workspace_id, snoozed_until) WHERE status = 'snoozed';

CREATE TABLE tag (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL, -- folded
    created_at INTEGER NOT NULL,
    UNIQUE (workspace_id, name_key)
) STRICT;
-- Carries the sort key, so a tag's folder is read in order without touching the rest.
CREATE TABLE conversation_tag (
    workspace_id INTEGER NOT NULL,
    tag_id INTEGER NOT NULL REFERENCES tag (id),
    conversation_id INTEGER NOT NULL REFERENCES conversation (id),
    open INTEGER NOT NULL,      -- 1: open and not spam
    urgent_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, tag_id, conversation_id)
) STRICT;
CREATE INDEX conversation_tag_urgent ON conversation_tag (workspace_id, tag_id, open, urgent_at, conversation_id);
CREATE INDEX conversation_tag_of ON conversation_tag (workspace_id, conversation_id, tag_id);

CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL,
    conversation_id INTEGER NOT NULL REFERENCES conversation (id),
    channel_id INTEGER NOT NULL,
    external_id TEXT,           -- the network's; NULL for notes and answers not sent yet
    direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    kind TEXT NOT NULL CHECK (kind IN ('message', 'note', 'context')), -- context: others' posts above, shown, never counted
    visibility TEXT NOT NULL CHECK (visibility IN ('public', 'private', 'team')), -- team: notes
    origin TEXT NOT NULL CHECK (origin IN ('customer', 'agent', 'elsewhere', 'automation')),
    identity_id INTEGER NOT NULL DEFAULT 0, -- the customer who wrote; 0 for ours
    agent_id INTEGER NOT NULL DEFAULT 0,    -- the colleague who wrote; 0 for theirs
    author_name TEXT NOT NULL DEFAULT '',
    author_handle TEXT NOT NULL DEFAULT '',
    text TEXT NOT NULL,
    language TEXT NOT NULL DEFAULT '',
    reply_to TEXT,              -- external id of the message it answers
    extra TEXT NOT NULL DEFAULT '{}', -- JSON the driver needs again to answer (cid, root)
    created_at INTEGER NOT NULL,  -- the network's time
    received_at INTEGER NOT NULL, -- ours
    edited_at INTEGER,
    deleted_at INTEGER,
    version INTEGER NOT NULL DEFAULT 1,
    send_state TEXT CHECK (send_state IN ('queued', 'sending', 'sent', 'delivered', 'read', 'failed', 'in_doubt', 'cancelled')),
    error TEXT,                 -- why it failed, in words
    liked_at INTEGER,           -- our like
    like_external_id TEXT
) STRICT;
CREATE UNIQUE INDEX message_external ON message (workspace_id, channel_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX message_thread ON message (workspace_id, conversation_id, created_at, id);

-- Texts a message had before; also what the search reader has still to unlearn.
CREATE TABLE message_version (
    workspace_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL REFERENCES message (id),
    version INTEGER NOT NULL,
    text TEXT NOT NULL,
    replaced_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, message_id, version)
) STRICT;

-- What the network said about a message, whether or not the message itself is here yet: so that any
-- order of message, edit, deletion and receipts ends in the same state.
CREATE TABLE message_mark (
    workspace_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    external_id TEXT NOT NULL,
    edited_at INTEGER,          -- newest edit, and its text
    edited_text TEXT,
    deleted_at INTEGER,
    receipt INTEGER NOT NULL DEFAULT 0, -- 0 none, 1 delivered, 2 read: only ever up
    PRIMARY KEY (workspace_id, channel_id, external_id)
) STRICT;

CREATE TABLE attachment (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL REFERENCES message (id),
    position INTEGER NOT NULL,
    url TEXT NOT NULL DEFAULT '',  -- where the network keeps it
    mime TEXT NOT NULL DEFAULT '',
    name TEXT NOT NULL DEFAULT '',
    alt TEXT NOT NULL DEFAULT '',
    size INTEGER NOT NULL DEFAULT 0,
    width INTEGER NOT NULL DEFAULT 0,
    height INTEGER NOT NULL DEFAULT 0,
    sha256 TEXT,                   -- hex; the file once it is here
    state TEXT NOT NULL CHECK (state IN ('waiting', 'ready', 'refused', 'failed')),
    reason TEXT NOT NULL DEFAULT '',
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL DEFAULT 0,
    UNIQUE (workspace_id, message_id, position)
) STRICT;
CREATE INDEX attachment_waiting ON attachment (next_at) WHERE state = 'waiting';

CREATE TABLE file (
    workspace_id INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    mime TEXT NOT NULL,
    size INTEGER NOT NULL,
    width INTEGER NOT NULL DEFAULT 0,
    height INTEGER NOT NULL DEFAULT 0,
    uploaded_by INTEGER NOT NULL DEFAULT 0, -- agent; 0: came from a network
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, sha256)
) STRICT;
CREATE TABLE file_part (
    workspace_id INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    part INTEGER NOT NULL,
    bytes BLOB NOT NULL, -- at most 256 KiB
    PRIMARY KEY (workspace_id, sha256, part)
) STRICT;

-- Raw bytes from networks, committed before they are acknowledged. Done rows are kept 30 days.
CREATE TABLE inbound (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    source TEXT NOT NULL CHECK (source IN ('webhook', 'poll')),
    stream TEXT NOT NULL DEFAULT '',
    body BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'quarantined')),
    attempts INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',
    received_at INTEGER NOT NULL,
    done_at INTEGER
) STRICT;
CREATE INDEX inbound_waiting ON inbound (id) WHERE state = 'waiting';
CREATE INDEX inbound_quarantine ON inbound (workspace_id, channel_id, id) WHERE state = 'quarantined';
CREATE INDEX inbound_done ON inbound (done_at) WHERE state = 'done';

-- What still has to reach a network. In order within a conversation.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    conversation_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('send', 'delete', 'like', 'unlike')),
    client_key TEXT NOT NULL,    -- stable over every attempt: record key, webhook-id
    state TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'in_doubt', 'held', 'done', 'failed', 'cancelled')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL,
    lease_until INTEGER NOT NULL DEFAULT 0,
    lease_owner TEXT NOT NULL DEFAULT '',
    doubt_since INTEGER,
    error TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    done_at INTEGER
) STRICT;
-- What is due, channel by channel: a channel that waits never stands in the way of another.
CREATE INDEX outbox_channel ON outbox (channel_id, state, next_at, id) WHERE state IN ('queued', 'sending', 'in_doubt', 'held', 'failed');
CREATE INDEX outbox_order ON outbox (workspace_id, conversation_id, id) WHERE state IN ('queued', 'sending', 'in_doubt', 'held');
CREATE INDEX outbox_by_message ON outbox (workspace_id, message_id);

-- only: sqlite
CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    conversation_id INTEGER NOT NULL DEFAULT 0,
    message_id INTEGER NOT NULL DEFAULT 0,
    channel_id INTEGER NOT NULL DEFAULT 0,
    agent_id INTEGER NOT NULL DEFAULT 0,
    data TEXT NOT NULL DEFAULT '{}'
) STRICT;
-- only: postgres
CREATE TABLE event (
    epoch BIGINT NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id BIGINT GENERATED BY DEFAULT AS IDENTITY,
    workspace_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    conversation_id BIGINT NOT NULL DEFAULT 0,
    message_id BIGINT NOT NULL DEFAULT 0,
    channel_id BIGINT NOT NULL DEFAULT 0,
    agent_id BIGINT NOT NULL DEFAULT 0,
    data TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (epoch, xid, id)
);
-- only: both
CREATE INDEX event_of_conversation ON event (workspace_id, conversation_id, id);

CREATE TABLE reader (
    name TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL DEFAULT 0,
    xid INTEGER NOT NULL DEFAULT 0,
    position INTEGER NOT NULL DEFAULT 0,
    lease_owner TEXT NOT NULL DEFAULT '',
    lease_until INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Counts of the built-in folders: cells, updated in key order at the end of a write, summed over what
-- the reader may see. folder: open, unanswered, unassigned, snoozed, closed, spam, mine:<agent id>.
CREATE TABLE count_cell (
    workspace_id INTEGER NOT NULL,
    folder TEXT NOT NULL,
    channel_id INTEGER NOT NULL,
    team_id INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, folder, channel_id, team_id)
) STRICT;

-- Answers to POSTs with an Idempotency-Key, written with their effect, kept 72 hours.
CREATE TABLE idempotency (
    workspace_id INTEGER NOT NULL,
    actor TEXT NOT NULL,         -- "agent:7" or "token:3"
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,   -- SHA-256 of method, path and body
    status INTEGER NOT NULL,
    body BLOB NOT NULL,          -- sealed when it holds a once-only secret
    sealed INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, actor, key)
) STRICT;
CREATE INDEX idempotency_age ON idempotency (created_at);
