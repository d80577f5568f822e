// SPDX-License-Identifier: AGPL-3.0-or-later
// Threads, locks and one bounded queue that hands pointers from thread to thread.
#pragma once
#include "base/str.h"
#include <pthread.h>

struct queue; // bounded, many producers, many consumers

struct queue *queue_create(size_t capacity);
void queue_destroy(struct queue *queue);
// False when full or closed: the caller answers 503, nothing waits.
bool queue_push(struct queue *queue, void *item) MUST_CHECK;
// Waits up to timeout_ms (-1: for ever) for one item; NULL on timeout or when closed and empty.
void *queue_pop(struct queue *queue, int timeout_ms);
size_t queue_len(struct queue *queue);
// Nobody can push any more; poppers drain the rest, then get NULL.
void queue_close(struct queue *queue);

// A condition whose waits end at a moment of clock_mono(), whatever people do to the wall clock.
void cond_init(pthread_cond_t *cond);
// Waits, with the lock held, until it is signalled (or for nothing: look again). False when the moment has
// come.
bool cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, i64 until_mono);

// Starts a named thread (15 characters); dies when it cannot.
pthread_t thread_start(const char *name, void *(*run)(void *), void *arg);
