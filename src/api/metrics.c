// SPDX-License-Identifier: AGPL-3.0-or-later
// One table of metrics: printed for Prometheus, listed for the manual. Counters of requests are kept here;
// everything else is asked of its owner when somebody looks.
#include "api/metrics.h"
#include "api/app.h"
#include "api/match.h"
#include "base/clock.h"
#include "sql_gen.h"
#include <stdio.h>

enum { ROUTES_MAX = 256, CLASSES = 6, BUCKETS = 10 };
static const i64 bounds_ms[BUCKETS] = {1, 2, 5, 10, 25, 50, 100, 250, 1000, 5000};

static struct {
    atomic_llong by_class[ROUTES_MAX][CLASSES];
    atomic_llong within[BUCKETS], count, sum_ms;
    atomic_llong hook_events;
} counted;

void metrics_request(const struct route *route, int status, i64 ms)
{
    size_t index = route ? route_index(route) : route_count();
    size_t class_ = (size_t)(status / 100);
    if (index < ROUTES_MAX && class_ < CLASSES)
        atomic_fetch_add(&counted.by_class[index][class_], 1);
    for (size_t i = 0; i < BUCKETS; i++) {
        if (ms <= bounds_ms[i])
            atomic_fetch_add(&counted.within[i], 1);
    }
    atomic_fetch_add(&counted.count, 1);
    atomic_fetch_add(&counted.sum_ms, ms);
}

void metrics_count_hook(i64 events)
{
    atomic_fetch_add(&counted.hook_events, events);
}

// All that is asked once for one scrape.
struct figures {
    struct app *app;
    i64 now;
    struct http_stats http;
    struct db_stats db;
    struct feed_stats feed;
    struct search_state search;
    i64 inbound_waiting, inbound_oldest_at;
    struct {
        const char *state;
        i64 n, oldest_at;
    } outbox[4];
};

static void print_requests(const struct figures *f, const char *name, struct buf *out)
{
    static const char *const classes[] = {"", "1xx", "2xx", "3xx", "4xx", "5xx"};
    (void)f;
    size_t index = 0;
    for (size_t t = 0;; t++) {
        const struct route *route = route_tables[t];
        for (; !route || route->path; route++, index++) {
            for (size_t c = 1; c < CLASSES; c++) {
                i64 n = atomic_load(&counted.by_class[index][c]);
                if (n > 0)
                    buf_printf(out, "%s{route=\"%s\",status=\"%s\"} %lld\n", name,
                               route ? route->name : "page", classes[c], (long long)n);
            }
            if (!route)
                return;
        }
    }
}

static void print_durations(const struct figures *f, const char *name, struct buf *out)
{
    (void)f;
    for (size_t i = 0; i < BUCKETS; i++)
        buf_printf(out, "%s_bucket{le=\"%lld.%03lld\"} %lld\n", name, (long long)bounds_ms[i] / 1000,
                   (long long)bounds_ms[i] % 1000, (long long)atomic_load(&counted.within[i]));
    i64 count = atomic_load(&counted.count), sum = atomic_load(&counted.sum_ms);
    buf_printf(out, "%s_bucket{le=\"+Inf\"} %lld\n%s_sum %lld.%03lld\n%s_count %lld\n", name,
               (long long)count, name, (long long)sum / 1000, (long long)sum % 1000, name, (long long)count);
}

static void print_outbox(const struct figures *f, const char *name, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(f->outbox); i++)
        buf_printf(out, "%s{state=\"%s\"} %lld\n", name, f->outbox[i].state, (long long)f->outbox[i].n);
}

static i64 outbox_age_s(const struct figures *f)
{
    i64 oldest = 0;
    for (size_t i = 0; i < ARRAY_LEN(f->outbox); i++) {
        if (f->outbox[i].oldest_at && (!oldest || f->outbox[i].oldest_at < oldest))
            oldest = f->outbox[i].oldest_at;
    }
    return oldest ? (f->now - oldest) / 1000 : 0;
}

#define NUMBER(fn_, expression_)                                                                             \
    static i64 fn_(const struct figures *f)                                                                  \
    {                                                                                                        \
        return (i64)(expression_);                                                                           \
    }
NUMBER(f_hook_events, f ? atomic_load(&counted.hook_events) : 0)
NUMBER(f_waiting, f->inbound_waiting)
NUMBER(f_waiting_age, f->inbound_oldest_at ? (f->now - f->inbound_oldest_at) / 1000 : 0)
NUMBER(f_outbox_age, outbox_age_s(f))
NUMBER(f_connections, f->http.connections)
NUMBER(f_refused, f->http.refused)
NUMBER(f_timed_out, f->http.timed_out)
NUMBER(f_queue, f->http.queue_len)
NUMBER(f_bytes_in, f->http.bytes_in)
NUMBER(f_bytes_out, f->http.bytes_out)
NUMBER(f_writes, f->db.writes)
NUMBER(f_groups, f->db.groups)
NUMBER(f_failed, f->db.failed)
NUMBER(f_write_queue, f->db.queue_len)
NUMBER(f_wal, f->db.wal_bytes)
NUMBER(f_screens, f->feed.screens)
NUMBER(f_audiences, f->feed.audiences)
NUMBER(f_frames, f->feed.frames)
NUMBER(f_dropped, f->feed.dropped)
NUMBER(f_lag, f->feed.lag_ms)
NUMBER(f_indexing, f->search.indexing)
NUMBER(f_uptime, (f->now - f->app->started_at) / 1000)
NUMBER(f_ready, !atomic_load(&f->app->stopping))

