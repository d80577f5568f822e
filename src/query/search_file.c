// SPDX-License-Identifier: AGPL-3.0-or-later
// See search_file.h. The tokenizer is a formality: texts are cut by text/words.c before FTS5 sees them,
// and arrive as a stream of tokens; a query's tokens arrive one by one, as they are.
#include "query/search_file.h"
#include "base/log.h"
#include "query/tokens.h"
#include "sql_gen.h"
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static int tokenizer_create(void *context, const char **args, int n_args, Fts5Tokenizer **out)
{
    static char dummy;
    (void)context;
    (void)args;
    (void)n_args;
    *out = (Fts5Tokenizer *)(void *)&dummy;
    return SQLITE_OK;
}

static void tokenizer_delete(Fts5Tokenizer *tokenizer)
{
    (void)tokenizer;
}

struct sink {
    void *context;
    int (*fn)(void *, int, const char *, int, int, int);
    int code;
};

static bool hand_on(void *arg, struct str token, bool same)
{
    struct sink *sink = arg;
    sink->code = sink->fn(sink->context, same ? FTS5_TOKEN_COLOCATED : 0, token.ptr, (int)token.len, 0, 0);
    return sink->code == SQLITE_OK;
}

static int tokenize(Fts5Tokenizer *tokenizer, void *context, int flags, const char *text, int len,
                    int (*fn)(void *, int, const char *, int, int, int))
{
    struct sink sink = {context, fn, SQLITE_OK};
    (void)tokenizer;
    if (flags & FTS5_TOKENIZE_QUERY)
        return len > 0 ? fn(context, 0, text, len, 0, len) : SQLITE_OK;
    (void)tokens_split((struct str){text, (size_t)len}, hand_on, &sink);
    return sink.code;
}

static bool register_tokenizer(sqlite3 *handle)
{
    fts5_api *api = NULL;
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(handle, "SELECT fts5(?1)", -1, &stmt, NULL) == SQLITE_OK) {
        sqlite3_bind_pointer(stmt, 1, (void *)&api, "fts5_api_ptr", NULL);
        (void)sqlite3_step(stmt);
    }
    sqlite3_finalize(stmt);
    fts5_tokenizer tokenizer = {tokenizer_create, tokenizer_delete, tokenize};
    return api && api->xCreateTokenizer(api, "heed", NULL, &tokenizer, NULL) == SQLITE_OK;
}

static bool note_error(struct search_file *file)
{
    file->code = file->handle ? sqlite3_extended_errcode(file->handle) : SQLITE_NOMEM;
    snprintf(file->error, sizeof(file->error), "%s",
             file->handle ? sqlite3_errmsg(file->handle) : "no memory");
    return false;
}

const char *search_file_error(const struct search_file *file)
{
    return file->error;
}

