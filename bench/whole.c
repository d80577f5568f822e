// SPDX-License-Identifier: AGPL-3.0-or-later
// The whole way inside one process: raw event → message, contact, conversation, counts, event, by the
// product's own intake job in batches of 64, against a bare loop of the same statements: they are
// recorded once with their values, then run again in the same transactions with sqlite3 or libpq alone.
// Product and bare loop take turns, each on a database of its own, so that the disk's moods hit both.
//   whole --events N [--dir DIR] [--database URL]×4   (PostgreSQL: four empty databases)
//   whole --events N --product   only the product's part, for a profiler
// Prints one line of JSON: events a second of both, their ratio, processor time with search and without.
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "desk/channel.h"
#include "desk/intake.h"
#include "desk/workspace.h"
#include "jobs/intake.h"
#include "query/search.h"
#include "sql_gen.h"
#include "store/db.h"
#include <getopt.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { CHUNK = 2048, PER_THREAD = 5, STATEMENTS = 4096, ARGS = 32 };
enum { RECORD, PRODUCT, BARE, SEARCH, N_WORLDS };

static struct arena *forever;

static void must(bool ok, const struct err *err)
{
    if (!ok) {
        fprintf(stderr, "whole: %s\n", err->text);
        exit(1);
    }
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// ---- A world: one database with a workspace and a channel -------------------------------------------

struct world {
    char dir[256];
    const char *url; // NULL: SQLite
    struct db *db;
    struct key *key;
    i64 workspace, channel;
};

static bool make_place(struct tx *tx, void *arg, struct err *err)
{
    struct world *world = arg;
    struct channel_row row = {};
    struct str secret;
    if (!workspace_create(tx, S("Bench"), &world->workspace, err)) {
        return false;
    }
    struct actor system = actor_system(world->workspace);
    struct channel_draft draft = {S("custom"), S("Bench"), S("{\"deliver_url\":\"http://127.0.0.1:9/\"}")};
    if (!channel_create(tx, &system, world->key, &draft, &row, &secret, err)) {
        return false;
    }
    world->channel = row.id;
    return true;
}

static void open_world(struct world *world, const char *dir, const char *url, int n)
{
    struct err err = {};
    char path[300];
    world->url = url;
    snprintf(world->dir, sizeof(world->dir), "%s/%d", dir, n);
    struct db_settings settings = {
        .data_dir = str_from(world->dir), .url = str_from(url), .n_readers = 2, .migrate = true};
    must(db_open(&settings, &world->db, &err), &err);
    snprintf(path, sizeof(path), "%s/key", world->dir);
    must(crypto_key_make(path, &world->key, &err), &err);
    must(db_write(world->db, WRITE_PEOPLE, make_place, world, &err), &err);
}

// ---- Raw events -------------------------------------------------------------------------------------

struct chunk {
    struct world *world;
    i64 from, n;
};

// The size and shape of bench/load.c's.
static struct str make_body(struct arena *arena, i64 number)
{
    i64 thread = number / PER_THREAD;
    return str_printf(
        arena,
        "{\"type\":\"message.created\",\"id\":\"w%lld\",\"thread\":\"t%lld\",\"visibility\":\"private\","
        "\"author\":{\"id\":\"u%lld\",\"name\":\"Customer %lld\"},\"text\":\"Where is my order %lld? It was "
        "to "
        "come on Friday and nobody answers the phone, please help me "
        "soon.\",\"created_at\":\"2026-11-%02lldT%02lld:%02lld:00Z\"}",
        (long long)number, (long long)thread, (long long)thread, (long long)thread, (long long)number,
        (long long)(1 + number % 20), (long long)(number % 24), (long long)(number % 60));
}

static bool store_chunk(struct tx *tx, void *arg, struct err *err)
{
    const struct chunk *chunk = arg;
    for (i64 i = 0; i < chunk->n; i++) {
        i64 id;
        if (!intake_store(tx, chunk->world->workspace, chunk->world->channel, S("webhook"), S(""),
                          make_body(tx->arena, chunk->from + i), &id, err)) {
            return false;
        }
    }
    return true;
}

static void store(struct world *world, i64 from, i64 n)
{
    struct err err = {};
    struct chunk chunk = {world, from, n};
    must(db_write(world->db, WRITE_INTAKE, store_chunk, &chunk, &err), &err);
}

static void pass(struct world *world, i64 want)
{
    struct err err = {};
    i64 n;
    struct jobs_settings settings = {.db = world->db, .key = world->key};
    must(intake_job_pass(&settings, &n, &err), &err);
    if (n != want) {
        fprintf(stderr, "whole: %lld of %lld events were taken in\n", (long long)n, (long long)want);
        exit(1);
    }
}

// ---- The record -------------------------------------------------------------------------------------

struct record_step {
    const struct sql *sql; // NULL: text
    const char *text;
    struct db_arg *args;
    size_t n_args;
    bool writing, deferred; // deferred: PostgreSQL, its answer was not waited for
};
static struct records {
    struct record_step *items;
    size_t len, cap;
} steps;

// What is read while something else is written comes from another thread.
static pthread_mutex_t recording = PTHREAD_MUTEX_INITIALIZER;

static void record(const struct db_trace *trace)
{
    pthread_mutex_lock(&recording);
    struct record_step *step = list_push(&steps, forever);
    *step = (struct record_step){
        .sql = trace->sql, .n_args = trace->n_args, .writing = trace->writing, .deferred = trace->deferred};
    step->text = trace->sql ? NULL : str_cstr(forever, trace->text);
    step->args = arena_array(forever, struct db_arg, trace->n_args + 1);
    for (size_t i = 0; i < trace->n_args; i++) {
        step->args[i] = trace->args[i];
        if (trace->args[i].text.ptr) {
            step->args[i].text =
                (struct str){str_cstr(forever, trace->args[i].text), trace->args[i].text.len};
        }
    }
    pthread_mutex_unlock(&recording);
}

// ---- The bare loop ----------------------------------------------------------------------------------

struct bare {
    sqlite3 *lite[2]; // [writing]
    PGconn *pg[2];
    int under_way; // in the pipeline
    struct prepared {
        sqlite3_stmt *lite;
        bool pg;
    } prepared[2][STATEMENTS];
};

static void fail(const char *why)
{
    fprintf(stderr, "whole, bare loop: %s\n", why);
    exit(1);
}

static sqlite3 *open_lite(const char *dir, bool writing)
{
    char path[300];
    sqlite3 *handle;
    snprintf(path, sizeof(path), "%s/heed.db", dir);
    if (sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK ||
        sqlite3_exec(handle,
                     writing
                         ? "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA "
                           "wal_autocheckpoint=0; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-32768"
                         : "PRAGMA query_only=ON; PRAGMA cache_size=-8192",
                     NULL, NULL, NULL) != SQLITE_OK) {
        fail(sqlite3_errmsg(handle));
    }
    return handle;
}

static void bare_open(struct bare *bare, const struct world *world)
{
    for (int writing = 0; writing < 2; writing++) {
        if (!world->url) {
            bare->lite[writing] = open_lite(world->dir, writing);
            continue;
        }
        bare->pg[writing] = PQconnectdb(world->url);
        if (PQstatus(bare->pg[writing]) != CONNECTION_OK) {
            fail(PQerrorMessage(bare->pg[writing]));
        }
        PQclear(PQexec(bare->pg[writing], "SET enable_seqscan = off"));
    }
}

static void lite_bind(sqlite3_stmt *stmt, const struct record_step *step)
{
    for (size_t i = 0; i < step->n_args; i++) {
        const struct db_arg *arg = &step->args[i];
        int at = (int)i + 1;
        if (arg->kind == DB_ARG_I64) {
            sqlite3_bind_int64(stmt, at, arg->number);
        } else if (arg->kind == DB_ARG_STR) {
            sqlite3_bind_text(stmt, at, arg->text.ptr, (int)arg->text.len, SQLITE_STATIC);
        } else if (arg->kind == DB_ARG_BLOB) {
            sqlite3_bind_blob(stmt, at, arg->text.ptr, (int)arg->text.len, SQLITE_STATIC);
        } else {
            sqlite3_bind_null(stmt, at);
        }
    }
}

static void lite_run(struct bare *bare, const struct record_step *step)
{
    sqlite3 *handle = bare->lite[step->writing];
    if (!step->sql) {
        if (sqlite3_exec(handle, step->text, NULL, NULL, NULL) != SQLITE_OK) {
            fail(sqlite3_errmsg(handle));
        }
        return;
    }
    sqlite3_stmt **stmt = &bare->prepared[step->writing][step->sql->index].lite;
    if (!*stmt && sqlite3_prepare_v3(handle, step->sql->text[DB_SQLITE], -1, SQLITE_PREPARE_PERSISTENT, stmt,
                                     NULL) != SQLITE_OK) {
        fail(sqlite3_errmsg(handle));
    }
    lite_bind(*stmt, step);
    int code;
    while ((code = sqlite3_step(*stmt)) == SQLITE_ROW) {
    }
    if (code != SQLITE_DONE) {
        fail(sqlite3_errmsg(handle));
    }
    sqlite3_reset(*stmt);
}

struct pg_values {
    const char *values[ARGS];
    int lengths[ARGS], formats[ARGS];
    char digits[ARGS][24], name[16];
};

static void pg_bind(const struct record_step *step, struct pg_values *out)
{
    memset(out, 0, offsetof(struct pg_values, digits));
    snprintf(out->name, sizeof(out->name), "s%d", step->sql->index);
    for (size_t i = 0; i < step->n_args; i++) {
        const struct db_arg *arg = &step->args[i];
        if (arg->kind == DB_ARG_I64) {
            snprintf(out->digits[i], sizeof(out->digits[i]), "%lld", (long long)arg->number);
            out->values[i] = out->digits[i];
        } else if (arg->kind != DB_ARG_NULL) {
            out->values[i] = arg->text.ptr;
            out->lengths[i] = (int)arg->text.len;
            out->formats[i] = arg->kind == DB_ARG_BLOB;
        }
    }
}

static void pg_check(PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_PIPELINE_SYNC) {
        fail(PQresultErrorMessage(result));
    }
    PQclear(result);
}

