// SPDX-License-Identifier: AGPL-3.0-or-later
// Three kinds of process: ours, which hands out jobs; the nursery, forked while there was nothing to
// steal, which only forks; and its children, locked in before they read the first byte. A child that
// misbehaves costs its own job. Whoever loses its socket's other end, or its parent, ends.
#include "base/child.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/frame.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "base/thread.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    CHILDREN_MAX = 4, // at work or idle
    JOBS_MAX = 100,   // then a new child
    WAIT_MS = 5000,   // for the whole of one job
    // A job has 2 s of processor: a child that has used 1 s ends after the job at hand, and 3 s kill it.
    CPU_ENOUGH_S = 1,
    CPU_MAX_S = 3,
    MEMORY_MAX = 256 * 1024 * 1024,
    CHILD_FD = 3, // its socket, its only one
};

struct child {
    int fd;
    int jobs;
};

struct nursery {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    int control; // to the nursery process
    pid_t pid;
    struct child idle[CHILDREN_MAX];
    size_t n_idle, n_busy;
    size_t n_kinds;
};

struct birth {
    child_job *const *kinds;
    size_t n_kinds;
    unsigned layers;
};

// --- In the child ---

static bool used_enough(void)
{
    struct timespec t;
    return clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) != 0 || t.tv_sec >= CPU_ENOUGH_S;
}

// False: no more jobs.
static bool serve_job(const struct birth *birth, bool last)
{
    struct frame head;
    if (!frame_read(CHILD_FD, &head, sizeof head) || head.word >= birth->n_kinds || head.len > FRAME_MAX) {
        return false;
    }
    char *input = mem_alloc(head.len);
    struct buf output;
    buf_init(&output, NULL, FRAME_MAX);
    bool ok = frame_read(CHILD_FD, input, head.len);
    if (ok) {
        bool done = birth->kinds[head.word]((struct str){input, head.len}, &output);
        last = last || used_enough();
        u32 word = (output.overflow ? FRAME_REFUSED
                    : done          ? FRAME_OK
                                    : FRAME_REFUSED) |
                   (last ? FRAME_LAST : 0);
        struct frame answer = {.word = word, .len = (u32)output.len, .job = head.job};
        ok = frame_write(CHILD_FD, &answer, sizeof answer) && frame_write(CHILD_FD, output.ptr, output.len);
    }
    mem_free(input);
    buf_finish(&output);
    return ok && !last;
}

// Sanitizers report on stderr; else a child has nothing but its socket.
#if defined(__SANITIZE_ADDRESS__)
#define KEEP_STDERR 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEP_STDERR 1
#endif
#endif
#ifndef KEEP_STDERR
#define KEEP_STDERR 0
#endif

static void keep_only(int fd)
{
    if (dup2(fd, CHILD_FD) != CHILD_FD || close_range(CHILD_FD + 1, ~0u, 0) != 0 ||
        close_range(0, KEEP_STDERR ? 1 : 2, 0) != 0) {
        _exit(1);
    }
}

_Noreturn static void live_as_child(const struct birth *birth, int fd, pid_t nursery)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != nursery) {
        _exit(1); // it died before we asked to die with it
    }
    prctl(PR_SET_NAME, "heed-child", 0, 0, 0);
    keep_only(fd);
    if (!sandbox_limit(CPU_MAX_S, MEMORY_MAX) || !sandbox_enter(birth->layers)) {
        _exit(1);
    }
    for (int jobs = 1; serve_job(birth, jobs == JOBS_MAX); jobs++) {
    }
    _exit(0);
}

// --- In the nursery ---

static void bury_children(void)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (WIFSIGNALED(status)) {
            const char *name = sigabbrev_np(WTERMSIG(status));
            log_event(LOG_WARN, "child.died", LOG_C("signal", name ? name : "?"),
                      LOG_I("forbidden", WTERMSIG(status) == SIGSYS), LOG_I("pid", pid));
        } else if (WEXITSTATUS(status) != 0) {
            log_event(LOG_WARN, "child.died", LOG_I("exit", WEXITSTATUS(status)), LOG_I("pid", pid));
        }
    }
}

