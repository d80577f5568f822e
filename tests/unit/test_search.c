// SPDX-License-Identifier: AGPL-3.0-or-later
// The full-text index as a reader of the log: what it learns and unlearns, how it is built anew, and
// that what people type is only ever words.
#include "query_world.h"
#include <fcntl.h>

struct searching {
    struct search *search;
    struct query_names names;
};

static void begin(struct fixture *f, struct searching *s)
{
    *s = (struct searching){0};
    CHECK_OK(search_open(f->db, &s->search, &f->err));
    world_index(f, s->search);
}

static struct query_hits found(struct fixture *f, i64 workspace, struct str q, struct query_page page,
                               bool *ret_more)
{
    struct conn *conn = db_take(f->db);
    struct query_names names;
    const struct query *query;
    struct query_hits hits = {0};
    CHECK_OK(query_names_load(conn, workspace, f->arena, &names, &f->err));
    struct query_context context = {.workspace_id = workspace,
                                    .now = WORLD_NOW,
                                    .names = &names,
                                    .all_channels = true,
                                    .all_teams = true};
    CHECK_OK(query_parse(q, f->arena, &query, &f->err));
    CHECK_OK(query_run(conn, query, &context, &page, f->arena, &hits, ret_more, &f->err));
    db_give(f->db, conn);
    return hits;
}

// All pages: a slow machine makes them short.
static size_t count(struct fixture *f, i64 workspace, const char *q)
{
    struct query_page page = {.sort = SORT_NEWEST, .limit = 100};
    size_t n = 0;
    for (bool more = true; more;) {
        struct query_hits hits = found(f, workspace, str_from(q), page, &more);
        n += hits.len;
        page.after_key = hits.next_key;
        page.after_id = hits.next_id;
    }
    return n;
}

static void make_event(struct fixture *f, const char *message_ids)
{
    char sql[400];
    snprintf(
        sql, sizeof(sql),
        f->kind == DB_SQLITE
            ? "INSERT INTO event (workspace_id, at, kind, message_id) SELECT 1, 1, 'x', id FROM message "
              "WHERE id IN (%s)"
            : "INSERT INTO event (epoch, workspace_id, at, kind, message_id) SELECT 1, 1, 1, 'x', id FROM "
              "message WHERE id IN (%s)",
        message_ids);
    world_run(f, sql);
}

static void make_base(struct fixture *f)
{
    struct buf out;
    buf_init(&out, f->arena, 1 << 20);
    world_people(&out, 1);
    world_people(&out, 2);
    for (int i = 1; i <= 4; i++)
        buf_printf(&out,
                   "INSERT INTO conversation (id, workspace_id, channel_id, channel_kind, kind, thread_key, "
                   "visibility, "
                   "created_at, updated_at) VALUES (%d, %d, %d, 'custom', 'dm', 't%d', 'public', 1, 1);\n",
                   i, i == 4 ? 2 : 1, i == 4 ? 20 : 10, i);
    world_run(f, str_cstr(f->arena, buf_str(&out)));
}

static void say(struct fixture *f, int id, int conversation, const char *text)
{
    struct buf out;
    char number[16];
    buf_init(&out, f->arena, 4 << 20);
    buf_printf(&out,
               "INSERT INTO message (id, workspace_id, conversation_id, channel_id, direction, kind, "
               "visibility, origin, "
               "created_at, received_at, text) VALUES (%d, %d, %d, 10, 'in', 'message', 'public', "
               "'customer', 1, 1, ",
               id, conversation == 4 ? 2 : 1, conversation);
    world_quote(&out, str_from(text));
    buf_add(&out, S(")"));
    world_run(f, str_cstr(f->arena, buf_str(&out)));
    snprintf(number, sizeof(number), "%d", id);
    make_event(f, number);
}

