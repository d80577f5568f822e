// SPDX-License-Identifier: AGPL-3.0-or-later
// The outbound client: one thread drives all transfers, jobs wait for theirs. Redirects are followed
// here, by hand, so that each hop is a new request that passes the whole guard again.
#include "net/client.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/dialog.h"
#include "net/lookup.h"
#include "net/transfer.h"
#include <netdb.h>
#include <signal.h>
#include <stdio.h>

enum {
    TIMEOUT_MS = 30000,
    MAX_ANSWER = 4 * 1024 * 1024,
    REDIRECTS_MAX = 3,
    RESOLVE_MS = 5000,
    RESOLVED_MAX = 16,
};

TAILQ_HEAD(transfer_list, transfer);

struct outbound_client {
    struct guard *guard;
    char *user_agent;
    client_test_resolver *test_resolver;
    void *test_arg;
    CURLM *multi;
    pthread_t thread;
    pthread_mutex_t lock; // guards the rest
    struct transfer_list waiting, running;
    bool stopping;
    int n_callers; // jobs inside; the last one out lets client_stop go on
    pthread_cond_t left;
    struct dialogs *dialogs;
};

static void enter(struct outbound_client *client)
{
    pthread_mutex_lock(&client->lock);
    client->n_callers++;
    pthread_mutex_unlock(&client->lock);
}

static void leave(struct outbound_client *client)
{
    pthread_mutex_lock(&client->lock);
    if (--client->n_callers == 0) {
        pthread_cond_broadcast(&client->left);
    }
    pthread_mutex_unlock(&client->lock);
}

// ---- The thread ---------------------------------------------------------------------------------------
static void end_transfer(struct outbound_client *client, struct transfer *transfer, CURLcode code)
{
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &transfer->status);
    curl_multi_remove_handle(client->multi, transfer->easy);
    pthread_mutex_lock(&client->lock);
    TAILQ_REMOVE(&client->running, transfer, link);
    transfer->code = code;
    transfer->done = true;
    pthread_cond_signal(&transfer->finished);
    pthread_mutex_unlock(&client->lock);
}

// Moves what jobs have handed over onto the multi handle. False when the client stops.
static bool take_waiting(struct outbound_client *client)
{
    struct transfer *transfer;
    bool stopping;

    pthread_mutex_lock(&client->lock);
    while ((transfer = TAILQ_FIRST(&client->waiting))) {
        TAILQ_REMOVE(&client->waiting, transfer, link);
        TAILQ_INSERT_TAIL(&client->running, transfer, link);
        curl_multi_add_handle(client->multi, transfer->easy);
    }
    stopping = client->stopping;
    pthread_mutex_unlock(&client->lock);
    return !stopping;
}

static void end_finished(struct outbound_client *client)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(client->multi, &left))) {
        struct transfer *transfer = NULL;

        if (message->msg == CURLMSG_DONE) {
            CURLcode code = message->data.result;

            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
            end_transfer(client, transfer, code);
        }
    }
}

static void *run(void *arg)
{
    struct outbound_client *client = arg;
    struct transfer *transfer;
    int running;

    while (take_waiting(client)) {
        curl_multi_perform(client->multi, &running);
        end_finished(client);
        curl_multi_poll(client->multi, NULL, 0, 1000, NULL);
    }
    while ((transfer = TAILQ_FIRST(&client->running))) {
        transfer->stopped = true;
        end_transfer(client, transfer, CURLE_ABORTED_BY_CALLBACK);
    }
    return NULL;
}

static bool submit(struct outbound_client *client, struct transfer *transfer)
{
    pthread_mutex_lock(&client->lock);
    if (client->stopping) {
        pthread_mutex_unlock(&client->lock);
        transfer->stopped = true;
        return false;
    }
    TAILQ_INSERT_TAIL(&client->waiting, transfer, link);
    curl_multi_wakeup(client->multi);
    while (!transfer->done) {
        pthread_cond_wait(&transfer->finished, &client->lock);
    }
    pthread_mutex_unlock(&client->lock);
    return true;
}

// ---- One hop ------------------------------------------------------------------------------------------
static void use_test_resolver(struct outbound_client *client, struct transfer *transfer, struct arena *arena)
{
    char addresses[RESOLVED_MAX][46];
    struct str line;

    if (!client->test_resolver || transfer->url->address_len > 0) {
        return;
    }
    size_t n = client->test_resolver(transfer->url->host, addresses, RESOLVED_MAX, client->test_arg);

    line = str_printf(arena, STR_FMT ":%d", STR_ARG(transfer->url->host), transfer->url->port);
    for (size_t i = 0; i < n; i++) {
        line = str_printf(arena, STR_FMT "%c%s", STR_ARG(line), i == 0 ? ':' : ',', addresses[i]);
    }
    transfer->resolve = curl_slist_append(NULL, n > 0 ? str_cstr(arena, line) : "nowhere.invalid:80:0.0.0.0");
}

