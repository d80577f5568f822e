// SPDX-License-Identifier: AGPL-3.0-or-later
// Conversations and messages as people use them: what comes in is listed, answered, tagged, closed; who
// may not see it finds nothing; what changes nothing leaves no trace.
#include "desk/together.h"
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

// ---- Helpers ----------------------------------------------------------------------------------------

static i64 first_conversation(struct desk *d, const char *thread)
{
    char id[64];
    snprintf(id, sizeof(id), "first-%s", thread);
    desk_says(d, id, thread, "Where is my order?", 1);
    struct fixture *f = d->f;
    struct conn *conn = db_take(f->db);
    i64 found;
    CHECK_OK(db_one_i64(conn, &SQL_check_thread,
                        DB_ARGS(db_i64(d->workspace), db_i64(d->channel), db_str(str_from(thread))), &found,
                        &f->err));
    db_give(f->db, conn);
    return found;
}

static void check_empty(struct desk *d, const struct sql *sql)
{
    struct fixture *f = d->f;
    struct rows *rows;
    struct conn *conn = db_take(f->db);
    CHECK_OK(db_query(conn, sql, DB_NO_ARGS, &rows, &f->err));
    if (rows_next(rows)) {
        print_error("%s: %lld %.*s %lld %lld %lld %lld\n", sql->name, (long long)row_i64(rows, 0),
                    STR_ARG(row_str(rows, 1, f->arena)), (long long)row_i64(rows, 2),
                    (long long)row_i64(rows, 3), (long long)row_i64(rows, 4), (long long)row_i64(rows, 5));
        fail();
    }
    CHECK_OK(rows_end(rows, &f->err));
    db_give(f->db, conn);
}

static void check_derived(struct desk *d)
{
    check_empty(d, &SQL_check_counts);
    check_empty(d, &SQL_check_waiting);
    check_empty(d, &SQL_check_tag_keys);
}

static i64 count_of(struct desk *d, const struct actor *actor, const char *folder)
{
    struct fixture *f = d->f;
    struct folder_counts counts = {};
    struct conn *conn = db_take(f->db);
    CHECK_OK(conversation_counts(conn, actor, f->arena, &counts, &f->err));
    db_give(f->db, conn);
    for (size_t i = 0; i < counts.len; i++) {
        if (str_eq(counts.items[i].folder, str_from(folder))) {
            return counts.items[i].n;
        }
    }
    return 0;
}

struct acting { // one call on a message or conversation, as a write
    const struct actor *actor;
    i64 workspace, id;
    const char *what, *word;
    i64 n;
    struct message out;
};

static bool act_write(struct tx *tx, void *arg, struct err *err)
{
    struct acting *a = arg;
    if (strcmp(a->what, "state") == 0) {
        return message_set_state(tx, a->workspace, a->id, str_from(a->word), STR_NONE, err);
    }
    if (strcmp(a->what, "like") == 0) {
        return message_like(tx, a->actor, a->id, a->n != 0, &a->out, err);
    }
    if (strcmp(a->what, "delete") == 0) {
        return message_delete(tx, a->actor, a->id, &a->out, err);
    }
    if (strcmp(a->what, "resolve") == 0) {
        return message_resolve(tx, a->actor, a->id, str_from(a->word), &a->out, err);
    }
    if (strcmp(a->what, "read") == 0) {
        return conversation_mark_read(tx, a->actor, a->id, err);
    }
    if (strcmp(a->what, "wake") == 0) {
        return conversation_wake(tx, &a->n, err);
    }
    if (strcmp(a->what, "invite") == 0) {
        return collaborator_set(tx, a->actor, a->id, a->n, true, err);
    }
    if (strcmp(a->what, "leave_team") == 0) {
        return conversation_leave_team(tx, a->workspace, a->id, err);
    }
    if (strcmp(a->what, "team") == 0) {
        return db_exec(tx->conn, &SQL_check_make_team,
                       DB_ARGS(db_i64(a->workspace), db_i64(a->id), db_i64(tx->now)), NULL, err);
    }
    if (strcmp(a->what, "outbox") == 0) {
        return db_exec(tx->conn, &SQL_check_set_outbox,
                       DB_ARGS(db_str(str_from(a->word)), db_i64(a->workspace), db_i64(a->id)), NULL, err);
    }
    if (strcmp(a->what, "channel") == 0) {
        return channel_set_state(tx, a->workspace, a->id, str_from(a->word), S("The shop closed."), err);
    }
    return err_set(err, ERR_INTERNAL, "unknown act %s", a->what);
}

