// SPDX-License-Identifier: AGPL-3.0-or-later
// Backup: one SQLite file with the same tables whatever is behind, made while everything runs. Restore:
// from it into an empty target of either kind, which is also the way to move. Neither the key nor the
// search index is in the file.
#pragma once
#include "store/db.h"

struct progress {
    void (*step)(void *arg, const char *what, i64 done, i64 total);
    void *arg;
};

struct backup_summary {
    i64 workspaces, conversations, messages, events, bytes;
};
// `path` must not exist. progress may be NULL.
bool backup_write(struct db *db, struct str path, const struct progress *progress, struct backup_summary *out,
                  struct err *err) MUST_CHECK;

struct restore_summary {
    i64 workspaces, conversations, messages, events;
    i64 epoch;    // the new one
    i64 in_doubt; // outbox rows that were being sent: read back, then a person chooses
    i64 held;     // outbox rows that wait for an owner's yes
};
// No server may run on the target, and it must not hold a workspace yet. settings->migrate is not looked at.
bool restore_read(const struct db_settings *settings, struct str path, const struct progress *progress,
                  struct restore_summary *out, struct err *err) MUST_CHECK;