bool search_file_is_damaged(const struct search_file *file)
{
    int code = file->code & 0xff;
    return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

bool search_file_run(struct search_file *file, const char *text)
{
    return sqlite3_exec(file->handle, text, NULL, NULL, NULL) == SQLITE_OK || note_error(file);
}

static bool has_tables(struct search_file *file, bool *ret_has)
{
    sqlite3_stmt *stmt = NULL;
    bool ok = sqlite3_prepare_v2(file->handle, "SELECT 1 FROM sqlite_schema WHERE name = 'search_state'", -1,
                                 &stmt, NULL) == SQLITE_OK;
    int code = ok ? sqlite3_step(stmt) : SQLITE_ERROR;
    *ret_has = code == SQLITE_ROW;
    ok = code == SQLITE_ROW || code == SQLITE_DONE || note_error(file);
    sqlite3_finalize(stmt);
    return ok;
}

// Another process may do the same at the same moment.
static bool make_tables(struct search_file *file)
{
    bool has;
    if (!has_tables(file, &has))
        return false;
    if (has)
        return true;
    if (!search_file_run(file, "BEGIN IMMEDIATE"))
        return false;
    if (has_tables(file, &has) && (has || search_file_run(file, search_schema)) &&
        search_file_run(file, "COMMIT"))
        return true;
    (void)sqlite3_exec(file->handle, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

bool search_file_open(struct search_file *file, const char *path)
{
    *file = (struct search_file){0};
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (sqlite3_open_v2(path, &file->handle, flags, NULL) != SQLITE_OK) {
        note_error(file);
        search_file_close(file);
        return false;
    }
    sqlite3_busy_timeout(file->handle, 5000);
    // NORMAL: after a power cut the cursor is as far back as the index is.
    bool ok = search_file_run(file, "PRAGMA journal_mode = WAL") &&
              search_file_run(file, "PRAGMA synchronous = NORMAL") &&
              search_file_run(file, "PRAGMA cache_size = -16384") &&
              search_file_run(file, "PRAGMA journal_size_limit = 67108864") &&
              (register_tokenizer(file->handle) || note_error(file)) && make_tables(file);
    if (!ok)
        search_file_close(file);
    return ok;
}

void search_file_close(struct search_file *file)
{
    for (size_t i = 0; i < SEARCH_FILE_STATEMENTS; i++) {
        sqlite3_finalize(file->statements[i].stmt);
        file->statements[i].stmt = NULL;
        file->statements[i].sql = NULL;
    }
    sqlite3_close(file->handle);
    file->handle = NULL;
}

void search_file_remove(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        char name[4096];
        snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        (void)unlink(name);
    }
}

bool search_file_is_sound(struct search_file *file)
{
    sqlite3_stmt *stmt = NULL;
    bool ok = sqlite3_prepare_v2(file->handle, "PRAGMA quick_check(1)", -1, &stmt, NULL) == SQLITE_OK &&
              sqlite3_step(stmt) == SQLITE_ROW &&
              strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") == 0;
    sqlite3_finalize(stmt);
    return ok;
}

static sqlite3_stmt *statement(struct search_file *file, const struct sql *sql)
{
    for (size_t i = 0; i < SEARCH_FILE_STATEMENTS; i++) {
        if (file->statements[i].sql == sql)
            return file->statements[i].stmt;
        if (file->statements[i].sql)
            continue;
        if (sqlite3_prepare_v3(file->handle, sql->text[DB_SQLITE], -1, SQLITE_PREPARE_PERSISTENT,
                               &file->statements[i].stmt, NULL) != SQLITE_OK) {
            note_error(file);
            return NULL;
        }
        file->statements[i].sql = sql;
        return file->statements[i].stmt;
    }
    die("search: more statements than places for them");
}

static bool finish(struct search_file *file, sqlite3_stmt *stmt, int code)
{
    bool ok = code == SQLITE_DONE || code == SQLITE_ROW || note_error(file);
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return ok;
}

bool search_file_number(struct search_file *file, const struct sql *sql, const char *key, i64 *ret_value)
{
    sqlite3_stmt *stmt = statement(file, sql);
    if (!stmt)
        return false;
    sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
    int code = sqlite3_step(stmt);
    if (code == SQLITE_ROW)
        *ret_value = sqlite3_column_int64(stmt, 0);
    return finish(file, stmt, code) && code == SQLITE_ROW;
}

bool search_file_set(struct search_file *file, const struct sql *sql, const char *key, i64 value)
{
    sqlite3_stmt *stmt = statement(file, sql);
    if (!stmt)
        return false;
    sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, value);
    return finish(file, stmt, sqlite3_step(stmt));
}

bool search_file_text(struct search_file *file, const struct sql *sql, i64 message_id, struct str tokens)
{
    sqlite3_stmt *stmt = statement(file, sql);
    if (!stmt)
        return false;
    sqlite3_bind_int64(stmt, 1, message_id);
    sqlite3_bind_text64(stmt, 2, tokens.ptr, tokens.len, SQLITE_STATIC, SQLITE_UTF8);
    return finish(file, stmt, sqlite3_step(stmt));
}

bool search_file_doc(struct search_file *file, i64 message_id, struct search_doc *out)
{
    sqlite3_stmt *stmt = statement(file, &SQL_search_doc_get);
    if (!stmt)
        return false;
    sqlite3_bind_int64(stmt, 1, message_id);
    int code = sqlite3_step(stmt);
    if (code == SQLITE_ROW)
        *out = (struct search_doc){true, sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1)};
    return finish(file, stmt, code);
}

