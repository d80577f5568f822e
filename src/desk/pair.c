// SPDX-License-Identifier: AGPL-3.0-or-later
// See pair.h.
#include "desk/pair.h"
#include "desk/events.h"
#include "desk/merge.h"
#include "sql_gen.h"

static bool not_here(struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "There is no such conversation.");
}

bool pair_open_one(struct change *change, const struct actor *actor, i64 id, struct edit **ret,
                   struct err *err)
{
    return change_open(change, id, ret, err) &&
           (actor_sees(actor, (*ret)->before.channel_id, (*ret)->before.team_id) || not_here(err));
}

bool pair_open(struct change *change, const struct actor *actor, i64 a, i64 b, struct edit **ret_a,
               struct edit **ret_b, struct err *err)
{
    bool turned = b < a;
    return pair_open_one(change, actor, turned ? b : a, turned ? ret_b : ret_a, err) &&
           pair_open_one(change, actor, turned ? a : b, turned ? ret_a : ret_b, err);
}

bool pair_may(const struct actor *actor, struct err *err)
{
    return actor_may(actor, MAY_TRIAGE) ||
           err_set(err, ERR_DENIED, "Your role may not change conversations.");
}

bool pair_read_moved(struct change *change, const struct sql *sql, const struct db_arg *args, size_t n,
                     bool counts, struct moved_list *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(change->tx->conn, sql, args, n, &rows, err))
        return false;
    while (rows_next(rows))
        *list_push(out, change->tx->arena) =
            (struct moved){row_i64(rows, 0), row_i64(rows, 1), counts ? row_i64(rows, 2) : 0};
    if (!rows_end(rows, err))
        return false;
    return out->len <= MERGE_MESSAGES_MAX ||
           err_set(err, ERR_TOO_LARGE, "More than %d messages cannot move at once.", MERGE_MESSAGES_MAX);
}

// Screens and the search index look at each message again.
bool pair_log_moved(struct change *change, const struct moved_list *moved, const struct record *from,
                    const struct record *to, struct err *err)
{
    struct str data = str_printf(change->tx->arena, "{\"from\":%lld}", (long long)from->id);
    for (size_t i = 0; i < moved->len; i++) {
        if (!change_log(change, EVENT_MESSAGE_MOVED, to, moved->items[i].id, data, err))
            return false;
    }
    return true;
}

bool pair_log(struct change *change, const char *kind, const struct record *here, i64 other, struct err *err)
{
    return change_log(change, kind, here, 0,
                      str_printf(change->tx->arena, "{\"other\":%lld}", (long long)other), err);
}

void pair_renew(struct edit *edit)
{
    edit->renew_answered = edit->renew_preview = edit->renew_language = edit->renew_times = true;
    edit->touched = true;
}

bool pair_renew_figures(struct change *change, struct record *row, i64 *ret_newest, struct err *err)
{
    struct rows *rows;
    if (!db_query(change->tx->conn, &SQL_merge_figures,
                  DB_ARGS(db_i64(change->workspace_id), db_i64(row->id)), &rows, err))
        return false;
    if (rows_next(rows)) {
        row->message_count = row_i64(rows, 1);
        *ret_newest = row_i64(rows, 2);
    }
    return rows_end(rows, err);
}

// What hangs on messages goes where they now are: what waits to leave, who was named in them.
// What stood behind something that is elsewhere now waits for it no longer.
bool pair_follow(struct tx *tx, i64 workspace, i64 into, i64 other, struct err *err)
{
    return db_exec(tx->conn, &SQL_merge_move_outbox, DB_ARGS(db_i64(into), db_i64(workspace)), NULL, err) &&
           db_exec(tx->conn, &SQL_merge_wake_outbox,
                   DB_ARGS(db_i64(tx->now), db_i64(workspace), db_i64(into)), NULL, err) &&
           db_exec(tx->conn, &SQL_merge_wake_outbox,
                   DB_ARGS(db_i64(tx->now), db_i64(workspace), db_i64(other)), NULL, err) &&
           db_exec(tx->conn, &SQL_merge_move_mentions, DB_ARGS(db_i64(into), db_i64(workspace)), NULL, err);
}

bool pair_show(struct tx *tx, const struct actor *actor, i64 id, struct conversation *out, struct err *err)
{
    struct actor all = actor_system(actor->workspace_id);
    return conversation_get(tx->conn, &all, id, tx->arena, out, err);
}
