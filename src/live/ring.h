// SPDX-License-Identifier: AGPL-3.0-or-later
// A ring of bytes with absolute offsets: whole frames go in, and each reader keeps how far it is. What is
// older than the ring is gone, and a reader that far behind is told so.
#pragma once
#include "base/str.h"

struct ring {
    char *bytes;
    size_t cap; // a power of two; 0 until the first frame
    u64 head;   // bytes ever written
};
// cap is what it grows to at the first frame.
void ring_add(struct ring *ring, size_t cap, struct str frame);
void ring_finish(struct ring *ring);
// Bytes from `at` up to the head or the ring's edge. False: they are gone.
bool ring_read(const struct ring *ring, u64 at, struct str *ret_bytes);
