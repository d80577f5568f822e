// SPDX-License-Identifier: AGPL-3.0-or-later
// Leases in the outbox and on channels' streams are named after the process that holds them. Where several
// processes share a PostgreSQL, one that was killed would keep its leases until they run out; its lock is
// gone at once.
#pragma once
#include "desk/delivery.h"

enum { OWNER_CAP = 40, OWNERS_WATCHED = 16, OWNER_GONE_MS = 3000 };
struct owners {
    i64 looked_at;
    struct {
        char name[OWNER_CAP]; // "": free
        i64 missing_since;    // clock_mono of the first look that did not find its lock
    } missing[OWNERS_WATCHED];
};
// This process's name in leases.
void owner_name(const struct db *db, char out[OWNER_CAP]);
// Ends the leases of senders that have been gone for OWNER_GONE_MS; a moment is left to one that is only
// connecting again. Looks at most once a second; nothing to do on SQLite, where there is one process.
bool owners_look(struct owners *owners, struct db *db, struct conn *conn,
                 const struct delivery_channels *channels, struct err *err) MUST_CHECK;
