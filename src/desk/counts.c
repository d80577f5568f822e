// SPDX-License-Identifier: AGPL-3.0-or-later
// See counts.h. Reading sums the cells of what the reader may see.
#include "desk/change.h"
#include "desk/conversation.h"
#include "sql_gen.h"
#include <stdlib.h>

size_t counts_folders(const struct record *record, struct arena *arena, struct str out[4])
{
    size_t n = 0;
    if (record->merged_into) {
        return 0;
    }
    if (record->spam) {
        out[n++] = S("spam");
    } else if (str_eq(record->status, S("closed"))) {
        out[n++] = S("closed");
    } else if (str_eq(record->status, S("snoozed"))) {
        out[n++] = S("snoozed");
    } else {
        out[n++] = S("open");
        if (record->waiting_since > 0) {
            out[n++] = S("unanswered");
        }
        out[n++] = record->assignee_id == 0 ? S("unassigned")
                                            : str_printf(arena, "mine:%lld", (long long)record->assignee_id);
    }
    return n;
}

void counts_collect(struct count_deltas *deltas, const struct record *record, i64 by, struct arena *arena)
{
    struct str folders[4];
    size_t n = counts_folders(record, arena, folders);
    for (size_t i = 0; i < n; i++) {
        *list_push(deltas, arena) = (struct count_delta){folders[i], record->channel_id, record->team_id, by};
    }
}

static int by_key(const void *a, const void *b)
{
    const struct count_delta *x = a;
    const struct count_delta *y = b;
    int order = str_cmp(x->folder, y->folder);
    if (order == 0 && x->channel_id != y->channel_id) {
        order = x->channel_id < y->channel_id ? -1 : 1;
    }
    if (order == 0 && x->team_id != y->team_id) {
        order = x->team_id < y->team_id ? -1 : 1;
    }
    return order;
}

bool counts_apply(struct tx *tx, i64 workspace_id, struct count_deltas *deltas, struct err *err)
{
    if (deltas->len > 1) {
        qsort(deltas->items, deltas->len, sizeof(deltas->items[0]), by_key);
    }
    for (size_t i = 0; i < deltas->len;) {
        const struct count_delta *first = &deltas->items[i];
        i64 n = 0;
        for (; i < deltas->len && by_key(first, &deltas->items[i]) == 0; i++) {
            n += deltas->items[i].n;
        }
        if (n != 0 && !db_exec(tx->conn, &SQL_count_cell_add,
                               DB_ARGS(db_i64(workspace_id), db_str(first->folder), db_i64(first->channel_id),
                                       db_i64(first->team_id), db_i64(n)),
                               NULL, err)) {
            return false;
        }
    }
    deltas->len = 0;
    return true;
}

static void add_to(struct folder_counts *counts, struct str folder, i64 n, struct arena *arena)
{
    for (size_t i = 0; i < counts->len; i++) {
        if (str_eq(counts->items[i].folder, folder)) {
            counts->items[i].n += n;
            return;
        }
    }
    *list_push(counts, arena) = (struct folder_count){folder, n};
}

bool conversation_counts(struct conn *conn, const struct actor *actor, struct arena *arena,
                         struct folder_counts *out, struct err *err)
{
    static const char *const always[] = {"unanswered", "mine",   "unassigned", "open",
                                         "snoozed",    "closed", "spam"};
    struct folder_counts counts = {};
    for (size_t i = 0; i < ARRAY_LEN(always); i++) {
        add_to(&counts, str_from(always[i]), 0, arena);
    }
    struct str mine = str_printf(arena, "mine:%lld", (long long)actor->agent_id);
    struct rows *rows;
    if (!db_query(conn, &SQL_count_cells_read, DB_ARGS(db_i64(actor->workspace_id), db_str(mine)), &rows,
                  err)) {
        return false;
    }
    while (rows_next(rows)) {
        i64 channel = row_i64(rows, 1);
        if (!actor_sees(actor, channel, row_i64(rows, 2))) {
            continue;
        }
        struct str folder = row_str(rows, 0, arena);
        i64 n = row_i64(rows, 3);
        add_to(&counts, str_eq(folder, mine) ? S("mine") : folder, n, arena);
        if (str_eq(folder, S("open"))) {
            add_to(&counts, str_printf(arena, "channel:%lld", (long long)channel), n, arena);
        }
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    *out = counts;
    return true;
}
