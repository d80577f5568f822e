// SPDX-License-Identifier: AGPL-3.0-or-later
// See owners.h. The name is the process's number in hex, so that whoever finds a lease can look for the lock.
#include "jobs/owners.h"
#include "base/clock.h"
#include "base/log.h"
#include "sql_gen.h"
#include <stdio.h>

enum { LOOK_MS = 1000 };

void owner_name(const struct db *db, char out[OWNER_CAP])
{
    snprintf(out, OWNER_CAP, "%016llx", (unsigned long long)db_process(db));
}

// False: not a name of ours.
static bool number_of(struct str name, i64 *ret_process)
{
    u64 number = 0;
    if (name.len != 16)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        u64 digit = c >= '0' && c <= '9' ? (u64)(c - '0') : c >= 'a' && c <= 'f' ? (u64)(c - 'a' + 10) : 16;
        if (digit > 15)
            return false;
        number = number << 4 | digit;
    }
    *ret_process = (i64)number;
    return number <= INT64_MAX;
}

static bool is_gone(struct conn *conn, struct str name, bool *ret_gone, struct err *err)
{
    i64 process, gone = 0;
    *ret_gone = false;
    if (!number_of(name, &process))
        return true; // its leases run out by themselves
    if (!db_one_i64(conn, &SQL_process_gone, DB_ARGS(db_i64(process)), &gone, err))
        return false;
    *ret_gone = gone != 0;
    return true;
}

// Since when this one's lock is not found; a first sight starts the clock. No room: as if just now.
static i64 missing_since(struct owners *owners, struct str name, i64 now)
{
    int free_ = -1;
    for (int i = 0; i < OWNERS_WATCHED; i++) {
        if (str_eq(str_from(owners->missing[i].name), name))
            return owners->missing[i].missing_since;
        // One not asked about for a while has nothing left to end.
        if (!owners->missing[i].name[0] || now - owners->missing[i].missing_since > 20 * OWNER_GONE_MS)
            free_ = i;
    }
    if (free_ >= 0) {
        memcpy(owners->missing[free_].name, name.ptr, name.len); // 16 digits, see number_of
        owners->missing[free_].name[name.len] = '\0';
        owners->missing[free_].missing_since = now;
    }
    return now;
}

static void found_again(struct owners *owners, struct str name)
{
    for (int i = 0; i < OWNERS_WATCHED; i++)
        if (str_eq(str_from(owners->missing[i].name), name))
            owners->missing[i].name[0] = '\0';
}

struct forsaking {
    i64 channel_id; // 0: leases on streams
    struct str owner;
};

static bool forsake_write(struct tx *tx, void *arg, struct err *err)
{
    const struct forsaking *f = arg;
    return f->channel_id
               ? delivery_forsake(tx, f->channel_id, f->owner, err)
               : db_exec(tx->conn, &SQL_channel_cursor_forsake, DB_ARGS(db_str(f->owner)), NULL, err);
}

// Who holds leases on streams: polling, intake, sessions being renewed.
static bool stream_owners(struct conn *conn, struct str mine, struct arena *arena, struct str_list *out,
                          struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_channel_cursor_owners, DB_ARGS(db_i64(clock_now()), db_str(mine)), &rows, err))
        return false;
    while (rows_next(rows))
        *list_push(out, arena) = row_str(rows, 0, arena);
    return rows_end(rows, err);
}

static bool look_at(struct owners *owners, struct db *db, struct conn *conn, struct forsaking f,
                    struct err *err)
{
    bool gone;
    if (!is_gone(conn, f.owner, &gone, err))
        return false;
    if (!gone) {
        found_again(owners, f.owner);
        return true;
    }
    if (clock_mono() - missing_since(owners, f.owner, clock_mono()) < OWNER_GONE_MS)
        return true;
    log_event(LOG_WARN, "lease.owner_gone", LOG_I("channel", f.channel_id));
    return db_write(db, WRITE_INTAKE, forsake_write, &f, err);
}

bool owners_look(struct owners *owners, struct db *db, struct conn *conn,
                 const struct delivery_channels *channels, struct err *err)
{
    if (db_kind(db) == DB_SQLITE || clock_mono() - owners->looked_at < LOOK_MS)
        return true;
    owners->looked_at = clock_mono();
    char mine[OWNER_CAP];
    owner_name(db, mine);
    bool away; // we are connecting again ourselves, so the others may be too
    if (!is_gone(conn, str_from(mine), &away, err))
        return false;
    if (away) {
        memset(owners->missing, 0, sizeof owners->missing);
        return true;
    }
    struct arena *arena = arena_take();
    struct str_list streams = {};
    bool ok = stream_owners(conn, str_from(mine), arena, &streams, err);
    for (size_t k = 0; ok && k < streams.len; k++)
        ok = look_at(owners, db, conn, (struct forsaking){0, streams.items[k]}, err);
    for (size_t i = 0; ok && i < channels->len; i++) {
        struct str_list others = {};
        i64 channel_id = channels->items[i].id;
        ok = delivery_owners(conn, channel_id, clock_now(), str_from(mine), arena, &others, err);
        for (size_t k = 0; ok && k < others.len; k++)
            ok = look_at(owners, db, conn, (struct forsaking){channel_id, others.items[k]}, err);
    }
    arena_give(arena);
    return ok;
}
