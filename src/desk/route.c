// SPDX-License-Identifier: AGPL-3.0-or-later
// See route.h.
#include "desk/route.h"
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
