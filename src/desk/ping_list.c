// SPDX-License-Identifier: AGPL-3.0-or-later
// One's own pings: the list behind the bell, and what marks them.
#include "desk/ping.h"
#include "sql_gen.h"

static const struct type ref_type = {
    "PingColleague",
    (const struct field[]){
        FIELD(ping_ref, FIELD_I64, id, 0),
        FIELD(ping_ref, FIELD_STR, name, 0),
        FIELD_END,
    },
    sizeof(struct ping_ref),
};
static const char *const visibilities[] = {"public", "private", NULL};

const struct type ping_type = {
    "Ping",
    (const struct field[]){
        FIELD(ping, FIELD_I64, id, FIELD_READ_ONLY),
        FIELD(ping, FIELD_ENUM, kind, FIELD_READ_ONLY, .names = ping_kind_names),
        FIELD(ping, FIELD_I64, conversation_id, FIELD_READ_ONLY),
        FIELD(ping, FIELD_I64, n, FIELD_READ_ONLY, .doc = "how many came together here"),
        FIELD(ping, FIELD_STRUCT, by, FIELD_READ_ONLY | FIELD_NULLABLE, .type = &ref_type,
              .doc = "the colleague who caused it"),
        FIELD(ping, FIELD_STRUCT, from, FIELD_READ_ONLY | FIELD_NULLABLE, .type = &ref_type,
              .doc = "passed on: whom it did not reach"),
        FIELD(ping, FIELD_STR, contact_name, FIELD_READ_ONLY),
        FIELD(ping, FIELD_STR, preview, FIELD_READ_ONLY),
        FIELD(ping, FIELD_STR, channel_kind, FIELD_READ_ONLY),
        FIELD(ping, FIELD_ENUM, visibility, FIELD_READ_ONLY, .names = visibilities),
        FIELD(ping, FIELD_BOOL, page, FIELD_READ_ONLY, .doc = "counts at the bell"),
        FIELD(ping, FIELD_BOOL, sound, FIELD_READ_ONLY),
        FIELD(ping, FIELD_TIME, created_at, FIELD_READ_ONLY),
        FIELD(ping, FIELD_TIME, updated_at, FIELD_READ_ONLY),
        FIELD(ping, FIELD_TIME, seen_at, FIELD_READ_ONLY | FIELD_NULLABLE),
        FIELD_END,
    },
    sizeof(struct ping),
};

static const struct type row_type = {
    "PingRow",
    (const struct field[]){
        FIELD(ping, FIELD_I64, id, 0),
        FIELD(ping, FIELD_STR, kind, 0),
        FIELD(ping, FIELD_I64, conversation_id, 0),
        FIELD(ping, FIELD_I64, n, 0),
        FIELD(ping, FIELD_I64, by_id, 0),
        FIELD(ping, FIELD_STR, by_name, 0),
        FIELD(ping, FIELD_I64, from_id, 0),
        FIELD(ping, FIELD_STR, from_name, 0),
        FIELD(ping, FIELD_I64, ways, 0),
        FIELD(ping, FIELD_I64, created_at, 0),
        FIELD(ping, FIELD_I64, updated_at, 0),
        FIELD(ping, FIELD_I64, seen_at, 0),
        FIELD(ping, FIELD_STR, contact_name, 0),
        FIELD(ping, FIELD_STR, preview, 0),
        FIELD(ping, FIELD_STR, channel_kind, 0),
        FIELD(ping, FIELD_I64, channel_id, 0),
        FIELD(ping, FIELD_I64, team_id, 0),
        FIELD(ping, FIELD_STR, visibility, 0),
        FIELD_END,
    },
    sizeof(struct ping),
};

const struct type ping_marks_type = {
    "PingMarks",
    (const struct field[]){
        FIELD(ping_marks, FIELD_IDS, ids, 0, .max = 100),
        FIELD(ping_marks, FIELD_I64, conversation_id, 0, .doc = "all of this conversation"),
        FIELD(ping_marks, FIELD_BOOL, all, 0, .doc = "all there are"),
        FIELD_END,
    },
    sizeof(struct ping_marks),
};

const struct type ping_shown_type = {
    "PingsShown",
    (const struct field[]){
        FIELD(ping_shown, FIELD_IDS, ids, FIELD_REQUIRED, .max = 100),
        FIELD_END,
    },
    sizeof(struct ping_shown),
};

#define NEWEST ((i64)1 << 53)

