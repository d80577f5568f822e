// SPDX-License-Identifier: AGPL-3.0-or-later
// Intake: any order of message, edit, deletion, receipts, echo and repeats ends in the same state; repeats
// and races make nothing twice; what cannot be read is set aside with its bytes and stops nobody.
#include "desk_fixture.h"
#include <pthread.h>

static u64 seed = 20261101;
static u64 draw(u64 below) // SplitMix64: the same run every time
{
    u64 z = (seed += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (z ^ (z >> 31)) % below;
}

// ---- Histories --------------------------------------------------------------------------------------

enum { HISTORIES = 30, PERMUTATIONS = 34, STEPS_MAX = 40, T0 = 1000 };
static const i64 BASE = 1793527200000; // 2026-11-01T10:00:00Z

enum step_kind { STEP_EVENT, STEP_FINISH }; // FINISH: the network answered our send
struct history_step {
    enum step_kind kind;
    enum inbound_type type;
    int message; // m<number>; 90: our own answer under the network's id
    int author;
    int at; // seconds
    const char *text;
    bool out, context, attachment;
    int from; // permutations keep nothing in order; an edit has its own time
};
struct history {
    struct history_step steps[STEPS_MAX];
    size_t len;
    bool has_own;
};

static const char *const texts[] = {"Where is my parcel?",
                                    "어디에 있나요 제 주문은",
                                    "Tere, kus on minu tellimus?",
                                    "",
                                    "Missä minun tilaus on, kiitos",
                                    "It is broken, and you have not answered",
                                    "Kapan pesanan saya dikirim? belum ada kabar"};

static void add(struct history *h, struct history_step step)
{
    if (h->len < STEPS_MAX) {
        h->steps[h->len++] = step;
    }
}

static void add_marks(struct history *h, int message, int at, bool out)
{
    for (u64 n = draw(3); n > 0; n--) {
        add(h, (struct history_step){.type = INBOUND_EDITED,
                                     .message = message,
                                     .at = at + 10 * (int)n,
                                     .text = texts[draw(ARRAY_LEN(texts))]});
    }
    if (draw(4) == 0) {
        add(h, (struct history_step){.type = INBOUND_DELETED, .message = message, .at = at + 5});
    }
    if (out && draw(2) == 0) {
        add(h, (struct history_step){.type = INBOUND_DELIVERED, .message = message, .at = at + 1});
    }
    if (out && draw(2) == 0) {
        add(h, (struct history_step){.type = INBOUND_READ, .message = message, .at = at + 2});
    }
}

static struct history make_history(void)
{
    struct history h = {.has_own = draw(2) == 0};
    int n = 1 + (int)draw(5);
    for (int i = 0; i < n; i++) {
        bool out = draw(4) == 0;
        bool context = !out && draw(6) == 0;
        int at = T0 + (int)draw(6) * 100; // equal times happen
        struct history_step created = {.type = INBOUND_CREATED,
                                       .message = i,
                                       .author = (int)draw(2),
                                       .at = at,
                                       .text = texts[draw(ARRAY_LEN(texts))],
                                       .out = out,
                                       .context = context,
                                       .attachment = draw(5) == 0};
        add(&h, created);
        if (context && draw(2) == 0) { // it was meant for us after all
            created.context = false;
            add(&h, created);
        }
        add_marks(&h, i, at, out);
    }
    if (h.has_own) {
        add(&h, (struct history_step){.kind = STEP_FINISH});
        if (draw(2) == 0) {
            add(&h, (struct history_step){.type = INBOUND_CREATED,
                                          .message = 90,
                                          .at = T0 + 300,
                                          .text = "Our answer",
                                          .out = true});
        }
        add_marks(&h, 90, T0 + 300, true);
    }
    for (u64 repeats = draw(4); repeats > 0; repeats--) {
        struct history_step again = h.steps[draw(h.len)];
        if (again.kind == STEP_EVENT) {
            add(&h, again);
        }
    }
    return h;
}

struct run { // one permutation in a thread of its own
    struct desk *d;
    const struct history *history;
    size_t order[STEPS_MAX];
    int number;
    struct str prefix;
    i64 own_id;
    struct arena *arena;
};

static struct str named(struct run *run, const char *what, int n)
{
    return str_printf(run->arena, STR_FMT "%s%d", STR_ARG(run->prefix), what, n);
}

static struct inbound event_of(struct run *run, const struct history_step *step)
{
    struct inbound event = {.type = step->type,
                            .external_id = named(run, "m", step->message),
                            .thread_key = named(run, "t", 0),
                            .conversation_kind = S("dm"),
                            .visibility = S("private"),
                            .out = step->out,
                            .context = step->context,
                            .text = step->text ? str_from(step->text) : STR_NONE,
                            .at = BASE + step->at * (i64)1000};
    if (step->type == INBOUND_CREATED && !step->out) {
        event.author_id = named(run, "u", step->author);
        event.author_name = str_printf(run->arena, "Customer %d at %d", step->author, step->at / 200);
        event.author_handle = str_printf(run->arena, "@c%d", step->author);
    }
    if (step->attachment) {
        *list_push(&event.attachments, run->arena) = (struct inbound_attachment){
            .url = S("https://files.example.test/a.png"), .mime = S("image/png"), .name = S("a.png")};
    }
    return event;
}

static bool apply_run(struct tx *tx, void *arg, struct err *err)
{
    struct run *run = arg;
    size_t len = run->history->len;
    for (size_t i = 0; i < len;) {
        struct inbound_list batch = {};
        const struct history_step *step = &run->history->steps[run->order[i]];
        if (step->kind == STEP_FINISH) {
            if (!message_merge_echo(tx, run->d->workspace, run->d->channel, run->own_id, named(run, "m", 90),
                                    STR_NONE, err) ||
                !message_set_state(tx, run->d->workspace, run->own_id, S("sent"), STR_NONE, err)) {
                return false;
            }
            i++;
            continue;
        }
        // One at a time or several in a batch: no difference either.
        for (u64 n = 1 + (run->number % 3 == 0 ? 0 : (u64)(run->number % 5)); n > 0 && i < len; n--, i++) {
            step = &run->history->steps[run->order[i]];
            if (step->kind == STEP_FINISH) {
                break;
            }
            *list_push(&batch, tx->arena) = event_of(run, step);
        }
        if (!intake_apply(tx, run->d->workspace, run->d->channel, S("custom"), &batch, err)) {
            return false;
        }
    }
    return true;
}

static bool apply_first(struct tx *tx, void *arg, struct err *err)
{
    struct run *run = arg;
    struct inbound_list one = {};
    struct history_step first = {.type = INBOUND_CREATED, .message = 80, .at = 10, .text = "Hello"};
    *list_push(&one, tx->arena) = event_of(run, &first);
    return intake_apply(tx, run->d->workspace, run->d->channel, S("custom"), &one, err);
}

static void put_time(struct buf *out, const char *key, i64 at, i64 own_at)
{
    if (at == own_at && at > 0) {
        buf_printf(out, " %s=own", key);
    } else {
        buf_printf(out, " %s=%lld", key, (long long)(at > BASE ? (at - BASE) / 1000 : at));
    }
}

static struct str bare(const struct run *run, struct str id)
{
    return str_starts(id, run->prefix) ? str_sub(id, run->prefix.len, id.len) : id;
}

static int by_external(const void *a, const void *b)
{
    const struct message *x = a;
    const struct message *y = b;
    return str_cmp(x->external_id, y->external_id);
}

// Everything of a thread that must not depend on the order, as text.
static struct str state_of(struct run *run, i64 conversation)
{
    struct desk *d = run->d;
    struct conversation c = desk_get(d, conversation);
    struct message_list messages = desk_messages(d, conversation);
    struct buf out;
    i64 own_at = 0;
    buf_init(&out, d->f->arena, 65536);
    for (size_t i = 0; i < messages.len; i++) {
        own_at = messages.items[i].id == run->own_id ? messages.items[i].created_at : own_at;
    }
    buf_printf(&out, "%.*s spam=%d contact=%.*s %.*s lang=%.*s unread=%lld n=%lld preview=%.*s",
               STR_ARG(c.status), c.spam, STR_ARG(c.contact.name), STR_ARG(c.contact.handle),
               STR_ARG(c.language), (long long)c.unread, (long long)c.message_count, STR_ARG(c.preview));
    put_time(&out, "waiting", c.waiting_since, own_at);
    put_time(&out, "last", c.last_message_at, own_at);
    qsort(messages.items, messages.len, sizeof(messages.items[0]), by_external);
    for (size_t i = 0; i < messages.len; i++) {
        const struct message *m = &messages.items[i];
        buf_printf(&out, "\n%.*s %.*s %.*s %.*s [%.*s] lang=%.*s by=%.*s state=%.*s files=%zu",
                   STR_ARG(bare(run, m->external_id)), STR_ARG(m->direction), STR_ARG(m->kind),
                   STR_ARG(m->origin), STR_ARG(m->text), STR_ARG(m->language), STR_ARG(m->author.name),
                   STR_ARG(m->send_state), m->attachments.len);
        put_time(&out, "at", m->created_at, own_at);
        put_time(&out, "edited", m->edited_at, own_at);
        put_time(&out, "deleted", m->deleted_at, own_at);
    }
    return buf_str(&out);
}

static void shuffle(struct run *run)
{
    for (size_t i = 0; i < run->history->len; i++) {
        run->order[i] = i;
    }
    for (size_t i = run->history->len; i > 1; i--) {
        size_t k = draw(i);
        size_t swap = run->order[i - 1];
        run->order[i - 1] = run->order[k];
        run->order[k] = swap;
    }
}

static i64 thread_of(struct run *run)
{
    struct fixture *f = run->d->f;
    struct conn *conn = db_take(f->db);
    i64 id;
    CHECK_OK(
        db_one_i64(conn, &SQL_check_thread,
                   DB_ARGS(db_i64(run->d->workspace), db_i64(run->d->channel), db_str(named(run, "t", 0))),
                   &id, &f->err));
    db_give(f->db, conn);
    return id;
}

static void describe_order(const struct run *run)
{
    for (size_t i = 0; i < run->history->len; i++) {
        const struct history_step *s = &run->history->steps[run->order[i]];
        printf("  %s m%d at=%d%s%s [%s]\n",
               s->kind == STEP_FINISH
                   ? "finish"
                   : (const char *[]){"created", "edited", "deleted", "delivered", "read"}[s->type],
               s->message, s->at, s->out ? " out" : "", s->context ? " context" : "", s->text ? s->text : "");
    }
}

static struct str one_permutation(struct desk *d, const struct history *history, int h, int p)
{
    struct fixture *f = d->f;
    struct run run = {.d = d, .history = history, .number = p, .arena = f->arena};
    run.prefix = str_printf(f->arena, "%02d-%02d-", h, p);
    shuffle(&run);
    if (p == 0) {
        for (size_t i = 0; i < history->len; i++) {
            run.order[i] = i;
        }
    }
    if (history->has_own) { // somebody asked and was answered before all this
        CHECK_OK(db_write(f->db, WRITE_INTAKE, apply_first, &run, &f->err));
        run.own_id = desk_writes(d, &d->agent, thread_of(&run), "reply", "Our answer");
        assert_true(run.own_id > 0);
    }
    CHECK_OK(db_write(f->db, WRITE_INTAKE, apply_run, &run, &f->err));
    i64 conversation = thread_of(&run);
    return state_of(&run, conversation);
}

static void count_rows(struct desk *d, const struct sql *sql, const char *what)
{
    struct fixture *f = d->f;
    struct rows *rows;
    size_t n = 0;
    struct conn *conn = db_take(f->db);
    CHECK_OK(db_query(conn, sql, DB_NO_ARGS, &rows, &f->err));
    while (rows_next(rows)) {
        if (n++ < 5) {
            print_error("%s: workspace %lld, %.*s, %lld, %lld, %lld, %lld\n", what,
                        (long long)row_i64(rows, 0), STR_ARG(row_str(rows, 1, f->arena)),
                        (long long)row_i64(rows, 2), (long long)row_i64(rows, 3), (long long)row_i64(rows, 4),
                        (long long)row_i64(rows, 5));
        }
    }
    CHECK_OK(rows_end(rows, &f->err));
    db_give(f->db, conn);
    assert_int_equal(n, 0);
}

// What is derived (cells, waiting, the tags' copies of the key) is what the rows say.
static void check_derived(struct desk *d)
{
    count_rows(d, &SQL_check_counts, "count cell");
    count_rows(d, &SQL_check_waiting, "waiting_since");
    count_rows(d, &SQL_check_tag_keys, "tag key");
}

static void any_order_of_events_ends_in_the_same_state(void **state)
{
    struct desk d = desk_make(state);
    for (int h = 0; h < HISTORIES; h++) {
        struct history history = make_history();
        struct str first = STR_NONE;
        for (int p = 0; p < PERMUTATIONS; p++) {
            struct str is = one_permutation(&d, &history, h, p);
            first = p == 0 ? is : first;
            if (!str_eq(first, is)) {
                struct run run = {.history = &history};
                print_error("history %d, permutation %d:\n%.*s\ninstead of\n%.*s\n", h, p, STR_ARG(is),
                            STR_ARG(first));
                for (size_t i = 0; i < history.len; i++) {
                    run.order[i] = i;
                }
                describe_order(&run);
                fail();
            }
        }
    }
    check_derived(&d);
    desk_end(&d);
}

// ---- Repeats and races ------------------------------------------------------------------------------

static void a_repeated_event_makes_one_message(void **state)
{
    struct desk d = desk_make(state);
    for (int i = 0; i < 5; i++) {
        desk_says(&d, "m1", "t1", "Hello", 1);
    }
    for (int i = 0; i < 5; i++) { // and five more in one batch
        desk_put(&d,
                 "{\"type\":\"message.created\",\"id\":\"m1\",\"thread\":\"t1\",\"author\":{\"id\":\"u1\"},"
                 "\"text\":\"Hello\",\"created_at\":\"2026-11-01T10:00:01Z\"}");
    }
    assert_int_equal(desk_take_in(&d), 5);
    clock_test_shift((i64)30 * 24 * 3600 * 1000);
    desk_says(&d, "m1", "t1", "Hello", 1);
    clock_test_shift(-(i64)30 * 24 * 3600 * 1000);
    struct conversation_list found = desk_find(&d, &d.owner, "is:any");
    assert_int_equal(found.len, 1);
    assert_int_equal(found.items[0].message_count, 1);
    assert_int_equal(found.items[0].unread, 1);
    assert_int_equal(desk_messages(&d, found.items[0].id).len, 1);
    assert_int_equal(desk_events(&d, "message.created"), 1);
    check_derived(&d);
    desk_end(&d);
}

enum { CONTACTS = 25, RACERS = 8, EACH = 8 };
struct racer {
    struct desk *d;
    int number, contact, at_once;
    i64 failed;
    pthread_barrier_t *start;
};

// Odd racers send two at a time: batches look ahead, single events do not.
static bool race_write(struct tx *tx, void *arg, struct err *err)
{
    struct racer *r = arg;
    struct inbound_list events = {};
    for (int i = 0; i < r->at_once; i++) {
        int n = r->number + i;
        *list_push(&events, tx->arena) =
            (struct inbound){.type = INBOUND_CREATED,
                             .external_id = str_printf(tx->arena, "c%d-m%d", r->contact, n),
                             .thread_key = str_printf(tx->arena, "c%d", r->contact),
                             .author_id = str_printf(tx->arena, "c%d", r->contact),
                             .author_name = S("New"),
                             .text = S("Hello"),
                             .at = BASE + n};
    }
    return intake_apply(tx, r->d->workspace, r->d->channel, S("custom"), &events, err);
}

static void *race(void *arg)
{
    struct racer *r = arg;
    for (r->contact = 0; r->contact < CONTACTS; r->contact++) {
        pthread_barrier_wait(r->start);
        for (int i = 0; i < EACH; i += r->at_once, r->number += r->at_once) {
            struct err err = {};
            if (!db_write(r->d->f->db, WRITE_INTAKE, race_write, r, &err)) {
                print_error("%s\n", err.text);
                r->failed++;
            }
        }
    }
    return NULL;
}

static void many_first_messages_at_once_make_one_contact_and_one_conversation(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    pthread_t threads[RACERS];
    struct racer racers[RACERS];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, RACERS);
    for (int i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.d = &d, .number = i * 1000, .at_once = 1 + i % 2, .start = &start};
        pthread_create(&threads[i], NULL, race, &racers[i]);
    }
    i64 failed = 0;
    for (int i = 0; i < RACERS; i++) {
        pthread_join(threads[i], NULL);
        failed += racers[i].failed;
    }
    assert_int_equal(failed, 0);
    struct conversation_list found = desk_find(&d, &d.owner, "is:open");
    assert_int_equal(found.len, CONTACTS);
    for (size_t i = 0; i < found.len; i++) {
        assert_int_equal(found.items[i].message_count, RACERS * EACH);
        assert_int_equal(found.items[i].unread, RACERS * EACH);
        for (size_t k = 0; k < i; k++) {
            assert_int_not_equal(found.items[i].contact.id, found.items[k].contact.id);
        }
    }
    struct conn *conn = db_take(f->db);
    i64 contacts;
    CHECK_OK(db_one_i64(conn, &SQL_check_contacts, DB_ARGS(db_i64(d.workspace)), &contacts, &f->err));
    db_give(f->db, conn);
    assert_int_equal(contacts, CONTACTS);
    check_derived(&d);
    pthread_barrier_destroy(&start);
    desk_end(&d);
}

