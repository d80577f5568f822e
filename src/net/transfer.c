// SPDX-License-Identifier: AGPL-3.0-or-later
// One request as a curl handle: every default that would reach further than asked is switched off
// (proxies, cookies, netrc, redirects, other protocols), and each limit is enforced as bytes arrive.
#include "net/transfer.h"
#include "base/clock.h"
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

enum {
    CONNECT_MS = 5000,
    HEAD_BYTES_MAX = 65536,
    HEAD_LINES_MAX = 200,
    // An answer that has begun must come faster than this on the whole.
    SLOW_AFTER_MS = 5000,
    SLOW_BYTES_PER_S = 256,
};

// ---- curl's callbacks, on its thread --------------------------------------------------------------------
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *transfer = arg;

    if (purpose != CURLSOCKTYPE_IPCXN || (address->family != AF_INET && address->family != AF_INET6)) {
        snprintf(transfer->refused, sizeof transfer->refused, "This kind of address is not dialled.");
        return CURL_SOCKET_BAD;
    }
    if (!transfer->exempt &&
        !guard_check_address(&address->addr, transfer->refused, sizeof transfer->refused)) {
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static int before_request(void *arg, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
    struct transfer *transfer = arg;

    (void)remote_ip, (void)local_ip, (void)remote_port, (void)local_port;
    transfer->sent = true;
    return CURL_PREREQFUNC_OK;
}

static void count_received(struct transfer *transfer, size_t n)
{
    if (transfer->first_byte_at == 0) {
        transfer->first_byte_at = clock_mono();
    }
    transfer->n_received += (i64)n;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct transfer *transfer = arg;

    count_received(transfer, size * n);
    buf_add(&transfer->body, (struct str){bytes, size * n});
    transfer->too_large = transfer->body.overflow;
    return transfer->too_large ? 0 : size * n;
}

static size_t on_head(char *bytes, size_t size, size_t n, void *arg)
{
    struct transfer *transfer = arg;
    struct str line = {bytes, size * n};

    count_received(transfer, line.len);
    // A new status line: what came before was an interim answer (1xx).
    if (str_starts(line, S("HTTP/"))) {
        buf_reset(&transfer->head);
        transfer->head_whole = false;
        return line.len;
    }
    transfer->head_whole = transfer->head_whole || str_trim(line).len == 0;
    buf_add(&transfer->head, line);
    if (transfer->head.overflow || ++transfer->n_head_lines > HEAD_LINES_MAX) {
        transfer->too_large = true;
        return 0;
    }
    return line.len;
}

// About once a second: cuts an answer that dribbles, and one that nobody waits for any more.
static int on_progress(void *arg, curl_off_t dl_total, curl_off_t dl, curl_off_t ul_total, curl_off_t ul)
{
    struct transfer *transfer = arg;
    i64 ms = transfer->first_byte_at ? clock_mono() - transfer->first_byte_at : 0;

    (void)dl_total, (void)dl, (void)ul_total, (void)ul;
    const atomic_bool *cancel = transfer->request->cancel;
    transfer->stopped = transfer->stopped || (cancel && atomic_load(cancel));
    return transfer->stopped || (ms > SLOW_AFTER_MS && transfer->n_received * 1000 / ms < SLOW_BYTES_PER_S);
}

// ---- Setting up -------------------------------------------------------------------------------------------
static bool is_token(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!plain && (c == 0 || !strchr("!#$%&'*+-.^_`|~", c))) {
            return false;
        }
    }
    return text.len > 0;
}

// Framing and connections are ours alone.
static bool is_ours(struct str name)
{
    static const char *const ours[] = {
        "host", "content-length", "transfer-encoding", "connection", "te", "upgrade", "expect", "trailer"};

    for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
        if (str_eq_nocase(name, str_from(ours[i]))) {
            return true;
        }
    }
    return name.len > 6 && str_eq_nocase(str_sub(name, 0, 6), S("proxy-"));
}

static bool is_clean_value(struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        u8 c = (u8)value.ptr[i];

        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

static void add_line(struct transfer *transfer, const char *line)
{
    transfer->headers = curl_slist_append(transfer->headers, line);
}

static bool add_headers(struct transfer *transfer, struct arena *arena, char *error, size_t size)
{
    const struct net_request *request = transfer->request;
    bool has_type = false;

    for (size_t i = 0; i < request->headers.len; i++) {
        struct str name = request->headers.items[i].name, value = request->headers.items[i].value;

        if (!is_token(name) || is_ours(name) || !is_clean_value(value)) {
            snprintf(error, size, "The request header \"%.40s\" cannot be sent.",
                     is_token(name) ? str_cstr(arena, name) : "?");
            return false;
        }
        has_type = has_type || str_eq_nocase(name, S("content-type"));
        // curl drops "Name:"; an empty value is written "Name;".
        struct str line = value.len > 0
                              ? str_printf(arena, STR_FMT ": " STR_FMT, STR_ARG(name), STR_ARG(value))
                              : str_printf(arena, STR_FMT ";", STR_ARG(name));
        add_line(transfer, str_cstr(arena, line));
    }
    add_line(transfer, "Expect:");
    if (!has_type) {
        add_line(transfer, "Content-Type:");
    }
    return true;
}

static void set_limits(struct transfer *transfer)
{
    CURL *easy = transfer->easy;
    long connect_ms = transfer->timeout_ms < CONNECT_MS ? transfer->timeout_ms : CONNECT_MS;

    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)transfer->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)transfer->max_answer);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, transfer);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    // Unpacked bytes go through on_body, so a bomb stops at the limit too.
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
}

