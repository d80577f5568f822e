// SPDX-License-Identifier: AGPL-3.0-or-later
// The server as a whole: address, loop thread, workers, posts from other threads, ticks, and an end that
// lets what runs finish. Posts are one list in order, so that a stream is open before what is posted
// behind it runs.
#include "net/server.h"
#include "base/clock.h"
#include "base/log.h"
#include <signal.h>
#include <sys/resource.h>

enum {
    BACKLOG = 4096,
    // Files kept for databases, the client and logs.
    SPARE_FILES = 256,
};

// ---- Posts --------------------------------------------------------------------------------------------
void server_post(struct http_server *server, struct post *post)
{
    pthread_mutex_lock(&server->lock);
    if (server->stopped) {
        pthread_mutex_unlock(&server->lock);
        post->drop(server, post);
        return;
    }
    post->next = NULL;
    *server->posts_end = post;
    server->posts_end = &post->next;
    uv_async_send(&server->wakeup);
    pthread_mutex_unlock(&server->lock);
}

static struct post *take_posts(struct http_server *server, bool stop)
{
    pthread_mutex_lock(&server->lock);
    struct post *posts = server->posts;

    server->posts = NULL;
    server->posts_end = &server->posts;
    server->stopped = server->stopped || stop;
    pthread_mutex_unlock(&server->lock);
    return posts;
}

static void on_wakeup(uv_async_t *async)
{
    struct http_server *server = async->data;
    struct post *post = take_posts(server, false);

    while (post) {
        struct post *next = post->next;

        post->run(server, post);
        post = next;
    }
}

struct call {
    struct post post;
    void (*fn)(void *arg);
    void *arg;
};

static void run_call(struct http_server *server, struct post *post)
{
    struct call *call = (struct call *)(void *)post;

    (void)server;
    call->fn(call->arg);
    mem_free(call);
}

static void drop_call(struct http_server *server, struct post *post)
{
    (void)server;
    mem_free(post);
}

void http_server_post(struct http_server *server, void (*fn)(void *arg), void *arg)
{
    struct call *call = mem_alloc(sizeof *call);

    *call = (struct call){{.run = run_call, .drop = drop_call}, fn, arg};
    server_post(server, &call->post);
}

// ---- Ticks --------------------------------------------------------------------------------------------
static void on_tick(uv_timer_t *timer)
{
    struct tick *tick = timer->data;

    tick->fn(tick->arg);
}

static void start_tick(struct http_server *server, struct post *post)
{
    struct tick *tick = (struct tick *)(void *)post;

    if (server->ending) {
        mem_free(tick);
        return;
    }
    uv_timer_init(&server->loop, &tick->timer);
    tick->timer.data = tick;
    uv_timer_start(&tick->timer, on_tick, (u64)tick->ms, (u64)tick->ms);
    TAILQ_INSERT_TAIL(&server->ticks, tick, link);
}

void http_server_tick(struct http_server *server, int ms, void (*fn)(void *arg), void *arg)
{
    struct tick *tick = mem_alloc(sizeof *tick);

    tick->post = (struct post){.run = start_tick, .drop = drop_call};
    tick->ms = ms > 0 ? ms : 1;
    tick->fn = fn;
    tick->arg = arg;
    server_post(server, &tick->post);
}

static void on_wheel(uv_timer_t *timer)
{
    struct http_server *server = timer->data;

    wheel_advance(&server->wheel, clock_mono(), connection_fire);
    if (server->n_open == 0) {
        uv_timer_stop(timer); // nobody to wait for: an idle server sleeps
    }
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct http_server *server = listener->data;

    // Out of files, libuv accepts and closes by its reserved file without telling, so the loop does not
    // spin; max_connections is below the limit of files (fit_connections). This is any other error.
    if (status != 0) {
        server->stat_refused++;
        connection_shed_idle(server);
        return;
    }
    if (!uv_is_active((uv_handle_t *)&server->wheel_timer)) {
        wheel_advance(&server->wheel, clock_mono(), connection_fire);
        uv_timer_start(&server->wheel_timer, on_wheel, WHEEL_TICK_MS, WHEEL_TICK_MS);
    }
    connection_accept(server);
}

// ---- The end ------------------------------------------------------------------------------------------
void server_unref(struct http_server *server)
{
    if (atomic_fetch_sub(&server->refs, 1) != 1) {
        return;
    }
    pthread_mutex_destroy(&server->lock);
    queue_destroy(server->queue);
    mem_free(server->workers);
    mem_free(server);
}

static void end_loop(struct http_server *server)
{
    struct tick *tick;
    struct post *post;

    server->ending = true;
    post = take_posts(server, true);
    while (post) {
        struct post *next = post->next;

        post->drop(server, post);
        post = next;
    }
    uv_close((uv_handle_t *)&server->wakeup, NULL);
    uv_close((uv_handle_t *)&server->wheel_timer, NULL);
    uv_close((uv_handle_t *)&server->stop_timer, NULL);
    TAILQ_FOREACH(tick, &server->ticks, link)
    {
        uv_close((uv_handle_t *)&tick->timer, NULL);
    }
}

