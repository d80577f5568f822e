// SPDX-License-Identifier: AGPL-3.0-or-later
// One picture from the net that a mail's HTML names, because a colleague asked for it. The server asks, not
// the colleague's browser: the other side sees no cookie, no referrer and no address of theirs. Only an
// address that the HTML names is asked for, so that this is no open proxy.
#pragma once
#include "base/child.h"
#include "net/client.h"

enum { REMOTE_PICTURE_URL_MAX = 8000 };

struct remote_picture_settings {
    struct outbound_client *client;
    struct nursery *nursery;
    const atomic_bool *stopping; // once it is true, nobody is waited for
};
struct remote_picture {
    struct str mime, data_url;
    i64 width, height, size;
};
// Blocks for 10 s at most, and for a child. ERR_INVALID with the field "url": not_allowed (no address to
// fetch from), not_named, no_answer, refused, too_large, bad_picture; ERR_UNAVAILABLE: worth another try.
bool remote_picture_get(const struct remote_picture_settings *settings, struct str html, struct str url,
                        struct arena *arena, struct remote_picture *ret, struct err *err) MUST_CHECK;
