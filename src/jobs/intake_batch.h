// SPDX-License-Identifier: AGPL-3.0-or-later
// One batch of a channel's raw events on its way to messages: claimed together, then in parts, of which one
// is read and parsed while the one before it is applied.
#pragma once
#include "channels/channel.h"
#include "jobs/jobs.h"
#include "jobs/worker.h"

enum { INTAKE_PART = 64 }; // raw events in one write

struct intake_raw { // one stored body
    i64 id, workspace_id, channel_id, attempts, received_at;
    struct str source, stream, body;
    struct inbound_list events;
    struct unreadable_list bad;
    bool gone;       // somebody else dealt with it
    bool unreadable; // nothing of it can be read
    bool died;       // reading it ended a child: tried again, by itself
    struct str why;
};

struct intake_batch { // of one channel
    const struct jobs_settings *settings;
    const struct worker *worker; // asked between parts whether it shall stop; NULL: never
    const char *owner;           // who leases the channel, 32 hexadecimal digits
    struct arena *arena;         // a part's own, outlives its writes
    struct intake_raw *raws;
    size_t len;
    struct str channel_kind;
    bool leased; // false after running: another process has the channel
};

// *done counts rows that were taken on, also those that failed. False: the database is away; nothing is lost,
// and the attempt does not count.
bool intake_batch_run(struct intake_batch *batch, i64 *done);
