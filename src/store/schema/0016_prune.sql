-- What the clock looks for: whether anybody has a file, and old texts by their age.
CREATE INDEX attachment_file ON attachment (workspace_id, sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX message_version_age ON message_version (replaced_at);