static bool act(struct desk *d, const struct actor *actor, const char *what, i64 id, const char *word, i64 n,
                struct acting *out)
{
    struct acting a = {
        .actor = actor, .workspace = d->workspace, .id = id, .what = what, .word = word, .n = n};
    memset(&d->f->err, 0, sizeof(d->f->err));
    bool ok = db_write(d->f->db, WRITE_PEOPLE, act_write, &a, &d->f->err);
    if (out) {
        *out = a;
    }
    return ok;
}

#define REFUSED(d, expr, code_, field_)                                                                      \
    do {                                                                                                     \
        assert_false(expr);                                                                                  \
        assert_int_equal((d).f->err.code, code_);                                                            \
        assert_string_equal((d).f->err.field, field_);                                                       \
    } while (0)

// ---- Changing a conversation ------------------------------------------------------------------------

static void a_patch_assigns_tags_and_prioritises_and_a_repeat_leaves_no_trace(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    i64 id = first_conversation(&d, "t1");
    const char *patch = str_cstr(
        f->arena,
        str_printf(f->arena,
                   "{\"assignee_id\":%lld,\"priority\":\"urgent\",\"tags\":[\"Refund\",\"late\",\"REFUND\"]}",
                   (long long)d.agent.agent_id));
    CHECK_OK(desk_patch(&d, &d.agent, id, patch));
    struct conversation c = desk_get(&d, id);
    assert_true(str_eq(c.assignee.name, S("Anna Agent")));
    assert_int_equal(c.tags.len, 2);
    assert_true(str_eq(c.tags.items[0], S("late")));
    assert_true(str_eq(c.tags.items[1], S("Refund")));
    assert_int_equal(c.urgent_at, c.waiting_since + 15 * 60 * 1000);
    assert_int_equal(desk_find(&d, &d.agent, "tag:refund assigned:me").len, 1);
    assert_int_equal(count_of(&d, &d.agent, "mine"), 1);
    assert_int_equal(count_of(&d, &d.owner, "mine"), 0);
    assert_int_equal(count_of(&d, &d.agent, "unassigned"), 0);
    size_t events = desk_events(&d, NULL);
    CHECK_OK(desk_patch(&d, &d.agent, id, patch));
    assert_int_equal(desk_events(&d, NULL), events);
    assert_int_equal(desk_get(&d, id).version, c.version);
    CHECK_OK(desk_patch(&d, &d.agent, id, "{\"tags\":[],\"assignee_id\":null}"));
    c = desk_get(&d, id);
    assert_int_equal(c.tags.len, 0);
    assert_int_equal(c.assignee.id, 0);
    check_derived(&d);
    desk_end(&d);
}

static void a_bad_patch_names_its_field_and_changes_nothing(void **state)
{
    struct desk d = desk_make(state);
    i64 id = first_conversation(&d, "t1");
    size_t events = desk_events(&d, NULL);
    REFUSED(d, desk_patch(&d, &d.agent, id, "{\"status\":\"asleep\"}"), ERR_INVALID, "status");
    REFUSED(d, desk_patch(&d, &d.agent, id, "{\"status\":\"snoozed\"}"), ERR_INVALID, "snoozed_until");
    REFUSED(
        d,
        desk_patch(&d, &d.agent, id, "{\"status\":\"snoozed\",\"snoozed_until\":\"2020-01-01T00:00:00Z\"}"),
        ERR_INVALID, "snoozed_until");
    REFUSED(d, desk_patch(&d, &d.agent, id, "{\"snoozed_until\":\"2030-01-01T00:00:00Z\"}"), ERR_INVALID,
            "snoozed_until");
    REFUSED(d, desk_patch(&d, &d.agent, id, "{\"assignee_id\":999}"), ERR_INVALID, "assignee_id");
    REFUSED(d, desk_patch(&d, &d.agent, id, "{\"team_id\":999}"), ERR_INVALID, "team_id");
    REFUSED(d, desk_patch(&d, &d.agent, id, "{\"priority\":\"meh\"}"), ERR_INVALID, "priority");
    REFUSED(d, desk_patch(&d, &d.agent, id, "{\"tags\":[\"ok\",\" \"]}"), ERR_INVALID, "tags.1");
    REFUSED(d, desk_patch(&d, &d.agent, id, "{\"colour\":1}"), ERR_INVALID, "colour");
    REFUSED(d, desk_patch(&d, &d.agent, 999, "{\"status\":\"closed\"}"), ERR_NOT_FOUND, "");
    assert_int_equal(desk_events(&d, NULL), events);
    desk_end(&d);
}

