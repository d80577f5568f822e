// SPDX-License-Identifier: AGPL-3.0-or-later
// Reading chunked bodies, see chunk.h. llhttp 8.1 takes a bare LF at the end of a body (seen 2026-11), so
// chunks are read here; the fuzz target holds this against llhttp.
#include "net/chunk.h"

// Framing beyond the data itself that a body may spend: tiny chunks only cost time.
#define FRAMING_MAX 65536

enum chunk_state {
    IN_SIZE,
    AT_SIZE_LF,
    IN_DATA,
    AT_DATA_CR,
    AT_DATA_LF,
    AT_END_CR,
    AT_END_LF,
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum chunk_result read_size(struct chunk_scan *scan, char c, size_t room)
{
    int digit = hex_digit(c);

    if (digit >= 0) {
        scan->size = scan->size * 16 + (u64)digit;
        return ++scan->digits <= 15 ? CHUNK_MORE : CHUNK_BAD;
    }
    if (c != '\r' || scan->digits == 0) {
        return CHUNK_BAD;
    }
    scan->state = AT_SIZE_LF;
    return scan->size > room ? CHUNK_TOO_LARGE : CHUNK_MORE;
}

static enum chunk_result expect(struct chunk_scan *scan, char c, char wanted, enum chunk_state next)
{
    scan->state = (u8)next;
    return c == wanted ? CHUNK_MORE : CHUNK_BAD;
}

static enum chunk_result read_framing(struct chunk_scan *scan, char c, size_t room)
{
    switch ((enum chunk_state)scan->state) {
    case IN_SIZE:
        return read_size(scan, c, room);
    case AT_SIZE_LF:
        scan->digits = 0;
        return expect(scan, c, '\n', scan->size > 0 ? IN_DATA : AT_END_CR);
    case AT_DATA_CR:
        return expect(scan, c, '\r', AT_DATA_LF);
    case AT_DATA_LF:
        return expect(scan, c, '\n', IN_SIZE);
    case AT_END_CR:
        return expect(scan, c, '\r', AT_END_LF);
    case AT_END_LF:
        return c == '\n' ? CHUNK_DONE : CHUNK_BAD;
    case IN_DATA:
        break;
    }
    return CHUNK_BAD;
}

enum chunk_result chunk_read(struct chunk_scan *scan, struct str bytes, size_t limit, struct buf *body,
                             size_t *ret_used)
{
    size_t at = 0;

    while (at < bytes.len) {
        if (scan->state == IN_DATA) {
            size_t left = bytes.len - at;
            size_t n = scan->size < left ? (size_t)scan->size : left;

            buf_add(body, str_sub(bytes, at, at + n));
            at += n;
            scan->size -= n;
            scan->state = scan->size == 0 ? AT_DATA_CR : IN_DATA;
            continue;
        }
        enum chunk_result result = read_framing(scan, bytes.ptr[at++], limit - body->len);

        if (result != CHUNK_MORE || ++scan->framing > FRAMING_MAX + body->len) {
            *ret_used = at;
            return result == CHUNK_MORE ? CHUNK_BAD : result;
        }
    }
    *ret_used = at;
    return CHUNK_MORE;
}