static void fetch_once(struct outbound_client *client, const struct net_request *request,
                       const struct url *url, i64 deadline, struct arena *arena, struct net_answer *answer)
{
    i64 left = deadline - clock_mono();
    struct transfer transfer = {
        .url = url,
        .request = request,
        .exempt = guard_is_exempt(client->guard, url),
        .timeout_ms = left > 1 ? (int)left : 1,
        .max_answer = request->max_answer > 0 ? request->max_answer : MAX_ANSWER,
    };

    *answer = (struct net_answer){.status = 0};
    use_test_resolver(client, &transfer, arena);
    if (transfer_init(&transfer, arena, client->user_agent, answer->error, sizeof answer->error)) {
        (void)submit(client, &transfer);
        transfer_read(&transfer, arena, answer);
    }
    transfer_finish(&transfer);
}

static void fail(struct net_answer *answer, const char *text)
{
    *answer = (struct net_answer){.got_answer = false};
    snprintf(answer->error, sizeof answer->error, "%.159s", text);
}

// ---- Redirects ----------------------------------------------------------------------------------------
static bool wants_redirect(const struct net_request *request, unsigned flags, const struct net_answer *answer,
                           struct str *ret_location)
{
    bool safe = str_eq(request->method, S("GET")) || str_eq(request->method, S("HEAD"));
    int status = answer->status;

    if (!answer->got_answer || !(flags & FETCH_REDIRECTS) || !safe ||
        (status != 301 && status != 302 && status != 303 && status != 307 && status != 308)) {
        return false;
    }
    for (size_t i = 0; i < answer->headers.len; i++) {
        if (str_eq(answer->headers.items[i].name, S("location"))) {
            *ret_location = answer->headers.items[i].value;
            return true;
        }
    }
    return false;
}

// To another site go only headers that give nothing away.
static void drop_secrets(struct net_request *request, struct arena *arena)
{
    struct net_request kept = *request;

    kept.headers.items = NULL;
    kept.headers.len = kept.headers.cap = 0;
    for (size_t i = 0; i < request->headers.len; i++) {
        struct net_header header = request->headers.items[i];

        if (str_eq_nocase(header.name, S("accept")) || str_eq_nocase(header.name, S("accept-language")) ||
            str_eq_nocase(header.name, S("user-agent"))) {
            *(struct net_header *)list_push(&kept.headers, arena) = header;
        }
    }
    *request = kept;
}

static void follow(struct outbound_client *client, const struct net_request *request, unsigned flags,
                   struct arena *arena, struct net_answer *ret_answer)
{
    struct net_request hop = *request;
    i64 deadline = clock_mono() + (request->timeout_ms > 0 ? request->timeout_ms : TIMEOUT_MS);
    struct str location;
    struct err err;
    struct url url, next;

    if (!url_parse(arena, request->url, &url, &err)) {
        fail(ret_answer, err.text);
        return;
    }
    for (int n = 0;; n++) {
        if (!guard_check_url(client->guard, &url, &err)) {
            fail(ret_answer, err.text);
            return;
        }
        fetch_once(client, &hop, &url, deadline, arena, ret_answer);
        if (!wants_redirect(request, flags, ret_answer, &location)) {
            return;
        }
        if (n == REDIRECTS_MAX) {
            fail(ret_answer, "There are more than 3 redirects.");
            return;
        }
        if (!url_resolve(arena, &url, location, &next, &err)) {
            fail(ret_answer, err.text);
            return;
        }
        if (str_eq(url.scheme, S("https")) && str_eq(next.scheme, S("http"))) {
            fail(ret_answer, "Refused: a redirect from https to http.");
            return;
        }
        if (!url_same_origin(&url, &next)) {
            drop_secrets(&hop, arena);
        }
        url = next;
    }
}

void client_fetch(struct outbound_client *client, const struct net_request *request, unsigned flags,
                  struct arena *arena, struct net_answer *ret_answer)
{
    enter(client);
    follow(client, request, flags, arena, ret_answer);
    leave(client);
}

// ---- Talks over lines -----------------------------------------------------------------------------------
void client_talk(struct outbound_client *client, struct dialog **dialog, const struct net_request *request,
                 struct arena *arena, struct net_answer *ret_answer)
{
    enter(client);
    dialog_turn(client->dialogs, dialog, request, arena, ret_answer);
    leave(client);
}

