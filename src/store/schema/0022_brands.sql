-- Brands of a workspace, and the account beside a brand's main one that customers are steered to.
CREATE TABLE brand (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL REFERENCES workspace (id),
    name TEXT NOT NULL,
    name_key TEXT NOT NULL, -- folded
    mark TEXT NOT NULL DEFAULT '',      -- what stands in its sign: one or two characters; '' the first of the name
    colour TEXT NOT NULL DEFAULT '',    -- #rrggbb; '' none
    signature TEXT NOT NULL DEFAULT '', -- below answers of those who have none of their own
    links TEXT NOT NULL DEFAULT '[]',   -- JSON: [{title, url}]
    steer_texts TEXT NOT NULL DEFAULT '{}', -- JSON by language: how customers are asked over
    created_at INTEGER NOT NULL,
    UNIQUE (workspace_id, name_key)
) STRICT;
ALTER TABLE channel ADD COLUMN brand_id INTEGER NOT NULL DEFAULT 0; -- 0: none
ALTER TABLE channel ADD COLUMN steer_to INTEGER NOT NULL DEFAULT 0; -- the channel whose account helps instead; 0: none

-- A customer was asked over to the support account. link_id: the conversation they then began there.
CREATE TABLE steering (
    workspace_id INTEGER NOT NULL,
    conversation_id INTEGER NOT NULL REFERENCES conversation (id),
    channel_id INTEGER NOT NULL, -- the support account's
    contact_id INTEGER NOT NULL,
    agent_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL, -- the answer that asked
    created_at INTEGER NOT NULL,
    link_id INTEGER NOT NULL DEFAULT 0,
    linked_at INTEGER,
    PRIMARY KEY (workspace_id, conversation_id)
) STRICT;
CREATE INDEX steering_open ON steering (workspace_id, channel_id) WHERE link_id = 0;
CREATE INDEX steering_came ON steering (workspace_id, link_id) WHERE link_id <> 0;