static void pg_check_end(PGresult *result)
{
    if (result) {
        fail("an answer was not expected");
    }
}

// What is under way in the pipeline is read, and the sync behind it.
static void pg_collect(struct bare *bare, PGconn *pg)
{
    PQpipelineSync(pg);
    for (; bare->under_way > 0; bare->under_way--) {
        pg_check(PQgetResult(pg));
        pg_check_end(PQgetResult(pg));
    }
    pg_check(PQgetResult(pg));
    PQexitPipelineMode(pg);
}

static void pg_prepare(struct bare *bare, PGconn *pg, const struct record_step *step, const char *name)
{
    bool *known = &bare->prepared[step->writing][step->sql->index].pg;
    if (*known) {
        return;
    }
    if (bare->under_way > 0) {
        pg_collect(bare, pg);
    }
    pg_check(PQprepare(pg, name, step->sql->text[DB_POSTGRES], 0, NULL));
    *known = true;
}

static void pg_run(struct bare *bare, const struct record_step *step)
{
    PGconn *pg = bare->pg[step->writing];
    bool behind = step->writing && bare->under_way > 0;
    struct pg_values v;
    if (!step->sql && !behind) {
        pg_check(PQexec(pg, step->text));
        return;
    }
    if (!step->sql) {
        PQsendQueryParams(pg, step->text, 0, NULL, NULL, NULL, NULL, 0);
    } else {
        pg_bind(step, &v);
        pg_prepare(bare, pg, step, v.name);
        behind = step->writing && bare->under_way > 0;
        if (step->deferred && !behind) {
            PQenterPipelineMode(pg);
        }
        if (!step->deferred && !behind) {
            pg_check(PQexecPrepared(pg, v.name, (int)step->n_args, v.values, v.lengths, v.formats, 0));
            return;
        }
        PQsendQueryPrepared(pg, v.name, (int)step->n_args, v.values, v.lengths, v.formats, 0);
    }
    bare->under_way++;
    if (!step->deferred) {
        pg_collect(bare, pg);
    }
}

