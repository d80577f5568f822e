-- Visitors of the channels whose network is Heed itself: sessions of the chat widget, what makes a signed
-- identity good only once, and who put which file.

CREATE TABLE visitor (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    token_hash BLOB NOT NULL UNIQUE,  -- SHA-256 of the bearer secret the widget keeps
    thread_key TEXT NOT NULL,         -- the one thread this session reads and writes
    subject TEXT NOT NULL DEFAULT '', -- who the shop's signature says it is; '': nobody vouched
    name TEXT NOT NULL DEFAULT '',    -- said by the visitor (or signed): a label, never a key
    email TEXT NOT NULL DEFAULT '',
    language TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX visitor_expiry ON visitor (expires_at);

CREATE TABLE visitor_once (
    workspace_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    hash BLOB NOT NULL, -- SHA-256 of what may be used once
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, channel_id, hash)
) STRICT;
CREATE INDEX visitor_once_expiry ON visitor_once (expires_at);

CREATE TABLE visitor_file (
    workspace_id INTEGER NOT NULL,
    visitor_id INTEGER NOT NULL REFERENCES visitor (id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL,
    channel_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, visitor_id, sha256)
) STRICT;
CREATE INDEX visitor_file_age ON visitor_file (workspace_id, channel_id, created_at);

-- The public key in a visitor's address.
CREATE INDEX channel_public ON channel (external_account_id, kind) WHERE external_account_id IS NOT NULL;
