// SPDX-License-Identifier: AGPL-3.0-or-later
// A time that is read is written and read again as the same.
#include "base/clock.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    i64 at, again;
    if (clock_parse((struct str){(const char *)data, size}, &at)) {
        char text[CLOCK_TEXT];
        clock_write(at, text);
        if (!clock_parse(str_from(text), &again) || again != at) {
            abort();
        }
    }
    i64 any = 0;
    memcpy(&any, data, size < sizeof any ? size : sizeof any);
    char text[CLOCK_TEXT];
    clock_write(any, text);
    if (strlen(text) != 24 || !clock_parse(str_from(text), &at)) {
        abort();
    }
    return 0;
}