void server_check_end(struct http_server *server)
{
    bool answered = server->refs == 1 || server->cut;

    if (server->stopping && !server->ending && answered && TAILQ_EMPTY(&server->connections)) {
        end_loop(server);
    }
}

static void on_stop_deadline(uv_timer_t *timer)
{
    struct http_server *server = timer->data;
    struct connection *connection, *next;

    server->cut = true;
    for (connection = TAILQ_FIRST(&server->connections); connection; connection = next) {
        next = TAILQ_NEXT(connection, link);
        connection_close(connection);
    }
    server_check_end(server);
}

struct stop {
    struct post post;
    int timeout_ms;
};

static void begin_stop(struct http_server *server, struct post *post)
{
    struct stop *stop = (struct stop *)(void *)post;
    struct connection *connection, *next;

    server->stopping = true;
    uv_close((uv_handle_t *)&server->listener, NULL);
    uv_timer_start(&server->stop_timer, on_stop_deadline, (u64)(stop->timeout_ms > 0 ? stop->timeout_ms : 0),
                   0);
    for (connection = TAILQ_FIRST(&server->connections); connection; connection = next) {
        next = TAILQ_NEXT(connection, link);
        if (connection->state == CONNECTION_IDLE || connection->state == CONNECTION_STREAM) {
            connection_close(connection);
        }
    }
    mem_free(stop);
    server_check_end(server);
}

void http_server_stop(struct http_server *server, int timeout_ms)
{
    if (!server) {
        return;
    }
    struct stop *stop = mem_alloc(sizeof *stop);
    struct tick *tick;

    stop->post = (struct post){.run = begin_stop, .drop = drop_call};
    stop->timeout_ms = timeout_ms;
    server_post(server, &stop->post);
    pthread_join(server->thread, NULL);
    queue_close(server->queue);
    for (int i = 0; i < server->settings.n_workers; i++) {
        pthread_join(server->workers[i], NULL);
    }
    uv_loop_close(&server->loop);
    while ((tick = TAILQ_FIRST(&server->ticks))) {
        TAILQ_REMOVE(&server->ticks, tick, link);
        mem_free(tick);
    }
    // Requests still with another thread keep the memory until they are answered.
    server_unref(server);
}

// ---- The start ----------------------------------------------------------------------------------------
static bool parse_listen(struct str listen, struct sockaddr_storage *ret_address, struct err *err)
{
    char host[64];
    struct str name, port_text;
    i64 port;
    size_t colon = listen.len;

    while (colon > 0 && listen.ptr[colon - 1] != ':') {
        colon--;
    }
    if (colon == 0) {
        return err_field(err, "listen", "invalid", "The address to listen on must be HOST:PORT.");
    }
    name = str_sub(listen, 0, colon - 1);
    port_text = str_sub(listen, colon, listen.len);
    if (!str_to_i64(port_text, &port) || port < 0 || port > 65535) {
        return err_field(err, "listen", "invalid", "The port to listen on must be 0 to 65535.");
    }
    if (str_eq(name, S("localhost"))) {
        name = S("127.0.0.1");
    }
    bool is_v6 = name.len > 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']';

    if (is_v6) {
        name = str_sub(name, 1, name.len - 1);
    }
    if (name.len >= sizeof host) {
        return err_field(err, "listen", "invalid", "The address to listen on is too long.");
    }
    memcpy(host, name.ptr, name.len);
    host[name.len] = 0;
    memset(ret_address, 0, sizeof *ret_address);
    int code = is_v6 ? uv_ip6_addr(host, (int)port, (struct sockaddr_in6 *)ret_address)
                     : uv_ip4_addr(host, (int)port, (struct sockaddr_in *)ret_address);
    return code == 0 ||
           err_field(err, "listen", "invalid",
                     "The address to listen on must be an IPv4 address, [IPv6 address] or localhost, "
                     "then :PORT.");
}

static void name_address(struct http_server *server)
{
    struct sockaddr_storage address;
    char host[46] = "";
    int len = sizeof address;

    uv_tcp_getsockname(&server->listener, (struct sockaddr *)&address, &len);
    if (address.ss_family == AF_INET6) {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;

        uv_ip6_name(v6, host, sizeof host);
        snprintf(server->address, sizeof server->address, "[%s]:%d", host, ntohs(v6->sin6_port));
        return;
    }
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address;

    uv_ip4_name(v4, host, sizeof host);
    snprintf(server->address, sizeof server->address, "%s:%d", host, ntohs(v4->sin_port));
}

// As many files as the system lets us have; the maximum of connections fits below.
static size_t fit_connections(size_t wanted)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return wanted;
    }
    rlim_t need = wanted + SPARE_FILES + 1024;

    if (limit.rlim_cur < need) {
        limit.rlim_cur = limit.rlim_max < need ? limit.rlim_max : need;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted + SPARE_FILES) {
        return wanted;
    }
    size_t fits =
        limit.rlim_cur > 2 * SPARE_FILES ? (size_t)limit.rlim_cur - SPARE_FILES : limit.rlim_cur / 2;

    log_event(LOG_INFO, "http.few_files", LOG_I("files", (i64)limit.rlim_cur),
              LOG_I("max_connections", (i64)fits));
    return fits;
}