static const struct metric {
    const char *name, *type, *help;
    i64 (*number)(const struct figures *);
    void (*print)(const struct figures *, const char *name, struct buf *out);
} metrics[] = {
    {"heed_up_seconds", "gauge", "Seconds since the process started.", f_uptime, NULL},
    {"heed_ready", "gauge", "1 unless the process is stopping.", f_ready, NULL},
    {"heed_http_requests_total", "counter", "Answered requests by route and class of status.", NULL,
     print_requests},
    {"heed_http_request_seconds", "histogram", "From a request's first byte to its answer.", NULL,
     print_durations},
    {"heed_http_connections", "gauge", "Open connections.", f_connections, NULL},
    {"heed_http_refused_total", "counter", "Requests refused before any route saw them.", f_refused, NULL},
    {"heed_http_timed_out_total", "counter", "Connections cut at their deadline.", f_timed_out, NULL},
    {"heed_http_queue", "gauge", "Requests waiting for a worker.", f_queue, NULL},
    {"heed_http_received_bytes_total", "counter", "Bytes received.", f_bytes_in, NULL},
    {"heed_http_sent_bytes_total", "counter", "Bytes sent.", f_bytes_out, NULL},
    {"heed_hook_events_total", "counter", "Events accepted from networks.", f_hook_events, NULL},
    {"heed_inbound_waiting", "gauge", "Raw events stored and not yet read.", f_waiting, NULL},
    {"heed_inbound_oldest_seconds", "gauge", "Age of the oldest raw event that waits.", f_waiting_age, NULL},
    {"heed_outbox", "gauge", "Answers on their way, by state.", NULL, print_outbox},
    {"heed_outbox_oldest_seconds", "gauge", "Age of the oldest answer on its way.", f_outbox_age, NULL},
    {"heed_writes_total", "counter", "Writes committed.", f_writes, NULL},
    {"heed_write_groups_total", "counter", "Commits; many writes share one.", f_groups, NULL},
    {"heed_writes_failed_total", "counter", "Writes that failed.", f_failed, NULL},
    {"heed_write_queue", "gauge", "Writes waiting for the writer.", f_write_queue, NULL},
    {"heed_wal_bytes", "gauge", "Size of SQLite's write-ahead log.", f_wal, NULL},
    {"heed_live_screens", "gauge", "Open live streams.", f_screens, NULL},
    {"heed_live_audiences", "gauge", "Different sets of rights among them.", f_audiences, NULL},
    {"heed_live_frames_total", "counter", "Frames built.", f_frames, NULL},
    {"heed_live_dropped_total", "counter", "Streams that fell behind and were told to resync.", f_dropped,
     NULL},
    {"heed_live_lag_milliseconds", "gauge", "From an event's commit to its frame.", f_lag, NULL},
    {"heed_search_indexing", "gauge", "1 while search does not find everything yet.", f_indexing, NULL},
};

static void read_backlogs(struct conn *conn, struct figures *f)
{
    static const char *const states[] = {"queued", "sending", "in_doubt", "held"};
    struct err err = {};
    struct rows *rows;
    struct arena *arena = arena_take();
    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        f->outbox[i].state = states[i];
    if (db_query(conn, &SQL_inbound_backlog, DB_NO_ARGS, &rows, &err)) {
        while (rows_next(rows)) {
            i64 oldest = row_i64(rows, 2);
            f->inbound_waiting += row_i64(rows, 1);
            if (!f->inbound_oldest_at || oldest < f->inbound_oldest_at)
                f->inbound_oldest_at = oldest;
        }
        rows_end(rows, &err);
    }
    if (db_query(conn, &SQL_outbox_backlog, DB_NO_ARGS, &rows, &err)) {
        while (rows_next(rows)) {
            struct str state = row_str(rows, 0, arena);
            for (size_t i = 0; i < ARRAY_LEN(states); i++) {
                if (!str_eq(state, str_from(states[i])))
                    continue;
                f->outbox[i].n = row_i64(rows, 1);
                f->outbox[i].oldest_at = row_i64(rows, 2);
            }
        }
        rows_end(rows, &err);
    }
    arena_give(arena);
}

void metrics_print(struct app *app, struct conn *conn, struct buf *out)
{
    struct figures figures = {.app = app, .now = clock_now()};
    http_stats(app->server, &figures.http);
    db_stats(app->db, &figures.db);
    feed_stats(app->feed, &figures.feed);
    if (app->search)
        search_state(app->search, &figures.search);
    read_backlogs(conn, &figures);
    for (size_t i = 0; i < ARRAY_LEN(metrics); i++) {
        const struct metric *m = &metrics[i];
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, m->type);
        if (m->print)
            m->print(&figures, m->name, out);
        else
            buf_printf(out, "%s %lld\n", m->name, (long long)m->number(&figures));
    }
}

void metrics_list(struct buf *out)
{
    buf_add(out, S("# Metrics\n\nMade from the table of metrics by `heed metrics-list`; do not edit.\n\n"
                   "| name | type | meaning |\n|---|---|---|\n"));
    for (size_t i = 0; i < ARRAY_LEN(metrics); i++)
        buf_printf(out, "| `%s` | %s | %s |\n", metrics[i].name, metrics[i].type, metrics[i].help);
}