// ---- Quarantine -------------------------------------------------------------------------------------

struct inbound_row {
    i64 id;
    struct str state, error, body;
    i64 attempts;
};
static const struct field inbound_row_fields[] = {
    FIELD(inbound_row, FIELD_I64, id, 0),       FIELD(inbound_row, FIELD_STR, state, 0),
    FIELD(inbound_row, FIELD_STR, error, 0),    FIELD(inbound_row, FIELD_STR, body, 0),
    FIELD(inbound_row, FIELD_I64, attempts, 0), FIELD_END,
};
static const struct type inbound_row_type = {"InboundRow", inbound_row_fields, sizeof(struct inbound_row)};
struct inbound_rows {
    struct inbound_row *items;
    size_t len, cap;
};

static struct inbound_rows raw_rows(struct desk *d)
{
    struct fixture *f = d->f;
    struct inbound_rows out = {};
    struct rows *rows;
    struct conn *conn = db_take(f->db);
    CHECK_OK(db_query(conn, &SQL_check_inbound, DB_ARGS(db_i64(d->workspace)), &rows, &f->err));
    while (rows_next(rows)) {
        struct inbound_row *row = list_push(&out, f->arena);
        row_fill(rows, &inbound_row_type, row, f->arena);
        row->body = row_blob(rows, 3, f->arena);
    }
    CHECK_OK(rows_end(rows, &f->err));
    db_give(f->db, conn);
    return out;
}

