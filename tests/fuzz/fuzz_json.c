// SPDX-License-Identifier: AGPL-3.0-or-later
// What is read as JSON is written as JSON that reads the same; what strict reading takes, lenient does too.
#include "base/arena.h"
#include "json_dumped.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct arena *arena = arena_take();
    struct str text = {(const char *)data, size};
    struct err err;
    const struct json *strict = json_parse(text, arena, &err);
    const struct json *lenient = json_parse_lenient(text, arena, &err);
    if (strict && !lenient) {
        abort();
    }
    if (lenient) {
        struct str once = dumped(arena, lenient);
        const struct json *again = json_parse(once, arena, &err);
        if (!utf8_valid(once) || !again || !str_eq(dumped(arena, again), once)) {
            abort();
        }
        (void)json_at(lenient, "a.0.b");
    }
    arena_give(arena);
    return 0;
}
