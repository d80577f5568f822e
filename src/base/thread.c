// SPDX-License-Identifier: AGPL-3.0-or-later
// A bounded queue of pointers under one lock, waits with an end, and the start of a thread.
#include "base/thread.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include <errno.h>
#include <signal.h>
#include <time.h>

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    void **items; // ring
    size_t capacity, head, len;
    bool closed;
};

void cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

bool cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, i64 until_mono)
{
    if (until_mono < 0)
        until_mono = 0;
    struct timespec at = {.tv_sec = until_mono / 1000, .tv_nsec = until_mono % 1000 * 1000000};
    return pthread_cond_timedwait(cond, lock, &at) != ETIMEDOUT;
}

struct queue *queue_create(size_t capacity)
{
    struct queue *queue = mem_alloc(sizeof *queue);
    queue->capacity = capacity ? capacity : 1;
    queue->items = mem_alloc(queue->capacity * sizeof *queue->items);
    pthread_mutex_init(&queue->lock, NULL);
    cond_init(&queue->filled);
    return queue;
}

void queue_destroy(struct queue *queue)
{
    if (!queue) {
        return;
    }
    pthread_cond_destroy(&queue->filled);
    pthread_mutex_destroy(&queue->lock);
    mem_free(queue->items);
    mem_free(queue);
}

bool queue_push(struct queue *queue, void *item)
{
    pthread_mutex_lock(&queue->lock);
    bool room = !queue->closed && queue->len < queue->capacity;
    if (room) {
        queue->items[(queue->head + queue->len) % queue->capacity] = item;
        queue->len++;
        pthread_cond_signal(&queue->filled);
    }
    pthread_mutex_unlock(&queue->lock);
    return room;
}

void *queue_pop(struct queue *queue, int timeout_ms)
{
    i64 until = clock_mono() + timeout_ms;
    pthread_mutex_lock(&queue->lock);
    while (queue->len == 0 && !queue->closed) {
        if (timeout_ms < 0) {
            pthread_cond_wait(&queue->filled, &queue->lock);
        } else if (!cond_wait_until(&queue->filled, &queue->lock, until)) {
            break;
        }
    }
    void *item = NULL;
    if (queue->len) {
        item = queue->items[queue->head];
        queue->head = (queue->head + 1) % queue->capacity;
        queue->len--;
    }
    pthread_mutex_unlock(&queue->lock);
    return item;
}

size_t queue_len(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    size_t len = queue->len;
    pthread_mutex_unlock(&queue->lock);
    return len;
}

void queue_close(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->filled);
    pthread_mutex_unlock(&queue->lock);
}

pthread_t thread_start(const char *name, void *(*run)(void *), void *arg)
{
    // Signals for the process go to the thread that waits for them, never to a worker.
    sigset_t process_signals, before;
    sigemptyset(&process_signals);
    const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD, SIGPIPE, SIGALRM};
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        sigaddset(&process_signals, signals[i]);
    }
    pthread_sigmask(SIG_BLOCK, &process_signals, &before);
    pthread_t thread;
    int problem = pthread_create(&thread, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (problem) {
        die("cannot start thread %s: %s", name, strerror(problem));
    }
    pthread_setname_np(thread, name);
    return thread;
}
