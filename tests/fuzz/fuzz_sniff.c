// SPDX-License-Identifier: AGPL-3.0-or-later
// What a file is, and how it may be called: always from the table; a cleaned name stays as it is.
#include "base/arena.h"
#include "base/sniff.h"
#include "text/words.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct arena *arena = arena_take();
    struct str bytes = {(const char *)data, size};
    struct str mime = sniff_mime(bytes);
    if (mime.len == 0 || str_find(mime, S("html")) >= 0 || str_find(mime, S("svg")) >= 0) {
        abort();
    }
    struct str name = text_file_name(arena, utf8_clean(arena, bytes));
    struct str again = text_file_name(arena, name);
    if (!str_eq(name, again) || name.len > 150 || !utf8_valid(name) || str_find(name, S("/")) >= 0) {
        abort();
    }
    arena_give(arena);
    return 0;
}