static void a_body_that_is_no_json_is_quarantined_and_stops_nobody(void **state)
{
    struct desk d = desk_make(state);
    desk_put(&d, "{\"type\":\"message.created\",\"id\":");
    desk_says(&d, "m1", "t1", "I am fine", 1);
    struct inbound_rows rows = raw_rows(&d);
    assert_int_equal(rows.len, 2);
    assert_true(str_eq(rows.items[0].state, S("quarantined")));
    assert_true(str_eq(rows.items[0].body, S("{\"type\":\"message.created\",\"id\":")));
    assert_true(rows.items[0].error.len > 0);
    assert_true(str_eq(rows.items[1].state, S("done")));
    assert_int_equal(desk_find(&d, &d.owner, "is:open").len, 1);
    assert_int_equal(desk_events(&d, "inbound.quarantined"), 1);
    desk_end(&d);
}

static void one_unreadable_event_of_a_list_is_set_aside_alone(void **state)
{
    struct desk d = desk_make(state);
    desk_hear(&d, "[{\"type\":\"message.created\",\"id\":\"m1\",\"thread\":\"t1\",\"author\":{\"id\":\"u1\"},"
                  "\"text\":\"One\",\"created_at\":\"2026-11-01T10:00:01Z\"},"
                  "{\"type\":\"message.created\",\"id\":7,\"thread\":\"t1\"},"
                  "{\"type\":\"message.created\",\"id\":\"m2\",\"thread\":\"t1\",\"author\":{\"id\":\"u1\"},"
                  "\"text\":\"Two\",\"created_at\":\"2026-11-01T10:00:02Z\"}]");
    struct inbound_rows rows = raw_rows(&d);
    assert_int_equal(rows.len, 2);
    assert_true(str_eq(rows.items[0].state, S("done")));
    assert_true(str_eq(rows.items[1].state, S("quarantined")));
    assert_true(str_find(rows.items[1].body, S("\"id\":7")) > 0);
    struct conversation_list found = desk_find(&d, &d.owner, "is:any");
    assert_int_equal(found.len, 1);
    assert_int_equal(found.items[0].message_count, 2);
    desk_end(&d);
}

