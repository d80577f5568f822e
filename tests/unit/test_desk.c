// SPDX-License-Identifier: AGPL-3.0-or-later
// Conversations and messages as people use them: what comes in is listed, answered, tagged, closed; who
// may not see it finds nothing; what changes nothing leaves no trace.
#include "desk_fixture.h"

static void a_message_becomes_a_conversation_is_listed_answered_and_logged(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    desk_says(&d, "m1", "t1", "Where is my order?", 1);
    struct conversation_list found = desk_find(&d, &d.agent, "is:unanswered");
    assert_int_equal(found.len, 1);
    struct conversation c = found.items[0];
    assert_true(str_eq(c.preview, S("Where is my order?")));
    assert_true(str_eq(c.contact.name, S("Mari")));
    assert_true(str_eq(c.contact.handle, S("@mari")));
    assert_true(str_eq(c.status, S("open")));
    assert_int_equal(c.unread, 1);
    assert_int_equal(c.message_count, 1);
    assert_true(c.waiting_since > 0);
    assert_int_equal(c.urgent_at, c.waiting_since + 4 * 3600 * 1000);
    i64 reply = desk_writes(&d, &d.agent, c.id, "reply", "It is on its way.");
    assert_true(reply > 0);
    c = desk_get(&d, c.id);
    assert_int_equal(c.waiting_since, 0);
    assert_int_equal(c.urgent_at, 0);
    assert_int_equal(c.unread, 0);
    assert_true(str_eq(c.preview, S("It is on its way.")));
    struct message_list messages = desk_messages(&d, c.id);
    assert_int_equal(messages.len, 2);
    assert_true(str_eq(messages.items[0].author.kind, S("customer")));
    assert_int_equal(messages.items[0].author.id, c.contact.id);
    assert_true(str_eq(messages.items[1].send_state, S("queued")));
    assert_true(str_eq(messages.items[1].author.name, S("Anna Agent")));
    assert_true(str_eq(messages.items[1].reply_to, S("m1")));
    assert_int_equal(desk_find(&d, &d.agent, "is:unanswered").len, 0);
    assert_int_equal(desk_events(&d, "conversation.created"), 1);
    assert_int_equal(desk_events(&d, "message.created"), 2);
    struct buf json;
    buf_init(&json, f->arena, 65536);
    struct json_writer w = json_writer(&json);
    conversation_encode(&w, &c);
    assert_true(str_find(buf_str(&json), S("\"assignee\":null")) > 0);
    assert_true(str_find(buf_str(&json), S("\"urgent_at\":null")) > 0);
    desk_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_message_becomes_a_conversation_is_listed_answered_and_logged),
    };
    return cmocka_run_group_tests_name("desk", tests, NULL, NULL);
}