static void edit(struct fixture *f, int id, const char *text, bool gone)
{
    struct buf out;
    char number[16];
    buf_init(&out, f->arena, 1 << 20);
    buf_printf(&out,
               "BEGIN; INSERT INTO message_version SELECT workspace_id, id, version, text, 9 FROM message "
               "WHERE id = %d; "
               "UPDATE message SET version = version + 1, deleted_at = %s, text = ",
               id, gone ? "9" : "NULL");
    world_quote(&out, str_from(text));
    buf_printf(&out, " WHERE id = %d; COMMIT;", id);
    world_run(f, str_cstr(f->arena, buf_str(&out)));
    snprintf(number, sizeof(number), "%d", id);
    make_event(f, number);
}

static void new_messages_edits_and_deletions_are_followed(void **state)
{
    struct fixture *f = *state;
    struct searching s;
    make_base(f);
    begin(f, &s);

    say(f, 1, 1, "the parcel is lost");
    say(f, 2, 1, "parcel again");
    world_index(f, s.search);
    assert_int_equal(count(f, 1, "parcel"), 1);
    assert_int_equal(count(f, 1, "\"parcel is lost\""), 1);

    edit(f, 1, "the refund is late", false);
    assert_int_equal(count(f, 1, "refund"), 0); // not yet indexed
    world_index(f, s.search);
    assert_int_equal(count(f, 1, "refund"), 1);
    assert_int_equal(count(f, 1, "lost"), 0);
    assert_int_equal(count(f, 1, "parcel"), 1);

    // Two changes before the index looks.
    edit(f, 2, "neither", false);
    edit(f, 2, "nor", false);
    world_index(f, s.search);
    assert_int_equal(count(f, 1, "parcel OR neither"), 0);
    assert_int_equal(count(f, 1, "nor"), 1);

    edit(f, 2, "", true);
    edit(f, 1, "", true);
    world_index(f, s.search);
    assert_int_equal(count(f, 1, "nor OR refund OR the"), 0);
    edit(f, 1, "back again", false);
    world_index(f, s.search);
    assert_int_equal(count(f, 1, "back"), 1);
    search_close(s.search);
}

static void a_change_of_state_alone_is_not_a_change_of_text(void **state)
{
    struct fixture *f = *state;
    struct searching s;
    make_base(f);
    begin(f, &s);
    say(f, 1, 1, "parcel");
    world_index(f, s.search);

    world_run(f, "UPDATE message SET version = version + 3 WHERE id = 1");
    make_event(f, "1");
    world_index(f, s.search);
    edit(f, 1, "refund", false);
    world_index(f, s.search);

    assert_int_equal(count(f, 1, "parcel"), 0);
    assert_int_equal(count(f, 1, "refund"), 1);
    search_close(s.search);
}

static void a_row_that_went_away_is_not_found_any_more(void **state)
{
    struct fixture *f = *state;
    struct searching s;
    make_base(f);
    begin(f, &s);
    say(f, 1, 1, "the answer");
    say(f, 2, 2, "its echo");
    world_index(f, s.search);
    assert_int_equal(count(f, 1, "echo"), 1);
    make_event(f, "2");
    world_run(f, "DELETE FROM message WHERE id = 2");
    world_index(f, s.search);
    assert_int_equal(count(f, 1, "echo"), 0);
    assert_int_equal(count(f, 1, "answer"), 1);
    search_close(s.search);
}

static void events_that_come_twice_do_nothing_twice(void **state)
{
    struct fixture *f = *state;
    struct searching s;
    make_base(f);
    begin(f, &s);
    say(f, 1, 1, "parcel");
    make_event(f, "1");
    world_index(f, s.search);
    make_event(f, "1");
    world_index(f, s.search);
    edit(f, 1, "", true);
    make_event(f, "1");
    world_index(f, s.search);

    assert_int_equal(count(f, 1, "parcel"), 0);
    search_close(s.search);
}

static void workspaces_do_not_see_each_other(void **state)
{
    struct fixture *f = *state;
    struct searching s;
    make_base(f);
    begin(f, &s);
    say(f, 1, 1, "parcel");
    say(f, 2, 4, "secret parcel");
    world_index(f, s.search);

    assert_int_equal(count(f, 1, "parcel"), 1);
    assert_int_equal(count(f, 1, "secret"), 0);
    assert_int_equal(count(f, 2, "secret"), 1);
    assert_int_equal(count(f, 2, "-secret"), 0);
    search_close(s.search);
}