static void closing_ends_waiting_and_a_new_message_opens_again(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    i64 id = first_conversation(&d, "t1");
    assert_int_equal(count_of(&d, &d.agent, "unanswered"), 1);
    CHECK_OK(desk_patch(&d, &d.agent, id, "{\"status\":\"closed\"}"));
    struct conversation c = desk_get(&d, id);
    assert_int_equal(c.waiting_since, 0);
    assert_true(c.closed_at > 0);
    assert_int_equal(c.unread, 0);
    assert_int_equal(count_of(&d, &d.agent, "unanswered"), 0);
    assert_int_equal(count_of(&d, &d.agent, "closed"), 1);
    desk_says(&d, "m2", "t1", "Still nothing!", 60);
    c = desk_get(&d, id);
    assert_true(str_eq(c.status, S("open")));
    assert_int_equal(c.closed_at, 0);
    struct message_list messages = desk_messages(&d, id);
    assert_int_equal(c.waiting_since, messages.items[1].created_at); // the first one was dealt with
    CHECK_OK(desk_patch(&d, &d.agent, id, "{\"status\":\"closed\"}"));
    assert_int_equal(desk_get(&d, id).waiting_since, 0);
    CHECK_OK(desk_patch(&d, &d.agent, id, "{\"status\":\"open\"}"));
    // Taken back: who had no answer before waits again, what the first closing dealt with does not.
    assert_int_equal(desk_get(&d, id).waiting_since, messages.items[1].created_at);
    check_derived(&d);
    desk_end(&d);
}

static void taking_a_closing_back_brings_the_question_back(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    i64 id = first_conversation(&d, "t1");
    struct conversation before = desk_get(&d, id);
    for (int i = 0; i < 2; i++) { // undone twice, it is there twice
        CHECK_OK(desk_patch(&d, &d.agent, id, "{\"status\":\"closed\"}"));
        assert_int_equal(count_of(&d, &d.agent, "unanswered"), 0);
        CHECK_OK(desk_patch(&d, &d.agent, id, "{\"status\":\"open\"}"));
        struct conversation c = desk_get(&d, id);
        assert_int_equal(c.waiting_since, before.waiting_since);
        assert_int_equal(c.urgent_at, before.urgent_at);
        assert_int_equal(count_of(&d, &d.agent, "unanswered"), 1);
    }
    // Once answered there is nothing to bring back.
    assert_true(desk_writes(&d, &d.agent, id, "reply", "On its way.") > 0);
    CHECK_OK(desk_patch(&d, &d.agent, id, "{\"status\":\"closed\"}"));
    CHECK_OK(desk_patch(&d, &d.agent, id, "{\"status\":\"open\"}"));
    assert_int_equal(desk_get(&d, id).waiting_since, 0);
    check_derived(&d);
    desk_end(&d);
}

static void a_snooze_ends_by_itself_or_by_a_message(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    struct acting a;
    i64 id = first_conversation(&d, "t1");
    struct str until = clock_format(f->arena, clock_now() + 60000);
    const char *patch = str_cstr(f->arena, str_printf(f->arena,
                                                      "{\"status\":\"snoozed\",\"snoozed_until\":\"" STR_FMT
                                                      "\",\"tags\":[\"x\"]}",
                                                      STR_ARG(until)));
    CHECK_OK(desk_patch(&d, &d.agent, id, patch));
    assert_int_equal(count_of(&d, &d.agent, "snoozed"), 1);
    assert_int_equal(count_of(&d, &d.agent, "unanswered"), 0);
    check_derived(&d);
    CHECK_OK(act(&d, &d.agent, "wake", 0, "", 0, &a));
    assert_int_equal(a.n, 0);
    clock_test_shift(61000);
    CHECK_OK(act(&d, &d.agent, "wake", 0, "", 0, &a));
    clock_test_shift(-61000);
    assert_int_equal(a.n, 1);
    struct conversation c = desk_get(&d, id);
    assert_true(str_eq(c.status, S("open")));
    assert_int_equal(c.snoozed_until, 0);
    assert_true(c.waiting_since > 0); // it waited all the while
    CHECK_OK(desk_patch(&d, &d.agent, id, patch));
    desk_says(&d, "m2", "t1", "Hello?", 60);
    assert_true(str_eq(desk_get(&d, id).status, S("open")));
    check_derived(&d);
    desk_end(&d);
}

