// SPDX-License-Identifier: AGPL-3.0-or-later
// Pages of a conversation's messages: back from the end, or on from any of them; a message is the same either
// way.
#include "desk_fixture.h"

static void a_page_of_messages_goes_back_in_time_and_keeps_late_flags(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    for (int i = 1; i <= 25; i++) {
        char id[16];
        snprintf(id, sizeof(id), "m%d", i);
        desk_says(&d, id, "t1", id, i * 2);
    }
    desk_says(&d, "late", "t1", "late", 9);
    i64 conversation = desk_find(&d, &d.owner, "is:any").items[0].id;
    struct str cursor = STR_NONE;
    size_t seen = 0, late = 0, pages = 0;
    i64 before = INT64_MAX;
    struct conn *conn = db_take(f->db);
    do {
        struct message_list page = {};
        struct message_start start = {cursor, -1, -1};
        CHECK_OK(message_page(conn, &d.owner, conversation, &start, 10, f->arena, &page, &cursor, &f->err));
        for (size_t i = page.len; i-- > 0;) {
            assert_true(page.items[i].created_at <= before);
            before = page.items[i].created_at;
            late += page.items[i].late;
        }
        seen += page.len;
        pages++;
    } while (str_given(cursor));
    assert_int_equal(seen, 26);
    assert_int_equal(pages, 3);
    assert_int_equal(late, 1);
    assert_false(message_page(conn, &d.owner, conversation, &(struct message_start){S("nonsense"), -1, -1},
                              10, f->arena, &(struct message_list){}, &cursor, &f->err));
    assert_int_equal(f->err.code, ERR_SYNTAX);
    db_give(f->db, conn);
    desk_end(&d);
}

static void a_page_of_messages_goes_on_from_the_first_or_from_any_and_back_from_any(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    for (int i = 1; i <= 25; i++) {
        char id[16];
        snprintf(id, sizeof(id), "m%d", i);
        desk_says(&d, id, "t1", id, i * 2);
    }
    desk_says(&d, "late", "t1", "late", 9);
    i64 conversation = desk_find(&d, &d.owner, "is:any").items[0].id;
    desk_says(&d, "else", "t2", "else", 9);
    struct message_list all = {}, page = {};
    struct message_start start = {STR_NONE, -1, 0};
    size_t late = 0, pages = 0;
    struct conn *conn = db_take(f->db);
    do {
        CHECK_OK(
            message_page(conn, &d.owner, conversation, &start, 10, f->arena, &page, &start.cursor, &f->err));
        for (size_t i = 0; i < page.len; i++) {
            assert_true(all.len == 0 || page.items[i].created_at >= all.items[all.len - 1].created_at);
            *list_push(&all, f->arena) = page.items[i];
            late += page.items[i].late;
        }
        start.from = -1;
        pages++;
    } while (str_given(start.cursor));
    assert_int_equal(all.len, 26);
    assert_int_equal(pages, 3);
    assert_int_equal(late, 1);
    start = (struct message_start){STR_NONE, -1, all.items[20].id};
    CHECK_OK(message_page(conn, &d.owner, conversation, &start, 3, f->arena, &page, &start.cursor, &f->err));
    assert_int_equal(page.items[0].id, all.items[20].id);
    assert_int_equal(page.len, 3);
    assert_true(str_given(start.cursor));
    // The same message is the same, whichever way the page was read.
    struct message_list back = {};
    struct str rest = STR_NONE;
    start = (struct message_start){STR_NONE, all.items[23].id, -1};
    CHECK_OK(message_page(conn, &d.owner, conversation, &start, 3, f->arena, &back, &rest, &f->err));
    for (size_t i = 0; i < 3; i++) {
        struct buf there, here;
        buf_init(&there, f->arena, 65536);
        buf_init(&here, f->arena, 65536);
        struct json_writer w = json_writer(&there);
        message_encode(&w, &page.items[i]);
        w = json_writer(&here);
        message_encode(&w, &back.items[i]);
        assert_true(page.items[i].author.name.len > 0);
        assert_true(str_eq(buf_str(&there), buf_str(&here)));
    }
    // The late one keeps its mark on a page that ends with it, too.
    struct str cursor = STR_NONE;
    start = (struct message_start){STR_NONE, all.items[5].id, -1};
    CHECK_OK(message_page(conn, &d.owner, conversation, &start, 1, f->arena, &page, &cursor, &f->err));
    assert_int_equal(page.items[0].id, all.items[4].id);
    assert_true(page.items[0].late);
    start = (struct message_start){STR_NONE, all.items[3].id, all.items[3].id};
    assert_false(message_page(conn, &d.owner, conversation, &start, 3, f->arena, &page, &cursor, &f->err));
    struct conversation_list both = desk_find(&d, &d.owner, "is:any");
    i64 other = both.items[both.items[0].id == conversation].id;
    start = (struct message_start){STR_NONE, all.items[3].id, -1};
    assert_false(message_page(conn, &d.owner, other, &start, 3, f->arena, &page, &cursor, &f->err));
    assert_string_equal(f->err.field, "before");
    db_give(f->db, conn);
    desk_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_page_of_messages_goes_back_in_time_and_keeps_late_flags),
        ON_BOTH(a_page_of_messages_goes_on_from_the_first_or_from_any_and_back_from_any),
    };
    return cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}
