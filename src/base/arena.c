// SPDX-License-Identifier: AGPL-3.0-or-later
// Arenas: a chain of blocks, the newest first. Bytes are handed out from the newest block; what is large
// gets a block of its own. Unused memory is poisoned under AddressSanitizer, so that a pointer kept
// beyond its arena's life is found.
#include "base/arena.h"
#include "base/log.h"
#include "base/thread.h"
#include <assert.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#ifdef HAS_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(ptr, size)   ASAN_POISON_MEMORY_REGION((ptr), (size))
#define UNPOISON(ptr, size) ASAN_UNPOISON_MEMORY_REGION((ptr), (size))
enum { GAP = 16 }; // poisoned bytes between two allocations
#else
#define POISON(ptr, size)   ((void)0)
#define UNPOISON(ptr, size) ((void)0)
enum { GAP = 0 };
#endif

enum {
    ALIGN = 16,
    FIRST_BLOCK = 16 * 1024,
    MAX_BLOCK = 1024 * 1024,
    POOL_SIZE = 64,
};

struct block {
    struct block *older;
    size_t size, used;
    _Alignas(ALIGN) char bytes[];
};

struct cleanup {
    struct cleanup *older;
    void (*fn)(void *arg);
    void *arg;
};

struct arena {
    struct block *newest;
    struct block *first; // kept by reset
    struct cleanup *cleanups;
    size_t used;
    struct arena *next_idle;
};

static void *never_null(void *ptr, size_t size)
{
    if (!ptr) {
        die("out of memory: %zu bytes", size);
    }
    return ptr;
}

void *mem_alloc(size_t size)
{
    return never_null(calloc(1, size ? size : 1), size);
}

void *mem_resize(void *ptr, size_t size)
{
    return never_null(realloc(ptr, size ? size : 1), size);
}

void mem_free(void *ptr)
{
    free(ptr);
}

struct str mem_copy(struct str s)
{
    if (!str_given(s)) {
        return STR_NONE;
    }
    char *copy = mem_alloc(s.len + 1);
    if (s.len) {
        memcpy(copy, s.ptr, s.len);
    }
    return (struct str){copy, s.len};
}

static struct block *block_create(size_t size, struct block *older)
{
    // Not zeroed here: each allocation is, when handed out.
    struct block *block = never_null(malloc(sizeof *block + size), size);
    *block = (struct block){.older = older, .size = size};
    POISON(block->bytes, size);
    return block;
}

static void block_destroy(struct block *block)
{
    UNPOISON(block->bytes, block->size);
    free(block);
}

struct arena *arena_create(void)
{
    struct arena *arena = mem_alloc(sizeof *arena);
    arena->first = arena->newest = block_create(FIRST_BLOCK, NULL);
    return arena;
}

static void run_cleanups(struct arena *arena)
{
    while (arena->cleanups) {
        struct cleanup *c = arena->cleanups;
        arena->cleanups = c->older;
        c->fn(c->arg);
    }
}

void arena_destroy(struct arena *arena)
{
    if (!arena) {
        return;
    }
    run_cleanups(arena);
    while (arena->newest) {
        struct block *older = arena->newest->older;
        block_destroy(arena->newest);
        arena->newest = older;
    }
    free(arena);
}

void arena_reset(struct arena *arena)
{
    run_cleanups(arena);
    while (arena->newest != arena->first) {
        struct block *older = arena->newest->older;
        block_destroy(arena->newest);
        arena->newest = older;
    }
    arena->first->used = 0;
    arena->used = 0;
    POISON(arena->first->bytes, arena->first->size);
}

static size_t round_up(size_t size)
{
    if (size > SIZE_MAX / 2) {
        die("an allocation of %zu bytes is an error", size);
    }
    return (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t step = round_up(size ? size : 1) + GAP;
    struct block *block = arena->newest;
    if (block->size - block->used < step) {
        size_t want = block->size * 2 > MAX_BLOCK ? MAX_BLOCK : block->size * 2;
        block = arena->newest = block_create(step > want ? step : want, block);
    }
    void *ptr = block->bytes + block->used;
    block->used += step;
    arena->used += step;
    UNPOISON(ptr, size);
    memset(ptr, 0, size);
    return ptr;
}

void *arena_alloc_array(struct arena *arena, size_t n, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(n, size, &total)) {
        die("an array of %zu times %zu bytes is an error", n, size);
    }
    return arena_alloc(arena, total);
}

void *arena_resize(struct arena *arena, void *ptr, size_t old_size, size_t new_size)
{
    assert(new_size >= old_size);
    if (!ptr) {
        return arena_alloc(arena, new_size);
    }
    struct block *block = arena->newest;
    size_t old_step = round_up(old_size ? old_size : 1) + GAP;
    size_t new_step = round_up(new_size ? new_size : 1) + GAP;
    bool newest = (char *)ptr + old_step == block->bytes + block->used;
    if (newest && block->size - block->used >= new_step - old_step) {
        block->used += new_step - old_step;
        arena->used += new_step - old_step;
        UNPOISON(ptr, new_size);
        memset((char *)ptr + old_size, 0, new_size - old_size);
        return ptr;
    }
    void *moved = arena_alloc(arena, new_size);
    memcpy(moved, ptr, old_size);
    return moved;
}

void *arena_grow(struct arena *arena, void *items, size_t len, size_t *cap, size_t size)
{
    if (len < *cap) {
        memset((char *)items + len * size, 0, size);
        return items;
    }
    size_t old_bytes = *cap * size, new_bytes;
    size_t new_cap = *cap ? *cap * 2 : 8;
    if (__builtin_mul_overflow(new_cap, size, &new_bytes)) {
        die("a list of %zu times %zu bytes is an error", new_cap, size);
    }
    *cap = new_cap;
    return arena_resize(arena, items, old_bytes, new_bytes);
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}

void arena_on_reset(struct arena *arena, void (*fn)(void *arg), void *arg)
{
    struct cleanup *c = arena_new(arena, struct cleanup);
    *c = (struct cleanup){.older = arena->cleanups, .fn = fn, .arg = arg};
    arena->cleanups = c;
}

static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
static struct arena *pool;
static size_t pool_len;

struct arena *arena_take(void)
{
    pthread_mutex_lock(&pool_lock);
    struct arena *arena = pool;
    if (arena) {
        pool = arena->next_idle;
        pool_len--;
        arena->next_idle = NULL;
    }
    pthread_mutex_unlock(&pool_lock);
    return arena ? arena : arena_create();
}

void arena_give(struct arena *arena)
{
    if (!arena) {
        return;
    }
    arena_reset(arena);
    pthread_mutex_lock(&pool_lock);
    bool keep = pool_len < POOL_SIZE;
    if (keep) {
        arena->next_idle = pool;
        pool = arena;
        pool_len++;
    }
    pthread_mutex_unlock(&pool_lock);
    if (!keep) {
        arena_destroy(arena);
    }
}