static void spam_is_in_its_own_folder_only(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    i64 id = first_conversation(&d, "t1");
    CHECK_OK(desk_patch(&d, &d.agent, id, "{\"spam\":true,\"tags\":[\"ad\"]}"));
    assert_int_equal(count_of(&d, &d.agent, "spam"), 1);
    assert_int_equal(count_of(&d, &d.agent, "open"), 0);
    check_derived(&d);
    CHECK_OK(desk_patch(&d, &d.agent, id, "{\"spam\":false}"));
    assert_int_equal(count_of(&d, &d.agent, "open"), 1);
    check_derived(&d);
    desk_end(&d);
}

// ---- Who waits --------------------------------------------------------------------------------------

static void only_an_answer_that_stands_ends_waiting(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    i64 id = first_conversation(&d, "t1");
    i64 since = desk_get(&d, id).waiting_since;
    assert_true(desk_writes(&d, &d.agent, id, "note", "I will look into it") > 0);
    assert_int_equal(desk_get(&d, id).waiting_since, since);
    i64 reply = desk_writes(&d, &d.agent, id, "reply", "Soon");
    assert_int_equal(desk_get(&d, id).waiting_since, 0);
    CHECK_OK(act(&d, &d.agent, "state", reply, "failed", 0, NULL));
    assert_int_equal(desk_get(&d, id).waiting_since, since); // nobody heard it
    check_derived(&d);
    CHECK_OK(act(&d, &d.agent, "outbox", reply, "failed", 0, NULL));
    CHECK_OK(act(&d, &d.agent, "resolve", reply, "send_again", 0, NULL));
    assert_int_equal(desk_get(&d, id).waiting_since, 0);
    CHECK_OK(act(&d, &d.agent, "state", reply, "sent", 0, NULL));
    CHECK_OK(act(&d, &d.agent, "state", reply, "failed", 0, NULL)); // never down from sent
    assert_int_equal(desk_get(&d, id).waiting_since, 0);
    desk_says(&d, "m2", "t1", "And now?", 60);
    assert_int_equal(desk_get(&d, id).waiting_since, since + 59000);
    desk_hear(&d, "{\"type\":\"message.created\",\"id\":\"e1\",\"thread\":\"t1\",\"direction\":\"out\","
                  "\"author\":{\"id\":\"shop\"},"
                  "\"text\":\"From the phone\",\"created_at\":\"2026-11-01T10:01:00Z\"}");
    assert_int_equal(desk_get(&d, id).waiting_since, 0);
    desk_hear(
        &d, "{\"type\":\"message.deleted\",\"id\":\"e1\",\"thread\":\"t1\",\"at\":\"2026-11-01T10:02:00Z\"}");
    assert_int_equal(desk_get(&d, id).waiting_since, since + 59000);
    desk_hear(
        &d, "{\"type\":\"message.deleted\",\"id\":\"m2\",\"thread\":\"t1\",\"at\":\"2026-11-01T10:02:00Z\"}");
    assert_int_equal(desk_get(&d, id).waiting_since, 0); // nothing unanswered is left
    assert_int_equal(count_of(&d, &d.agent, "unanswered"), 0);
    check_derived(&d);
    desk_end(&d);
}

static void an_answer_in_doubt_waits_for_a_decision(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    struct acting a;
    i64 id = first_conversation(&d, "t1");
    i64 reply = desk_writes(&d, &d.agent, id, "reply", "Soon");
    REFUSED(d, act(&d, &d.agent, "resolve", reply, "sent", 0, NULL), ERR_CONFLICT, "");
    REFUSED(d, act(&d, &d.agent, "resolve", reply, "maybe", 0, NULL), ERR_INVALID, "decision");
    CHECK_OK(act(&d, &d.agent, "outbox", reply, "held", 0, NULL));
    CHECK_OK(act(&d, &d.agent, "state", reply, "in_doubt", 0, NULL));
    REFUSED(d, act(&d, &d.agent, "delete", reply, "", 0, NULL), ERR_CONFLICT, "");
    CHECK_OK(act(&d, &d.agent, "resolve", reply, "sent", 0, &a));
    assert_true(str_eq(a.out.send_state, S("sent")));
    i64 other = desk_writes(&d, &d.agent, id, "reply", "Never mind");
    CHECK_OK(act(&d, &d.agent, "resolve", other, "cancel", 0, &a));
    assert_true(str_eq(a.out.send_state, S("cancelled")));
    assert_true(str_eq(desk_get(&d, id).preview, S("Soon"))); // a cancelled one is not shown
    check_derived(&d);
    desk_end(&d);
}

