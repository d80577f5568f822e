// SPDX-License-Identifier: AGPL-3.0-or-later
// See worker.h.
#include "jobs/worker.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/thread.h"
#include <stdatomic.h>

struct worker {
    worker_turn *turn;
    void *arg;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool woken, ended;
    atomic_bool stopping;
    _Atomic i64 progress_at;
};

static void sleep_until_woken(struct worker *worker, i64 ms)
{
    i64 until = clock_mono() + ms;
    pthread_mutex_lock(&worker->lock);
    while (!worker->woken && !worker->stopping) {
        if (!cond_wait_until(&worker->changed, &worker->lock, until)) {
            break;
        }
    }
    worker->woken = false;
    pthread_mutex_unlock(&worker->lock);
}

void worker_rest(struct worker *worker, i64 ms)
{
    i64 until = clock_mono() + ms;
    pthread_mutex_lock(&worker->lock);
    while (!worker->stopping && cond_wait_until(&worker->changed, &worker->lock, until)) {
    }
    pthread_mutex_unlock(&worker->lock);
}

static void *run(void *arg)
{
    struct worker *worker = arg;
    while (!worker->stopping) {
        i64 pause = worker->turn(worker, worker->arg);
        worker->progress_at = clock_mono();
        if (pause > 0) {
            sleep_until_woken(worker, pause);
        }
    }
    pthread_mutex_lock(&worker->lock);
    worker->ended = true;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    return NULL;
}

struct worker *worker_start(const char *name, worker_turn *turn, void *arg)
{
    struct worker *worker = mem_alloc(sizeof(*worker));
    worker->turn = turn;
    worker->arg = arg;
    worker->progress_at = clock_mono();
    pthread_mutex_init(&worker->lock, NULL);
    cond_init(&worker->changed);
    worker->thread = thread_start(name, run, worker);
    return worker;
}

void worker_wake(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    worker->woken = true;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
}

bool worker_stopping(const struct worker *worker)
{
    return worker->stopping;
}

i64 worker_progress_at(const struct worker *worker)
{
    return worker->progress_at;
}

void worker_ask_stop(struct worker *worker)
{
    worker->stopping = true;
    worker_wake(worker);
}

bool worker_join(struct worker *worker, i64 until_mono)
{
    if (!worker) {
        return true;
    }
    pthread_mutex_lock(&worker->lock);
    while (!worker->ended && cond_wait_until(&worker->changed, &worker->lock, until_mono)) {
    }
    bool ended = worker->ended;
    pthread_mutex_unlock(&worker->lock);
    if (!ended) {
        pthread_detach(worker->thread);
        return false;
    }
    pthread_join(worker->thread, NULL);
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->lock);
    mem_free(worker);
    return true;
}
