// SPDX-License-Identifier: AGPL-3.0-or-later
// The checkpoint thread: moves the WAL into the database file beside the writer instead of inside
// somebody's COMMIT, and starts the WAL anew before it grows without end. It also notices what other
// processes wrote.
#include "base/clock.h"
#include "base/log.h"
#include "store/internal.h"
#include <sys/statvfs.h>

enum {
    EVERY_MS = 500,
    WAL_RESTART_BYTES = 64 * 1024 * 1024, // less where the disk is nearly full
    WAL_LEAST_BYTES = 4 * 1024 * 1024,
    WAL_TRUNCATE_TIMES = 3, // that much over the mark it is given back to the disk
    LOCK_MS = 200,          // how long RESTART may hold up the writer while it waits for readers
    MAX_PAUSE = 4000,       // ms between tries to restart while a long reader (backup) stands in the way
};

struct checkpoint {
    struct db *db;
    sqlite3 *handle;
    sqlite3_stmt *version_stmt;
    i64 page_size, version;
    i64 restart_at, pause;
    bool complete;
};

static i64 pragma(sqlite3 *handle, const char *text)
{
    sqlite3_stmt *stmt;
    i64 value = 0;
    if (sqlite3_prepare_v2(handle, text, -1, &stmt, NULL) == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        value = sqlite3_column_int64(stmt, 0);
    }
    sqlite3_finalize(stmt);
    return value;
}

// True when somebody committed since the last look, in this process or another.
static bool was_written(struct checkpoint *c)
{
    i64 version = c->version;
    if (sqlite3_step(c->version_stmt) == SQLITE_ROW) {
        version = sqlite3_column_int64(c->version_stmt, 0);
    }
    sqlite3_reset(c->version_stmt);
    bool changed = version != c->version;
    c->version = version;
    return changed;
}

// A WAL that takes the last of the disk leaves the database no room to take its pages in, and nobody could
// ever write again: it may have a quarter of what is free.
static i64 restart_bytes(const struct db *db)
{
    struct statvfs disk;
    if (statvfs(db->data_dir ? db->data_dir : db->path, &disk) < 0) {
        return WAL_RESTART_BYTES;
    }
    i64 part = (i64)disk.f_bavail * (i64)disk.f_frsize / 4;
    part = part < WAL_LEAST_BYTES ? WAL_LEAST_BYTES : part;
    return part < WAL_RESTART_BYTES ? part : WAL_RESTART_BYTES;
}

static void restart_wal(struct checkpoint *c, int frames)
{
    i64 now = clock_mono(), mark = restart_bytes(c->db);
    if (frames * c->page_size < mark || now < c->restart_at) {
        return;
    }
    bool huge = frames * c->page_size > WAL_TRUNCATE_TIMES * mark;
    int mode = huge ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_RESTART;
    if (sqlite3_wal_checkpoint_v2(c->handle, NULL, mode, NULL, NULL) == SQLITE_OK) {
        c->pause = 0;
        return;
    }
    c->pause = c->pause ? c->pause * 2 : 1000;
    c->pause = c->pause < MAX_PAUSE ? c->pause : MAX_PAUSE;
    c->restart_at = now + c->pause;
}

static void turn(struct checkpoint *c)
{
    bool written = was_written(c);
    if (written) {
        db_fire_watches(c->db);
    }
    if (!written && c->complete) {
        return;
    }
    int frames = 0, moved = 0;
    int code = sqlite3_wal_checkpoint_v2(c->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, &moved);
    c->complete = code == SQLITE_OK && frames == moved;
    if (code == SQLITE_OK) {
        restart_wal(c, frames);
    } else if (code != SQLITE_BUSY && code != SQLITE_LOCKED) {
        // Nothing is lost: the WAL stays. A full disk or a bad one has to be heard of, though.
        log_event(LOG_ERROR, "store.checkpoint_failed", LOG_C("error", sqlite3_errmsg(c->handle)));
    }
}

void *checkpoint_run(void *arg)
{
    struct checkpoint c = {.db = arg};
    struct err err = {0};
    if (!sqlite_open(c.db->path, SQLITE_OPEN_READWRITE, &c.handle, &err) ||
        sqlite3_prepare_v3(c.handle, "PRAGMA data_version", -1, SQLITE_PREPARE_PERSISTENT, &c.version_stmt,
                           NULL) != SQLITE_OK) {
        die("the checkpoint thread cannot open the database: %s", err.text);
    }
    sqlite3_busy_timeout(c.handle, LOCK_MS);
    c.page_size = pragma(c.handle, "PRAGMA page_size");
    was_written(&c);
    while (!atomic_load(&c.db->closing)) {
        helper_wait(c.db, -1, EVERY_MS);
        turn(&c);
    }
    sqlite3_finalize(c.version_stmt);
    sqlite3_close(c.handle);
    return NULL;
}
