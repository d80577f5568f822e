// SPDX-License-Identifier: AGPL-3.0-or-later
// What every driver asks of a network's answer: one header, and when to come back.
#include "base/clock.h"
#include "channels/channel.h"
#include <stdio.h>

struct str net_answer_header(const struct net_answer *answer, const char *name)
{
    for (size_t i = 0; i < answer->headers.len; i++)
        if (str_eq_nocase(answer->headers.items[i].name, str_from(name)))
            return answer->headers.items[i].value;
    return STR_NONE;
}

static int month_of(struct str name)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12; i++)
        if (str_eq_nocase(name, (struct str){names + (size_t)i * 3, 3}))
            return i + 1;
    return 0;
}

// "Tue, 24 Nov 2026 05:35:00 GMT", the one form RFC 9110 lets senders make. 0 when it is something else.
static i64 http_date(struct str text)
{
    char iso[32];
    i64 at = 0;
    if (text.len != 29 || text.ptr[3] != ',' || !str_ends(text, S(" GMT")))
        return 0;
    int month = month_of(str_sub(text, 8, 11));
    if (!month)
        return 0;
    int n =
        snprintf(iso, sizeof iso, "%.4s-%02d-%.2sT%.8sZ", text.ptr + 12, month, text.ptr + 5, text.ptr + 17);
    return n > 0 && clock_parse((struct str){iso, (size_t)n}, &at) ? at : 0;
}

// A wait longer than a day is a mistake of theirs, or an attack: the core's own patience is shorter.
static i64 bounded(i64 at, i64 now)
{
    const i64 day = INT64_C(86400000);
    if (at <= 0)
        return 0;
    return at > now + day ? now + day : at < now ? now : at;
}

static i64 retry_after(struct str value, i64 now)
{
    i64 seconds;
    if (str_to_i64(value, &seconds))
        return seconds < 0 ? 0
                           : bounded(seconds > 86400 ? now + INT64_C(86400000) : now + seconds * 1000, now);
    return bounded(http_date(value), now);
}

i64 net_answer_retry_at(const struct net_answer *answer, i64 now)
{
    struct str value = str_trim(net_answer_header(answer, "retry-after"));
    i64 at = value.len ? retry_after(value, now) : 0;
    if (at)
        return at;
    // RateLimit-Reset: seconds since 1970 (AT Protocol) or, in the IETF draft, seconds from now. It is sent
    // with every answer, so it only means something once nothing remains or the answer is 429.
    i64 reset, remaining = 1;
    value = str_trim(net_answer_header(answer, "ratelimit-reset"));
    struct str left = str_trim(net_answer_header(answer, "ratelimit-remaining"));
    if (left.len && !str_to_i64(left, &remaining))
        remaining = 1;
    if (answer->status != 429 && remaining > 0)
        return 0;
    if (!value.len || !str_to_i64(value, &reset) || reset < 0)
        return 0;
    if (reset < INT64_C(1000000000))
        return bounded(reset > 86400 ? now + INT64_C(86400000) : now + reset * 1000, now);
    return reset > INT64_C(1) << 40 ? 0 : bounded(reset * 1000, now);
}