static void bear_child(const struct birth *birth, int control)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        log_event(LOG_ERROR, "nursery.no_socket", LOG_C("text", strerror(errno)));
        _exit(1);
    }
    pid_t nursery = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        live_as_child(birth, pair[1], nursery);
    }
    if (pid < 0) {
        // Whoever asked finds the other end closed and counts a death.
        log_event(LOG_ERROR, "nursery.no_child", LOG_C("text", strerror(errno)));
    }
    close(pair[1]);
    if (!frame_send_fd(control, pair[0])) {
        _exit(0);
    }
    close(pair[0]);
}

static void stay_when_told_to_stop(void)
{
    // Terminals and systemd signal the whole group; the nursery ends with its parent, not before.
    const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < ARRAY_LEN(ignored); i++) {
        signal(ignored[i], SIG_IGN);
    }
}

_Noreturn static void live_as_nursery(const struct birth *birth, int control, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent) {
        _exit(0);
    }
    sandbox_forget_start();
    prctl(PR_SET_NAME, "heed-nursery", 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    stay_when_told_to_stop();
    if (dup2(control, CHILD_FD) != CHILD_FD || close_range(CHILD_FD + 1, ~0u, 0) != 0 ||
        close_range(0, 1, 0) != 0) {
        _exit(1);
    }
    sigset_t deaths;
    sigemptyset(&deaths);
    sigaddset(&deaths, SIGCHLD);
    sigprocmask(SIG_BLOCK, &deaths, NULL);
    struct pollfd fds[] = {{.fd = CHILD_FD, .events = POLLIN},
                           {.fd = signalfd(-1, &deaths, SFD_CLOEXEC | SFD_NONBLOCK), .events = POLLIN}};
    for (;;) {
        struct signalfd_siginfo death;
        char byte;
        if (poll(fds, 2, -1) < 0 && errno != EINTR) {
            _exit(1);
        }
        while (read(fds[1].fd, &death, sizeof death) > 0) {
        }
        bury_children();
        if (fds[0].revents) {
            if (recv(CHILD_FD, &byte, 1, 0) != 1) {
                _exit(0);
            }
            bear_child(birth, CHILD_FD);
        }
    }
}

// --- In our process ---

static bool fork_nursery(const struct birth *birth, struct nursery *nursery, struct err *err)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return err_set(err, ERR_INTERNAL, "No socket for the nursery: %s.", strerror(errno));
    }
    pid_t parent = getpid();
    nursery->control = pair[0];
    nursery->pid = fork();
    if (nursery->pid < 0) {
        close(pair[0]);
        close(pair[1]);
        return err_set(err, ERR_INTERNAL, "Cannot fork the nursery: %s.", strerror(errno));
    }
    if (nursery->pid == 0) {
        live_as_nursery(birth, pair[1], parent);
    }
    close(pair[1]);
    return true;
}

bool nursery_start(child_job *const *kinds, size_t n_kinds, bool insecure, struct nursery **ret,
                   struct err *err)
{
    struct birth birth = {.kinds = kinds, .n_kinds = n_kinds, .layers = sandbox_layers_available()};
    if (!insecure && birth.layers != (SANDBOX_LANDLOCK | SANDBOX_SECCOMP)) {
        return err_set(err, ERR_UNAVAILABLE,
                       "This kernel has no %s, which keep hostile files in their place.",
                       birth.layers & SANDBOX_SECCOMP    ? "Landlock"
                       : birth.layers & SANDBOX_LANDLOCK ? "seccomp"
                                                         : "Landlock and no seccomp");
    }
    struct nursery *nursery = mem_alloc(sizeof *nursery);
    nursery->n_kinds = n_kinds;
    if (!fork_nursery(&birth, nursery, err)) {
        mem_free(nursery);
        return false;
    }
    pthread_mutex_init(&nursery->lock, NULL);
    cond_init(&nursery->freed);
    *ret = nursery;
    return true;
}

// An idle child has nothing to say: what it says is the end, or a lie kept ready for the next job.
static bool is_silent(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 0;
}

// -1: none in time. What comes later waits in the socket for the next who asks.
static int ask_for_child(struct nursery *nursery, i64 deadline)
{
    bool gone = true;
    int fd = -1;
    if (frame_write_until(nursery->control, "c", 1, deadline)) {
        fd = frame_receive_fd(nursery->control, deadline, &gone);
    }
    if (fd < 0 && gone) {
        // We could not look at any file any more, and forking here would hand out our secrets: a new
        // start of the program makes a new nursery.
        die("the nursery is gone");
    }
    return fd;
}