static void set_reach(struct transfer *transfer)
{
    CURL *easy = transfer->easy;

    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    // The thread must never wait for a name server.
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
    if (transfer->resolve) { // a test's resolver: each transfer sees its own answer
        curl_easy_setopt(easy, CURLOPT_RESOLVE, transfer->resolve);
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    }
}

static void set_method(struct transfer *transfer, struct arena *arena)
{
    const struct net_request *request = transfer->request;
    CURL *easy = transfer->easy;
    bool plain = str_eq(request->method, S("GET")) && request->body.len == 0;

    if (plain) {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
        return;
    }
    if (str_eq(request->method, S("HEAD"))) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        return;
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, str_cstr(arena, request->method));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.len > 0 ? request->body.ptr : "");
    // On a kept connection that dies, curl sends again by itself; what may have an effect must not.
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
}

bool transfer_init(struct transfer *transfer, struct arena *arena, const char *user_agent, char *error,
                   size_t size)
{
    pthread_cond_init(&transfer->finished, NULL);
    buf_init(&transfer->body, NULL, transfer->max_answer);
    buf_init(&transfer->head, NULL, HEAD_BYTES_MAX);
    transfer->easy = curl_easy_init();
    if (!is_token(transfer->request->method) || str_eq(transfer->request->method, S("CONNECT"))) {
        snprintf(error, size, "The request method is not valid.");
        return false;
    }
    if (!add_headers(transfer, arena, error, size)) {
        return false;
    }
    curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(transfer->easy, CURLOPT_ERRORBUFFER, transfer->curl_error);
    curl_easy_setopt(transfer->easy, CURLOPT_URL, str_cstr(arena, transfer->url->text));
    curl_easy_setopt(transfer->easy, CURLOPT_USERAGENT, user_agent);
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
    set_reach(transfer);
    set_limits(transfer);
    set_method(transfer, arena);
    return true;
}

void transfer_finish(struct transfer *transfer)
{
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    curl_slist_free_all(transfer->resolve);
    buf_finish(&transfer->body);
    buf_finish(&transfer->head);
    pthread_cond_destroy(&transfer->finished);
}

// ---- The outcome
// --------------------------------------------------------------------------------------------
static void read_headers(const struct transfer *transfer, struct arena *arena, struct net_answer *answer)
{
    struct str rest = str_copy(arena, buf_str(&transfer->head));

    while (str_given(rest) && rest.len > 0) {
        struct str line = str_trim(str_cut(rest, '\n', &rest));
        struct str value, name = str_cut(line, ':', &value);

        if (!str_given(value) || !is_token(name)) {
            continue;
        }
        struct net_header *header = list_push(&answer->headers, arena);

        header->name = str_lower_ascii(arena, name);
        header->value = utf8_clean(arena, str_trim(value));
    }
}

static void describe(const struct transfer *transfer, struct net_answer *answer)
{
    size_t size = sizeof answer->error;
    const char *curl_words =
        transfer->curl_error[0] ? transfer->curl_error : curl_easy_strerror(transfer->code);

    if (transfer->stopped) {
        snprintf(answer->error, size, "The program is stopping.");
    } else if (answer->too_large) {
        snprintf(answer->error, size, "The answer is larger than %zu bytes.", transfer->max_answer);
    } else if (transfer->code == CURLE_COULDNT_CONNECT && transfer->refused[0]) {
        snprintf(answer->error, size, "%s", transfer->refused);
    } else if (transfer->code == CURLE_ABORTED_BY_CALLBACK) {
        snprintf(answer->error, size, "The answer came too slowly.");
    } else if (transfer->code == CURLE_OPERATION_TIMEDOUT && transfer->sent) {
        snprintf(answer->error, size, "No whole answer within %d ms.", transfer->timeout_ms);
    } else if (transfer->code == CURLE_OK) {
        snprintf(answer->error, size, "The answer broke off in its head.");
    } else {
        snprintf(answer->error, size, "%.150s.", curl_words);
    }
    // Some of curl's words quote the other side.
    for (char *c = answer->error; *c; c++) {
        *c = *c < ' ' || *c > '~' ? '?' : *c;
    }
}

void transfer_read(const struct transfer *transfer, struct arena *arena, struct net_answer *answer)
{
    answer->status = transfer->head_whole ? (int)transfer->status : 0;
    answer->maybe_received = transfer->sent;
    answer->too_large = transfer->too_large || transfer->code == CURLE_FILESIZE_EXCEEDED;
    read_headers(transfer, arena, answer);
    if (transfer->code != CURLE_OK || transfer->stopped || !transfer->head_whole) {
        describe(transfer, answer);
        return;
    }
    answer->got_answer = true;
    answer->maybe_received = true;
    answer->body = str_copy(arena, buf_str(&transfer->body));
}
