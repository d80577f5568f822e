-- DATA/search.db: the full-text index on SQLite. It can always be built again from the messages.
-- One row a message (rowid: its id); the text is not kept, so it must be deleted with the very tokens it
-- was indexed with: search_doc.version says which text of the message those were.
CREATE VIRTUAL TABLE search_text USING fts5(tokens, content='', columnsize=0, tokenize='heed');
CREATE TABLE search_doc (
    message_id INTEGER PRIMARY KEY,
    conversation_id INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;
-- format, epoch and position (the cursor), fill_next and fill_total (how far a new index has come).
CREATE TABLE search_state (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
