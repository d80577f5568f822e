// SPDX-License-Identifier: AGPL-3.0-or-later
// The queues in front of the writer: three classes, bounded, people first. What a write hangs on its
// COMMIT is collected here and let go by the thread that committed.
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "store/internal.h"
#include <limits.h>

// More than this waiting means seconds of delay: better to say so (503) than to promise.
static const size_t queue_max[3] = {[WRITE_PEOPLE] = 4096, [WRITE_INTAKE] = 8192, [WRITE_READER] = 256};

static _Thread_local bool on_writer;

static void list_append(struct work_list *list, struct work *work)
{
    work->next = NULL;
    if (list->last) {
        list->last->next = work;
    } else {
        list->first = work;
    }
    list->last = work;
    list->len++;
}

static struct work *list_shift(struct work_list *list)
{
    struct work *work = list->first;
    list->first = work->next;
    if (!list->first) {
        list->last = NULL;
    }
    list->len--;
    return work;
}

bool db_post(struct db *db, enum write_class class_, write_fn *fn, write_done *done, void *arg,
             struct err *err)
{
    struct writer *writer = db->writer;
    pthread_mutex_lock(&writer->lock);
    if (writer->closing || writer->queues[class_].len >= queue_max[class_]) {
        bool closing = writer->closing;
        pthread_mutex_unlock(&writer->lock);
        return err_retry(err, ERR_UNAVAILABLE, closing ? 5 : 1,
                         closing ? "The server is stopping" : "Too many writes are waiting");
    }
    struct work *work = writer->free;
    if (work) {
        writer->free = work->next;
    } else {
        work = mem_alloc(sizeof(*work));
    }
    *work = (struct work){.class_ = class_, .fn = fn, .done = done, .arg = arg};
    list_append(&writer->queues[class_], work);
    pthread_cond_signal(&writer->more);
    pthread_mutex_unlock(&writer->lock);
    return true;
}

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool finished, ok;
    struct err err;
    write_fn *fn;
    void *arg;
};

static bool waiter_run(struct tx *tx, void *arg, struct err *err)
{
    struct waiter *waiter = arg;
    return waiter->fn(tx, waiter->arg, err);
}

static void waiter_done(void *arg, bool ok, const struct err *err)
{
    struct waiter *waiter = arg;
    pthread_mutex_lock(&waiter->lock);
    waiter->finished = true;
    waiter->ok = ok;
    if (!ok) {
        waiter->err = *err;
    }
    pthread_cond_signal(&waiter->done);
    pthread_mutex_unlock(&waiter->lock);
}

bool db_write(struct db *db, enum write_class class_, write_fn *fn, void *arg, struct err *err)
{
    if (on_writer) {
        die("db_write was called inside a write");
    }
    struct waiter waiter = {.fn = fn, .arg = arg};
    pthread_mutex_init(&waiter.lock, NULL);
    pthread_cond_init(&waiter.done, NULL);
    bool ok = db_post(db, class_, waiter_run, waiter_done, &waiter, err);
    if (ok) {
        pthread_mutex_lock(&waiter.lock);
        while (!waiter.finished) {
            pthread_cond_wait(&waiter.done, &waiter.lock);
        }
        pthread_mutex_unlock(&waiter.lock);
        ok = waiter.ok;
        if (!ok) {
            *err = waiter.err;
        }
    }
    pthread_mutex_destroy(&waiter.lock);
    pthread_cond_destroy(&waiter.done);
    return ok;
}

struct work *writer_take(struct writer *writer, bool wait, int room[3])
{
    on_writer = true;
    struct work *work = NULL;
    pthread_mutex_lock(&writer->lock);
    for (;;) {
        for (int c = 0; c < 3 && !work; c++) {
            if (room[c] > 0 && writer->queues[c].first) {
                room[c]--;
                work = list_shift(&writer->queues[c]);
            }
        }
        if (work || !wait || writer->closing) {
            break;
        }
        pthread_cond_wait(&writer->more, &writer->lock);
    }
    pthread_mutex_unlock(&writer->lock);
    return work;
}

void writer_finish(struct writer *writer, struct work *work)
{
    atomic_fetch_add(work->ok ? &writer->db->writes : &writer->db->failed, 1);
    if (work->done) {
        work->done(work->arg, work->ok, &work->err);
    }
    pthread_mutex_lock(&writer->lock);
    work->next = writer->free;
    writer->free = work;
    pthread_mutex_unlock(&writer->lock);
}

void work_run(struct work *work, struct conn *conn, struct arena *arena, struct hooks *hooks)
{
    size_t mark = hooks->len;
    arena_reset(arena);
    struct tx tx = {.conn = conn, .db = conn->db, .arena = arena, .now = clock_now(), .hooks = hooks};
    work->err = (struct err){.position = -1};
    work->ok = work->fn(&tx, work->arg, &work->err);
    if (!work->ok) {
        hooks->len = mark;
        if (work->err.code == ERR_NONE) {
            err_set(&work->err, ERR_INTERNAL, "A write failed without saying why");
        }
    }
}

void tx_after_commit(struct tx *tx, void (*fn)(void *arg), void *arg)
{
    struct hooks *hooks = tx->hooks;
    if (hooks->len == hooks->cap) {
        hooks->cap = hooks->cap ? hooks->cap * 2 : 64;
        hooks->items = mem_resize(hooks->items, hooks->cap * sizeof(*hooks->items));
    }
    hooks->items[hooks->len++] = (struct hook){fn, arg};
}

void hooks_fire(struct hooks *hooks, struct db *db)
{
    for (size_t i = 0; i < hooks->len; i++) {
        hooks->items[i].fn(hooks->items[i].arg);
    }
    bool events = hooks->events;
    hooks->len = 0;
    hooks->events = false;
    if (events) {
        atomic_store(&db->events_at, clock_mono());
    }
    // On PostgreSQL a commit without events may be what others' events waited for.
    if (events || (db->kind == DB_POSTGRES && clock_mono() - atomic_load(&db->events_at) < 2000)) {
        db_fire_watches(db);
    }
    if (events && db->kind == DB_POSTGRES) {
        atomic_store(&db->notify_wanted, true);
        helper_wake(db);
    }
}

void writer_start(struct db *db, int n_threads, void *(*run)(void *))
{
    struct writer *writer = mem_alloc(sizeof(*writer));
    writer->db = db;
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->more, NULL);
    db->writer = writer;
    writer->n_threads = n_threads;
    for (int i = 0; i < n_threads; i++) {
        writer->threads[i] = thread_start("writer", run, db);
    }
}

void writer_stop(struct db *db)
{
    struct writer *writer = db->writer;
    if (!writer) {
        return;
    }
    pthread_mutex_lock(&writer->lock);
    writer->closing = true;
    pthread_cond_broadcast(&writer->more);
    pthread_mutex_unlock(&writer->lock);
    for (int i = 0; i < writer->n_threads; i++) {
        pthread_join(writer->threads[i], NULL);
    }
    while (writer->free) {
        struct work *work = writer->free;
        writer->free = work->next;
        mem_free(work);
    }
    pthread_mutex_destroy(&writer->lock);
    pthread_cond_destroy(&writer->more);
    mem_free(writer);
    db->writer = NULL;
}
