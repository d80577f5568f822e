-- What the query language reads: orders the built-in folders did not need yet, the customer's handle,
-- and on PostgreSQL the full-text index (on SQLite it is a file of its own, see search.sql).
CREATE INDEX conversation_by_workspace ON conversation (workspace_id, id);
-- Those who wait, whatever the status, in the order of urgency and of waiting.
CREATE INDEX conversation_urgent_any ON conversation (workspace_id, urgent_at, id) WHERE urgent_at < 9007199254740991;
CREATE INDEX conversation_waiting ON conversation (workspace_id, waiting_since, id) WHERE waiting_since IS NOT NULL;
CREATE INDEX conversation_by_handle ON conversation (workspace_id, lower(ltrim(contact_handle, '@')));

-- only: postgres
-- Long messages are cut into parts (a tsvector has at most 256 positions a word). words: tokens of our
-- own, each with its workspace before it. version: the message's when its text was read.
CREATE TABLE search_doc (
    workspace_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    part BIGINT NOT NULL,
    conversation_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    words tsvector NOT NULL,
    PRIMARY KEY (workspace_id, message_id, part)
);
CREATE INDEX search_doc_words ON search_doc USING gin (words) WITH (gin_pending_list_limit = 512);
CREATE INDEX search_doc_of ON search_doc (workspace_id, conversation_id);
-- How far an index that is built anew has come: format, fill_next, fill_total.
CREATE TABLE search_state (key TEXT PRIMARY KEY, value BIGINT NOT NULL);
