// SPDX-License-Identifier: AGPL-3.0-or-later
// `heed serve`. Order of starting: database and key, the way out, the server, the live feed, the jobs;
// stopping goes the other way, /readyz first. A kill -9 at any point costs nothing more.
#include "cli/serve.h"
#include "api/app.h"
#include "api/dispatch.h"
#include "api/limits.h"
#include "api/slow.h"
#include "api/version.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/demo.h"
#include "cli/open.h"
#include "desk/agent.h"
#include "desk/passkey.h"
#include "desk/session.h"
#include "jobs/jobs.h"
#include "jobs/prune.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    WORKERS = 4,
    READERS = 16, // workers, slow threads, the feed, jobs
    QUEUE_MAX = 4096,
    CONNECTIONS_MAX = 20000,
    HASHING_QUEUE = 64,
    SLOW_QUEUE = 32,
    FETCHING_QUEUE = 64,
    WAITING_MAX = 100000, // raw events of one channel before its hook answers 429
    NOTICE_MS = 300,      // between /readyz saying no and the door closing
    STOP_SERVER_MS = 5000,
    STOP_JOBS_MS = 3000,
    CLEAN_EVERY_S = 3600,
};

static struct nursery *nursery;

void serve_set_nursery(struct nursery *made)
{
    nursery = made;
}

struct serve {
    i64 keep_raw_days, keep_log_days; // 0: the defaults
    struct options *options;
    struct arena *arena;
    struct store store;
    struct app app;
    bool works, serves_pages;
    int alone_fd; // one process on SQLite
    struct demo *demo;
};

// ---- What was asked for ----

// scheme://host[:port], nothing behind it.
static bool check_public_url(struct serve *s, struct str url, struct err *err)
{
    struct str plain = str_ends(url, S("/")) ? str_sub(url, 0, url.len - 1) : url;
    bool https = str_starts(plain, S("https://"));
    size_t skip = https ? 8 : 7;
    if ((!https && !str_starts(plain, S("http://"))) || plain.len == skip)
        return err_set(err, ERR_SYNTAX, "--public-url is http://HOST or https://HOST, not “%.*s”.",
                       STR_ARG(url));
    struct str host = str_sub(plain, skip, plain.len);
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        if (c == '/' || c == '?' || c == '#' || c == '@' || c <= ' ')
            return err_set(err, ERR_SYNTAX, "--public-url has no path: https://HOST, not “%.*s”.",
                           STR_ARG(url));
    }
    s->app.public_url = str_lower_ascii(s->arena, plain);
    s->app.public_host = str_lower_ascii(s->arena, host);
    s->app.secure = https;
    return true;
}

// From the address really bound: a wildcard is shown as loopback.
static void default_public_url(struct serve *s)
{
    struct str address = http_server_address(s->app.server);
    if (str_starts(address, S("0.0.0.0:")))
        address = str_concat(s->arena, S("127.0.0.1"), str_sub(address, 7, address.len));
    else if (str_starts(address, S("[::]:")))
        address = str_concat(s->arena, S("[::1]"), str_sub(address, 4, address.len));
    s->app.public_host = str_copy(s->arena, address);
    s->app.public_url = str_concat(s->arena, S("http://"), s->app.public_host);
}

static bool check_address(const char *option, struct str text, i64 least_port, struct err *err)
{
    i64 port;
    size_t colon = text.len;
    while (colon > 0 && text.ptr[colon - 1] != ':')
        colon--;
    bool ok = colon > 1 && str_find(text, S("/")) < 0 && str_to_i64(str_sub(text, colon, text.len), &port) &&
              port >= least_port && port <= 65535;
    return ok || err_set(err, ERR_SYNTAX, "%s is HOST:PORT, not “%.*s”.", option, STR_ARG(text));
}

// Before anything is made or opened.
static bool check_addresses(struct serve *s, struct err *err)
{
    const struct str_list *allowed = &s->options->allow_hosts;
    if (str_given(s->options->listen) && !check_address("--listen", s->options->listen, 0, err))
        return false;
    for (size_t i = 0; i < allowed->len; i++)
        if (!check_address("--allow-host", allowed->items[i], 1, err))
            return false;
    return true;
}

static bool read_role(struct serve *s, struct err *err)
{
    struct str role = str_given(s->options->role) ? s->options->role : S("all");
    bool all = str_eq(role, S("all")), web = str_eq(role, S("web")), work = str_eq(role, S("work"));
    if (!all && !web && !work)
        return err_set(err, ERR_SYNTAX, "--role is all, web or work, not “%.*s”.", STR_ARG(role));
    if (!all && !str_given(s->options->database))
        return err_set(err, ERR_SYNTAX, "--role %.*s needs PostgreSQL: SQLite has one process.",
                       STR_ARG(role));
    s->works = all || work;
    s->app.only_works = work;
    return true;
}

