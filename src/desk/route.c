// SPDX-License-Identifier: AGPL-3.0-or-later
// See route.h.
#include "desk/route.h"
#include "base/clock.h"
#include "desk/conversation.h"
#include "sql_gen.h"

static const struct field way_fields[] = {
    FIELD(way, FIELD_I64, route_id, 0),     FIELD(way, FIELD_I64, channel_id, 0),
    FIELD(way, FIELD_STR, channel_kind, 0), FIELD(way, FIELD_STR, thread_key, 0),
    FIELD(way, FIELD_STR, kind, 0),         FIELD(way, FIELD_STR, visibility, 0),
    FIELD(way, FIELD_STR, address, 0),      FIELD_END,
};
static const struct type way_type = {"Way", way_fields, sizeof(struct way)};

struct way way_home(const struct record *conversation)
{
    return (struct way){.channel_id = conversation->channel_id,
                        .channel_kind = conversation->channel_kind,
                        .thread_key = conversation->thread_key,
                        .kind = conversation->kind,
                        .visibility = conversation->visibility,
                        .address = S("")};
}

bool way_get(struct conn *conn, const struct record *conversation, i64 route_id, struct arena *arena,
             struct way *out, struct err *err)
{
    *out = way_home(conversation);
    if (route_id == 0 && str_starts(conversation->thread_key, S("split:")) &&
        !db_one_i64(conn, &SQL_route_of_split,
                    DB_ARGS(db_i64(conversation->workspace_id), db_i64(conversation->id),
                            db_i64(conversation->channel_id)),
                    &route_id, err)) {
        return false; // what was split off has no thread of its own that a network knows
    }
    return route_id == 0 ||
           db_one(conn, &SQL_route_get,
                  DB_ARGS(db_i64(conversation->workspace_id), db_i64(conversation->id), db_i64(route_id)),
                  &way_type, out, arena, err);
}