static bool quarantine_retry(struct tx *tx, void *arg, struct err *err)
{
    struct desk *d = arg;
    return db_exec(tx->conn, &SQL_check_requeue, DB_ARGS(db_i64(d->workspace)), NULL, err);
}

static bool break_channel(struct tx *tx, void *arg, struct err *err)
{
    struct desk *d = arg;
    return db_exec(tx->conn, &SQL_check_set_kind, DB_ARGS(db_str(S("unheard_of")), db_i64(d->workspace)),
                   NULL, err);
}

static bool mend_channel(struct tx *tx, void *arg, struct err *err)
{
    struct desk *d = arg;
    return db_exec(tx->conn, &SQL_check_set_kind, DB_ARGS(db_str(S("custom")), db_i64(d->workspace)), NULL,
                   err);
}

static void after_three_failed_attempts_a_row_waits_for_a_person_and_can_be_repeated(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    CHECK_OK(db_write(f->db, WRITE_PEOPLE, break_channel, &d, &f->err));
    desk_says(&d, "m1", "t1", "Hello", 1);
    struct inbound_row row = raw_rows(&d).items[0];
    assert_true(str_eq(row.state, S("waiting")));
    assert_int_equal(row.attempts, 1);
    desk_take_in(&d);
    assert_int_equal(raw_rows(&d).items[0].attempts, 2);
    desk_take_in(&d);
    row = raw_rows(&d).items[0];
    assert_true(str_eq(row.state, S("quarantined")));
    assert_true(str_find(row.error, S("unheard_of")) > 0);
    assert_int_equal(desk_take_in(&d), 0);
    CHECK_OK(db_write(f->db, WRITE_PEOPLE, mend_channel, &d, &f->err));
    for (int i = 0; i < 2; i++) { // by hand, as often as wanted
        CHECK_OK(db_write(f->db, WRITE_PEOPLE, quarantine_retry, &d, &f->err));
        desk_take_in(&d);
        assert_true(str_eq(raw_rows(&d).items[0].state, S("done")));
    }
    assert_int_equal(desk_find(&d, &d.owner, "is:open").len, 1);
    desk_end(&d);
}

