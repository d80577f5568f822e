// SPDX-License-Identifier: AGPL-3.0-or-later
// The full-text index, a reader of the event log with its own file (SQLite: DATA/search.db, contentless
// FTS5 with our tokenizer and the workspace as a token) or table (PostgreSQL: search_doc). Its cursor
// lives and moves with it; a cursor ahead of the log or a bad file is rebuilt in the background.
#pragma once
#include "store/log.h"

struct search;
bool search_open(struct db *db, struct search **ret_search, struct err *err) MUST_CHECK;
void search_close(struct search *search);
// Indexes what is new; *ret_n: events handled. Called by its own thread until 0.
bool search_step(struct search *search, i64 *ret_n, struct err *err) MUST_CHECK;
struct search_state { bool indexing; i64 done, total; };
void search_state(struct search *search, struct search_state *out);
// Called by db for each new SQLite connection: registers the tokenizer, attaches search.db read-only.
