-- SPDX-License-Identifier: AGPL-3.0-or-later
-- The digest of pings goes out by mail: which mail a ping is in, so that it counts as reached once that mail is out.
ALTER TABLE ping ADD COLUMN mail_out_id INTEGER NOT NULL DEFAULT 0;
CREATE INDEX ping_mailed ON ping (workspace_id, mail_out_id) WHERE mail_out_id <> 0;
CREATE INDEX mail_out_age ON mail_out (created_at);
