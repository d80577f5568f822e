// SPDX-License-Identifier: AGPL-3.0-or-later
// Web addresses, read strictly and once: what the guard checks is what is dialled.
#pragma once
#include "base/arena.h"
#include "base/err.h"

struct url {
    struct str text;    // normal form, without fragment
    struct str scheme;  // "http" or "https"
    struct str host;    // lower case; IPv6 without brackets; numeric IPv4 forms as four decimals
    int port;           // the scheme's own when none was given
    struct str target;  // path and query
    u8 address[16];     // of a literal host
    size_t address_len; // 0: a name
};

// http and https only; no user, no percent-escapes or other tricks in the host, no bare controls, spaces,
// backslashes or non-ASCII bytes. ERR_INVALID with a sentence (no field: the caller knows its name).
bool url_parse(struct arena *arena, struct str text, struct url *ret, struct err *err) MUST_CHECK;
// A Location header relative to the address it came from.
bool url_resolve(struct arena *arena, const struct url *base, struct str location, struct url *ret,
                 struct err *err) MUST_CHECK;
// Same scheme, host and port.
bool url_same_origin(const struct url *a, const struct url *b);