static bool read_days(struct str text, const char *name, i64 most, i64 *ret_days, struct err *err)
{
    *ret_days = 0;
    return !str_given(text) || (str_to_i64(text, ret_days) && *ret_days >= 1 && *ret_days <= most) ||
           err_set(err, ERR_SYNTAX, "%s is a number of days from 1 to %lld.", name, (long long)most);
}

static bool read_numbers(struct serve *s, struct err *err)
{
    if (!read_days(s->options->keep_raw, "--keep-raw-days", 365, &s->keep_raw_days, err) ||
        !read_days(s->options->keep_log, "--keep-log-days", 3650, &s->keep_log_days, err))
        return false;
    struct str text = s->options->rate_limit;
    s->app.rate_limit = 300;
    if (str_given(text) &&
        (!str_to_i64(text, &s->app.rate_limit) || s->app.rate_limit < 0 || s->app.rate_limit > 1000000))
        return err_set(err, ERR_SYNTAX, "--rate-limit is a number from 0 to 1000000.");
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    struct str level = s->options->log_level;
    bool known = !str_given(level);
    for (int i = 0; i < 4; i++) {
        if (str_eq(level, str_from(levels[i]))) {
            log_set_level((enum log_level)i);
            known = true;
        }
    }
    s->app.max_waiting = WAITING_MAX;
    return known || err_set(err, ERR_SYNTAX, "--log is debug, info, warn or error.");
}

// ---- Starting ----

static void harden_process(void)
{
    struct rlimit files;
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);        // a full disk is an error of a write, not of the process
    (void)prctl(PR_SET_DUMPABLE, 0); // no core dump with secrets in it
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

static bool start_server(struct serve *s, struct err *err)
{
    struct app *app = &s->app;
    size_t n_headers;
    struct http_header *headers = api_default_headers(app, s->arena, &n_headers);
    struct http_server_settings settings = {
        .listen = str_given(s->options->listen) ? s->options->listen : S("127.0.0.1:8100"),
        .n_workers = WORKERS,
        .max_queue = QUEUE_MAX,
        .max_connections = CONNECTIONS_MAX,
        .body_limit = api_body_limit,
        .handler = api_handle,
        .arg = app,
        .default_headers = headers,
        .n_default_headers = n_headers,
    };
    if (!http_server_start(&settings, &app->server, err))
        return false;
    if (!str_given(app->public_url))
        default_public_url(s);
    return feed_start(app->db, app->server, &app->feed, err) &&
           visitors_start(app->db, app->server, app->feed, &app->visitors, err);
}

static bool start_jobs(struct serve *s, struct err *err)
{
    struct app *app = &s->app;
    struct jobs_settings settings = {
        .db = app->db,
        .key = app->key,
        .client = app->client,
        .public_url = app->public_url,
        .nursery = app->nursery,
        .picture_kind = CHILD_PICTURE,
        .mail_kind = CHILD_MAIL,
        .search = app->search,
    };
    prune_keep(s->keep_raw_days, s->keep_log_days);
    return !s->works || jobs_start(&settings, &app->jobs, err);
}

static bool start(struct serve *s, struct err *err)
{
    struct app *app = &s->app;
    struct client_settings client = {
        .allow_hosts = &s->options->allow_hosts,
        .user_agent = S("Heed/" HEED_VERSION),
    };
    if (!check_addresses(s, err) || !read_role(s, err) || !read_numbers(s, err) ||
        (str_given(s->options->public_url) && !check_public_url(s, s->options->public_url, err)) ||
        !store_open(s->options, true, READERS, s->arena, &s->store, err) ||
        !db_serve_alone(s->store.db, &s->alone_fd, err))
        return false;
    app->db = s->store.db;
    app->key = s->store.key;
    app->nursery = nursery;
    app->started_at = clock_now();
    app->limiter = limiter_create();
    app->hashing = slow_create("hash", 2, HASHING_QUEUE, dispatch_write_now);
    app->slow = slow_create("slow", 2, SLOW_QUEUE, dispatch_write_now);
    app->fetching = slow_create("fetching", 8, FETCHING_QUEUE, dispatch_write_now);
    // The server first: the demo must know where it listens before the way out is closed around it.
    if ((s->works && !search_open(app->db, &app->search, err)) || !start_server(s, err) ||
        (s->options->demo && !demo_listen(app, &s->options->allow_hosts, s->arena, &s->demo, err)) ||
        !client_start(&client, &app->client, err) || !start_jobs(s, err))
        return false;
    atomic_store(&app->ready, true);
    return true;
}