bool search_file_doc_put(struct search_file *file, i64 message_id, const struct search_doc *doc)
{
    sqlite3_stmt *stmt = statement(file, &SQL_search_doc_put);
    if (!stmt)
        return false;
    sqlite3_bind_int64(stmt, 1, message_id);
    sqlite3_bind_int64(stmt, 2, doc->conversation_id);
    sqlite3_bind_int64(stmt, 3, doc->version);
    return finish(file, stmt, sqlite3_step(stmt));
}

bool search_file_doc_drop(struct search_file *file, i64 message_id)
{
    sqlite3_stmt *stmt = statement(file, &SQL_search_doc_drop);
    if (!stmt)
        return false;
    sqlite3_bind_int64(stmt, 1, message_id);
    return finish(file, stmt, sqlite3_step(stmt));
}

// ---- Reading connections ----------------------------------------------------------------------

// Which file each connection has attached: the number rises when the file is replaced.
enum { MAX_CONNECTIONS = 256 };
static pthread_mutex_t attached_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    void *handle;
    int number;
} attached[MAX_CONNECTIONS];
static int file_number = 1;
static atomic_bool suspected;

// Notes that this connection has the present file; true when it had it already. A connection without
// a place is attached again each time.
static bool note_attached(void *handle)
{
    bool had = false;
    pthread_mutex_lock(&attached_lock);
    for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
        if (attached[i].handle && attached[i].handle != handle)
            continue;
        had = attached[i].handle == handle && attached[i].number == file_number;
        attached[i].handle = handle;
        attached[i].number = file_number;
        break;
    }
    pthread_mutex_unlock(&attached_lock);
    return had;
}

static void attach(sqlite3 *handle, const char *path)
{
    sqlite3_stmt *stmt = NULL;
    bool ok = sqlite3_prepare_v2(handle, "ATTACH ?1 AS search", -1, &stmt, NULL) == SQLITE_OK &&
              sqlite3_bind_text(stmt, 1, path, -1, SQLITE_STATIC) == SQLITE_OK &&
              sqlite3_step(stmt) == SQLITE_DONE;
    if (!ok)
        log_event(LOG_ERROR, "search.attach", LOG_C("error", sqlite3_errmsg(handle)));
    sqlite3_finalize(stmt);
}

static void attach_first(void *handle, struct str data_dir)
{
    char path[4096];
    snprintf(path, sizeof(path), STR_FMT "/search.db", STR_ARG(data_dir));
    (void)note_attached(handle);
    if (!register_tokenizer(handle))
        log_event(LOG_ERROR, "search.tokenizer", LOG_C("error", sqlite3_errmsg(handle)));
    attach(handle, path);
}

void search_register(void)
{
    db_on_sqlite_open(attach_first);
}

void search_file_replaced(void)
{
    pthread_mutex_lock(&attached_lock);
    file_number++;
    pthread_mutex_unlock(&attached_lock);
}

void search_sqlite_ready(struct conn *conn)
{
    sqlite3 *handle = conn_sqlite(conn);
    if (!handle || note_attached(handle))
        return;
    struct arena *arena = arena_take();
    struct str path = db_file_path(conn_db(conn), arena, "search.db");
    (void)sqlite3_exec(handle, "DETACH search", NULL, NULL, NULL);
    attach(handle, str_cstr(arena, path));
    arena_give(arena);
}

void search_sqlite_suspect(void)
{
    atomic_store(&suspected, true);
}

bool search_file_take_suspicion(void)
{
    return atomic_exchange(&suspected, false);
}