static bool count_attempt(struct tx *tx, void *arg, struct err *err)
{
    struct desk_raw *raw = arg;
    return db_exec(
        tx->conn, &SQL_intake_attempt,
        DB_ARGS(db_i64(raw->desk->workspace), db_str(str_printf(tx->arena, "[%lld]", (long long)raw->id))),
        NULL, err);
}

static void a_row_that_ended_the_process_three_times_takes_no_other_along(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    struct desk_raw raw = {.desk = &d};
    raw.id = desk_put(
        &d, "{\"type\":\"message.created\",\"id\":\"m0\",\"thread\":\"t0\",\"author\":{\"id\":\"u\"},"
            "\"text\":\"x\",\"created_at\":\"2026-11-01T10:00:00Z\"}");
    for (int i = 0; i < 3; i++) { // attempts that were counted and never came to an end
        CHECK_OK(db_write(f->db, WRITE_INTAKE, count_attempt, &raw, &f->err));
    }
    desk_says(&d, "m1", "t1", "I am fine", 1);
    struct inbound_rows rows = raw_rows(&d);
    assert_true(str_eq(rows.items[0].state, S("quarantined")));
    assert_true(str_eq(rows.items[1].state, S("done")));
    desk_end(&d);
}

// ---- Single rules -----------------------------------------------------------------------------------

