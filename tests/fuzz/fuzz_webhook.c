// SPDX-License-Identifier: AGPL-3.0-or-later
// Every driver's verify with any headers: nothing that was not signed is ever taken. Input: id, timestamp,
// signature and body, each ended by a NUL.
#include "base/arena.h"
#include "base/crypto.h"
#include "channels/channel.h"
#include "channels/standard_webhooks.h"
#include <stdlib.h>

struct input {
    struct str id, timestamp, signature;
};

static struct str header(const struct hook_request *request, const char *name)
{
    const struct input *input = request->http;
    if (strcmp(name, "webhook-id") == 0)
        return input->id;
    if (strcmp(name, "webhook-timestamp") == 0)
        return input->timestamp;
    return strcmp(name, "webhook-signature") == 0 ? input->signature : STR_NONE;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static bool ready;
    struct arena *arena = arena_take();
    struct str rest = {(const char *)data, size};
    struct input input;
    struct err err;
    if (!ready)
        crypto_init();
    ready = true;
    input.id = str_cut(rest, '\0', &rest);
    input.timestamp = str_given(rest) ? str_cut(rest, '\0', &rest) : STR_NONE;
    input.signature = str_given(rest) ? str_cut(rest, '\0', &rest) : STR_NONE;
    struct hook_request request = {.method = S("POST"), .body = rest, .header = header, .http = &input};
    struct channel_view view = {.id = 1, .now = INT64_C(1795500000000)};
    view.secret =
        json_parse(S("{\"secret\":\"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\"}"), arena, &err);
    for (size_t i = 0; channel_drivers[i]; i++)
        if (channel_drivers[i]->verify && channel_drivers[i]->verify(&view, &request, arena, &err))
            abort(); // nobody signs 32 bytes by chance
    arena_give(arena);
    return 0;
}
