// SPDX-License-Identifier: AGPL-3.0-or-later
// A queue of requests and its threads.
#include "api/slow.h"
#include "base/arena.h"
#include "base/thread.h"

enum { THREADS_MAX = 8 };

struct slow_item {
    struct request *req;
    struct reply *reply;
};
struct slow_pool {
    struct queue *queue;
    void (*run)(struct request *, struct reply *);
    pthread_t threads[THREADS_MAX];
    int n_threads;
};

static void *work(void *arg)
{
    struct slow_pool *pool = arg;
    struct slow_item *item;
    while ((item = queue_pop(pool->queue, -1)))
        pool->run(item->req, item->reply);
    return NULL;
}

struct slow_pool *slow_create(const char *name, int n_threads, size_t capacity,
                              void (*run)(struct request *, struct reply *))
{
    struct slow_pool *pool = mem_alloc(sizeof(*pool));
    pool->queue = queue_create(capacity);
    pool->run = run;
    pool->n_threads = n_threads < THREADS_MAX ? n_threads : THREADS_MAX;
    for (int i = 0; i < pool->n_threads; i++)
        pool->threads[i] = thread_start(name, work, pool);
    return pool;
}

bool slow_push(struct slow_pool *pool, struct request *req, struct reply *reply)
{
    struct slow_item *item = arena_new(req->arena, struct slow_item); // lives as long as the request
    item->req = req;
    item->reply = reply;
    return queue_push(pool->queue, item);
}

void slow_destroy(struct slow_pool *pool)
{
    if (!pool)
        return;
    queue_close(pool->queue);
    for (int i = 0; i < pool->n_threads; i++)
        pthread_join(pool->threads[i], NULL);
    queue_destroy(pool->queue);
    mem_free(pool);
}
