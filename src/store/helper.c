// SPDX-License-Identifier: AGPL-3.0-or-later
// The store's helper thread: on SQLite it checkpoints the WAL, on PostgreSQL it sends and hears NOTIFY.
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "store/internal.h"
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

void helper_start(struct db *db)
{
    db->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (db->wake_fd < 0) {
        die("no eventfd: %s", strerror(errno));
    }
    bool lite = db->kind == DB_SQLITE;
    db->helper = thread_start(lite ? "checkpoint" : "notify", lite ? checkpoint_run : notify_run, db);
    db->helper_runs = true;
}

void helper_wake(struct db *db)
{
    u64 one = 1;
    // A full counter (EAGAIN) is a wake that was not heard yet: as good as this one.
    ssize_t n = write(db->wake_fd, &one, sizeof(one));
    (void)n;
}

void helper_wait(struct db *db, int fd, int timeout_ms)
{
    struct pollfd fds[2] = {{.fd = db->wake_fd, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    u64 count;
    poll(fds, 2, timeout_ms);
    ssize_t n = read(db->wake_fd, &count, sizeof(count));
    (void)n;
}

void helper_stop(struct db *db)
{
    if (db->helper_runs) {
        atomic_store(&db->closing, true);
        helper_wake(db);
        pthread_join(db->helper, NULL);
        db->helper_runs = false;
    }
    if (db->wake_fd >= 0) {
        close(db->wake_fd);
        db->wake_fd = -1;
    }
}
