// SPDX-License-Identifier: AGPL-3.0-or-later
// Walks a text as NFKC_Casefold: folded code points with the bytes they came from. Private to text/.
// One pass and linear for any input: a segment (a base with its marks) is folded at a time.
#pragma once
#include "base/arena.h"

struct fold_point {
    u32 code;
    size_t start, end; // bytes in the source of the segment it belongs to
};
struct fold_walk {
    struct str text;
    struct arena *arena;
    size_t pos;            // next byte of the source to read
    int32_t *codes;        // the current segment, folded
    size_t len, cap, next; // next: index of the code to hand out
    size_t start, end;     // bytes of the current segment
};
struct fold_walk fold_walk(struct arena *arena, struct str text);
// False at the end of the text.
bool fold_next(struct fold_walk *walk, struct fold_point *ret_point);
