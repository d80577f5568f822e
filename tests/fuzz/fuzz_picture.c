// SPDX-License-Identifier: AGPL-3.0-or-later
// A picture that was cleaned is a picture of the same size, and cleaning it again changes nothing.
#include "base/arena.h"
#include "base/buf.h"
#include "base/picture.h"
#include <stdlib.h>

static u32 checksum(const u8 *bytes, size_t len)
{
    u32 c = ~0u;
    for (size_t i = 0; i < len; i++) {
        c ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            c = c & 1 ? 0xEDB88320u ^ c >> 1 : c >> 1;
        }
    }
    return ~c;
}

// Rights the checksums of a PNG, without which no mutation would get behind the first chunk.
static void mend_png(u8 *data, size_t size)
{
    if (size < 8 || memcmp(data, "\x89PNG\r\n\x1a\n", 8) != 0) {
        return;
    }
    for (size_t at = 8; size - at >= 12;) {
        size_t len =
            (size_t)data[at] << 24 | (size_t)data[at + 1] << 16 | (size_t)data[at + 2] << 8 | data[at + 3];
        if (len > size - at - 12) {
            return;
        }
        u32 sum = checksum(data + at + 4, len + 4);
        for (int i = 0; i < 4; i++) {
            data[at + 8 + len + (size_t)i] = (u8)(sum >> (24 - 8 * i));
        }
        at += len + 12;
    }
}

size_t LLVMFuzzerMutate(u8 *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t max_size, unsigned seed)
{
    size = LLVMFuzzerMutate(data, size, max_size);
    if (seed % 8) {
        mend_png(data, size);
    }
    return size;
}

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
