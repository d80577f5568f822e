-- Passkeys (Web Authentication): keys that devices made for their owners.

CREATE TABLE passkey (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL,
    agent_id INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    credential_id BLOB NOT NULL UNIQUE, -- the device's name for it, over all workspaces
    public_key BLOB NOT NULL,           -- COSE, as it came
    counter INTEGER NOT NULL,           -- of signatures; 0: this device does not count
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    refused_at INTEGER                  -- when its counter last went backwards: there may be a copy
) STRICT;
CREATE INDEX passkey_agent ON passkey (workspace_id, agent_id, id);

-- What a device was asked to sign; each is good once and for five minutes.
CREATE TABLE passkey_challenge (
    hash BLOB PRIMARY KEY,           -- SHA-256 of the challenge
    purpose TEXT NOT NULL CHECK (purpose IN ('add', 'sign_in', 'second')),
    workspace_id INTEGER,            -- sign_in: nobody is known yet
    agent_id INTEGER REFERENCES agent (id) ON DELETE CASCADE,
    session_id INTEGER,              -- add: of this session alone
    step_hash BLOB,                  -- second: of this sign-in alone
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX passkey_challenge_over ON passkey_challenge (expires_at);
CREATE INDEX passkey_challenge_agent ON passkey_challenge (agent_id);
