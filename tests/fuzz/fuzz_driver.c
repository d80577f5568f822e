// SPDX-License-Identifier: AGPL-3.0-or-later
// Every driver's receive, with any bytes: no crash, and what comes out keeps the promises that the intake
// builds on. The first byte picks driver and stream; the rest is the body.
#include "base/arena.h"
#include "channels/channel.h"
#include <stdlib.h>

static void must(bool promise)
{
    if (!promise)
        abort();
}

static void check_text(struct str text)
{
    must(!text.ptr || utf8_valid(text));
}

static void check_event(const struct inbound *in)
{
    must(in->external_id.len > 0 && in->external_id.len < 10000);
    must(in->type != INBOUND_CREATED || in->thread_key.len > 0);
    must(in->type != INBOUND_CREATED || str_given(in->text));
    must(in->type != INBOUND_CREATED || in->out || in->author_id.len > 0);
    must(in->at > 0);
    check_text(in->external_id);
    check_text(in->thread_key);
    check_text(in->text);
    check_text(in->author_id);
    check_text(in->author_name);
    check_text(in->author_handle);
    check_text(in->reply_to);
    check_text(in->extra);
    for (size_t i = 0; i < in->attachments.len; i++) {
        struct str url = in->attachments.items[i].url;
        check_text(url);
        check_text(in->attachments.items[i].alt);
        must(in->attachments.items[i].sha256.len == 64 || str_starts(url, S("http://")) ||
             str_starts(url, S("https://")));
    }
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static const struct str streams[] = {S(""), S("notifications"), S("watch"), S("dm")};
    size_t n = 0;
    if (size == 0)
        return 0;
    while (channel_drivers[n])
        n++;
    const struct channel_driver *driver = channel_drivers[data[0] % n];
    struct str stream = streams[data[0] / n % ARRAY_LEN(streams)];
    struct arena *arena = arena_take();
    struct str body = {(const char *)data + 1, size - 1};
    struct channel_view view = {
        .id = 1, .external_account_id = S("did:plc:me"), .now = INT64_C(1795500000000)};
    struct inbound_list events = {};
    struct unreadable_list bad = {};
    struct err err = {};
    if (driver->count)
        (void)driver->count(body);
    bool ok = driver->receive(&view, stream, body, arena, &events, &bad, &err);
    must(ok || err.text[0]);
    for (size_t i = 0; i < events.len; i++)
        check_event(&events.items[i]);
    for (size_t i = 0; i < bad.len; i++)
        must(bad.items[i].reason[0] && utf8_valid(bad.items[i].bytes));
    arena_give(arena);
    return 0;
}