static void a_channel_that_floods_waits_for_itself_alone(void **state)
{
    struct desk d = desk_make(state);
    char body[512];
    i64 quiet = desk_add_channel(&d, "Quiet");
    for (int i = 0; i < 1000; i++) {
        snprintf(body, sizeof(body),
                 "{\"type\":\"message.created\",\"id\":\"f%d\",\"thread\":\"t%d\",\"author\":{\"id\":\"u1\","
                 "\"name\":\"Mari\"},\"text\":\"flood\",\"created_at\":\"2026-11-01T10:00:00.000Z\"}",
                 i, i % 3);
        desk_put(&d, body);
    }
    d.channel = quiet;
    desk_put(
        &d, "{\"type\":\"message.created\",\"id\":\"q1\",\"thread\":\"q\",\"author\":{\"id\":\"u2\",\"name\":"
            "\"Kai\"},\"text\":\"quiet\",\"created_at\":\"2026-11-01T10:00:00.000Z\"}");

    assert_int_equal(desk_take_in(&d), 1001);

    struct conversation_list found = desk_find(&d, &d.owner, "is:any");
    i64 position = 0;
    for (size_t i = 0; i < found.len; i++) {
        if (found.items[i].channel_id == quiet) // numbers are given in the order of work
            position = desk_messages(&d, found.items[i].id).items[0].id;
    }
    assert_in_range(position, 1, 300);
    desk_end(&d);
}