static bool take_child(struct nursery *nursery, i64 deadline, struct child *ret_child)
{
    pthread_mutex_lock(&nursery->lock);
    while (nursery->n_busy == CHILDREN_MAX) {
        if (!cond_wait_until(&nursery->freed, &nursery->lock, deadline)) {
            pthread_mutex_unlock(&nursery->lock);
            return false;
        }
    }
    nursery->n_busy++;
    struct child child = {.fd = -1};
    while (child.fd < 0 && nursery->n_idle) {
        child = nursery->idle[--nursery->n_idle];
        if (!is_silent(child.fd)) {
            close(child.fd);
            child.fd = -1;
        }
    }
    if (child.fd < 0) {
        child = (struct child){.fd = ask_for_child(nursery, deadline)};
    }
    nursery->n_busy -= child.fd < 0;
    pthread_mutex_unlock(&nursery->lock);
    *ret_child = child;
    return child.fd >= 0;
}

static void give_child(struct nursery *nursery, struct child child, bool keep)
{
    pthread_mutex_lock(&nursery->lock);
    nursery->n_busy--;
    if (keep) {
        nursery->idle[nursery->n_idle++] = child;
    }
    pthread_cond_signal(&nursery->freed);
    pthread_mutex_unlock(&nursery->lock);
    if (!keep) {
        close(child.fd); // it reads the end and ends
    }
}

enum exchanged { ANSWERED, BROKEN, STALE };

static enum exchanged exchange(const struct child *child, size_t kind, struct str input, i64 deadline,
                               struct arena *arena, u32 *ret_word, struct str *ret_answer)
{
    struct frame asked = {.word = (u32)kind, .len = (u32)input.len}, got;
    if (getrandom(&asked.job, sizeof asked.job, 0) != sizeof asked.job) {
        die("no random numbers: %s", strerror(errno));
    }
    if (!frame_write_until(child->fd, &asked, sizeof asked, deadline) ||
        !frame_write_until(child->fd, input.ptr, input.len, deadline) ||
        !frame_read_until(child->fd, &got, sizeof got, deadline)) {
        return BROKEN;
    }
    if (got.job != asked.job) {
        return STALE;
    }
    u32 said = got.word & FRAME_MASK;
    if (got.len > FRAME_MAX || got.word & ~(u32)(FRAME_MASK | FRAME_LAST) ||
        (said != FRAME_OK && said != FRAME_REFUSED)) {
        return BROKEN;
    }
    char *answer = arena_alloc(arena, got.len);
    if (!frame_read_until(child->fd, answer, got.len, deadline)) {
        return BROKEN;
    }
    *ret_word = got.word;
    *ret_answer = (struct str){answer, got.len};
    return ANSWERED;
}

enum child_result nursery_run(struct nursery *nursery, size_t kind, struct str input, struct arena *arena,
                              struct str *ret_answer)
{
    i64 deadline = clock_mono() + WAIT_MS;
    struct child child;
    u32 word = 0;
    if (kind >= nursery->n_kinds) {
        die("there is no kind %zu of child", kind);
    }
    if (input.len > FRAME_MAX) {
        *ret_answer = S("It is too large.");
        return CHILD_REFUSED;
    }
    enum child_result none = CHILD_BUSY; // until bytes went to a child
    while (take_child(nursery, deadline, &child)) {
        none = CHILD_DIED;
        enum exchanged result = exchange(&child, kind, input, deadline, arena, &word, ret_answer);
        bool fresh = child.jobs++ == 0;
        give_child(nursery, child, result == ANSWERED && !(word & FRAME_LAST) && child.jobs < JOBS_MAX);
        if (result == ANSWERED) {
            return (word & FRAME_MASK) == FRAME_OK ? CHILD_OK : CHILD_REFUSED;
        }
        log_event(LOG_WARN, "child.lost", LOG_I("kind", (i64)kind), LOG_I("bytes", (i64)input.len),
                  LOG_I("stale", result == STALE));
        if (result != STALE || fresh) {
            break;
        }
        // An earlier job had left an answer behind: this one is not to blame and has another child.
    }
    return none;
}

void nursery_stop(struct nursery *nursery)
{
    if (!nursery) {
        return;
    }
    for (size_t i = 0; i < nursery->n_idle; i++) {
        close(nursery->idle[i].fd);
    }
    close(nursery->control);
    while (waitpid(nursery->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    pthread_cond_destroy(&nursery->freed);
    pthread_mutex_destroy(&nursery->lock);
    mem_free(nursery);
}