static void reading_sets_unread_to_zero_once(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    i64 id = first_conversation(&d, "t1");
    desk_says(&d, "m2", "t1", "Two", 2);
    desk_says(&d, "m3", "t1", "Three", 3);
    assert_int_equal(desk_get(&d, id).unread, 3);
    desk_hear(
        &d, "{\"type\":\"message.deleted\",\"id\":\"m2\",\"thread\":\"t1\",\"at\":\"2026-11-01T10:02:00Z\"}");
    assert_int_equal(desk_get(&d, id).unread, 2);
    CHECK_OK(act(&d, &d.agent, "read", id, "", 0, NULL));
    assert_int_equal(desk_get(&d, id).unread, 0);
    size_t events = desk_events(&d, NULL);
    CHECK_OK(act(&d, &d.agent, "read", id, "", 0, NULL));
    assert_int_equal(desk_events(&d, NULL), events);
    assert_int_equal(desk_events(&d, "conversation.read"), 1);
    desk_hear(
        &d, "{\"type\":\"message.deleted\",\"id\":\"m3\",\"thread\":\"t1\",\"at\":\"2026-11-01T10:02:00Z\"}");
    assert_int_equal(desk_get(&d, id).unread, 0);
    desk_end(&d);
}

// ---- Writing ----------------------------------------------------------------------------------------

static void what_the_network_would_refuse_is_refused_before_anything_is_stored(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    i64 id = first_conversation(&d, "t1");
    size_t events = desk_events(&d, NULL);
    char *longer = arena_alloc(f->arena, 30000);
    memset(longer, 'a', 29999);
    REFUSED(d, desk_writes(&d, &d.agent, id, "reply", ""), ERR_INVALID, "text");
    REFUSED(d, desk_writes(&d, &d.agent, id, "reply", " \n\t "), ERR_INVALID, "text");
    REFUSED(d, desk_writes(&d, &d.agent, id, "reply", longer), ERR_INVALID, "text");
    REFUSED(d, desk_writes(&d, &d.agent, id, "note", ""), ERR_INVALID, "text");
    REFUSED(d, desk_writes(&d, &d.agent, 999, "reply", "x"), ERR_NOT_FOUND, "");
    struct desk_reply with_file = {
        .actor = &d.agent, .conversation = id, .draft = {.kind = S("reply"), .text = S("x")}};
    *list_push(&with_file.draft.attachments, f->arena) =
        (struct draft_attachment){.sha256 = S("00"), .name = S(""), .alt = S("")};
    REFUSED(d, db_write(f->db, WRITE_PEOPLE, desk_reply_write, &with_file, &f->err), ERR_INVALID,
            "attachments.0.sha256");
    struct desk_reply to_nothing = {.actor = &d.agent,
                                    .conversation = id,
                                    .draft = {.kind = S("reply"), .text = S("x"), .reply_to = 999}};
    REFUSED(d, db_write(f->db, WRITE_PEOPLE, desk_reply_write, &to_nothing, &f->err), ERR_INVALID,
            "reply_to");
    CHECK_OK(act(&d, &d.owner, "channel", d.channel, "dead", 0, NULL));
    size_t with_channel = desk_events(&d, NULL);
    REFUSED(d, desk_writes(&d, &d.agent, id, "reply", "x"), ERR_CONFLICT, "");
    assert_non_null(strstr(f->err.text, "The shop closed."));
    assert_true(desk_writes(&d, &d.agent, id, "note", "dead, it says") > 0); // notes need no network
    assert_int_equal(desk_events(&d, NULL), with_channel + 1);
    assert_true(with_channel > events);
    desk_end(&d);
}

static void likes_are_ordered_once_and_taken_back_before_they_leave(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    struct acting a;
    i64 id = first_conversation(&d, "t1");
    i64 message = desk_messages(&d, id).items[0].id;
    CHECK_OK(act(&d, &d.agent, "like", message, "", 1, &a));
    assert_true(a.out.liked_at > 0);
    CHECK_OK(act(&d, &d.agent, "like", message, "", 1, &a)); // again: nothing
    CHECK_OK(act(&d, &d.agent, "like", message, "", 0, &a));
    assert_int_equal(a.out.liked_at, 0);
    assert_int_equal(desk_events(&d, "message.liked"), 2);
    struct conn *conn = db_take(f->db);
    i64 open;
    CHECK_OK(db_one_i64(conn, &SQL_check_outbox_open, DB_ARGS(db_i64(d.workspace)), &open, &f->err));
    db_give(f->db, conn);
    assert_int_equal(open, 0);
    i64 reply = desk_writes(&d, &d.agent, id, "reply", "x");
    REFUSED(d, act(&d, &d.agent, "like", reply, "", 1, NULL), ERR_CONFLICT, "");
    desk_end(&d);
}