static void what_was_there_before_the_index_is_filled_in(void **state)
{
    struct fixture *f = *state;
    struct search *search;
    struct search_state before, after;
    make_base(f);
    struct buf out;
    buf_init(&out, f->arena, 8 << 20);
    buf_add(&out, S("BEGIN;\n"));
    for (int i = 1; i <= 9000; i++)
        buf_printf(&out,
                   "INSERT INTO message (id, workspace_id, conversation_id, channel_id, direction, kind, "
                   "visibility, origin, "
                   "created_at, received_at, text) VALUES (%d, 1, %d, 10, 'in', 'message', 'public', "
                   "'customer', 1, 1, "
                   "'number w%d');\n",
                   i * 3, 1 + i % 3, i);
    buf_add(&out, S("COMMIT;\n"));
    world_run(f, str_cstr(f->arena, buf_str(&out)));

    CHECK_OK(search_open(f->db, &search, &f->err));
    search_state(search, &before);
    i64 n;
    CHECK_OK(search_step(search, &n, &f->err));
    assert_int_equal(count(f, 1, "w9000"), 1); // the newest come first
    assert_int_equal(count(f, 1, "w1"), 0);
    world_index(f, search);
    search_state(search, &after);

    assert_true(before.indexing && before.done == 0 && before.total == 27000);
    assert_true(!after.indexing && after.done == after.total);
    assert_int_equal(count(f, 1, "w1"), 1);
    assert_int_equal(count(f, 1, "number"), 3);
    search_close(search);
}

static void a_long_message_is_found_to_its_end(void **state)
{
    struct fixture *f = *state;
    struct searching s;
    struct buf text;
    make_base(f);
    begin(f, &s);
    buf_init(&text, f->arena, 4 << 20);
    for (int i = 0; i < 30000; i++)
        buf_printf(&text, i % 3 ? "no " : "w%d ", i);
    for (int i = 0; i < 3000; i++)
        buf_add(&text, S("가"));
    buf_add(&text, S(" the very end"));
    say(f, 1, 1, str_cstr(f->arena, buf_str(&text)));
    world_index(f, s.search);

    assert_int_equal(count(f, 1, "\"no no w29997 no no 가가\""), 1);
    assert_int_equal(count(f, 1, "\"가 the very end\""), 1);
    assert_int_equal(count(f, 1, "\"w9 no no w12 no no w15 no no w18\""), 1);
    assert_int_equal(count(f, 1, "\"w9 no no w15\""), 0);
    for (int i = 0; i < 30000 - 9; i += 501) {
        char q[80];
        snprintf(q, sizeof(q), "\"w%d no no w%d no no w%d\"", i / 3 * 3, i / 3 * 3 + 3, i / 3 * 3 + 6);
        assert_int_equal(count(f, 1, q), 1);
    }
    edit(f, 1, "short", false);
    world_index(f, s.search);
    assert_int_equal(count(f, 1, "w9 OR no OR 가"), 0);
    search_close(s.search);
}

// What FTS5, tsquery, SQL and our own language could take for more than words.
static const char *const HOSTILE[] = {
    "\"",    "'",        "*",           "^",    "NEAR(", "NEAR/3", "AND", "OR",         "NOT",
    "(",     ")",        ":",           "-",    "+",     "{",      "}",   "tokens:",    "search_text",
    "<->",   "<2>",      "&",           "|",    "!",     ":*",     "\\",  "\\\\",       ";--",
    "%",     "_",        "' OR 1=1 --", "\"\"", "$1",    "?1",     ":x",  "@workspace", "@now",
    "1:the", "2:secret", "/*",          "*/",   "rank",  "parcel", "the", "배송",       "好",
    "\x1e",  "\x1f",     "\x01",        "a\tb", "\n",    "is:open"};

