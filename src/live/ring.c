// SPDX-License-Identifier: AGPL-3.0-or-later
// The ring: at most two copies to write, no copy to read.
#include "live/ring.h"
#include "base/arena.h"

void ring_add(struct ring *ring, size_t cap, struct str frame)
{
    if (!ring->bytes) {
        ring->bytes = mem_alloc(cap);
        ring->cap = cap;
    }
    struct str rest = frame;
    if (rest.len > ring->cap) { // nobody could read it whole: all are behind now
        ring->head += rest.len - ring->cap;
        rest = str_sub(rest, rest.len - ring->cap, rest.len);
    }
    while (rest.len > 0) {
        size_t at = (size_t)(ring->head & (ring->cap - 1));
        size_t n = ring->cap - at < rest.len ? ring->cap - at : rest.len;
        memcpy(ring->bytes + at, rest.ptr, n);
        ring->head += n;
        rest = str_sub(rest, n, rest.len);
    }
}

void ring_finish(struct ring *ring)
{
    mem_free(ring->bytes);
    *ring = (struct ring){};
}

bool ring_read(const struct ring *ring, u64 at, struct str *ret_bytes)
{
    if (ring->head - at > ring->cap)
        return false;
    if (ring->head == at) {
        *ret_bytes = S("");
        return true;
    }
    size_t from = (size_t)(at & (ring->cap - 1));
    size_t n = (size_t)(ring->head - at);
    if (n > ring->cap - from)
        n = ring->cap - from;
    *ret_bytes = (struct str){ring->bytes + from, n};
    return true;
}