static void an_own_message_is_deleted_where_it_is(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    struct acting a;
    i64 id = first_conversation(&d, "t1");
    i64 theirs = desk_messages(&d, id).items[0].id;
    i64 note = desk_writes(&d, &d.agent, id, "note", "secret");
    REFUSED(d, act(&d, &d.agent, "delete", theirs, "", 0, NULL), ERR_DENIED, "");
    CHECK_OK(act(&d, &d.agent, "delete", note, "", 0, &a));
    assert_true(a.out.deleted_at > 0);
    assert_int_equal(a.out.text.len, 0);
    i64 early = desk_writes(&d, &d.agent, id, "reply", "too early");
    CHECK_OK(act(&d, &d.agent, "delete", early, "", 0, &a)); // never left
    assert_true(str_eq(a.out.send_state, S("cancelled")));
    assert_true(desk_get(&d, id).waiting_since > 0);
    i64 sent = desk_writes(&d, &d.owner, id, "reply", "sent one");
    CHECK_OK(act(&d, &d.owner, "outbox", sent, "done", 0, NULL));
    CHECK_OK(act(&d, &d.owner, "state", sent, "sent", 0, NULL));
    REFUSED(d, act(&d, &d.agent, "delete", sent, "", 0, NULL), ERR_DENIED, ""); // a colleague's
    CHECK_OK(act(&d, &d.owner, "delete", sent, "", 0, &a));
    assert_int_equal(a.out.deleted_at, 0); // the network has to do it first
    struct conn *conn = db_take(f->db);
    i64 open;
    CHECK_OK(db_one_i64(conn, &SQL_check_outbox_open, DB_ARGS(db_i64(d.workspace)), &open, &f->err));
    db_give(f->db, conn);
    assert_int_equal(open, 1);
    check_derived(&d);
    desk_end(&d);
}

// ---- Who sees what ----------------------------------------------------------------------------------

static void limits_to_channels_and_teams_hide_what_is_not_theirs(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    i64 id = first_conversation(&d, "t1");
    i64 message = desk_messages(&d, id).items[0].id;
    struct actor elsewhere = d.agent;
    i64 other_channel = desk_add_channel(&d, "Other");
    elsewhere.all_channels = false;
    *list_push(&elsewhere.channels, f->arena) = other_channel;
    CHECK_OK(act(&d, &d.owner, "team", 7, "", 0, NULL));
    struct conn *conn = db_take(f->db);
    struct conversation c;
    struct message m;
    assert_false(conversation_get(conn, &elsewhere, id, f->arena, &c, &f->err));
    assert_int_equal(f->err.code, ERR_NOT_FOUND);
    assert_false(message_get(conn, &elsewhere, message, f->arena, &m, &f->err));
    assert_int_equal(f->err.code, ERR_NOT_FOUND);
    struct actor foreign = actor_system(d.workspace + 1);
    assert_false(conversation_get(conn, &foreign, id, f->arena, &c, &f->err));
    assert_int_equal(f->err.code, ERR_NOT_FOUND);
    db_give(f->db, conn);
    REFUSED(d, desk_patch(&d, &elsewhere, id, "{\"status\":\"closed\"}"), ERR_NOT_FOUND, "");
    REFUSED(d, desk_writes(&d, &elsewhere, id, "reply", "x"), ERR_NOT_FOUND, "");
    REFUSED(d, act(&d, &elsewhere, "like", message, "", 1, NULL), ERR_NOT_FOUND, "");
    assert_int_equal(desk_find(&d, &elsewhere, "is:any").len, 0);
    assert_int_equal(count_of(&d, &elsewhere, "open"), 0);
    struct actor teamless = d.agent;
    teamless.all_teams = false;
    assert_int_equal(desk_find(&d, &teamless, "is:any").len, 1);
    CHECK_OK(desk_patch(&d, &teamless, id, "{\"team_id\":7}")); // given away: answered, then out of sight
    assert_int_equal(desk_find(&d, &teamless, "is:any").len, 0);
    assert_int_equal(count_of(&d, &teamless, "open"), 0);
    assert_int_equal(count_of(&d, &d.agent, "open"), 1);
    *list_push(&teamless.teams, f->arena) = 7;
    assert_int_equal(desk_find(&d, &teamless, "is:any").len, 1);
    CHECK_OK(act(&d, &d.owner, "leave_team", 7, "", 0, NULL));
    assert_int_equal(desk_get(&d, id).team.id, 0);
    check_derived(&d);
    desk_end(&d);
}

