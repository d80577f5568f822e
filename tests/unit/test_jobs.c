// SPDX-License-Identifier: AGPL-3.0-or-later
// The background jobs: they take in, wake and fetch by themselves and stop when asked; pictures come
// through the guarded client and the child; old rows go, and nothing else.
#include "base/picture.h"
#include "desk/file.h"
#include "desk_fixture.h"
#include "jobs/attachments.h"
#include "jobs/jobs.h"
#include "jobs/prune.h"
#include "jobs/schedule.h"
#include "jobs/worker.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

static struct nursery *nursery;

// ---- A place where pictures are -----------------------------------------------------------------------

static struct shelf {
    int listener, port;
    pthread_t thread;
    atomic_bool stop;
    atomic_int asked, busy_left;
    char picture[64 * 1024];
    size_t picture_len;
} shelf;

static void give(int fd, int status, const char *bytes, size_t len)
{
    char head[200];
    int n = snprintf(head, sizeof(head), "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                     status, len);
    ssize_t ignored = write(fd, head, (size_t)n);
    ignored += write(fd, bytes, len);
    (void)ignored;
}

static void answer(int fd)
{
    char head[4096] = {};
    size_t len = 0;
    while (len < sizeof(head) - 1 && !strstr(head, "\r\n\r\n")) {
        ssize_t n = read(fd, head + len, sizeof(head) - 1 - len);
        if (n <= 0) {
            return;
        }
        len += (size_t)n;
    }
    shelf.asked++;
    if (strstr(head, "GET /place.png")) {
        give(fd, 200, shelf.picture, shelf.picture_len);
    } else if (strstr(head, "GET /broken.png")) {
        give(fd, 200, "\x89PNG\r\n\x1a\nno picture", 18);
    } else if (strstr(head, "GET /later") && shelf.busy_left-- <= 0) {
        give(fd, 200, shelf.picture, shelf.picture_len);
    } else if (strstr(head, "GET /later") || strstr(head, "GET /never")) {
        give(fd, 503, "", 0);
    } else {
        give(fd, 404, "", 0);
    }
}

static void *serve(void *arg)
{
    (void)arg;
    while (!shelf.stop) {
        struct pollfd ready = {.fd = shelf.listener, .events = POLLIN};
        if (poll(&ready, 1, 50) == 1) {
            int fd = accept(shelf.listener, NULL, NULL);
            answer(fd);
            close(fd);
        }
    }
    return NULL;
}

static void shelf_open(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    shelf.stop = false;
    shelf.asked = 0;
    shelf.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(shelf.listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(shelf.listener, 16), 0);
    getsockname(shelf.listener, (struct sockaddr *)&at, &len);
    shelf.port = ntohs(at.sin_port);
    int fd = open("tests/fixtures/pictures/place.png", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t n = read(fd, shelf.picture, sizeof(shelf.picture));
    assert_true(n > 100);
    shelf.picture_len = (size_t)n;
    close(fd);
    pthread_create(&shelf.thread, NULL, serve, NULL);
}

static void shelf_close(void)
{
    shelf.stop = true;
    pthread_join(shelf.thread, NULL);
    close(shelf.listener);
}

static struct outbound_client *make_client(struct desk *d, bool allow)
{
    struct fixture *f = d->f;
    struct outbound_client *client;
    struct str_list hosts = {};
    if (allow) {
        *list_push(&hosts, f->arena) = str_printf(f->arena, "127.0.0.1:%d", shelf.port);
    }
    struct client_settings settings = {.allow_hosts = &hosts, .user_agent = S("Heed test")};
    CHECK_OK(client_start(&settings, &client, &f->err));
    return client;
}

static void says_with_picture(struct desk *d, const char *id, const char *path)
{
    char body[1024];
    snprintf(body, sizeof(body),
             "{\"type\":\"message.created\",\"id\":\"%s\",\"thread\":\"t1\",\"author\":{\"id\":\"u1\"},"
             "\"text\":\"\","
             "\"created_at\":\"2026-11-01T10:00:00Z\",\"attachments\":[{\"url\":\"http://"
             "127.0.0.1:%d%s\",\"mime\":"
             "\"image/png\",\"name\":\"where.png\",\"alt\":\"The parcel\"}]}",
             id, shelf.port, path);
    desk_hear(d, body);
}

static struct attachment file_of(struct desk *d, size_t message)
{
    struct conversation c = desk_find(d, &d->owner, "is:any").items[0];
    struct message_list messages = desk_messages(d, c.id);
    assert_true(messages.len > message && messages.items[message].attachments.len == 1);
    return messages.items[message].attachments.items[0];
}

static bool settled(struct desk *d, size_t message, const char *state)
{
    for (int i = 0; i < 200; i++) {
        if (str_eq(file_of(d, message).state, str_from(state))) {
            return true;
        }
        poll(NULL, 0, 25);
    }
    return false;
}

static void a_picture_is_fetched_cleaned_and_kept_once(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    shelf_open();
    d.jobs.client = make_client(&d, true);
    d.jobs.nursery = nursery;
    says_with_picture(&d, "m1", "/place.png");
    assert_true(str_eq(file_of(&d, 0).state, S("waiting")));
    assert_true(str_eq(desk_find(&d, &d.owner, "is:any").items[0].preview, S("The parcel")));
    struct attachments *job = attachments_start(&d.jobs);
    d.f->threads++;
    assert_true(settled(&d, 0, "ready"));
    struct attachment file = file_of(&d, 0);
    assert_true(str_starts(file.url, S("/api/v1/attachments/")));
    assert_true(file.width > 0 && file.size > 0 && file.size < (i64)shelf.picture_len); // the place is gone
    assert_true(str_eq(file.mime, S("image/png")));
    says_with_picture(&d, "m2", "/place.png");
    assert_true(settled(&d, 1, "ready"));
    struct conn *conn = db_take(f->db);
    i64 files;
    CHECK_OK(db_one_i64(conn, &SQL_check_files, DB_ARGS(db_i64(d.workspace)), &files, &f->err));
    db_give(f->db, conn);
    assert_int_equal(files, 1);
    assert_int_equal(desk_events(&d, "message.attachment"), 2);
    attachments_ask_stop(job);
    assert_true(attachments_join(job, clock_mono() + 5000));
    d.f->threads--;
    client_stop(d.jobs.client);
    shelf_close();
    desk_end(&d);
}

static void what_is_no_picture_or_not_given_is_refused_with_the_reason(void **state)
{
    struct desk d = desk_make(state);
    shelf_open();
    d.jobs.client = make_client(&d, true);
    d.jobs.nursery = nursery;
    says_with_picture(&d, "m1", "/broken.png");
    says_with_picture(&d, "m2", "/gone.png");
    struct attachments *job = attachments_start(&d.jobs);
    d.f->threads++;
    assert_true(settled(&d, 0, "refused"));
    assert_true(settled(&d, 1, "refused"));
    assert_true(file_of(&d, 0).reason.len > 10);
    assert_true(str_find(file_of(&d, 1).reason, S("404")) > 0);
    assert_int_equal(file_of(&d, 0).url.len, 0);
    attachments_ask_stop(job);
    assert_true(attachments_join(job, clock_mono() + 5000));
    d.f->threads--;
    client_stop(d.jobs.client);
    shelf_close();
    desk_end(&d);
}

static void a_busy_place_is_asked_three_times_and_then_given_up(void **state)
{
    struct desk d = desk_make(state);
    shelf_open();
    shelf.busy_left = 1;
    d.jobs.client = make_client(&d, true);
    d.jobs.nursery = nursery;
    says_with_picture(&d, "m1", "/never");
    says_with_picture(&d, "m2", "/later");
    struct attachments *job = attachments_start(&d.jobs);
    d.f->threads++;
    for (int i = 0; i < 200 && shelf.asked < 2; i++) {
        poll(NULL, 0, 25);
    }
    poll(NULL, 0, 500);
    assert_true(str_eq(file_of(&d, 0).state, S("waiting")));
    clock_test_shift(40000); // half a minute later
    assert_true(settled(&d, 1, "ready"));
    assert_true(str_eq(file_of(&d, 0).state, S("waiting")));
    // Its second time has to be over and noted before the clock moves on.
    for (int i = 0; i < 200 && shelf.asked < 4; i++) {
        poll(NULL, 0, 25);
    }
    poll(NULL, 0, 500);
    clock_test_shift(150000);
    assert_true(settled(&d, 0, "failed"));
    clock_test_shift(-190000);
    assert_int_equal(shelf.asked, 5);
    assert_true(str_find(file_of(&d, 0).reason, S("503")) > 0);
    attachments_ask_stop(job);
    assert_true(attachments_join(job, clock_mono() + 5000));
    d.f->threads--;
    client_stop(d.jobs.client);
    shelf_close();
    desk_end(&d);
}

static void a_customer_cannot_make_us_ask_our_own_network(void **state)
{
    struct desk d = desk_make(state);
    shelf_open();
    d.jobs.client = make_client(&d, false);
    d.jobs.nursery = nursery;
    says_with_picture(&d, "m1", "/place.png");
    struct attachments *job = attachments_start(&d.jobs);
    d.f->threads++;
    poll(NULL, 0, 1500);
    assert_int_equal(shelf.asked, 0);
    assert_false(str_eq(file_of(&d, 0).state, S("ready")));
    attachments_ask_stop(job);
    assert_true(attachments_join(job, clock_mono() + 5000));
    d.f->threads--;
    client_stop(d.jobs.client);
    shelf_close();
    desk_end(&d);
}

// ---- The clock's jobs ---------------------------------------------------------------------------------

#define DAYS(n) ((i64)(n)*24 * 3600 * 1000)

static i64 did(struct desk *d, const char *name)
{
    struct fixture *f = d->f;
    i64 n;
    CHECK_OK(schedule_do(f->db, name, &n, &f->err));
    return n;
}

static void raw_events_go_thirty_days_after_they_were_done_and_repeats_are_still_known(void **state)
{
    struct desk d = desk_make(state);
    desk_says(&d, "m1", "t1", "Hello", 1);
    desk_hear(&d, "no json");
    clock_test_shift(DAYS(29));
    assert_int_equal(did(&d, "prune_inbound"), 0);
    clock_test_shift(DAYS(2));
    assert_int_equal(did(&d, "prune_inbound"), 1); // the quarantined one waits for a person
    desk_says(&d, "m1", "t1", "Hello", 1);
    clock_test_shift(-DAYS(31));
    assert_int_equal(desk_find(&d, &d.owner, "is:any").items[0].message_count, 1);
    desk_end(&d);
}

static bool read_nothing(struct tx *tx, const struct event_list *events, void *arg, struct err *err)
{
    (void)tx, (void)events, (void)arg, (void)err;
    return true;
}

static void the_log_goes_after_ninety_days_but_not_before_its_readers(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    struct log_reader slow = {.name = "slow", .batch = 1, .run = read_nothing};
    i64 n;
    desk_says(&d, "m1", "t1", "Hello", 1);
    i64 events = (i64)desk_events(&d, NULL);
    assert_true(events > 3);
    CHECK_OK(log_reader_step(f->db, &slow, &n, &f->err));
    assert_int_equal(n, 1);
    clock_test_shift(DAYS(89));
    assert_int_equal(did(&d, "prune_events"), 0);
    clock_test_shift(DAYS(2));
    assert_int_equal(did(&d, "prune_events"), 1); // what the slow one has read
    do {
        CHECK_OK(log_reader_step(f->db, &slow, &n, &f->err));
    } while (n > 0);
    assert_int_equal(did(&d, "prune_events"), events - 1);
    clock_test_shift(-DAYS(91));
    desk_end(&d);
}

static void how_long_things_are_kept_can_be_set(void **state)
{
    struct desk d = desk_make(state);
    desk_says(&d, "m1", "t1", "Hello", 1);
    clock_test_shift(DAYS(4));
    assert_int_equal(did(&d, "prune_inbound") + did(&d, "prune_events"), 0);
    prune_keep(3, 5);
    assert_int_equal(did(&d, "prune_inbound"), 1);
    assert_int_equal(did(&d, "prune_events"), 0);
    clock_test_shift(DAYS(2));
    assert_true(did(&d, "prune_events") > 3);
    prune_keep(0, 0);
    clock_test_shift(-DAYS(6));
    desk_end(&d);
}

static bool keep_file(struct desk *d, struct str bytes)
{
    struct file file = {.mime = S("text/plain"), .size = (i64)bytes.len};
    struct fixture *f = d->f;
    return file_keep(f->db, d->workspace, 0, bytes, &file, f->arena, &f->err);
}

static i64 files_of(struct desk *d)
{
    struct fixture *f = d->f;
    struct conn *conn = db_take(f->db);
    i64 files;
    CHECK_OK(db_one_i64(conn, &SQL_check_files, DB_ARGS(db_i64(d->workspace)), &files, &f->err));
    db_give(f->db, conn);
    return files;
}

static void a_file_goes_when_nobody_has_had_it_for_a_week(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    CHECK_OK(keep_file(&d, S("given once")) && keep_file(&d, S("given again")));
    clock_test_shift(DAYS(6));
    assert_int_equal(did(&d, "prune_files"), 0);
    CHECK_OK(keep_file(&d, S("given again")));
    clock_test_shift(DAYS(2));
    assert_int_equal(did(&d, "prune_files"), 1);
    assert_int_equal(files_of(&d), 1);
    clock_test_shift(-DAYS(8));
    desk_end(&d);
}

// The old text is what the index must be told to unlearn it.
static void an_old_text_goes_once_the_index_has_passed(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    struct search *search;
    i64 n;
    CHECK_OK(search_open(f->db, &search, &f->err));
    desk_says(&d, "m1", "t1", "before", 1);
    do
        CHECK_OK(search_step(search, &n, &f->err));
    while (n > 0);
    desk_hear(&d,
              "{\"type\":\"message.edited\",\"id\":\"m1\",\"thread\":\"t1\",\"at\":\"2026-11-01T11:00:00Z\","
              "\"text\":\"after\"}");
    clock_test_shift(DAYS(2));
    assert_int_equal(did(&d, "prune_versions"), 0);
    do
        CHECK_OK(search_step(search, &n, &f->err));
    while (n > 0);
    assert_int_equal(did(&d, "prune_versions"), 1);
    assert_int_equal(desk_find(&d, &d.owner, "before").len, 0);
    assert_int_equal(desk_find(&d, &d.owner, "after").len, 1);
    search_close(search);
    clock_test_shift(-DAYS(2));
    desk_end(&d);
}

static void an_unknown_job_is_named(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    i64 n;
    assert_false(schedule_do(f->db, "make_coffee", &n, &f->err));
    assert_int_equal(f->err.code, ERR_NOT_FOUND);
    desk_end(&d);
}

// ---- All together -------------------------------------------------------------------------------------

static void all_jobs_start_work_and_stop(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    struct jobs *jobs;
    shelf_open();
    d.jobs.client = make_client(&d, true);
    d.jobs.nursery = nursery;
    CHECK_OK(jobs_start(&d.jobs, &jobs, &f->err));
    f->threads++;
    i64 began = clock_mono();
    desk_put(&d, "{\"type\":\"message.created\",\"id\":\"m1\",\"thread\":\"t1\",\"author\":{\"id\":\"u1\"},"
                 "\"text\":\"Hi\","
                 "\"created_at\":\"2026-11-01T10:00:00Z\"}");
    struct conversation_list found = {};
    while (found.len == 0 && clock_mono() - began < 5000) {
        found = desk_find(&d, &d.owner, "is:open");
        poll(NULL, 0, 5);
    }
    assert_int_equal(found.len, 1);
    struct str until = clock_format(f->arena, clock_now() + 1200);
    struct str patch =
        str_printf(f->arena, "{\"status\":\"snoozed\",\"snoozed_until\":\"" STR_FMT "\"}", STR_ARG(until));
    CHECK_OK(desk_patch(&d, &d.owner, found.items[0].id, str_cstr(f->arena, patch)));
    for (began = clock_mono(); clock_mono() - began < 6000;) {
        if (str_eq(desk_get(&d, found.items[0].id).status, S("open"))) {
            break;
        }
        poll(NULL, 0, 50);
    }
    assert_true(str_eq(desk_get(&d, found.items[0].id).status, S("open")));
    assert_true(clock_mono() - jobs_progress_at(jobs) < 3000);
    assert_true(jobs_stop(jobs, 10000));
    f->threads--;
    client_stop(d.jobs.client);
    shelf_close();
    desk_end(&d);
}

static i64 count_turns(struct worker *worker, void *arg)
{
    (void)worker;
    atomic_fetch_add((atomic_int *)arg, 1);
    return 60000;
}

static void a_worker_takes_a_turn_when_woken_and_ends_when_asked(void **state)
{
    atomic_int turns = 0;
    (void)state;
    struct worker *worker = worker_start("count", count_turns, &turns);
    for (int want = 1; want <= 3; want++) {
        for (int i = 0; i < 400 && turns < want; i++) {
            poll(NULL, 0, 5);
        }
        assert_int_equal(turns, want);
        worker_wake(worker);
    }
    worker_ask_stop(worker);
    assert_true(worker_join(worker, clock_mono() + 2000));
    assert_true(worker_join(NULL, 0));
}

int main(void)
{
    static child_job *const kinds[] = {picture_job};
    struct err err = {};
    if (!nursery_start(kinds, 1, false, &nursery, &err)) { // before there are threads
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_picture_is_fetched_cleaned_and_kept_once),
        ON_BOTH(what_is_no_picture_or_not_given_is_refused_with_the_reason),
        ON_SQLITE(a_busy_place_is_asked_three_times_and_then_given_up),
        ON_SQLITE(a_customer_cannot_make_us_ask_our_own_network),
        ON_BOTH(raw_events_go_thirty_days_after_they_were_done_and_repeats_are_still_known),
        ON_BOTH(the_log_goes_after_ninety_days_but_not_before_its_readers),
        ON_BOTH(how_long_things_are_kept_can_be_set),
        ON_BOTH(a_file_goes_when_nobody_has_had_it_for_a_week),
        ON_BOTH(an_old_text_goes_once_the_index_has_passed),
        ON_SQLITE(an_unknown_job_is_named),
        ON_BOTH(all_jobs_start_work_and_stop),
        cmocka_unit_test(a_worker_takes_a_turn_when_woken_and_ends_when_asked),
    };
    search_register(); // before any connection is opened
    int failed = cmocka_run_group_tests_name("jobs", tests, NULL, NULL);
    nursery_stop(nursery);
    return failed;
}
