// SPDX-License-Identifier: AGPL-3.0-or-later
// How a channel does: states with reasons, the result of connecting, facts a driver found out, and what
// waits at it. Written by jobs; colleagues see each change by its channel.updated event.
#include "base/buf.h"
#include "desk/channel.h"
#include "desk/events.h"
#include "sql_gen.h"
#include "store/log.h"

static bool updated(struct tx *tx, i64 workspace_id, i64 id, struct err *err)
{
    struct event event = {
        .workspace_id = workspace_id, .kind = S(EVENT_CHANNEL_UPDATED), .channel_id = id, .data = S("{}")};
    return log_append(tx, &event, err);
}

bool channel_set_state(struct tx *tx, i64 workspace_id, i64 id, struct str state, struct str reason,
                       struct err *err)
{
    i64 changed = 0;
    if (!db_exec(tx->conn, &SQL_channel_set_state,
                 DB_ARGS(db_str(state), db_i64(tx->now), db_str(str_given(reason) ? reason : S("")),
                         db_i64(workspace_id), db_i64(id)),
                 &changed, err))
        return false;
    return changed == 0 || updated(tx, workspace_id, id, err);
}

bool channel_report_state(struct tx *tx, i64 workspace_id, i64 id, struct str state, struct str reason,
                          struct err *err)
{
    struct channel_row row;
    if (!channel_load(tx->conn, workspace_id, id, tx->arena, &row, err))
        return false;
    bool runs = str_eq(row.state, S("active")) || str_eq(row.state, S("degraded")) ||
                str_eq(row.state, S("connecting"));
    return !runs || channel_set_state(tx, workspace_id, id, state, reason, err);
}

static bool same_account(struct tx *tx, const struct channel_row *row, struct str account_id, struct err *err)
{
    i64 taken = 0;
    if (row->external_account_id.len && !str_eq(row->external_account_id, account_id))
        return err_set(err, ERR_CONFLICT,
                       "These credentials belong to another account; make a new channel for it.");
    if (!db_one_i64(
            tx->conn, &SQL_channel_account_taken,
            DB_ARGS(db_i64(row->workspace_id), db_str(row->kind), db_str(account_id), db_i64(row->id)),
            &taken, err))
        return false;
    if (taken)
        return err_set(err, ERR_CONFLICT, "Another channel is connected to this account already.");
    return true;
}

bool channel_connected(struct tx *tx, i64 workspace_id, i64 id, struct str account_id, struct str handle,
                       struct err *err)
{
    struct channel_row row;
    if (!channel_load(tx->conn, workspace_id, id, tx->arena, &row, err) ||
        !same_account(tx, &row, account_id, err))
        return false;
    const struct channel_driver *driver = channel_driver_find(row.kind);
    if (!db_exec(tx->conn, &SQL_channel_set_account,
                 DB_ARGS(db_str(account_id), db_str(str_given(handle) ? handle : S("")), db_i64(workspace_id),
                         db_i64(id)),
                 NULL, err))
        return false;
    for (size_t i = 0; driver && driver->streams && driver->streams[i]; i++)
        if (!db_exec(tx->conn, &SQL_channel_cursor_put,
                     DB_ARGS(db_i64(workspace_id), db_i64(id), db_str(str_from(driver->streams[i])),
                             db_i64(tx->now)),
                     NULL, err))
            return false;
    return channel_set_state(tx, workspace_id, id, S("active"), S(""), err);
}

static bool has_all(const struct json *settings, const struct json *facts, struct arena *arena)
{
    size_t pos = 0;
    struct str name;
    const struct json *value;
    while (json_member(facts, &pos, &name, &value)) {
        const struct json *old = json_at(settings, str_cstr(arena, name));
        if (json_kind(old) != json_kind(value) || !str_eq(json_str(old), json_str(value)) ||
            json_i64(old) != json_i64(value) || json_bool(old) != json_bool(value))
            return false;
    }
    return true;
}

static void put_member(struct json_writer *w, struct str name, const struct json *value, struct arena *arena)
{
    struct buf text;
    buf_init(&text, arena, 64 << 10);
    json_dump(&text, value);
    json_key(w, str_cstr(arena, name));
    json_put_raw(w, buf_str(&text));
}

