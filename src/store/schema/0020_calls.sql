-- Logged calls, and call-backs booked.

-- A message that is a call says how it ended. Reached: both spoke, whoever called; it answers what was asked
-- before it. Missed and voicemail: the one who called did not reach the other.
ALTER TABLE message ADD COLUMN call_result TEXT CHECK (call_result IN ('reached', 'missed', 'voicemail'));
ALTER TABLE message ADD COLUMN call_s INTEGER NOT NULL DEFAULT 0; -- how long they spoke, seconds
ALTER TABLE conversation ADD COLUMN callback_at INTEGER; -- the earliest call-back booked in it: a copy, for lists
CREATE INDEX conversation_callback ON conversation (workspace_id, callback_at) WHERE callback_at IS NOT NULL;

CREATE TABLE callback (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL,
    conversation_id INTEGER NOT NULL REFERENCES conversation (id),
    home_id INTEGER NOT NULL DEFAULT 0, -- the conversation it was booked in, while that one is merged into another
    agent_id INTEGER NOT NULL DEFAULT 0, -- who is to call; 0: the team
    team_id INTEGER NOT NULL DEFAULT 0,
    note TEXT NOT NULL DEFAULT '',
    due_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('booked', 'done', 'cancelled')),
    told_at INTEGER,   -- it was told that it is due
    missed_at INTEGER, -- … and that nobody called
    moves INTEGER NOT NULL DEFAULT 0,
    booked_by INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at INTEGER,
    version INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX callback_due ON callback (due_at) WHERE state = 'booked' AND missed_at IS NULL;
CREATE INDEX callback_booked ON callback (workspace_id, due_at, id) WHERE state = 'booked';
CREATE INDEX callback_of ON callback (workspace_id, conversation_id, id);

-- One more kind of ping: a call-back.
-- only: postgres
ALTER TABLE ping DROP CONSTRAINT ping_kind_check;
ALTER TABLE ping ADD CONSTRAINT ping_kind_check CHECK (kind IN ('all', 'team', 'mine', 'assigned', 'handed_over', 'mention', 'target', 'passed_on', 'callback'));
-- only: sqlite
CREATE TABLE ping_new (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL,
    agent_id INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
    conversation_id INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('all', 'team', 'mine', 'assigned', 'handed_over', 'mention', 'target', 'passed_on', 'callback')),
    rank INTEGER NOT NULL,
    ways INTEGER NOT NULL,
    message_id INTEGER NOT NULL DEFAULT 0,
    by_id INTEGER NOT NULL DEFAULT 0,
    from_id INTEGER NOT NULL DEFAULT 0,
    passes INTEGER NOT NULL DEFAULT 0,
    n INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    seen_at INTEGER,
    reached_at INTEGER,
    push_at INTEGER,
    mail_at INTEGER,
    alone INTEGER NOT NULL DEFAULT 0,
    pass_at INTEGER,
    mail_out_id INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO ping_new SELECT * FROM ping;
DROP TABLE ping;
ALTER TABLE ping_new RENAME TO ping;
CREATE UNIQUE INDEX ping_unseen ON ping (workspace_id, agent_id, conversation_id) WHERE seen_at IS NULL;
CREATE INDEX ping_of ON ping (workspace_id, agent_id, updated_at, id);
CREATE INDEX ping_of_conversation ON ping (workspace_id, conversation_id, id);
CREATE INDEX ping_push ON ping (push_at) WHERE push_at IS NOT NULL;
CREATE INDEX ping_mail ON ping (mail_at) WHERE mail_at IS NOT NULL;
CREATE INDEX ping_pass ON ping (pass_at) WHERE pass_at IS NOT NULL;
CREATE INDEX ping_age ON ping (created_at);
CREATE INDEX ping_mailed ON ping (workspace_id, mail_out_id) WHERE mail_out_id <> 0;
-- only: both