static bool read_cursor(struct str cursor, i64 *ret_time, i64 *ret_id, struct err *err)
{
    struct str id;
    *ret_time = *ret_id = NEWEST;
    if (!str_given(cursor)) {
        return true;
    }
    struct str time = str_cut(cursor, '.', &id);
    if (!str_given(id) || !str_to_i64(time, ret_time) || !str_to_i64(id, ret_id)) {
        err_field(err, "cursor", "invalid", "This is no cursor of this list.");
        err->code = ERR_SYNTAX;
        return false;
    }
    return true;
}

bool ping_list(struct conn *conn, const struct actor *actor, i64 limit, struct str cursor,
               struct arena *arena, struct ping_list *out, struct str *ret_next, struct err *err)
{
    struct ping_list rows = {};
    i64 time, id;
    if (!read_cursor(cursor, &time, &id, err) ||
        !db_list(conn, &SQL_ping_list,
                 DB_ARGS(db_i64(actor->workspace_id), db_i64(actor->agent_id), db_i64(time), db_i64(id),
                         db_i64(limit)),
                 &row_type, &rows, arena, err)) {
        return false;
    }
    for (size_t i = 0; i < rows.len; i++) {
        struct ping *ping = &rows.items[i];
        ping->by = (struct ping_ref){ping->by_id, ping->by_name};
        ping->from = (struct ping_ref){ping->from_id, ping->from_name};
        ping->page = ping->ways & PING_PAGE;
        ping->sound = ping->ways & PING_SOUND;
        if (actor_sees(actor, ping->channel_id, ping->team_id)) {
            *list_push(out, arena) = *ping; // what was moved out of sight is not shown
        }
    }
    const struct ping *last = rows.len > 0 ? &rows.items[rows.len - 1] : NULL;
    *ret_next = (i64)rows.len == limit && last
                    ? str_printf(arena, "%lld.%lld", (long long)last->updated_at, (long long)last->id)
                    : STR_NONE;
    return true;
}

bool ping_unseen(struct conn *conn, i64 workspace_id, i64 agent_id, i64 *ret_n, i64 *ret_newest,
                 struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_ping_unseen, DB_ARGS(db_i64(workspace_id), db_i64(agent_id)), &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        *ret_n = row_i64(rows, 0);
        *ret_newest = row_i64(rows, 1);
    }
    return rows_end(rows, err);
}

static struct str ids_json(struct arena *arena, const struct id_list *ids)
{
    struct buf out;
    buf_init(&out, arena, 64 * 1024);
    buf_add_char(&out, '[');
    for (size_t i = 0; i < ids->len; i++) {
        if (i > 0) {
            buf_add_char(&out, ',');
        }
        buf_add_i64(&out, ids->items[i]);
    }
    buf_add_char(&out, ']');
    return buf_str(&out);
}

static bool tell_self(struct tx *tx, const struct actor *actor, i64 changed, struct err *err)
{
    i64 self = actor->agent_id;
    struct id_list one = {&self, 1, 1};
    return changed == 0 || ping_tell(tx, actor->workspace_id, &one, err);
}

bool ping_see(struct tx *tx, const struct actor *actor, const struct ping_marks *marks, struct err *err)
{
    i64 changed = 0, now = tx->now, workspace = actor->workspace_id, agent = actor->agent_id;
    int given = (marks->ids.len > 0) + (marks->conversation_id != 0) + marks->all;
    if (given != 1) {
        return err_field(err, "ids", "required", "Say one of ids, conversation_id and all.");
    }
    bool ok =
        marks->all ? db_exec(tx->conn, &SQL_ping_see_all,
                             DB_ARGS(db_i64(now), db_i64(workspace), db_i64(agent)), &changed, err)
        : marks->conversation_id
            ? db_exec(tx->conn, &SQL_ping_see,
                      DB_ARGS(db_i64(now), db_i64(workspace), db_i64(agent), db_i64(marks->conversation_id)),
                      &changed, err)
            : db_exec(tx->conn, &SQL_ping_see_ids,
                      DB_ARGS(db_i64(now), db_i64(workspace), db_i64(agent),
                              db_str(ids_json(tx->arena, &marks->ids))),
                      &changed, err);
    return ok && tell_self(tx, actor, changed, err);
}

bool ping_show(struct tx *tx, const struct actor *actor, const struct ping_shown *shown, struct err *err)
{
    // No event: nothing that anybody looks at changes by it.
    return db_exec(tx->conn, &SQL_ping_show,
                   DB_ARGS(db_i64(tx->now), db_i64(actor->workspace_id), db_i64(actor->agent_id),
                           db_str(ids_json(tx->arena, &shown->ids))),
                   NULL, err);
}
