// SPDX-License-Identifier: AGPL-3.0-or-later
// See names.h.
#include "jobs/names.h"
#include "base/log.h"
#include "desk/contact_find.h"
#include "desk/events.h"
#include "jobs/worker.h"
#include "sql_gen.h"
#include "store/log.h"

enum { IDLE_MS = 500, FILL = 200, BATCH = 500, AFTER_FAILURE_MS = 5000 };

static bool is_of_a_contact(struct str kind)
{
    return str_starts(kind, S("contact."));
}

static bool learn_from_log(struct tx *tx, const struct event_list *events, void *arg, struct err *err)
{
    (void)arg;
    i64 last = 0;
    for (size_t i = 0; i < events->len; i++) {
        struct err ignored = {};
        if (!is_of_a_contact(events->items[i].kind))
            continue;
        const struct json *data = json_parse(events->items[i].data, tx->arena, &ignored);
        i64 id = data ? json_i64(json_at(data, "contact_id")) : 0;
        if (id > 0 && id != last && !contact_learn(tx, events->items[i].workspace_id, id, err))
            return false;
        last = id;
    }
    return true;
}

struct filling {
    i64 n;
};

// Those that were there before names were learnt, by number; how far is kept with them.
static bool fill(struct tx *tx, void *arg, struct err *err)
{
    struct filling *filling = arg;
    struct str kept = STR_NONE;
    struct rows *rows;
    i64 ids[FILL], workspaces[FILL], after = 0;
    filling->n = 0;
    if (!db_meta_get(tx->conn, "contact_words", tx->arena, &kept, err))
        return false;
    if (str_eq(kept, S("done")))
        return true;
    if (str_given(kept) && !str_to_i64(kept, &after))
        after = 0;
    if (!db_query(tx->conn, &SQL_contact_word_next, DB_ARGS(db_i64(after), db_i64(FILL)), &rows, err))
        return false;
    while (filling->n < FILL && rows_next(rows)) {
        ids[filling->n] = row_i64(rows, 0);
        workspaces[filling->n++] = row_i64(rows, 1);
    }
    if (!rows_end(rows, err))
        return false;
    for (i64 i = 0; i < filling->n; i++) {
        if (!contact_learn(tx, workspaces[i], ids[i], err))
            return false;
    }
    return db_meta_set(
        tx, "contact_words",
        filling->n < FILL ? S("done") : str_printf(tx->arena, "%lld", (long long)ids[filling->n - 1]), err);
}

struct names_job {
    struct db *db;
    bool filled;
};

static i64 turn(struct worker *worker, void *arg)
{
    struct names_job *job = arg;
    const struct log_reader reader = {.name = "contact_words", .batch = BATCH, .run = learn_from_log};
    struct filling filling = {0};
    struct err err = {};
    i64 n = 0;
    (void)worker;
    bool fine = (job->filled || db_write(job->db, WRITE_READER, fill, &filling, &err)) &&
                log_reader_step(job->db, &reader, &n, &err);
    if (!fine) {
        log_event(LOG_WARN, "names.failed", LOG_C("error", err.text));
        return AFTER_FAILURE_MS;
    }
    job->filled = filling.n < FILL;
    return n > 0 || !job->filled ? 1 : IDLE_MS;
}

struct worker *names_job_start(const struct jobs_settings *settings)
{
    static struct names_job job; // one in a process
    job = (struct names_job){.db = settings->db};
    return worker_start("names", turn, &job);
}