static void whatever_is_typed_is_taken_literally(void **state)
{
    struct fixture *f = *state;
    struct searching s;
    struct query_item items[5] = {0};
    make_base(f);
    begin(f, &s);
    say(f, 1, 1, "the parcel AND tokens:the NEAR(the parcel)");
    say(f, 2, 2, "x OR 1=1 -- ; 배송 好");
    say(f, 3, 3, "1:the");
    say(f, 4, 4, "secret");
    world_index(f, s.search);
    struct conn *conn = db_take(f->db);
    for (i64 id = 1; id <= 3; id++)
        CHECK_OK(query_item_load(conn, 1, id, f->arena, &items[id], &f->err));
    world_seed();

    for (int i = 0; i < 1000; i++) { // on each database
        struct arena *arena = arena_take();
        struct buf raw, q;
        buf_init(&raw, arena, 4096);
        buf_init(&q, arena, 4096);
        for (u32 n = 1 + world_random(5); n > 0; n--) {
            buf_add(&raw, str_from(HOSTILE[world_random(ARRAY_LEN(HOSTILE))]));
            buf_add(&raw, world_random(2) ? S(" ") : S(""));
        }
        buf_add_char(&q, '"');
        for (size_t k = 0; k < raw.len; k++) {
            if (raw.ptr[k] == '"' || raw.ptr[k] == '\\')
                buf_add_char(&q, '\\');
            buf_add_char(&q, raw.ptr[k]);
        }
        buf_add_char(&q, '"');
        struct query_context context = {
            .workspace_id = 1, .now = WORLD_NOW, .all_channels = true, .all_teams = true};
        struct query_page page = {.sort = (enum query_sort)world_random(4), .limit = 50};
        const struct query *query;
        struct query_hits hits = {0};
        bool more;
        CHECK_OK(query_parse(buf_str(&q), arena, &query, &f->err));
        CHECK_OK(query_run(conn, query, &context, &page, arena, &hits, &more, &f->err));
        assert_false(more);
        for (i64 id = 1; id <= 3; id++) {
            bool hit = false;
            for (size_t k = 0; k < hits.len; k++)
                hit |= hits.items[k].id == id;
            if (hit != query_match(query, &context, &items[id], arena))
                fail_msg("%.*s and conversation %lld", STR_ARG(buf_str(&q)), (long long)id);
        }
        for (size_t k = 0; k < hits.len; k++)
            assert_in_range(hits.items[k].id, 1, 3);
        // Without the quotes it is a query or an error with a position, never anything else.
        if (query_parse(buf_str(&raw), arena, &query, &f->err))
            CHECK_OK(query_run(conn, query, &context, &page, arena, &hits, &more, &f->err));
        else
            assert_true(f->err.code == ERR_SYNTAX && f->err.position >= 0);
        arena_give(arena);
    }
    db_give(f->db, conn);
    search_close(s.search);
}

enum { CROWD = 400, CROWD_MESSAGES = 6000 };

