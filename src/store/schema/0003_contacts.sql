-- What a colleague knows of a customer beyond the networks' names, and one person under several contacts.
-- A merged contact keeps everything of its own: only its identities and conversations are shown under
-- another, so that taking it out again restores both exactly.
ALTER TABLE contact ADD COLUMN email TEXT NOT NULL DEFAULT '';     -- as given
ALTER TABLE contact ADD COLUMN email_key TEXT NOT NULL DEFAULT ''; -- folded
ALTER TABLE contact ADD COLUMN phone TEXT NOT NULL DEFAULT '';
ALTER TABLE contact ADD COLUMN phone_key TEXT NOT NULL DEFAULT ''; -- its digits, '+' first when given so
ALTER TABLE contact ADD COLUMN time_zone TEXT NOT NULL DEFAULT ''; -- IANA name
ALTER TABLE contact ADD COLUMN consent TEXT NOT NULL DEFAULT 'unknown' CHECK (consent IN ('unknown', 'given', 'refused'));
ALTER TABLE contact ADD COLUMN consent_note TEXT NOT NULL DEFAULT ''; -- where and how it was given
ALTER TABLE contact ADD COLUMN consent_at INTEGER;
ALTER TABLE contact ADD COLUMN merged_into INTEGER NOT NULL DEFAULT 0; -- 0: stands for itself
ALTER TABLE contact ADD COLUMN merged_at INTEGER;
ALTER TABLE contact ADD COLUMN merged_by INTEGER NOT NULL DEFAULT 0;   -- agent
CREATE INDEX contact_merged ON contact (workspace_id, merged_into) WHERE merged_into <> 0;
CREATE INDEX contact_email ON contact (workspace_id, email_key) WHERE email_key <> '';
CREATE INDEX contact_phone ON contact (workspace_id, phone_key) WHERE phone_key <> '';

-- Where an identity and a conversation belong when nothing is merged; 0 and no row: where they are.
ALTER TABLE identity ADD COLUMN home_contact_id INTEGER NOT NULL DEFAULT 0;
CREATE INDEX identity_handle ON identity (workspace_id, lower(ltrim(handle, '@')));
CREATE TABLE conversation_home (
    workspace_id INTEGER NOT NULL,
    conversation_id INTEGER NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
    contact_id INTEGER NOT NULL REFERENCES contact (id),
    PRIMARY KEY (workspace_id, conversation_id)
) STRICT;

CREATE TABLE contact_tag (
    workspace_id INTEGER NOT NULL,
    contact_id INTEGER NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    tag_id INTEGER NOT NULL REFERENCES tag (id),
    PRIMARY KEY (workspace_id, contact_id, tag_id)
) STRICT;

-- Said by a colleague: these two are not the same person. The lower number first.
CREATE TABLE contact_apart (
    workspace_id INTEGER NOT NULL,
    low_id INTEGER NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    high_id INTEGER NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    agent_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, low_id, high_id)
) STRICT;