static void a_message_that_comes_late_is_put_in_its_place_and_flagged(void **state)
{
    struct desk d = desk_make(state);
    desk_says(&d, "m2", "t1", "Second", 20);
    desk_says(&d, "m1", "t1", "First", 10);
    desk_says(&d, "m3", "t1", "Third", 30);
    struct conversation c = desk_find(&d, &d.owner, "is:any").items[0];
    struct message_list messages = desk_messages(&d, c.id);
    assert_int_equal(messages.len, 3);
    assert_true(str_eq(messages.items[0].text, S("First")));
    assert_true(messages.items[0].late);
    assert_false(messages.items[1].late);
    assert_false(messages.items[2].late);
    assert_true(str_eq(c.preview, S("Third")));
    assert_int_equal(c.waiting_since, messages.items[0].created_at);
    desk_end(&d);
}

static void an_echo_by_our_own_number_is_our_answer_and_a_customers_equal_id_is_not(void **state)
{
    struct desk d = desk_make(state);
    char body[512];
    desk_says(&d, "m1", "t1", "Question", 1);
    i64 conversation = desk_find(&d, &d.owner, "is:any").items[0].id;
    i64 own = desk_writes(&d, &d.agent, conversation, "reply", "Answer");
    snprintf(body, sizeof(body),
             "{\"type\":\"message.created\",\"id\":\"%lld\",\"thread\":\"t1\",\"direction\":\"out\","
             "\"author\":{\"id\":\"shop\"},\"text\":\"Answer\",\"created_at\":\"2026-11-24T10:00:00Z\"}",
             (long long)own);
    desk_hear(&d, body);
    struct message_list messages = desk_messages(&d, conversation);
    assert_int_equal(messages.len, 2);
    assert_true(str_eq(messages.items[1].send_state, S("sent")));
    // A customer's message in another thread that happens to have the same number.
    snprintf(body, sizeof(body),
             "{\"type\":\"message.created\",\"id\":\"%lld\",\"thread\":\"t2\","
             "\"author\":{\"id\":\"u9\"},\"text\":\"Mine\",\"created_at\":\"2026-11-24T10:00:00Z\"}",
             (long long)own);
    desk_hear(&d, body);
    snprintf(body, sizeof(body),
             "{\"type\":\"receipt.read\",\"id\":\"%lld\",\"thread\":\"t1\",\"at\":\"2026-11-24T10:00:05Z\"}",
             (long long)own);
    desk_hear(&d, body);
    messages = desk_messages(&d, conversation);
    assert_true(str_eq(messages.items[1].send_state, S("read")));
    assert_int_equal(desk_find(&d, &d.owner, "is:any").len, 2);
    assert_int_equal(desk_find(&d, &d.owner, "is:unanswered").len, 1);
    check_derived(&d);
    desk_end(&d);
}