static void each_role_may_what_it_may(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    i64 id = first_conversation(&d, "t1");
    struct actor viewer = d.agent;
    viewer.role = ROLE_VIEWER;
    struct actor collaborator = d.agent;
    collaborator.role = ROLE_COLLABORATOR;
    struct actor reader = d.owner; // a token for reading
    reader.scopes = SCOPE_READ;
    REFUSED(d, desk_writes(&d, &viewer, id, "note", "x"), ERR_DENIED, "");
    REFUSED(d, desk_patch(&d, &viewer, id, "{\"status\":\"closed\"}"), ERR_DENIED, "");
    REFUSED(d, desk_writes(&d, &collaborator, id, "note", "x"), ERR_DENIED, ""); // not asked in
    CHECK_OK(act(&d, &d.owner, "invite", id, "", d.agent.agent_id, NULL));
    assert_true(desk_writes(&d, &collaborator, id, "note", "x") > 0);
    REFUSED(d, desk_writes(&d, &collaborator, id, "reply", "x"), ERR_DENIED, "");
    REFUSED(d, desk_patch(&d, &collaborator, id, "{\"tags\":[\"x\"]}"), ERR_DENIED, "");
    REFUSED(d, desk_writes(&d, &reader, id, "reply", "x"), ERR_DENIED, "");
    static const enum right rights[] = {MAY_READ, MAY_NOTE,  MAY_REPLY, MAY_TRIAGE,
                                        MAY_LEAD, MAY_ADMIN, MAY_OWN};
    static const enum role least[] = {ROLE_VIEWER, ROLE_COLLABORATOR, ROLE_AGENT, ROLE_AGENT,
                                      ROLE_LEAD,   ROLE_ADMIN,        ROLE_OWNER};
    for (size_t i = 0; i < ARRAY_LEN(rights); i++) {
        for (enum role role = ROLE_NONE; role <= ROLE_OWNER; role++) {
            struct actor actor = {.role = role, .scopes = SCOPE_ALL};
            assert_int_equal(actor_may(&actor, rights[i]), role >= least[i]);
        }
    }
    struct conn *conn = db_take(f->db);
    struct actor nobody;
    assert_false(actor_load(conn, 999, f->arena, &nobody, &f->err));
    assert_int_equal(f->err.code, ERR_UNAUTHENTICATED);
    db_give(f->db, conn);
    desk_end(&d);
}

// ---- A model: anything in any order, and what is derived agrees with the rows ------------------------

