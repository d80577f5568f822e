// SPDX-License-Identifier: AGPL-3.0-or-later
// DATA/search.db as a file: its connection, tokenizer and statements, and how reading connections get
// to see it. Private to query/. Functions answer false on any SQLite error; search_file_error says which.
#pragma once
#include "query/search_internal.h"
#include <sqlite3.h>

enum { SEARCH_FILE_STATEMENTS = 12 };
struct search_file {
    sqlite3 *handle;
    struct {
        const struct sql *sql;
        sqlite3_stmt *stmt;
    } statements[SEARCH_FILE_STATEMENTS];
    char error[160];
    int code;
};
struct search_doc {
    bool found;
    i64 conversation_id, version;
};
// Opens and, when it is new, makes the tables.
bool search_file_open(struct search_file *file, const char *path);
void search_file_close(struct search_file *file);
void search_file_remove(const char *path);
const char *search_file_error(const struct search_file *file);
bool search_file_is_damaged(const struct search_file *file);
bool search_file_is_sound(struct search_file *file);

bool search_file_run(struct search_file *file, const char *text);
// A number by key; false also when there is none.
bool search_file_number(struct search_file *file, const struct sql *sql, const char *key, i64 *ret_value);
bool search_file_set(struct search_file *file, const struct sql *sql, const char *key, i64 value);
bool search_file_text(struct search_file *file, const struct sql *sql, i64 message_id, struct str tokens);
bool search_file_doc(struct search_file *file, i64 message_id, struct search_doc *out);
bool search_file_doc_put(struct search_file *file, i64 message_id, const struct search_doc *doc);
bool search_file_doc_drop(struct search_file *file, i64 message_id);

// Reading connections attach the new file before their next search.
void search_file_replaced(void);
// True once after a reader met a damaged index.
bool search_file_take_suspicion(void);