// ---- Set-up ----

static bool write_set_up_code(struct tx *tx, void *arg, struct err *err)
{
    struct str *code = arg;
    bool none;
    if (!code_end_purpose(tx, S("setup"), err) || !agent_none_owns(tx->conn, &none, err))
        return false;
    if (!none) {
        code->len = 0;
        return true;
    }
    return code_create(tx, S("setup"), 0, 0, *code, 0, err);
}

static bool announce(struct serve *s, struct err *err)
{
    struct str code = random_token(s->arena, "");
    struct str url = s->app.public_url;
    printf("Heed listens on %.*s\n", STR_ARG(url));
    if (!s->app.only_works && !s->options->demo) {
        // A new start ends the old code; a retry of the write must find the same one.
        struct str fresh = code;
        if (!db_write(s->app.db, WRITE_PEOPLE, write_set_up_code, &fresh, err))
            return false;
        if (fresh.len > 0)
            printf("Set up: %.*s/setup#%.*s\n", STR_ARG(url), STR_ARG(code));
    }
    if (s->options->demo) {
        if (!demo_start(s->demo, &code, err))
            return false;
        printf("Sign in: %.*s/sign-in#%.*s\n", STR_ARG(url), STR_ARG(code));
    }
    fflush(stdout);
    return true;
}

// ---- Running and stopping ----

static bool write_clean(struct tx *tx, void *arg, struct err *err)
{
    (void)arg;
    return session_clean(tx, err) && passkey_clean(tx, err) && visitor_clean(tx, err);
}

static void wait_for_signal(struct serve *s, const sigset_t *signals)
{
    for (;;) {
        struct timespec hour = {CLEAN_EVERY_S, 0};
        struct err err = {};
        int got = sigtimedwait(signals, NULL, &hour);
        if (got > 0)
            return;
        if (errno == EAGAIN && s->works && !db_write(s->app.db, WRITE_READER, write_clean, NULL, &err))
            log_event(LOG_WARN, "clean.failed", LOG_C("error", err.text));
    }
}

static void pause_ms(int ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

// True: everything has ended and may be taken apart.
static bool stop(struct serve *s)
{
    struct app *app = &s->app;
    atomic_store(&app->stopping, true);
    if (app->server && atomic_load(&app->ready))
        pause_ms(NOTICE_MS); // whoever balances load sees /readyz say no before the door closes
    demo_stop(s->demo);
    if (app->feed)
        feed_goodbye(app->feed);
    if (app->visitors)
        visitors_goodbye(app->visitors);
    if (app->server) {
        pause_ms(30); // one tick for the last words
        http_server_stop(app->server, STOP_SERVER_MS);
    }
    slow_destroy(app->hashing);
    slow_destroy(app->slow);
    slow_destroy(app->fetching);
    visitors_stop(app->visitors);
    feed_stop(app->feed);
    if (app->jobs && !jobs_stop(app->jobs, STOP_JOBS_MS))
        return false;
    if (app->search)
        search_close(app->search);
    if (app->client)
        client_stop(app->client);
    store_close(&s->store);
    visitors_destroy(app->visitors);
    feed_destroy(app->feed);
    limiter_destroy(app->limiter);
    return true;
}

int serve_run(struct options *options, struct arena *arena)
{
    struct serve *s = arena_new(arena, struct serve);
    struct err err = {};
    sigset_t signals;
    s->options = options;
    s->arena = arena;
    harden_process();
    // Blocked in every thread started from here on; the main one takes them.
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    bool running = start(s, &err) && announce(s, &err);
    if (running) {
        log_event(LOG_INFO, "serve.started", LOG_S("url", s->app.public_url), LOG_C("version", HEED_VERSION));
        wait_for_signal(s, &signals);
        log_event(LOG_INFO, "serve.stopping");
    }
    if (!stop(s)) {
        log_event(LOG_WARN, "serve.stopped", LOG_C("why", "a network did not answer in time"));
        fflush(NULL);
        _exit(running ? 0 : 1); // what it was doing is repeated or in doubt at the next start
    }
    nursery_stop(nursery);
    if (!running)
        return command_fail(&err);
    log_event(LOG_INFO, "serve.stopped");
    return 0;
}