struct merging {
    struct desk *desk;
    i64 message;
    pthread_barrier_t reached;
    bool told;
    struct err err;
};

// What the sender writes when the network answered, on a slow day.
static bool merge_slowly(struct tx *tx, void *arg, struct err *err)
{
    struct merging *m = arg;
    struct timespec a_while = {0, 300000000};
    if (!message_merge_echo(tx, m->desk->workspace, m->desk->channel, m->message, S("net-1"), STR_NONE,
                            err)) {
        return false;
    }
    if (!m->told) {
        m->told = true;
        pthread_barrier_wait(&m->reached);
    }
    nanosleep(&a_while, NULL);
    return true;
}

static void *merge_in_a_thread(void *arg)
{
    struct merging *m = arg;
    return db_write(m->desk->f->db, WRITE_PEOPLE, merge_slowly, m, &m->err) ? m : NULL;
}

static void a_receipt_that_comes_while_our_answer_gets_its_id_is_not_lost(void **state)
{
    struct desk d = desk_make(state);
    desk_says(&d, "m1", "t1", "Question", 1);
    i64 conversation = desk_find(&d, &d.owner, "is:any").items[0].id;
    struct merging m = {.desk = &d, .message = desk_writes(&d, &d.agent, conversation, "reply", "Answer")};
    pthread_t thread;
    void *merged = NULL;
    pthread_barrier_init(&m.reached, NULL, 2);
    pthread_create(&thread, NULL, merge_in_a_thread, &m);
    pthread_barrier_wait(&m.reached);
    desk_hear(&d, "[{\"type\":\"receipt.delivered\",\"id\":\"net-1\",\"thread\":\"t1\","
                  "\"at\":\"2026-11-24T10:00:05Z\"},"
                  "{\"type\":\"receipt.delivered\",\"id\":\"other\",\"thread\":\"t1\","
                  "\"at\":\"2026-11-24T10:00:05Z\"}]");
    pthread_join(thread, &merged);
    assert_non_null(merged);
    struct message_list messages = desk_messages(&d, conversation);
    assert_true(str_eq(messages.items[1].send_state, S("delivered")));
    check_derived(&d);
    pthread_barrier_destroy(&m.reached);
    desk_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(any_order_of_events_ends_in_the_same_state),
        ON_BOTH(a_repeated_event_makes_one_message),
        ON_BOTH(many_first_messages_at_once_make_one_contact_and_one_conversation),
        ON_BOTH(a_body_that_is_no_json_is_quarantined_and_stops_nobody),
        ON_BOTH(one_unreadable_event_of_a_list_is_set_aside_alone),
        ON_BOTH(after_three_failed_attempts_a_row_waits_for_a_person_and_can_be_repeated),
        ON_BOTH(a_row_that_ended_the_process_three_times_takes_no_other_along),
        ON_BOTH(a_channel_that_floods_waits_for_itself_alone),
        ON_BOTH(a_message_that_comes_late_is_put_in_its_place_and_flagged),
        ON_BOTH(a_receipt_that_comes_while_our_answer_gets_its_id_is_not_lost),
        ON_BOTH(an_echo_by_our_own_number_is_our_answer_and_a_customers_equal_id_is_not),
    };
    return cmocka_run_group_tests_name("intake", tests, NULL, NULL);
}