static struct str merged(const struct json *settings, const struct json *facts, struct arena *arena)
{
    struct buf out;
    struct str name;
    const struct json *value;
    buf_init(&out, arena, 128 << 10);
    struct json_writer w = json_writer(&out);
    json_open(&w, '{');
    for (size_t pos = 0; json_member(settings, &pos, &name, &value);)
        if (json_kind(json_at(facts, str_cstr(arena, name))) == JSON_ABSENT)
            put_member(&w, name, value, arena);
    for (size_t pos = 0; json_member(facts, &pos, &name, &value);)
        put_member(&w, name, value, arena);
    json_close(&w, '}');
    return buf_str(&out);
}

bool channel_put_facts(struct tx *tx, i64 workspace_id, i64 id, struct str facts_json, struct err *err)
{
    struct channel_row row;
    if (!channel_load(tx->conn, workspace_id, id, tx->arena, &row, err))
        return false;
    const struct json *facts = json_parse(facts_json, tx->arena, err);
    const struct json *settings = facts ? json_parse(row.settings, tx->arena, err) : NULL;
    if (!settings)
        return false;
    if (has_all(settings, facts, tx->arena))
        return true;
    return db_exec(tx->conn, &SQL_channel_set_settings,
                   DB_ARGS(db_str(merged(settings, facts, tx->arena)), db_i64(workspace_id), db_i64(id)),
                   NULL, err) &&
           updated(tx, workspace_id, id, err);
}

bool channel_counts(struct conn *conn, i64 workspace_id, i64 id, struct channel_counts *out, struct err *err)
{
    struct channel_counts counts = {};
    struct rows *rows;
    if (!db_one_i64(conn, &SQL_channel_count_inbound, DB_ARGS(db_i64(workspace_id), db_i64(id)),
                    &counts.quarantined, err) ||
        !db_one_i64(conn, &SQL_channel_count_waiting, DB_ARGS(db_i64(workspace_id), db_i64(id)),
                    &counts.waiting_in, err) ||
        !db_query(conn, &SQL_channel_count_outbox, DB_ARGS(db_i64(workspace_id), db_i64(id)), &rows, err))
        return false;
    struct arena *arena = arena_take();
    while (rows_next(rows)) {
        struct str state = row_str(rows, 0, arena);
        i64 n = row_i64(rows, 1);
        if (str_eq(state, S("failed")))
            counts.failed += n;
        else if (str_eq(state, S("in_doubt")) || str_eq(state, S("held")))
            counts.in_doubt += n;
        else
            counts.queued_out += n;
    }
    arena_give(arena);
    if (!rows_end(rows, err))
        return false;
    *out = counts;
    return true;
}

// The first id whose message came at or behind `since`; ids grow with time but for a few milliseconds.
static bool first_since(struct conn *conn, i64 since, i64 *ret_first, struct err *err)
{
    enum { MOST = 200000 }; // a page of settings may not cost more than this
    i64 newest = 0;
    if (!db_one_i64(conn, &SQL_channel_traffic_newest, DB_NO_ARGS, &newest, err))
        return false;
    i64 low = newest > MOST ? newest - MOST : 1, high = newest + 1;
    while (low < high) {
        i64 middle = low + (high - low) / 2, at;
        if (!db_one_i64(conn, &SQL_channel_traffic_probe, DB_ARGS(db_i64(middle)), &at, err))
            return false;
        if (at >= since)
            high = middle;
        else
            low = middle + 1;
    }
    *ret_first = low;
    return true;
}

bool channel_traffic(struct conn *conn, i64 workspace_id, i64 id, i64 now, struct channel_hour out[24],
                     struct err *err)
{
    const i64 hour_ms = 3600000;
    i64 first = now / hour_ms - 23, first_id;
    struct rows *rows;
    for (int i = 0; i < 24; i++)
        out[i] = (struct channel_hour){.at = (first + i) * hour_ms};
    if (!first_since(conn, first * hour_ms, &first_id, err) ||
        !db_query(conn, &SQL_channel_traffic,
                  DB_ARGS(db_i64(first_id), db_i64(workspace_id), db_i64(id), db_i64(first * hour_ms)), &rows,
                  err))
        return false;
    struct arena *arena = arena_take();
    while (rows_next(rows)) {
        i64 slot = row_i64(rows, 0) - first;
        if (slot < 0 || slot > 23)
            continue;
        if (str_eq(row_str(rows, 1, arena), S("in")))
            out[slot].in = row_i64(rows, 2);
        else
            out[slot].out = row_i64(rows, 2);
    }
    arena_give(arena);
    return rows_end(rows, err);
}
