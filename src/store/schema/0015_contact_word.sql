-- Words of customers' names, folded, so that a customer is found by the beginning of one. Kept by a reader of
-- the log; a database from before is learnt once, by number.
CREATE TABLE contact_word (
    workspace_id INTEGER NOT NULL,
    word TEXT NOT NULL,
    contact_id INTEGER NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    PRIMARY KEY (workspace_id, word, contact_id)
) STRICT;
CREATE INDEX contact_word_of ON contact_word (workspace_id, contact_id);
