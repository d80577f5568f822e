-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Mail: what a message is beyond its text. The subject is searched with the text; the first one of a
-- conversation is its title.
ALTER TABLE message ADD COLUMN subject TEXT NOT NULL DEFAULT '';
ALTER TABLE conversation ADD COLUMN title TEXT NOT NULL DEFAULT '';

CREATE TABLE mail (
    workspace_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL REFERENCES message (id),
    channel_id INTEGER NOT NULL,
    mail_id TEXT NOT NULL DEFAULT '',    -- Message-ID, without < >; ours too
    details TEXT NOT NULL DEFAULT '{}',  -- from, to, cc, what was checked; of ours: to whom it goes
    html TEXT,                           -- as it came, uncleaned
    stranger INTEGER NOT NULL DEFAULT 0, -- 1: wrote into a conversation the address had no part in
    PRIMARY KEY (workspace_id, message_id)
) STRICT;
CREATE INDEX mail_by_id ON mail (workspace_id, channel_id, mail_id);

-- Who has a part in a conversation: addresses its mails came from or went to, lower case.
CREATE TABLE mail_party (
    workspace_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL REFERENCES message (id),
    address TEXT NOT NULL,
    PRIMARY KEY (workspace_id, message_id, address)
) STRICT;