static u64 seed = 7;
static u64 draw(u64 below)
{
    u64 z = (seed += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (z ^ (z >> 31)) % below;
}

enum { THREADS = 6, STEPS = 400 };
struct model {
    struct desk *d;
    i64 conversations[THREADS];
    struct id_list replies;
    int messages;
};

static void a_random_patch(struct model *m, i64 id)
{
    struct fixture *f = m->d->f;
    struct str until = clock_format(f->arena, clock_now() + 3600000);
    const char *patches[] = {
        "{\"status\":\"closed\"}",
        "{\"status\":\"open\"}",
        "{\"spam\":true}",
        "{\"spam\":false}",
        "{\"priority\":\"urgent\"}",
        "{\"priority\":\"low\"}",
        "{\"tags\":[\"a\",\"b\"]}",
        "{\"tags\":[\"b\",\"c\"]}",
        "{\"tags\":[]}",
        "{\"team_id\":7}",
        "{\"team_id\":null}",
        "{\"assignee_id\":null}",
        str_cstr(f->arena, str_printf(f->arena, "{\"assignee_id\":%lld}", (long long)m->d->agent.agent_id)),
        str_cstr(f->arena, str_printf(f->arena, "{\"status\":\"snoozed\",\"snoozed_until\":\"" STR_FMT "\"}",
                                      STR_ARG(until))),
    };
    CHECK_OK(desk_patch(m->d, &m->d->agent, id, patches[draw(ARRAY_LEN(patches))]));
}

static void a_random_event(struct model *m, u64 thread)
{
    char body[512];
    int id = (int)draw((u64)m->messages + 2);
    int second = (int)draw(600);
    static const char *const types[] = {"message.edited", "message.deleted", "receipt.read"};
    if (draw(3) > 0) {
        id = ++m->messages;
        snprintf(body, sizeof(body),
                 "{\"type\":\"message.created\",\"id\":\"r%d\",\"thread\":\"t%d\",\"direction\":\"%s\","
                 "\"author\":{\"id\":\"u%d\"},"
                 "\"text\":\"Text %d\",\"created_at\":\"2026-11-01T10:%02d:%02dZ\"}",
                 id, (int)thread, draw(4) ? "in" : "out", (int)draw(3), id, second / 60, second % 60);
    } else {
        snprintf(body, sizeof(body),
                 "{\"type\":\"%s\",\"id\":\"r%d\",\"thread\":\"t%d\",\"text\":\"Edited\",\"at\":\"2026-11-"
                 "01T11:%02d:%02dZ\"}",
                 types[draw(3)], id, (int)thread, second / 60, second % 60);
    }
    desk_hear(m->d, body);
}

static void a_random_step(struct model *m)
{
    static const char *const states[] = {"sending", "sent", "failed", "in_doubt", "cancelled", "queued"};
    struct desk *d = m->d;
    struct fixture *f = d->f;
    u64 thread = draw(THREADS);
    i64 id = m->conversations[thread];
    switch (draw(6)) {
    case 0:
    case 1:
        a_random_event(m, thread);
        break;
    case 2:
        a_random_patch(m, id);
        break;
    case 3:
        *list_push(&m->replies, f->arena) =
            desk_writes(d, &d->agent, id, draw(3) ? "reply" : "note", "Answer");
        break;
    case 4:
        if (m->replies.len > 0) {
            CHECK_OK(act(d, &d->agent, "state", m->replies.items[draw(m->replies.len)],
                         states[draw(ARRAY_LEN(states))], 0, NULL));
        }
        break;
    default:
        CHECK_OK(act(d, &d->agent, "read", id, "", 0, NULL));
    }
}

static void what_is_derived_agrees_with_the_rows_after_anything(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    struct model m = {.d = &d};
    CHECK_OK(act(&d, &d.owner, "team", 7, "", 0, NULL));
    for (int i = 0; i < THREADS; i++) {
        char thread[8];
        snprintf(thread, sizeof(thread), "t%d", i);
        m.conversations[i] = first_conversation(&d, thread);
    }
    for (int i = 0; i < STEPS; i++) {
        a_random_step(&m);
        if (i % 10 == 0) {
            check_derived(&d);
        }
    }
    check_derived(&d);
    desk_end(&d);
}

static struct str whole_file(struct arena *arena, const char *path)
{
    enum { MOST = 256 * 1024 };
    char *bytes = arena_alloc(arena, MOST);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t len = fread(bytes, 1, MOST, file);
    fclose(file);
    return (struct str){bytes, len};
}

static void each_kind_of_event_is_in_the_glossary(void **state)
{
    struct arena *arena = arena_create();
    struct str rest = whole_file(arena, "src/desk/events.h");
    struct str words = whole_file(arena, "docs/words.md");
    size_t kinds = 0;
    (void)state;
    while (str_given(rest)) {
        struct str line = str_cut(rest, '\n', &rest);
        i64 quote = str_find(line, S("\""));
        if (quote < 0 || str_starts(str_trim(line), S("//"))) {
            continue;
        }
        struct str kind = str_cut(str_sub(line, (size_t)quote + 1, line.len), '"', &line);
        if (str_find(words, str_printf(arena, "`" STR_FMT "`", STR_ARG(kind))) < 0) {
            fail_msg("docs/words.md does not say what %.*s is", STR_ARG(kind));
        }
        kinds++;
    }
    assert_true(kinds > 20);
    arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_message_becomes_a_conversation_is_listed_answered_and_logged),
        ON_BOTH(a_patch_assigns_tags_and_prioritises_and_a_repeat_leaves_no_trace),
        ON_BOTH(a_bad_patch_names_its_field_and_changes_nothing),
        ON_BOTH(closing_ends_waiting_and_a_new_message_opens_again),
        ON_BOTH(taking_a_closing_back_brings_the_question_back),
        ON_BOTH(a_snooze_ends_by_itself_or_by_a_message),
        ON_BOTH(spam_is_in_its_own_folder_only),
        ON_BOTH(only_an_answer_that_stands_ends_waiting),
        ON_BOTH(an_answer_in_doubt_waits_for_a_decision),
        ON_BOTH(reading_sets_unread_to_zero_once),
        ON_BOTH(what_the_network_would_refuse_is_refused_before_anything_is_stored),
        ON_BOTH(likes_are_ordered_once_and_taken_back_before_they_leave),
        ON_BOTH(an_own_message_is_deleted_where_it_is),
        ON_BOTH(limits_to_channels_and_teams_hide_what_is_not_theirs),
        ON_BOTH(each_role_may_what_it_may),
        ON_BOTH(what_is_derived_agrees_with_the_rows_after_anything),
        cmocka_unit_test(each_kind_of_event_is_in_the_glossary),
    };
    return cmocka_run_group_tests_name("desk", tests, NULL, NULL);
}
