// SPDX-License-Identifier: AGPL-3.0-or-later
// Looks for damage and names it in sentences. Changes nothing.
#pragma once
#include "store/db.h"

struct doctor {
    // One finding: damage, or (false) only worth knowing.
    void (*found)(void *arg, bool damage, struct str sentence);
    // What is being looked at; may be NULL.
    void (*looking)(void *arg, const char *what);
    void *arg;
    i64 n_damages; // result
    bool strange;  // result: it has not this program's schema, nothing else was looked at
};
// False only when it could not look at all (err says why); damage is no error.
bool doctor_run(const struct db_settings *settings, struct doctor *doctor, struct err *err) MUST_CHECK;
