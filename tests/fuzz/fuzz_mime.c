// SPDX-License-Identifier: AGPL-3.0-or-later
// Any bytes are a mail or are refused; what was read survives the way out of the child unchanged.
#include "base/arena.h"
#include "base/buf.h"
#include "mail/parse.h"
#include "mail/wire.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct arena *arena = arena_create();
    struct mail mail, again;
    struct err err;
    struct buf once, twice;
    buf_init(&once, arena, 64 << 20);
    buf_init(&twice, arena, 64 << 20);
    if (mail_parse((struct str){(const char *)data, size}, arena, &mail, &err)) {
        wire_write(&mail, &once);
        if (!wire_read(buf_str(&once), arena, &again)) {
            abort();
        }
        wire_write(&again, &twice);
        if (!str_eq(buf_str(&once), buf_str(&twice)) || mail.visible_len > mail.text.len) {
            abort();
        }
    } else if (!err.text[0]) {
        abort();
    }
    // The same bytes as the answer of a child that was taken over.
    if (wire_read((struct str){(const char *)data, size}, arena, &again) && !utf8_valid(again.text)) {
        abort();
    }
    arena_destroy(arena);
    return 0;
}
