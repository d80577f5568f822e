// SPDX-License-Identifier: AGPL-3.0-or-later
// How a function says why it failed: returns false and fills `struct err`, whose text a person reads.
// Who propagates does not log; who swallows logs, once. INTERNAL text never reaches a client.
#pragma once
#include "base/str.h"

enum err_code {
    ERR_NONE,
    ERR_SYNTAX,          // 400: not even the right form (bad JSON, bad query)
    ERR_UNAUTHENTICATED, // 401
    ERR_DENIED,          // 403
    ERR_NOT_FOUND,       // 404, also for what one may not see
    ERR_CONFLICT,        // 409
    ERR_TOO_LARGE,       // 413
    ERR_MEDIA_TYPE,      // 415
    ERR_INVALID,         // 422, with `field`
    ERR_RATE_LIMITED,    // 429, with retry_after_s
    ERR_UPSTREAM,        // 502: a network we depend on
    ERR_UNAVAILABLE,     // 503, with retry_after_s: full, overloaded, database away
    ERR_INTERNAL,        // 500
};

struct err {
    enum err_code code;
    char field[64];    // JSON path of the offending field, "" when none: "settings.deliver_url", "q"
    char reason[32];   // machine word: "required", "unknown_field", "wrong_type", "too_long", "taken", ...
    int retry_after_s; // for RATE_LIMITED and UNAVAILABLE
    int position;      // for field "q": code points from 0; else -1
    char expected[80]; // for field "q": what would have fitted
    char text[240];    // one sentence for a person
};

// Each sets err and returns false: `return err_set(err, ERR_CONFLICT, "…")`.
bool err_set(struct err *err, enum err_code code, const char *format, ...) PRINTF(3, 4);
bool err_field(struct err *err, const char *field, const char *reason, const char *format, ...) PRINTF(4, 5);
bool err_retry(struct err *err, enum err_code code, int retry_after_s, const char *format, ...) PRINTF(4, 5);
#ifdef __clang_analyzer__ // it does not look into err.c to learn that they return false
#define err_set(...)   (err_set(__VA_ARGS__) && false)
#define err_field(...) (err_field(__VA_ARGS__) && false)
#define err_retry(...) (err_retry(__VA_ARGS__) && false)
#endif
// Puts "prefix." before the field, for nested objects.
void err_prefix(struct err *err, const char *prefix);
int err_http_status(enum err_code code);
const char *err_title(enum err_code code);
