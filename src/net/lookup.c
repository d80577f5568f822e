// SPDX-License-Identifier: AGPL-3.0-or-later
// See lookup.h. Each look-up has a thread of its own, which is left alone when it takes too long.
#include "net/lookup.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/thread.h"
#include <time.h>

enum { LOOKUPS_MAX = 32 };

struct lookup {
    pthread_mutex_t lock;
    pthread_cond_t finished;
    char host[256];
    bool done, abandoned;
    int code;
    struct addrinfo *list;
};

static _Atomic int n_lookups;

static void free_lookup(struct lookup *lookup)
{
    if (lookup->list) {
        freeaddrinfo(lookup->list);
    }
    pthread_mutex_destroy(&lookup->lock);
    pthread_cond_destroy(&lookup->finished);
    mem_free(lookup);
}

static void *run_lookup(void *arg)
{
    struct lookup *lookup = arg;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int code = getaddrinfo(lookup->host, NULL, &hints, &list);

    pthread_mutex_lock(&lookup->lock);
    lookup->code = code;
    lookup->list = code == 0 ? list : NULL;
    lookup->done = true;
    bool abandoned = lookup->abandoned;
    pthread_cond_signal(&lookup->finished);
    pthread_mutex_unlock(&lookup->lock);
    if (abandoned) {
        free_lookup(lookup);
    }
    n_lookups--;
    return NULL;
}

static struct lookup *start_lookup(struct str host)
{
    struct lookup *lookup = mem_alloc(sizeof *lookup);

    pthread_mutex_init(&lookup->lock, NULL);
    cond_init(&lookup->finished);
    memcpy(lookup->host, host.ptr, host.len);
    pthread_detach(thread_start("lookup", run_lookup, lookup));
    return lookup;
}

bool lookup_run(struct str host, int timeout_ms, struct addrinfo **ret, struct err *err)
{
    if (host.len >= sizeof(((struct lookup *)0)->host)) {
        return err_set(err, ERR_INVALID, "The host name is too long.");
    }
    if (++n_lookups > LOOKUPS_MAX) {
        n_lookups--;
        return err_retry(err, ERR_UNAVAILABLE, 5, "Too many names are being looked up.");
    }
    struct lookup *lookup = start_lookup(host);

    i64 until = clock_mono() + timeout_ms;
    pthread_mutex_lock(&lookup->lock);
    while (!lookup->done && cond_wait_until(&lookup->finished, &lookup->lock, until)) {
    }
    lookup->abandoned = !lookup->done;
    bool done = lookup->done;
    pthread_mutex_unlock(&lookup->lock);
    if (!done) {
        return err_set(err, ERR_INVALID, "The name " STR_FMT " could not be looked up in time.",
                       STR_ARG(host));
    }
    bool found = lookup->code == 0 && lookup->list;
    if (found) {
        *ret = lookup->list;
        lookup->list = NULL;
    }
    free_lookup(lookup);
    return found || err_set(err, ERR_INVALID, "The name " STR_FMT " was not found.", STR_ARG(host));
}
