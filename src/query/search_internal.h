// SPDX-License-Identifier: AGPL-3.0-or-later
// The two indexes behind search.h. Private to query/.
#pragma once
#include "query/search.h"
#include <stdatomic.h>

// Raised when the tokens of a text change: older indexes are built anew.
enum { SEARCH_FORMAT = 2 };
// Many messages in one transaction: FTS5 writes a segment for each, and merges them later.
enum { SEARCH_BATCH = 8000, SEARCH_FILL = 8000, SEARCH_HELPING = 250, SEARCH_BYTES = 16 * 1024 * 1024 };

struct search_message {
    i64 id, workspace_id, conversation_id, version;
    bool deleted;
    struct str text;
};
struct search_messages {
    struct search_message *items;
    size_t len, cap;
    size_t bytes; // of their texts
};
struct search {
    struct db *db;
    struct arena *arena; // of the struct itself
    void *index;         // the SQLite index's own
    atomic_llong left, total;
    bool checked; // the file was looked over since the start
};
// The messages a batch of events is about, each once.
bool search_load_messages(struct conn *conn, const struct event_list *events, struct arena *arena,
                          struct search_messages *out, struct err *err) MUST_CHECK;
// At most `limit` messages with id <= newest, newest first, and few enough that `out` stays near
// SEARCH_BYTES.
bool search_load_before(struct conn *conn, i64 newest, i64 limit, struct arena *arena,
                        struct search_messages *out, bool *ret_more, struct err *err) MUST_CHECK;
// The text a message had at a version; its present one when it has not changed since.
bool search_load_text(struct conn *conn, const struct search_message *message, i64 version,
                      struct arena *arena, struct str *ret_text, struct err *err) MUST_CHECK;
void search_progress(struct search *search, i64 left, i64 total);

bool search_sqlite_open(struct search *search, struct err *err) MUST_CHECK;
void search_sqlite_close(struct search *search);
bool search_sqlite_step(struct search *search, i64 *ret_n, struct err *err) MUST_CHECK;
// Before a query with words: attaches the file anew when it was replaced.
void search_sqlite_ready(struct conn *conn);
// A query met a damaged index: it is looked over at the next step.
void search_sqlite_suspect(void);

bool search_postgres_open(struct search *search, struct err *err) MUST_CHECK;
bool search_postgres_step(struct search *search, i64 *ret_n, struct err *err) MUST_CHECK;
