// SPDX-License-Identifier: AGPL-3.0-or-later
// Memory by lifetime: an arena per request, per job, per write. Everything made in it dies at once.
// Out of memory ends the process with one log line, so callers never test for NULL.
#pragma once
#include "base/str.h"

struct arena;

// Heap-allocated arena; destroy accepts NULL.
struct arena *arena_create(void);
void arena_destroy(struct arena *arena);
// Forgets everything but keeps the first block; under ASan the memory is poisoned.
void arena_reset(struct arena *arena);
// Zeroed, 16-byte aligned. size may be 0.
void *arena_alloc(struct arena *arena, size_t size);
// Bytes handed out since the last reset.
size_t arena_used(const struct arena *arena);
// Pooled arenas, for requests and jobs. arena_give accepts NULL.
struct arena *arena_take(void);
void arena_give(struct arena *arena);

// Runs fn(arg) when the arena is reset or destroyed, newest first, while its memory still stands: for
// things of other libraries that must be let go with it.
void arena_on_reset(struct arena *arena, void (*fn)(void *arg), void *arg);
// Grows an allocation of this arena, in place when it is the newest one; the new bytes are zeroed.
void *arena_resize(struct arena *arena, void *ptr, size_t old_size, size_t new_size);

#define arena_new(arena, type)      ((type *)arena_alloc((arena), sizeof(type)))
#define arena_array(arena, type, n) ((type *)arena_alloc_array((arena), (n), sizeof(type)))
// Overflow-checked n * size.
void *arena_alloc_array(struct arena *arena, size_t n, size_t size);

// Grows a list {items, len, cap} living in an arena by one and returns the new zeroed slot.
//   struct thing *t = list_push(&list, arena);
#define list_push(list, arena)                                                                               \
    ({                                                                                                       \
        typeof(list) l_ = (list);                                                                            \
        l_->items = arena_grow((arena), l_->items, l_->len, &l_->cap, sizeof(*l_->items));                   \
        &l_->items[l_->len++];                                                                               \
    })
void *arena_grow(struct arena *arena, void *items, size_t len, size_t *cap, size_t size);

// For long-lived things with one owner, in base/, net/, store/, live/ only: never NULL, zeroed.
void *mem_alloc(size_t size);
void *mem_resize(void *ptr, size_t size);
void mem_free(void *ptr);
struct str mem_copy(struct str s);
