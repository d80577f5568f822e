// SPDX-License-Identifier: AGPL-3.0-or-later
// See urgency.h.
#include "desk/urgency.h"

const char *const priority_names[] = {"urgent", "high", "normal", "low", NULL};
enum { MINUTE_MS = 60 * 1000, LONGEST_MIN = 60 * 24 * 365 };
const struct allowance_table allowances_default = {
    .ms = {15 * MINUTE_MS, 60 * MINUTE_MS, 4 * 60 * MINUTE_MS, 24 * 60 * MINUTE_MS}};

struct allowance_table allowances_read(struct str settings_json, struct arena *arena)
{
    struct allowance_table out = allowances_default;
    struct err ignored = {};
    const struct json *settings = json_parse(settings_json, arena, &ignored);
    const struct json *minutes = json_at(settings, "allowance_min");
    for (int i = 0; i < PRIORITIES; i++) {
        i64 given = json_i64(json_at(minutes, priority_names[i]));
        if (given > 0 && given <= LONGEST_MIN) {
            out.ms[i] = given * MINUTE_MS;
        }
    }
    return out;
}

enum priority priority_find(struct str name)
{
    for (int i = 0; i < PRIORITIES; i++) {
        if (str_eq(name, str_from(priority_names[i]))) {
            return (enum priority)i;
        }
    }
    return PRIORITY_NORMAL;
}

i64 urgency_at(const struct allowance_table *allowances, struct str priority, i64 waiting_since, i64 due_at)
{
    if (waiting_since == 0) {
        return due_at > 0 ? due_at : NOT_WAITING;
    }
    i64 late_at = waiting_since + allowances->ms[priority_find(priority)];
    return due_at > 0 && due_at < late_at ? due_at : late_at;
}
