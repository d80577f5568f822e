// SPDX-License-Identifier: AGPL-3.0-or-later
// All that works in the background: raw events become messages, answers leave, networks are polled,
// pictures are fetched, snoozes end, old rows go, the index learns. One struct starts and stops it.
#pragma once
#include "base/child.h"
#include "base/crypto.h"
#include "net/client.h"
#include "query/search.h"
#include "store/db.h"

// Index in the table that main.c gives to nursery_start.
enum child_kind {
    CHILD_PICTURE,
    CHILD_MAIL,
    CHILD_PICTURE_NAMED,
};

struct jobs_settings {
    struct db *db;
    const struct key *key;
    struct outbound_client *client;
    struct str public_url;   // in front of signed addresses
    struct nursery *nursery; // NULL: pictures from networks stay where they are
    size_t picture_kind;     // the jobs' indexes in the nursery's table
    size_t mail_kind;
    struct search *search; // NULL: no index kept here
};
struct jobs;
bool jobs_start(const struct jobs_settings *settings, struct jobs **ret_jobs, struct err *err) MUST_CHECK;
// Asks all to end after their turn and waits. False: somebody still waits for a network when the time is
// over; then end the process without closing the database under them. NULL is fine.
bool jobs_stop(struct jobs *jobs, int timeout_ms);
// clock_mono of the slowest database job's last turn, for /readyz.
i64 jobs_progress_at(const struct jobs *jobs);