static void replay(struct bare *bare, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        if (bare->lite[0]) {
            lite_run(bare, &steps.items[i]);
        } else {
            pg_run(bare, &steps.items[i]);
        }
    }
}

static i64 bare_count(struct bare *bare, const char *text)
{
    if (bare->lite[0]) {
        sqlite3_stmt *stmt;
        i64 n = -1;
        if (sqlite3_prepare_v2(bare->lite[0], text, -1, &stmt, NULL) == SQLITE_OK &&
            sqlite3_step(stmt) == SQLITE_ROW) {
            n = sqlite3_column_int64(stmt, 0);
        }
        sqlite3_finalize(stmt);
        return n;
    }
    PGresult *result = PQexec(bare->pg[0], text);
    i64 n = PQntuples(result) == 1 ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : -1;
    PQclear(result);
    return n;
}

// ---- Processor time ---------------------------------------------------------------------------------

// Of this process and of the PostgreSQL processes that serve this database.
static double processor_s(const struct world *world)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double total = (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6 +
                   (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6;
    if (!world->url) {
        return total;
    }
    PGconn *pg = PQconnectdb(world->url);
    PGresult *pids = PQexec(pg, "SELECT pid FROM pg_stat_activity WHERE datname = current_database()");
    for (int i = 0; i < PQntuples(pids); i++) {
        char path[64], line[1024];
        snprintf(path, sizeof(path), "/proc/%s/stat", PQgetvalue(pids, i, 0));
        FILE *file = fopen(path, "r");
        if (file && fgets(line, sizeof(line), file) && strrchr(line, ')')) {
            char *rest = strrchr(line, ')') + 2; // "S ppid …": utime and stime are the 12th and 13th
            for (int field = 0; field < 11 && rest; field++) {
                rest = strchr(rest, ' ') ? strchr(rest, ' ') + 1 : NULL;
            }
            char *end = rest;
            double ticks = rest ? (double)strtoll(rest, &end, 10) : 0;
            ticks += rest ? (double)strtoll(end, NULL, 10) : 0;
            total += ticks / (double)sysconf(_SC_CLK_TCK);
        }
        if (file) {
            fclose(file);
        }
    }
    PQclear(pids);
    PQfinish(pg);
    return total;
}

// ---- With search ------------------------------------------------------------------------------------

struct indexer {
    struct search *search;
    atomic_bool last; // all is stored: end when the index knows it
};

static void *index_all(void *arg)
{
    struct indexer *indexer = arg;
    for (;;) {
        struct err err = {};
        bool last = indexer->last;
        i64 n = 0;
        must(search_step(indexer->search, &n, &err), &err);
        if (last && n == 0) {
            return NULL;
        }
        if (!last) {
            usleep(250000); // as jobs/jobs.c
        }
    }
}

static double search_run(struct world *world, i64 events)
{
    struct err err = {};
    struct indexer indexer = {};
    pthread_t thread;
    must(search_open(world->db, &indexer.search, &err), &err);
    for (i64 from = 0; from < events; from += CHUNK) {
        store(world, from, events - from < CHUNK ? events - from : CHUNK);
    }
    double used = processor_s(world);
    pthread_create(&thread, NULL, index_all, &indexer);
    pass(world, events);
    indexer.last = true;
    pthread_join(thread, NULL);
    used = processor_s(world) - used;
    search_close(indexer.search);
    return used;
}

// ---- All --------------------------------------------------------------------------------------------

struct mark {
    size_t stored, done; // steps up to here
};

int main(int argc, char **argv)
{
    static const struct option names[] = {
        {"events", 1, 0, 'e'}, {"dir", 1, 0, 'd'}, {"database", 1, 0, 'u'}, {"product", 0, 0, 'p'}, {0}};
    bool profiled = false;
    i64 events = 20000;
    const char *urls[N_WORLDS] = {}, *given = NULL;
    int n_urls = 0;
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (c == 'e') {
            events = strtoll(optarg, NULL, 10);
        } else if (c == 'd') {
            given = optarg;
        } else if (c == 'p') {
            profiled = true;
        } else if (c == 'u' && n_urls < N_WORLDS) {
            urls[n_urls++] = optarg;
        } else {
            return 2;
        }
    }
    if (n_urls != 0 && n_urls != N_WORLDS) {
        return 2;
    }
    char dir[200], command[300];
    snprintf(dir, sizeof(dir), "%s/heed-whole-XXXXXX", given ? given : "/tmp");
    if (!mkdtemp(dir)) {
        return 1;
    }
    crypto_init();
    log_set_level(LOG_ERROR);
    search_register();
    forever = arena_create();
    static struct world worlds[N_WORLDS];
    static struct bare bare;
    for (int i = 0; i < N_WORLDS; i++) {
        open_world(&worlds[i], dir, urls[i], i);
    }
    db_close(worlds[BARE].db);
    bare_open(&bare, &worlds[BARE]);

    i64 chunks = (events + CHUNK - 1) / CHUNK;
    for (i64 i = 0; profiled && i < chunks; i++) {
        store(&worlds[PRODUCT], i * CHUNK, CHUNK);
        pass(&worlds[PRODUCT], CHUNK);
    }
    if (profiled) {
        db_close(worlds[PRODUCT].db);
        return 0;
    }
    struct mark *marks = arena_array(forever, struct mark, (size_t)chunks);
    db_trace(record);
    for (i64 i = 0; i < chunks; i++) {
        i64 n = events - i * CHUNK < CHUNK ? events - i * CHUNK : CHUNK;
        store(&worlds[RECORD], i * CHUNK, n);
        marks[i].stored = steps.len;
        pass(&worlds[RECORD], n);
        marks[i].done = steps.len;
    }
    db_trace(NULL);
    db_close(worlds[RECORD].db);

    double product_s = 0, bare_s = 0, product_cpu = 0, bare_cpu = 0;
    for (i64 i = 0; i < chunks; i++) {
        i64 n = events - i * CHUNK < CHUNK ? events - i * CHUNK : CHUNK;
        store(&worlds[PRODUCT], i * CHUNK, n);
        replay(&bare, i ? marks[i - 1].done : 0, marks[i].stored);
        double cpu = processor_s(&worlds[PRODUCT]), begin = now_s();
        pass(&worlds[PRODUCT], n);
        product_s += now_s() - begin;
        product_cpu += processor_s(&worlds[PRODUCT]) - cpu;
        cpu = processor_s(&worlds[BARE]);
        begin = now_s();
        replay(&bare, marks[i].stored, marks[i].done);
        bare_s += now_s() - begin;
        bare_cpu += processor_s(&worlds[BARE]) - cpu;
        if (bare.pg[1]) { // as the product does within two seconds
            PQclear(PQexec(bare.pg[1], i < 3 ? "ANALYZE" : ""));
        }
        if (bare.lite[1]) {
            sqlite3_wal_checkpoint_v2(bare.lite[1], NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
        }
    }
    // Both did the same work.
    i64 messages = bare_count(&bare, "SELECT count(*) FROM message");
    i64 open = bare_count(&bare, "SELECT n FROM count_cell WHERE folder = 'open'");
    if (messages != events || open != (events + PER_THREAD - 1) / PER_THREAD) {
        fail("it ended in another state than the product");
    }
    double search_cpu = search_run(&worlds[SEARCH], events);
    size_t timed = 0, writes = 0;
    for (i64 i = 0; i < chunks; i++) {
        timed += marks[i].done - marks[i].stored;
        for (size_t k = marks[i].stored; k < marks[i].done; k++) {
            writes += !steps.items[k].sql && strncmp(steps.items[k].text, "COMMIT", 6) == 0;
        }
    }
    printf("{\"events\":%lld,\"per_s\":%.0f,\"bare_per_s\":%.0f,\"ratio\":%.3f,\"cpu_us\":%.1f,\"bare_cpu_"
           "us\":%.1f,"
           "\"search_cpu_ratio\":%.3f,\"statements_per_event\":%.2f,\"commits\":%zu}\n",
           (long long)events, (double)events / product_s, (double)events / bare_s, bare_s / product_s,
           product_cpu / (double)events * 1e6, bare_cpu / (double)events * 1e6, search_cpu / product_cpu,
           (double)timed / (double)events, writes);
    db_close(worlds[PRODUCT].db);
    db_close(worlds[SEARCH].db);
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    return system(command) != 0;
}