// A word that is everywhere: pages follow each other from its newest message back, none twice.
static void a_common_word_is_read_from_the_newest_back(void **state)
{
    struct fixture *f = *state;
    struct searching s;
    struct buf out;
    i64 newest[CROWD + 10] = {0};
    make_base(f);
    world_state = 7;
    buf_init(&out, f->arena, 8 << 20);
    buf_add(&out, S("BEGIN;\n"));
    for (int i = 10; i < CROWD + 10; i++)
        buf_printf(&out,
                   "INSERT INTO conversation (id, workspace_id, channel_id, channel_kind, kind, thread_key, "
                   "visibility, "
                   "created_at, updated_at, status) VALUES (%d, 1, 10, 'custom', 'dm', 't%d', 'public', 1, "
                   "1, '%s');\n",
                   i, i, i % 7 ? "open" : "closed");
    for (int i = 1; i <= CROWD_MESSAGES; i++) {
        int conversation = 10 + (int)world_random(CROWD);
        bool has = world_random(3) != 0 && i != 3;
        buf_printf(&out,
                   "INSERT INTO message (id, workspace_id, conversation_id, channel_id, direction, kind, "
                   "visibility, origin, "
                   "created_at, received_at, text) VALUES (%d, 1, %d, 10, 'in', 'message', 'public', "
                   "'customer', 1, 1, '%s');\n",
                   i * 50, conversation,
                   has      ? "the word"
                   : i == 3 ? "needle"
                            : "another");
        if (has)
            newest[conversation] = i * 50;
    }
    buf_add(&out, S("COMMIT;\n"));
    world_run(f, str_cstr(f->arena, buf_str(&out)));
    begin(f, &s);

    static const char *const queries[] = {"the", "the word", "the is:open", "the -is:closed -nothing",
                                          "the -another"};
    for (size_t k = 0; k < ARRAY_LEN(queries); k++) {
        bool seen[CROWD + 10] = {0};
        struct query_page page = {.sort = SORT_NEWEST, .limit = 37};
        i64 last = INT64_MAX;
        size_t n = 0;
        for (bool more = true; more;) {
            struct query_hits hits = found(f, 1, str_from(queries[k]), page, &more);
            for (size_t i = 0; i < hits.len; i++, n++) {
                i64 id = hits.items[i].id;
                assert_false(seen[id]);
                seen[id] = true;
                assert_true(newest[id] > 0 && newest[id] < last);
                last = newest[id];
            }
            page.after_key = hits.next_key;
            page.after_id = hits.next_id;
        }
        size_t wanted = 0;
        for (int i = 10; i < CROWD + 10; i++)
            wanted += newest[i] > 0 && (!strstr(queries[k], "is:") || i % 7);
        if (!strstr(queries[k], "another"))
            assert_int_equal(n, wanted);
    }
    assert_int_equal(count(f, 1, "needle"), 1);
    search_close(s.search);
}

static void reopen(struct fixture *f, struct searching *s)
{
    search_close(s->search);
    fixture_close(f);
    fixture_open(f);
    begin(f, s);
}

static void an_index_that_is_ahead_of_the_log_is_built_anew(void **state)
{
    struct fixture *f = *state;
    struct searching s;
    make_base(f);
    begin(f, &s);
    say(f, 1, 1, "parcel");
    say(f, 2, 1, "refund");
    world_index(f, s.search);

    // The database comes back from before the second message: the index knows too much.
    world_run(f, "DELETE FROM message WHERE id = 2; DELETE FROM event WHERE message_id = 2;");
    reopen(f, &s);

    assert_int_equal(count(f, 1, "refund"), 0);
    assert_int_equal(count(f, 1, "parcel"), 1);
    search_close(s.search);
}

static void a_log_that_has_forgotten_is_noticed(void **state)
{
    struct fixture *f = *state;
    struct searching s;
    make_base(f);
    begin(f, &s);
    say(f, 1, 1, "parcel");
    world_index(f, s.search);

    search_close(s.search);
    say(f, 2, 1, "refund");
    say(f, 3, 1, "late");
    world_run(f, "DELETE FROM event WHERE message_id < 3;");
    begin(f, &s);

    assert_int_equal(count(f, 1, "refund"), 1);
    search_close(s.search);
}

// The log is pruned by its age while the index, of the same process, was held up.
static void a_log_that_forgets_while_the_index_lags_is_noticed(void **state)
{
    struct fixture *f = *state;
    struct searching s;
    make_base(f);
    begin(f, &s);
    say(f, 1, 1, "parcel");
    world_index(f, s.search);

    say(f, 2, 1, "refund");
    say(f, 3, 1, "late");
    world_run(f, "DELETE FROM event WHERE message_id < 3;");
    world_index(f, s.search);
    assert_int_equal(count(f, 1, "refund"), 1);

    say(f, 4, 1, "broken");
    world_run(f, "DELETE FROM event;");
    world_index(f, s.search);
    assert_int_equal(count(f, 1, "broken"), 1);
    assert_int_equal(count(f, 1, "parcel"), 1);

    // An empty log in which nothing was missed is no reason to begin anew.
    i64 n;
    CHECK_OK(search_step(s.search, &n, &f->err));
    assert_int_equal(n, 0);
    search_close(s.search);
}

