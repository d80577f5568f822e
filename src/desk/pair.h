// SPDX-License-Identifier: AGPL-3.0-or-later
// What merging, splitting and linking share: two conversations opened in the order of their numbers, as every
// write does, messages that move from one to the other, and both sides told.
#pragma once
#include "desk/change.h"

struct moved {
    i64 id, channel_id, customers; // customers: 1 for a customer's message that stands
};
struct moved_list {
    struct moved *items;
    size_t len, cap;
};

// ERR_NOT_FOUND when the actor does not see it.
bool pair_open_one(struct change *change, const struct actor *actor, i64 id, struct edit **ret,
                   struct err *err) MUST_CHECK;
bool pair_open(struct change *change, const struct actor *actor, i64 a, i64 b, struct edit **ret_a,
               struct edit **ret_b, struct err *err) MUST_CHECK;
bool pair_may(const struct actor *actor, struct err *err) MUST_CHECK;
// The messages that a statement lists, with a third column when `counts`. ERR_TOO_LARGE above
// MERGE_MESSAGES_MAX.
bool pair_read_moved(struct change *change, const struct sql *sql, const struct db_arg *args, size_t n,
                     bool counts, struct moved_list *out, struct err *err) MUST_CHECK;
bool pair_log_moved(struct change *change, const struct moved_list *moved, const struct record *from,
                    const struct record *to, struct err *err) MUST_CHECK;
// An event on one of the two that names the other.
bool pair_log(struct change *change, const char *kind, const struct record *here, i64 other,
              struct err *err) MUST_CHECK;
// All that is derived from messages is worked out anew when the change ends; the figures now.
void pair_renew(struct edit *edit);
bool pair_renew_figures(struct change *change, struct record *row, i64 *ret_newest,
                        struct err *err) MUST_CHECK;
// What hangs on messages goes where they went.
bool pair_follow(struct tx *tx, i64 workspace, i64 into, i64 other, struct err *err) MUST_CHECK;
bool pair_show(struct tx *tx, const struct actor *actor, i64 id, struct conversation *out,
               struct err *err) MUST_CHECK;
