// SPDX-License-Identifier: AGPL-3.0-or-later
// A picture that was cleaned is a picture of the same size, and cleaning it again changes nothing.
#include "base/arena.h"
#include "base/buf.h"
#include "base/picture.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct str input = {(const char *)data, size};
    struct buf once, twice;
    buf_init(&once, NULL, size * 2 + 256);
    buf_init(&twice, NULL, size * 2 + 512);
    if (!picture_job(input, &once)) {
        if (once.len == 0 || !utf8_valid(buf_str(&once))) {
            abort();
        }
    } else {
        struct str cleaned = str_sub(buf_str(&once), 12, once.len); // behind format, width, height
        if (cleaned.len > size + 64 || !picture_job(cleaned, &twice) ||
            !str_eq(buf_str(&once), buf_str(&twice))) {
            abort();
        }
    }
    buf_finish(&once);
    buf_finish(&twice);
    return 0;
}