static void spoil(struct fixture *f, off_t at, size_t n)
{
    char path[128], noise[4096];
    snprintf(path, sizeof(path), "%s/search.db", f->dir);
    memset(noise, 0x5a, sizeof(noise));
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    for (; n > 0; n -= sizeof(noise), at += (off_t)sizeof(noise))
        assert_int_equal(pwrite(fd, noise, sizeof(noise), at), sizeof(noise));
    close(fd);
}

static void a_bad_file_is_built_anew(void **state)
{
    struct fixture *f = *state;
    for (int kind = 0; kind < 3; kind++) {
        struct searching s;
        char path[128];
        if (kind == 0)
            make_base(f);
        begin(f, &s);
        if (kind == 0) {
            for (int i = 1; i < 200; i++)
                say(f, i, 1 + i % 3, "parcel");
            world_index(f, s.search);
        }
        search_close(s.search);
        fixture_close(f);
        snprintf(path, sizeof(path), "%s/search.db", f->dir);
        if (kind == 0)
            spoil(f, 0, 4096); // not a database
        else if (kind == 1)
            spoil(f, 4096, 16384); // damaged inside
        else
            unlink(path);

        fixture_open(f);
        begin(f, &s);
        assert_int_equal(count(f, 1, "parcel"), 3);
        search_close(s.search);
    }
}

// The file is damaged while readers have it open: a search fails once, then it is built anew under them.
static void damage_while_running_heals(void **state)
{
    struct fixture *f = *state;
    struct searching s;
    make_base(f);
    begin(f, &s);
    struct buf text;
    buf_init(&text, f->arena, 1 << 20);
    for (int i = 0; i < 20000; i++)
        buf_printf(&text, "word%d ", i);
    say(f, 1, 1, str_cstr(f->arena, buf_str(&text)));
    say(f, 2, 2, "parcel");
    world_index(f, s.search);
    assert_int_equal(count(f, 1, "parcel"), 1);
    world_run(f, "SELECT 1");
    char path[128];
    snprintf(path, sizeof(path), "%s/search.db", f->dir);
    sqlite3 *handle;
    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    sqlite3_exec(handle, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
    sqlite3_close(handle);
    spoil(f, 8192, 40960);

    struct conn *conn = db_take(f->db);
    struct query_context context = {.workspace_id = 1, .now = 1, .all_channels = true, .all_teams = true};
    struct query_page page = {.sort = SORT_NEWEST, .limit = 50};
    for (int i = 0; i < 5; i++) {
        const struct query *query;
        struct query_hits hits = {0};
        bool more;
        CHECK_OK(query_parse(i % 2 ? S("parcel") : S("word*"), f->arena, &query, &f->err));
        (void)!query_run(conn, query, &context, &page, f->arena, &hits, &more, &f->err);
    }
    db_give(f->db, conn);
    for (int i = 0; i < 5; i++) {
        i64 n;
        (void)!search_step(s.search, &n, &f->err);
    }
    world_index(f, s.search);

    assert_int_equal(count(f, 1, "parcel"), 1);
    assert_int_equal(count(f, 1, "word19999"), 1);
    search_close(s.search);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(new_messages_edits_and_deletions_are_followed),
        ON_BOTH(a_change_of_state_alone_is_not_a_change_of_text),
        ON_BOTH(a_row_that_went_away_is_not_found_any_more),
        ON_BOTH(events_that_come_twice_do_nothing_twice),
        ON_BOTH(workspaces_do_not_see_each_other),
        ON_BOTH(what_was_there_before_the_index_is_filled_in),
        ON_BOTH(a_long_message_is_found_to_its_end),
        ON_BOTH(whatever_is_typed_is_taken_literally),
        ON_BOTH(a_common_word_is_read_from_the_newest_back),
        ON_SQLITE(an_index_that_is_ahead_of_the_log_is_built_anew),
        ON_SQLITE(a_log_that_has_forgotten_is_noticed),
        ON_SQLITE(a_log_that_forgets_while_the_index_lags_is_noticed),
        ON_SQLITE(a_bad_file_is_built_anew),
        ON_SQLITE(damage_while_running_heals),
    };
    search_register();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
