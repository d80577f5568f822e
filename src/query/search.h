// SPDX-License-Identifier: AGPL-3.0-or-later
// The full-text index, a reader of the event log with its own file (SQLite: DATA/search.db, contentless
// FTS5 with our tokenizer, each token beginning with its workspace) or table (PostgreSQL: search_doc).
// Its cursor lives and moves with it; a cursor ahead of the log, one the log has forgotten, another
// format or a bad file mean that it is built anew, newest messages first, while it is being used.
#pragma once
#include "store/log.h"

struct search;
// Once, before db_open: each reading SQLite connection gets the tokenizer and search.db attached.
void search_register(void);
bool search_open(struct db *db, struct search **ret_search, struct err *err) MUST_CHECK;
void search_close(struct search *search);
// Indexes what is new, then some of what is still missing; *ret_n: events and messages handled. Called
// by one thread until 0; under load it is best left a third of a second between calls.
bool search_step(struct search *search, i64 *ret_n, struct err *err) MUST_CHECK;
// indexing: the index is being built anew and a search may miss old messages; done of total are in it.
struct search_state {
    bool indexing;
    i64 done, total;
};
void search_state(struct search *search, struct search_state *out);
