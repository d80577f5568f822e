// SPDX-License-Identifier: AGPL-3.0-or-later
// The event log: whatever changes is written together with an event row, in one transaction.
// Order: SQLite id; PostgreSQL (epoch, xid, id), and readers take only xid < pg_snapshot_xmin, so no
// event is skipped when transactions commit out of id order. Outside, a cursor is opaque text.
#pragma once
#include "store/db.h"

struct event {
    i64 epoch, xid, id;
    i64 workspace_id;
    i64 at;
    struct str kind; // "conversation.updated", "message.created", ... see docs/words.md
    i64 conversation_id, message_id, channel_id, agent_id; // 0: none; agent_id: who did it
    struct str data;                                       // JSON object of the details, "{}" when none
};
struct event_list {
    struct event *items;
    size_t len, cap;
};
extern const struct type event_type;
struct log_cursor {
    i64 epoch, xid, id;
};

// Writes one event in the current write. id/epoch/xid/at are filled in by the store.
bool log_append(struct tx *tx, const struct event *event, struct err *err) MUST_CHECK;
// Events behind the cursor in log order, at most `limit`; moves *cursor behind the last one.
bool log_read(struct conn *conn, struct log_cursor *cursor, i64 limit, struct arena *arena,
              struct event_list *out, struct err *err) MUST_CHECK;
// Does the log still hold everything behind this cursor? Each cursor was an event's place; when that event
// has been pruned, others behind it may have been too.
bool log_holds(struct conn *conn, struct log_cursor cursor, bool *ret_holds, struct err *err) MUST_CHECK;
// The cursor behind the newest readable event.
bool log_tail(struct conn *conn, struct log_cursor *ret_cursor, struct err *err) MUST_CHECK;
struct str log_cursor_format(struct arena *arena, struct log_cursor cursor);
bool log_cursor_parse(struct str text, struct log_cursor *ret_cursor) MUST_CHECK;
// Wakes whoever waits for events: called by the store after each COMMIT that wrote some, and on
// PostgreSQL also on NOTIFY from other processes (at most once in 10 ms). fn must be quick.
void log_watch(struct db *db, void (*fn)(void *arg), void *arg);

// A reader that writes: `run` gets a batch and does its effect in the same transaction that moves the
// reader's cursor (compare-and-set under a lease), so inside the database each effect happens exactly
// once, and a reader that was down catches up by itself.
struct log_reader {
    const char *name; // row in table reader
    i64 batch;        // events at a time
    bool (*run)(struct tx *tx, const struct event_list *events, void *arg, struct err *err);
    void *arg;
};
// One turn: *ret_n events were handled (0: nothing new, or another process holds the lease).
bool log_reader_step(struct db *db, const struct log_reader *reader, i64 *ret_n, struct err *err) MUST_CHECK;
