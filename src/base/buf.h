// SPDX-License-Identifier: AGPL-3.0-or-later
// Growable bytes with a maximum given at the start: no unbounded growth anywhere. Appending past the
// maximum sets `overflow` and keeps what is there; check once at the end.
#pragma once
#include "base/str.h"

struct buf {
    char *ptr;
    size_t len, cap, max;
    struct arena *arena; // NULL: heap, ended with buf_finish
    bool overflow;
};

void buf_init(struct buf *buf, struct arena *arena, size_t max);
// Over memory of the caller (a stack array): never allocates. Needs no buf_finish.
void buf_init_fixed(struct buf *buf, char *mem, size_t size);
void buf_finish(struct buf *buf);
void buf_reset(struct buf *buf);
void buf_add(struct buf *buf, struct str s);
void buf_add_char(struct buf *buf, char c);
void buf_add_i64(struct buf *buf, i64 value);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF(2, 3);
// Escaped for JSON, without the quotes: control characters, quote, backslash, U+2028/9 and "</"; what is
// not UTF-8 becomes U+FFFD, so the result always is.
void buf_add_json(struct buf *buf, struct str s);
// How many bytes at the beginning need no escape whatever stands beside them.
size_t buf_json_plain(struct str s);
// Room for `size` more bytes at ptr + len; NULL (and overflow) past the maximum. The caller moves len.
char *buf_room(struct buf *buf, size_t size);
// A view, valid until the next append.
static inline struct str buf_str(const struct buf *buf)
{
    return (struct str){buf->ptr ? buf->ptr : "", buf->len};
}