void client_hang_up(struct dialog *dialog)
{
    dialog_close(dialog);
}

void client_interrupt(struct outbound_client *client)
{
    dialogs_interrupt(client->dialogs, false);
}

// ---- Asking beforehand ----------------------------------------------------------------------------------
static bool check_list(const struct addrinfo *list, struct err *err)
{
    char reason[160];

    for (; list; list = list->ai_next) {
        if (!guard_check_address(list->ai_addr, reason, sizeof reason)) {
            return err_set(err, ERR_INVALID, "%s", reason);
        }
    }
    return true;
}

static bool look_up(struct str host, struct err *err)
{
    struct addrinfo *list;
    if (!lookup_run(host, RESOLVE_MS, &list, err)) {
        return false;
    }
    bool allowed = check_list(list, err);
    freeaddrinfo(list);
    return allowed;
}

static bool look_up_for_test(struct outbound_client *client, struct str host, struct err *err)
{
    char addresses[RESOLVED_MAX][46];
    size_t n = client->test_resolver(host, addresses, RESOLVED_MAX, client->test_arg);
    bool allowed = n > 0 || err_set(err, ERR_INVALID, "The name " STR_FMT " was not found.", STR_ARG(host));

    for (size_t i = 0; i < n && allowed; i++) {
        struct addrinfo hints = {.ai_flags = AI_NUMERICHOST}, *list = NULL;

        allowed = getaddrinfo(addresses[i], NULL, &hints, &list) == 0 && check_list(list, err);
        freeaddrinfo(list);
    }
    return allowed;
}

bool client_url_allowed(struct outbound_client *client, struct str text, struct err *err)
{
    struct arena *arena = arena_take();
    struct url url;

    enter(client);
    bool allowed = url_parse(arena, text, &url, err) && guard_check_url(client->guard, &url, err);

    if (allowed && url.address_len == 0 && !guard_is_exempt(client->guard, &url)) {
        allowed = client->test_resolver ? look_up_for_test(client, url.host, err) : look_up(url.host, err);
    }
    leave(client);
    arena_give(arena);
    return allowed;
}

bool client_url_exempt(struct outbound_client *client, struct str text)
{
    struct arena *arena = arena_take();
    struct err err = {};
    struct url url;
    bool exempt = url_parse(arena, text, &url, &err) && guard_is_exempt(client->guard, &url);
    arena_give(arena);
    return exempt;
}

// ---- Start and stop -------------------------------------------------------------------------------------
static void init_curl(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        die("curl_global_init failed");
    }
}

bool client_start(const struct client_settings *settings, struct outbound_client **ret, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const struct str_list *allowed = settings->allow_hosts;
    struct guard *guard;

    if (!guard_create(allowed ? allowed->items : NULL, allowed ? allowed->len : 0, &guard, err)) {
        return false;
    }
    pthread_once(&once, init_curl);
    signal(SIGPIPE, SIG_IGN);
    struct outbound_client *client = mem_alloc(sizeof *client);

    client->guard = guard;
    client->user_agent =
        (char *)mem_copy(settings->user_agent.len > 0 ? settings->user_agent : S("Heed")).ptr;
    client->test_resolver = settings->test_resolver;
    client->test_arg = settings->test_arg;
    client->dialogs = dialogs_create(guard);
    TAILQ_INIT(&client->waiting);
    TAILQ_INIT(&client->running);
    pthread_mutex_init(&client->lock, NULL);
    pthread_cond_init(&client->left, NULL);
    client->multi = curl_multi_init();
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, 64L);
    curl_multi_setopt(client->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    client->thread = thread_start("outbound", run, client);
    *ret = client;
    return true;
}

void client_stop(struct outbound_client *client)
{
    if (!client) {
        return;
    }
    pthread_mutex_lock(&client->lock);
    client->stopping = true;
    dialogs_interrupt(client->dialogs, true);
    curl_multi_wakeup(client->multi);
    pthread_mutex_unlock(&client->lock);
    pthread_join(client->thread, NULL);
    pthread_mutex_lock(&client->lock);
    while (client->n_callers > 0) {
        pthread_cond_wait(&client->left, &client->lock);
    }
    pthread_mutex_unlock(&client->lock);
    curl_multi_cleanup(client->multi);
    pthread_cond_destroy(&client->left);
    pthread_mutex_destroy(&client->lock);
    dialogs_destroy(client->dialogs);
    guard_destroy(client->guard);
    mem_free(client->user_agent);
    mem_free(client);
}
