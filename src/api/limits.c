// SPDX-License-Identifier: AGPL-3.0-or-later
// A table of sets of four buckets; a key lives in one set and pushes out the longest unused of it. Keys
// are hashed with a random secret, so nobody outside can aim at a set.
#include "api/limits.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/thread.h"
#include <arpa/inet.h>

enum { SETS = 4096, WAYS = 4, LOCKS = 64, MILLI = 1000 };

struct bucket {
    u64 hash;
    u64 looked;       // when it was last looked at, as a count of looks
    i64 used_at;      // clock_mono up to which it was refilled
    i64 milli_tokens; // thousandths, so that slow refills add up
};
struct limiter {
    u8 secret[32];
    pthread_mutex_t locks[LOCKS];
    u64 looks[LOCKS]; // times are too coarse to tell who is unused longest
    struct bucket buckets[SETS][WAYS];
};

struct limiter *limiter_create(void)
{
    struct limiter *limiter = mem_alloc(sizeof(*limiter));
    random_bytes(limiter->secret, sizeof(limiter->secret));
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_init(&limiter->locks[i], NULL);
    return limiter;
}

void limiter_destroy(struct limiter *limiter)
{
    if (!limiter)
        return;
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_destroy(&limiter->locks[i]);
    mem_free(limiter);
}

static u64 hash_key(const struct limiter *limiter, enum limit_kind kind, struct str who)
{
    u8 mac[32];
    u64 hash;
    hmac_sha256((struct str){(const char *)limiter->secret, sizeof(limiter->secret)}, who, mac);
    memcpy(&hash, mac, sizeof(hash));
    hash ^= (u64)(kind + 1) * 0x9e3779b97f4a7c15u;
    return hash ? hash : 1;
}

// The bucket of a hash, or the longest unused one of its set made new.
static struct bucket *find_bucket(struct limiter *limiter, u64 hash, i64 burst, i64 now)
{
    struct bucket *set = limiter->buckets[hash % SETS];
    struct bucket *oldest = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].hash == hash)
            return &set[i];
        if (set[i].looked < oldest->looked)
            oldest = &set[i];
    }
    *oldest = (struct bucket){.hash = hash, .used_at = now, .milli_tokens = burst * MILLI};
    return oldest;
}

bool limit_take(struct limiter *limiter, enum limit_kind kind, struct str who, i64 per_minute, i64 burst,
                int *ret_retry_s)
{
    u64 hash = hash_key(limiter, kind, who);
    pthread_mutex_t *lock = &limiter->locks[hash % SETS % LOCKS];
    i64 now = clock_mono();
    pthread_mutex_lock(lock);
    struct bucket *bucket = find_bucket(limiter, hash, burst, now);
    bucket->looked = ++limiter->looks[hash % SETS % LOCKS];
    // per_minute tokens in 60,000 ms are per_minute / 60 thousandths in one.
    i64 gained = (now - bucket->used_at) * per_minute / 60;
    if (gained > 0) {
        bucket->milli_tokens += gained;
        bucket->used_at = now;
        if (bucket->milli_tokens > burst * MILLI)
            bucket->milli_tokens = burst * MILLI;
    }
    bool taken = bucket->milli_tokens >= MILLI;
    if (taken) {
        bucket->milli_tokens -= MILLI;
    } else {
        i64 wait_ms = per_minute > 0 ? (MILLI - bucket->milli_tokens) * 60 / per_minute : 60000;
        *ret_retry_s = (int)(wait_ms / 1000 + 1);
    }
    pthread_mutex_unlock(lock);
    return taken;
}

void limit_give(struct limiter *limiter, enum limit_kind kind, struct str who)
{
    u64 hash = hash_key(limiter, kind, who);
    pthread_mutex_t *lock = &limiter->locks[hash % SETS % LOCKS];
    pthread_mutex_lock(lock);
    struct bucket *set = limiter->buckets[hash % SETS];
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].hash == hash)
            set[i].milli_tokens += MILLI;
    }
    pthread_mutex_unlock(lock);
}

struct str limit_peer_key(struct arena *arena, struct str address)
{
    static const u8 mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    u8 bytes[16];
    struct str bare = address;
    struct str rest;
    bare = str_cut(bare, '%', &rest); // a zone id names our own interface
    if (inet_pton(AF_INET6, str_cstr(arena, bare), bytes) != 1)
        return address;
    if (memcmp(bytes, mapped, sizeof(mapped)) == 0)
        return str_printf(arena, "%d.%d.%d.%d", bytes[12], bytes[13], bytes[14], bytes[15]);
    char text[INET6_ADDRSTRLEN];
    memset(bytes + 8, 0, 8);
    inet_ntop(AF_INET6, bytes, text, sizeof(text));
    return str_printf(arena, "%s/64", text);
}
