// SPDX-License-Identifier: AGPL-3.0-or-later
// Cleaning gives valid text without NUL, changes nothing that was clean, and walks it whole.
#include "base/arena.h"
#include "base/buf.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct arena *arena = arena_take();
    struct str text = {(const char *)data, size};
    bool clean = utf8_valid(text) && (size == 0 || !memchr(data, 0, size));
    struct str after = utf8_clean(arena, text);
    if (!utf8_valid(after) || (after.len && memchr(after.ptr, 0, after.len)) ||
        clean != (after.ptr == text.ptr) || (clean && after.len != size)) {
        abort();
    }
    size_t n = 0;
    for (size_t pos = 0; pos < after.len; n++) {
        char bytes[4];
        size_t before = pos;
        size_t len = utf8_encode(utf8_next(after, &pos), bytes);
        if (len != pos - before || memcmp(bytes, after.ptr + before, len) != 0) {
            abort();
        }
    }
    struct buf escaped;
    buf_init(&escaped, arena, size * 6 + 1);
    buf_add_json(&escaped, text);
    if (n != utf8_count(after) || escaped.overflow || !utf8_valid(buf_str(&escaped))) {
        abort();
    }
    arena_give(arena);
    return 0;
}