bool way_of_customer(struct conn *conn, const struct record *conversation, struct arena *arena,
                     struct way *out, struct err *err)
{
    i64 route = 0;
    struct rows *rows;
    if (!db_query(conn, &SQL_route_of_customer,
                  DB_ARGS(db_i64(conversation->workspace_id), db_i64(conversation->id)), &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        route = row_i64(rows, 0);
    }
    return rows_end(rows, err) && way_get(conn, conversation, route, arena, out, err);
}

bool way_add(struct tx *tx, i64 workspace_id, i64 conversation_id, const struct way *way, i64 *ret_id,
             struct err *err)
{
    i64 changed = 0;
    return db_exec(tx->conn, &SQL_route_insert,
                   DB_ARGS(db_i64(workspace_id), db_i64(way->channel_id), db_str(way->channel_kind),
                           db_str(way->thread_key), db_i64(conversation_id), db_str(way->kind),
                           db_str(way->visibility), db_str(way->address), db_i64(tx->now)),
                   &changed, err) &&
           (changed > 0 ||
            err_set(err, ERR_CONFLICT, "That thread leads into another conversation already.")) &&
           db_one_i64(tx->conn, &SQL_route_find,
                      DB_ARGS(db_i64(workspace_id), db_i64(way->channel_id), db_str(way->thread_key)), ret_id,
                      err);
}

bool way_reply_until(struct conn *conn, i64 workspace_id, i64 conversation_id, const struct way *way,
                     const struct channel_driver *driver, const struct json *settings, i64 *ret_until,
                     struct err *err)
{
    i64 window = channel_reply_window(driver, settings), last = 0;
    *ret_until = 0;
    if (window == 0) {
        return true;
    }
    if (!db_one_i64(conn, &SQL_route_last_in,
                    DB_ARGS(db_i64(workspace_id), db_i64(conversation_id), db_i64(way->route_id)), &last,
                    err)) {
        return false;
    }
    *ret_until = last > 0 ? last + window : 1;
    return true;
}

// ---- As the API shows them --------------------------------------------------------------------------

static const char *const kind_names[] = {"dm", "thread", "review", "email", NULL};
static const char *const visibility_names[] = {"public", "private", NULL};
static const struct field view_fields[] = {
    FIELD(way_view, FIELD_I64, route_id, FIELD_READ_ONLY, .doc = "0: the conversation's own thread."),
    FIELD(way_view, FIELD_I64, channel_id, FIELD_READ_ONLY),
    FIELD(way_view, FIELD_STR, channel_kind, FIELD_READ_ONLY),
    FIELD(way_view, FIELD_STR, channel_name, FIELD_READ_ONLY),
    FIELD(way_view, FIELD_ENUM, kind, FIELD_READ_ONLY, .names = kind_names),
    FIELD(way_view, FIELD_ENUM, visibility, FIELD_READ_ONLY, .names = visibility_names,
          .doc = "Who will see an answer."),
    FIELD(way_view, FIELD_STR, address, FIELD_READ_ONLY, .doc = "Whom it reaches, when it began with us."),
    FIELD(way_view, FIELD_TIME, reply_until, FIELD_READ_ONLY | FIELD_NULLABLE | FIELD_NO_ROW,
          .doc = "The network takes answers until then; null: always."),
    FIELD(way_view, FIELD_BOOL, can_reply, FIELD_READ_ONLY | FIELD_NO_ROW),
    FIELD(way_view, FIELD_STR, problem, FIELD_READ_ONLY | FIELD_NO_ROW, .doc = "Why not, in words."),
    FIELD(way_view, FIELD_BOOL, signs, FIELD_READ_ONLY | FIELD_NO_ROW,
          .doc = "The writer's signature goes below."),
    FIELD(way_view, FIELD_BOOL, current, FIELD_READ_ONLY | FIELD_NO_ROW,
          .doc = "The customer wrote last by it: where an answer goes that names none."),
    FIELD_END,
};
const struct type way_view_type = {"Way", view_fields, sizeof(struct way_view)};

static bool judge(struct conn *conn, i64 workspace_id, i64 conversation_id, i64 now, struct str state,
                  struct str settings_text, struct way_view *view, struct arena *arena, struct err *err)
{
    struct err ignored = {};
    const struct channel_driver *driver = channel_driver_find(view->channel_kind);
    const struct json *settings = json_parse(settings_text, arena, &ignored);
    struct way way = {.route_id = view->route_id};
    unsigned need = str_eq(view->visibility, S("public")) ? CAN_PUBLIC : CAN_DM;
    view->problem = S("");
    view->signs = driver && channel_signs(driver, settings);
    if (driver && !way_reply_until(conn, workspace_id, conversation_id, &way, driver, settings,
                                   &view->reply_until, err)) {
        return false;
    }
    if (!driver || !(driver->can & need)) {
        view->problem = S("This network takes no such answers.");
    } else if (str_eq(state, S("dead")) || str_eq(state, S("disabled"))) {
        view->problem = S("The channel is not in use.");
    } else if (view->reply_until > 0 && view->reply_until <= now) {
        view->problem = S("The time in which this network takes an answer is over.");
    }
    view->can_reply = view->problem.len == 0;
    return true;
}

bool way_views(struct conn *conn, const struct actor *actor, i64 conversation_id, struct arena *arena,
               struct way_view_list *out, struct err *err)
{
    struct rows *rows;
    struct way_view_list list = {};
    struct str_list states = {}, settings = {};
    i64 current = 0;
    if (!conversation_visible(conn, actor, conversation_id, err) ||
        !db_query(conn, &SQL_route_views, DB_ARGS(db_i64(actor->workspace_id), db_i64(conversation_id)),
                  &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        row_fill(rows, &way_view_type, list_push(&list, arena), arena);
        *list_push(&states, arena) = row_str(rows, 7, arena);
        *list_push(&settings, arena) = row_str(rows, 8, arena);
    }
    if (!rows_end(rows, err) ||
        !db_query(conn, &SQL_route_of_customer, DB_ARGS(db_i64(actor->workspace_id), db_i64(conversation_id)),
                  &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        current = row_i64(rows, 0);
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    for (size_t i = 0; i < list.len; i++) {
        list.items[i].current = list.items[i].route_id == current;
        if (!judge(conn, actor->workspace_id, conversation_id, clock_now(), states.items[i],
                   settings.items[i], &list.items[i], arena, err)) {
            return false;
        }
    }
    *out = list;
    return true;
}
