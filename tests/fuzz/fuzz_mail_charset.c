// SPDX-License-Identifier: AGPL-3.0-or-later
// Any bytes under any label become valid UTF-8 without NUL, and never more than asked for.
#include "base/arena.h"
#include "mail/charset.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static const char *const labels[] = {
        "utf-8",        "utf-7",        "iso-8859-1", "us-ascii",     "gb2312", "gb18030", "ks_c_5601-1987",
        "euc-kr",       "iso-2022-kr",  "shift_jis",  "iso-2022-jp",  "euc-jp", "big5",    "koi8-r",
        "windows-1251", "windows-1255", "viscii",     "unknown-8bit", "",       "utf-16",  "utf-16be",
        "utf-32",       "johab",        "euc-tw"};
    if (size < 2) {
        return 0;
    }
    struct arena *arena = arena_create();
    size_t max = data[1] < 128 ? 1 << 20 : data[1];
    struct str text = charset_text(arena, str_from(labels[data[0] % ARRAY_LEN(labels)]),
                                   (struct str){(const char *)data + 2, size - 2}, max);
    if (text.len > max || !utf8_valid(text) || memchr(text.ptr, 0, text.len)) {
        abort();
    }
    arena_destroy(arena);
    return 0;
}