static void fill_settings(struct http_server *server, const struct http_server_settings *settings)
{
    struct http_server_settings *s = &server->settings;

    *s = *settings;
    s->n_workers = s->n_workers > 0 ? s->n_workers : 4;
    s->max_queue = s->max_queue > 0 ? s->max_queue : 1024;
    s->max_connections = fit_connections(s->max_connections > 0 ? s->max_connections : 20000);
    s->header_ms = s->header_ms > 0 ? s->header_ms : 10000;
    s->body_ms = s->body_ms > 0 ? s->body_ms : 30000;
    s->idle_ms = s->idle_ms > 0 ? s->idle_ms : 60000;
    s->write_ms = s->write_ms > 0 ? s->write_ms : 30000;
    s->slow_bytes_per_ms = s->slow_bytes_per_ms > 0 ? s->slow_bytes_per_ms : 100;
    s->max_buffered = s->max_buffered > 0 ? s->max_buffered : (size_t)256 << 20;
}

static bool listen_on(struct http_server *server, const struct sockaddr_storage *address, struct err *err)
{
    int code = uv_tcp_init(&server->loop, &server->listener);

    server->listener.data = server;
    // libuv sets SO_REUSEADDR; a taken address may show only when listening.
    code = code ? code : uv_tcp_bind(&server->listener, (const struct sockaddr *)address, 0);
    code = code ? code : uv_listen((uv_stream_t *)&server->listener, BACKLOG, on_connection);
    if (code != 0) {
        struct str wanted = server->settings.listen;

        err_set(err, ERR_UNAVAILABLE, "Cannot listen on " STR_FMT ": %s.", STR_ARG(wanted),
                uv_strerror(code));
        snprintf(err->field, sizeof err->field, "listen");
        return false;
    }
    name_address(server);
    return true;
}

static void *run_loop(void *arg)
{
    struct http_server *server = arg;

    uv_run(&server->loop, UV_RUN_DEFAULT);
    return NULL;
}

// Half-started: nothing but the loop's own handles is there.
static void abandon(struct http_server *server)
{
    uv_close((uv_handle_t *)&server->listener, NULL);
    uv_close((uv_handle_t *)&server->wakeup, NULL);
    uv_close((uv_handle_t *)&server->wheel_timer, NULL);
    uv_close((uv_handle_t *)&server->stop_timer, NULL);
    uv_run(&server->loop, UV_RUN_DEFAULT);
    uv_loop_close(&server->loop);
    server_unref(server);
}

static struct http_server *create(const struct http_server_settings *settings)
{
    struct http_server *server = mem_alloc(sizeof *server);

    fill_settings(server, settings);
    server->refs = 1;
    server->posts_end = &server->posts;
    pthread_mutex_init(&server->lock, NULL);
    TAILQ_INIT(&server->connections);
    TAILQ_INIT(&server->idle);
    TAILQ_INIT(&server->ticks);
    wheel_init(&server->wheel, clock_mono());
    if (uv_loop_init(&server->loop) != 0) {
        die("cannot make an event loop");
    }
    uv_async_init(&server->loop, &server->wakeup, on_wakeup);
    uv_timer_init(&server->loop, &server->wheel_timer);
    uv_timer_init(&server->loop, &server->stop_timer);
    server->wakeup.data = server->wheel_timer.data = server->stop_timer.data = server;
    return server;
}

bool http_server_start(const struct http_server_settings *settings, struct http_server **ret, struct err *err)
{
    struct sockaddr_storage address;

    if (!parse_listen(settings->listen, &address, err)) {
        return false;
    }
    // A peer that went away shows as an error of the write.
    signal(SIGPIPE, SIG_IGN);
    struct http_server *server = create(settings);

    if (!listen_on(server, &address, err)) {
        abandon(server);
        return false;
    }
    server->queue = queue_create(server->settings.max_queue);
    server->workers = mem_alloc((size_t)server->settings.n_workers * sizeof *server->workers);
    for (int i = 0; i < server->settings.n_workers; i++) {
        server->workers[i] = thread_start("worker", worker_run, server);
    }
    server->thread = thread_start("net", run_loop, server);
    *ret = server;
    return true;
}

struct str http_server_address(const struct http_server *server)
{
    return str_from(server->address);
}

void http_stats(struct http_server *server, struct http_stats *out)
{
    *out = (struct http_stats){
        .connections = server->stat_connections,
        .streams = server->stat_streams,
        .requests = server->stat_requests,
        .refused = server->stat_refused,
        .timed_out = server->stat_timed_out,
        .queue_len = (i64)queue_len(server->queue),
        .bytes_in = server->stat_in,
        .bytes_out = server->stat_out,
    };
}
