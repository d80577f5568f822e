-- The second step of signing in: one-time passwords and recovery codes.

ALTER TABLE agent ADD COLUMN second_factor INTEGER NOT NULL DEFAULT 0;         -- 1: has one that was tried
ALTER TABLE workspace ADD COLUMN second_factor_from INTEGER NOT NULL DEFAULT 0; -- roles from this rank on must have one; 0: nobody

CREATE TABLE factor (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL,
    agent_id INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('totp')),
    secret BLOB NOT NULL,            -- sealed
    confirmed INTEGER NOT NULL DEFAULT 0, -- 1: a first code was right
    last_step INTEGER NOT NULL DEFAULT 0, -- a code is good once
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    UNIQUE (workspace_id, agent_id, kind)
) STRICT;

-- Ten codes for the day the phone is lost; each is good once. Stored hashed.
CREATE TABLE recovery_code (
    workspace_id INTEGER NOT NULL,
    agent_id INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
    hash BLOB NOT NULL,
    PRIMARY KEY (workspace_id, agent_id, hash)
) STRICT;

-- Whoever gave the right password (or link) and still owes the second step.
CREATE TABLE sign_in_step (
    hash BLOB PRIMARY KEY,           -- SHA-256 of what the browser holds
    workspace_id INTEGER NOT NULL,
    agent_id INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
    tries_left INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
