// SPDX-License-Identifier: AGPL-3.0-or-later
// The Bluesky driver, fed with answers that the real network gave. The whole way over the real network is
// tests/real/bluesky.
#include "bluesky_net.h"

static struct str context(struct str uri, struct str thread_key)
{
    return str_printf(arena, STR_FMT "#" STR_FMT, STR_ARG(uri), STR_ARG(thread_key));
}

// ---- Connecting -----------------------------------------------------------------------------------
static void an_app_password_connects_and_says_who_it_is(void **state)
{
    (void)state;
    struct core c = core(NULL);
    GO(c, channel_bluesky.connect(step));
    assert_int_equal(c.result, STEP_DONE);
    assert_true(str_eq(c.step.account_id, json_str(json_at(net.f, "me"))));
    assert_true(str_eq(c.step.handle, S("@cups.test")));
    const struct json *kept = json_parse(c.session, arena, &err);
    assert_true(str_eq(json_str(json_at(kept, "pds")), S("https://pds.example")));
    assert_true(str_eq(json_str(json_at(kept, "refresh")), S("R.B.C")));
    assert_true(str_find(c.step.facts, S("\"dm\":\"off: this app password may not read direct messages")) >=
                0);
    net.chat = true;
    c = core(NULL);
    GO(c, channel_bluesky.connect(step));
    assert_true(str_eq(c.step.facts, S("{\"dm\":\"on\"}")));
}

static void without_a_document_the_directory_names_the_host(void **state)
{
    (void)state;
    struct core c = core(NULL);
    net.no_did_doc = true;
    GO(c, channel_bluesky.connect(step));
    assert_int_equal(c.result, STEP_DONE);
    assert_true(str_find(c.session, S("https://pds.example")) > 0);
    assert_true(str_starts(net.asked.items[1], S("https://plc.example/did:plc:")));
}

static void a_wrong_app_password_needs_a_person_and_trouble_does_not(void **state)
{
    (void)state;
    struct core c = core(NULL);
    net.password = "another";
    GO(c, channel_bluesky.connect(step));
    assert_int_equal(c.result, STEP_REAUTH);
    assert_true(str_find(str_from(c.step.reason), S("make a new app password")) > 0);
    c = core(NULL);
    net.login_429 = true;
    GO(c, channel_bluesky.connect(step));
    assert_int_equal(c.result, STEP_RETRY);
    assert_int_equal(c.step.retry_at, INT64_C(1795501900000));
    c = core(NULL);
    net.down = true;
    GO(c, channel_bluesky.connect(step));
    assert_int_equal(c.result, STEP_RETRY);
}

// ---- The session ----------------------------------------------------------------------------------
static void an_expired_token_is_refreshed_once_and_the_request_made_again(void **state)
{
    (void)state;
    struct core c = core("old.old.old");
    GO(c, channel_bluesky.health(step));
    assert_int_equal(c.result, STEP_DONE);
    assert_int_equal(net.refreshes, 1);
    assert_int_equal(net.logins, 0);
    assert_int_equal(net.calls, 3); // refused, refreshed, made
    assert_true(str_find(c.session, S("A2.B.C")) > 0);
}

static void a_token_that_will_expire_is_refreshed_before_it_is_used(void **state)
{
    (void)state;
    char token[256];
    struct str middle =
        base64url_encode(arena, str_printf(arena, "{\"exp\":%lld}", (long long)(now / 1000 + 30)));
    snprintf(token, sizeof token, "x.%.*s.y", STR_ARG(middle));
    struct core c = core(token);
    GO(c, channel_bluesky.health(step));
    assert_int_equal(c.result, STEP_DONE);
    assert_int_equal(net.refreshes, 1);
    assert_int_equal(net.calls, 2);
}

static void a_refused_refresh_is_answered_with_the_app_password_once(void **state)
{
    (void)state;
    struct core c = core("old.old.old");
    net.refresh = "changed.x.y";
    GO(c, channel_bluesky.health(step));
    assert_int_equal(c.result, STEP_DONE);
    assert_int_equal(net.logins, 1);
    net.access = "changed.x.y";
    net.password = "revoked";
    c = core("old.old.old");
    GO(c, channel_bluesky.health(step));
    assert_int_equal(c.result, STEP_REAUTH);
    assert_int_equal(net.logins, 2);
}

static void a_session_that_another_renewed_is_taken_over(void **state)
{
    (void)state;
    struct core c = core("old.old.old"), fresh = core("A.B.C");
    c.step.channel = &c.view;
    c.step.arena = arena;
    assert_int_equal(channel_bluesky.health(&c.step), STEP_REQUEST);
    struct net_answer refused = serve(&c.step.request);
    c.step.answer = &refused;
    assert_int_equal(channel_bluesky.health(&c.step), STEP_REQUEST);
    assert_true(c.step.renew);
    c.step.renewed = true; // core: another was quicker
    c.view.session = fresh.view.session;
    c.step.answer = NULL;
    c.step.request = (struct net_request){};
    assert_int_equal(channel_bluesky.health(&c.step), STEP_REQUEST);
    assert_false(c.step.renew);
    struct net_answer good = serve(&c.step.request);
    c.step.answer = &good;
    assert_int_equal(channel_bluesky.health(&c.step), STEP_DONE);
    assert_int_equal(net.refreshes, 0);
}

static void a_refresh_while_the_network_is_down_loses_nothing(void **state)
{
    (void)state;
    struct core c = core("old.old.old");
    net.fail = "refreshSession";
    net.status = 502;
    GO(c, channel_bluesky.health(step));
    assert_int_equal(c.result, STEP_RETRY);
    assert_int_equal(net.logins, 0);
    assert_int_equal(c.session.len, 0);
}

// ---- In -------------------------------------------------------------------------------------------
static void mentions_replies_and_quotes_come_with_their_threads(void **state)
{
    (void)state;
    struct core c = poll_from(S("notifications"), S(""));
    assert_int_equal(c.result, STEP_DONE);
    assert_int_equal(c.step.raw.len, 6);
    assert_false(c.step.more);
    struct inbound_list got = read_raw(&c, S("notifications"));
    struct str root = name("root", "uri"), kim = json_str(json_at(net.f, "kim"));

    const struct inbound *m = find_id(&got, name("mention", "uri"));
    assert_non_null(m);
    assert_true(str_eq(m->thread_key, key(name("mention", "uri"), "kim")));
    assert_true(str_eq(m->author_name, S("김민지")));
    assert_true(str_eq(m->author_handle, S("kim.test")));
    assert_true(str_eq(m->language, S("ko")));
    assert_int_equal(m->attachments.len, 1);
    assert_true(str_starts(m->attachments.items[0].url, S("https://cdn.example/img/feed_fullsize/")));
    assert_true(str_eq(m->attachments.items[0].alt, S("깨진 컵")));
    assert_true(str_eq(m->attachments.items[0].mime, S("image/png")));
    assert_int_equal(m->attachments.items[0].width, 4);

    const struct inbound *a2 = find_id(&got, name("a2", "uri"));
    assert_true(str_eq(a2->thread_key, key(root, "kim")));
    assert_true(str_eq(a2->reply_to, name("b1", "uri")));
    const struct json *extra = json_parse(a2->extra, arena, &err);
    assert_true(str_eq(json_str(json_at(extra, "cid")), name("a2", "cid")));
    assert_true(str_eq(json_str(json_at(extra, "root.uri")), root));
    assert_true(str_eq(json_str(json_at(extra, "root.cid")), name("root", "cid")));

    const struct inbound *b1 = find_id(&got, name("b1", "uri")); // answered in the network's own app
    assert_true(b1->out && !b1->context);
    assert_true(str_eq(b1->thread_key, key(root, "kim")));

    const struct inbound *c1 = find_id(&got, name("c1", "uri")); // another customer below the same post
    assert_true(str_eq(c1->thread_key, key(root, "liisa")));
    const struct inbound *above = find_id(&got, context(root, key(root, "kim")));
    assert_true(above->context && above->out);
    assert_true(str_eq(above->thread_key, key(root, "kim")));
    assert_null(find_id(&got, root)); // our own first post is nobody's answer

    const struct inbound *help = find_id(&got, name("help", "uri"));
    assert_true(str_eq(help->text, S("@cups.test can you help?\nhttps://shop.example/warranty")));
    const struct inbound *other =
        find_id(&got, context(name("other", "uri"), key(name("other", "uri"), "liisa")));
    assert_true(other->context && !other->out); // somebody else's post, which was not for us
    assert_true(str_eq(other->author_id, kim));

    struct str quote_key = key(name("quote", "uri"), "kim");
    const struct inbound *quoted = find_id(&got, context(root, quote_key)); // shown there too
    assert_true(str_eq(quoted->text, S("New cups today!")));
    assert_true(str_eq(quoted->thread_key, quote_key));
    assert_true(str_eq(find_id(&got, name("quote", "uri"))->thread_key, key(name("quote", "uri"), "kim")));
}

static void what_was_seen_is_not_stored_again_and_what_is_new_is(void **state)
{
    (void)state;
    struct core c = poll_from(S("notifications"), S(""));
    struct core again = poll_from(S("notifications"), c.step.cursor);
    assert_int_equal(again.step.raw.len, 0);
    assert_true(str_eq(again.step.cursor, c.step.cursor));
    net.extra = 2;
    struct core more = poll_from(S("notifications"), c.step.cursor);
    assert_int_equal(more.step.raw.len, 2);
    assert_int_equal(poll_from(S("notifications"), more.step.cursor).step.raw.len, 0);
}

static void after_a_long_downtime_every_page_is_walked_and_nothing_skipped(void **state)
{
    (void)state;
    struct core c = poll_from(S("notifications"), S(""));
    size_t stored = 0;
    int runs = 0;
    net.extra = 730; // all at the same moment
    do {
        c = poll_from(S("notifications"), c.step.cursor);
        assert_int_equal(c.result, STEP_DONE);
        stored += c.step.raw.len;
    } while (c.step.more && ++runs < 100);
    assert_int_equal(stored, 730);
    assert_true(c.step.cursor.len < 8000);
    assert_int_equal(poll_from(S("notifications"), c.step.cursor).step.raw.len, 0);
    net.extra = 733;
    assert_int_equal(poll_from(S("notifications"), c.step.cursor).step.raw.len, 3);
}

static void what_arrives_during_a_walk_is_found_after_it(void **state)
{
    (void)state;
    struct core c = poll_from(S("notifications"), S(""));
    size_t stored = 0;
    net.extra = 200;
    c = poll_from(S("notifications"), c.step.cursor);
    stored += c.step.raw.len;
    net.extra = 210; // the list grows in front; the place in it moves on
    for (int i = 0; i < 20 && (c.step.more || i < 8); i++) {
        c = poll_from(S("notifications"), c.step.cursor);
        stored += c.step.raw.len;
    }
    assert_int_equal(stored, 210);
}

static void a_place_the_network_forgot_starts_the_walk_again(void **state)
{
    (void)state;
    struct core c = poll_from(S("notifications"), S(""));
    size_t stored = 0;
    net.extra = 120;
    c = poll_from(S("notifications"), c.step.cursor);
    stored += c.step.raw.len;
    assert_true(c.step.more);
    net.forget_cursor = true;
    for (int i = 0; i < 20 && c.step.more; i++) {
        c = poll_from(S("notifications"), c.step.cursor);
        stored += c.step.raw.len;
    }
    assert_true(stored >= 120); // some twice, none missing
    assert_int_equal(poll_from(S("notifications"), c.step.cursor).step.raw.len, 0);
}

static void a_first_look_goes_back_three_days_only(void **state)
{
    (void)state;
    struct core c = core("A.B.C");
    c.view.now = now + INT64_C(4) * 86400000;
    GO(c, channel_bluesky.poll(step, S("notifications"), S("")));
    assert_int_equal(c.result, STEP_DONE);
    assert_int_equal(c.step.raw.len, 0);
    net.extra = 1; // then dated wrongly: far in the past, but new to us
    c.view.session = core("A.B.C").view.session;
    struct str cursor = c.step.cursor;
    c.step = (struct step){};
    GO(c, channel_bluesky.poll(step, S("notifications"), cursor));
    assert_int_equal(c.step.raw.len, 1);
}

static void a_thread_that_cannot_be_shown_does_not_hold_up_the_post(void **state)
{
    (void)state;
    net.fail = "getPostThread";
    net.status = 502;
    struct core c = poll_from(S("notifications"), S(""));
    assert_int_equal(c.result, STEP_DONE);
    struct inbound_list got = read_raw(&c, S("notifications"));
    assert_int_equal(got.len, 6);
    assert_non_null(find_id(&got, name("a2", "uri")));
}

static void being_asked_to_slow_down_keeps_the_cursor(void **state)
{
    (void)state;
    net.fail = "listNotifications";
    net.status = 429;
    struct core c = poll_from(S("notifications"), S(""));
    assert_int_equal(c.result, STEP_RETRY);
    assert_false(str_given(c.step.cursor));
}

static void watch_open(struct core *c)
{
    static const char *const open[] = {"mention", "a1", "b1", "a2", "c1"};
    for (size_t i = 0; i < ARRAY_LEN(open); i++)
        *list_push(&c->step.watch, arena) = name(open[i], "uri");
    *list_push(&c->step.watch, arena) = S("dm-id/7"); // no post
}

static void a_post_that_is_missing_twice_was_deleted(void **state)
{
    (void)state;
    struct core c = core("A.B.C");
    watch_open(&c);
    net.hidden = "a2";
    GO(c, channel_bluesky.poll(step, S("watch"), S("")));
    assert_int_equal(c.result, STEP_DONE);
    assert_int_equal(c.step.raw.len, 0);
    assert_true(c.step.next_at < now + 60000);
    struct core twice = core("A.B.C");
    watch_open(&twice);
    struct str cursor = c.step.cursor;
    GO(twice, channel_bluesky.poll(step, S("watch"), cursor));
    struct inbound_list got = read_raw(&twice, S("watch"));
    assert_int_equal(got.len, 1);
    assert_int_equal(got.items[0].type, INBOUND_DELETED);
    assert_true(str_eq(got.items[0].external_id, name("a2", "uri")));
    net.hidden = NULL; // a passing gap: shown again
    struct core back = core("A.B.C");
    watch_open(&back);
    GO(back, channel_bluesky.poll(step, S("watch"), cursor));
    assert_int_equal(back.step.raw.len, 0);
}

static void our_own_post_is_only_gone_when_our_own_server_says_so(void **state)
{
    (void)state;
    struct core c = core("A.B.C");
    struct at_uri at;
    watch_open(&c);
    net.hidden = "b1";
    assert_true(at_uri_parse(name("b1", "uri"), &at));
    net.stored = at.rkey;
    GO(c, channel_bluesky.poll(
              step, S("watch"),
              str_printf(arena, "{\"missing\":[\"" STR_FMT "\"]}", STR_ARG(name("b1", "uri")))));
    assert_int_equal(c.result, STEP_DONE);
    assert_int_equal(c.step.raw.len, 0);
}

static void an_answer_given_elsewhere_joins_its_open_conversation(void **state)
{
    (void)state;
    struct core c = core("A.B.C");
    *list_push(&c.step.watch, arena) = name("a1", "uri"); // b1 answers it and is not known yet
    GO(c, channel_bluesky.poll(step, S("watch"), S("")));
    struct inbound_list got = read_raw(&c, S("watch"));
    assert_int_equal(got.len, 1);
    assert_true(got.items[0].out);
    assert_true(str_eq(got.items[0].external_id, name("b1", "uri")));
    assert_true(str_eq(got.items[0].thread_key, key(name("root", "uri"), "kim")));
}

static void what_is_malformed_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "[]",
        "{}",
        "{\"notification\":{}}",
        "{\"notification\":{\"uri\":\"at://x/y/z\"}}",
        "{\"notification\":{\"uri\":\"http://x\",\"record\":{},\"author\":{\"did\":\"d\"}}}",
        "{\"notification\":{\"uri\":\"at://a/b/c\",\"record\":[],\"author\":{\"did\":\"d\"}}}"};
    struct core c = core("A.B.C");
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct inbound_list out = {};
        struct unreadable_list bad = {};
        err = (struct err){};
        assert_false(channel_bluesky.receive(&c.view, S("notifications"), str_from(bodies[i]), arena, &out,
                                             &bad, &err));
        assert_true(err.text[0]);
        assert_int_equal(out.len, 0);
    }
}

// ---- Out ------------------------------------------------------------------------------------------
static struct outbound reply(const char *to, const char *text)
{
    struct outbound out = {.action = OUT_SEND,
                           .message_id = 9,
                           .client_key = S("9-key"),
                           .visibility = S("public"),
                           .text = str_from(text),
                           .created_at = now - 5000};
    out.reply_to = name(to, "uri");
    return out;
}

static struct core send(struct outbound out)
{
    struct core c = core("A.B.C");
    GO(c, channel_bluesky.send(step, &out));
    return c;
}

static const struct json *made(size_t i)
{
    return json_parse(net.made.items[i], arena, &err);
}

static void an_answer_has_the_right_root_and_parent_and_facets_by_bytes(void **state)
{
    (void)state;
    struct core c = send(reply("a2", "안녕 👋 @kim.test, 여기 https://shop.example/é?x=1. @nobody.test"));
    assert_int_equal(c.result, STEP_DONE);
    const struct json *body = made(0);
    assert_true(str_eq(json_str(json_at(body, "repo")), json_str(json_at(net.f, "me"))));
    assert_true(str_eq(json_str(json_at(body, "record.reply.root.uri")), name("root", "uri")));
    assert_true(str_eq(json_str(json_at(body, "record.reply.root.cid")), name("root", "cid")));
    assert_true(str_eq(json_str(json_at(body, "record.reply.parent.uri")), name("a2", "uri")));
    assert_true(str_eq(json_str(json_at(body, "record.reply.parent.cid")), name("a2", "cid")));
    const struct json *facets = json_at(body, "record.facets");
    assert_int_equal(json_len(facets), 2); // nobody.test is nobody
    assert_int_equal(json_i64(json_at(facets, "0.index.byteStart")), 12);
    assert_int_equal(json_i64(json_at(facets, "0.index.byteEnd")), 21);
    assert_true(str_eq(json_str(json_at(facets, "0.features.0.did")), json_str(json_at(net.f, "kim"))));
    assert_int_equal(json_i64(json_at(facets, "1.index.byteStart")), 30);
    assert_int_equal(json_i64(json_at(facets, "1.index.byteEnd")), 30 + 27);
    assert_true(str_eq(json_str(json_at(facets, "1.features.0.uri")), S("https://shop.example/é?x=1")));
    const struct json *extra = json_parse(c.step.extra, arena, &err);
    assert_true(str_eq(json_str(json_at(extra, "cid")), S("bafynew")));
    assert_true(str_eq(json_str(json_at(extra, "root.uri")), name("root", "uri")));
    struct at_uri at;
    assert_true(at_uri_parse(c.step.external_id, &at));
    assert_int_equal(at.rkey.len, 13);
}

static void answering_a_first_post_makes_it_the_root(void **state)
{
    (void)state;
    send(reply("mention", "Hello"));
    assert_true(str_eq(json_str(json_at(made(0), "record.reply.root.uri")), name("mention", "uri")));
    assert_true(json_is_null(json_at(made(0), "record.facets")));
}

static void a_second_try_uses_the_same_key_and_finds_the_first(void **state)
{
    (void)state;
    struct outbound out = reply("a2", "Hello");
    net.lose_create = true; // made, but the answer never came
    struct core c = send(out);
    assert_int_equal(c.result, STEP_DONE); // found under its key
    net.lose_create = false;
    struct core again = send(out); // after a crash of ours
    assert_int_equal(again.result, STEP_DONE);
    assert_true(str_eq(again.step.external_id, c.step.external_id));
    assert_true(str_eq(json_str(json_at(made(0), "rkey")), json_str(json_at(made(1), "rkey"))));
    struct core asked = core("A.B.C");
    GO(asked, channel_bluesky.confirm(step, &out));
    assert_int_equal(asked.result, STEP_DONE);
    out.client_key = S("another");
    GO(asked, channel_bluesky.confirm(step, &out));
    struct core other = core("A.B.C");
    GO(other, channel_bluesky.confirm(step, &out));
    assert_int_equal(other.result, STEP_ABSENT);
}

static void a_server_that_fails_before_making_it_is_tried_again_later(void **state)
{
    (void)state;
    net.fail = "createRecord";
    net.status = 500;
    struct core c = send(reply("a2", "Hello"));
    assert_int_equal(c.result, STEP_RETRY);
    net.status = 429;
    assert_int_equal(send(reply("a2", "Hello")).result, STEP_RETRY);
    net.status = 400;
    assert_int_equal(send(reply("a2", "Hello")).result, STEP_REFUSED);
}

static void a_post_that_is_gone_cannot_be_answered(void **state)
{
    (void)state;
    struct core c = send(reply("gone", "Hello"));
    assert_int_equal(c.result, STEP_REFUSED);
    assert_true(str_find(str_from(c.step.reason), S("is gone")) > 0);
    struct outbound nothing = reply("a2", "Hello");
    nothing.reply_to = STR_NONE;
    assert_int_equal(send(nothing).result, STEP_REFUSED);
}

static void pictures_are_uploaded_with_their_descriptions(void **state)
{
    (void)state;
    struct outbound out = reply("a2", "See");
    for (int i = 0; i < 2; i++)
        *list_push(&out.attachments, arena) = (struct outbound_attachment){
            .bytes = S("\x89PNG"), .mime = S("image/png"), .alt = S("A new cup"), .width = 40, .height = 30};
    assert_int_equal(send(out).result, STEP_DONE);
    const struct json *images = json_at(made(0), "record.embed.images");
    assert_int_equal(json_len(images), 2);
    assert_true(str_eq(json_str(json_at(images, "1.alt")), S("A new cup")));
    assert_int_equal(json_i64(json_at(images, "1.aspectRatio.width")), 40);
    assert_true(str_eq(json_str(json_get(json_at(images, "1.image.ref"), S("$link"))), S("bafkpic")));
    for (int i = 0; i < 3; i++)
        *list_push(&out.attachments, arena) = out.attachments.items[0];
    assert_int_equal(send(out).result, STEP_REFUSED);
}

static void the_limit_is_300_characters_as_people_count_and_3000_bytes(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, arena, 20000);
    for (int i = 0; i < 119; i++)
        buf_add(&text, S("👩‍👩‍👧‍👦")); // 25 bytes, one character
    assert_int_equal(send(reply("a2", str_cstr(arena, buf_str(&text)))).result, STEP_DONE);
    buf_add(&text, S("👩‍👩‍👧‍👦👩‍👩‍👧‍👦"));
    assert_int_equal(send(reply("a2", str_cstr(arena, buf_str(&text)))).result,
                     STEP_REFUSED); // over 3,000 bytes
    buf_reset(&text);
    for (int i = 0; i < 300; i++)
        buf_add(&text, S("가"));
    net.stored = STR_NONE;
    assert_int_equal(send(reply("a2", str_cstr(arena, buf_str(&text)))).result, STEP_DONE);
    buf_add(&text, S("가"));
    assert_int_equal(send(reply("a2", str_cstr(arena, buf_str(&text)))).result, STEP_REFUSED);
}

static void liking_unliking_and_deleting(void **state)
{
    (void)state;
    struct outbound out = reply("a2", "");
    out.action = OUT_LIKE;
    out.target_id = name("a2", "uri");
    out.target_extra = str_printf(arena, "{\"cid\":\"" STR_FMT "\"}", STR_ARG(name("a2", "cid")));
    struct core c = send(out);
    assert_int_equal(c.result, STEP_DONE);
    assert_true(str_eq(json_str(json_at(made(0), "collection")), S("app.bsky.feed.like")));
    assert_true(str_eq(json_str(json_at(made(0), "record.subject.cid")), name("a2", "cid")));
    out.action = OUT_UNLIKE;
    out.like_external_id = c.step.external_id;
    assert_int_equal(send(out).result, STEP_DONE);
    out.action = OUT_DELETE;
    assert_int_equal(send(out).result, STEP_REFUSED); // not ours
    out.target_id = name("b1", "uri");
    assert_int_equal(send(out).result, STEP_DONE);
}

// ---- Text -----------------------------------------------------------------------------------------
static void facets_are_where_people_would_see_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *found; // "start-end value" joined by " | "
    } table[] = {
        {"", ""},
        {"no facets here", ""},
        {"@kim.test", "0-9 kim.test"},
        {"@KIM.Test!", "0-9 kim.test"},
        {"mail me@kim.test", ""},
        {"(@kim.test)", "1-10 kim.test"},
        {"@kim", ""},
        {"@kim..test", ""},
        {"@-kim.test", ""},
        {"see example.com.", "4-15 https://example.com"},
        {"see example.com/a?b=c, ok", "4-21 https://example.com/a?b=c"},
        {"end.So it goes", ""},
        {"1.5 or 2.com5", ""},
        {"https://a.test/x_(y) z", "0-20 https://a.test/x_(y)"},
        {"(https://a.test/x)", "1-17 https://a.test/x"},
        {"http://localhost:8100/x", "0-23 http://localhost:8100/x"},
        {"ftp://a.test", ""},
        {"안녕@kim.test", ""},
        {"안녕 @kim.test", "7-16 kim.test"},
        {"🎉 https://a.test", "5-19 https://a.test"},
        {"mail shop@example.com now", ""},
        {"https://", ""},
        {"a @b.test @c.test", "2-9 b.test | 10-17 c.test"},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct bsky_facets facets = {};
        struct buf out;
        buf_init(&out, arena, 4096);
        bsky_find_facets(str_from(table[i].text), arena, &facets);
        for (size_t k = 0; k < facets.len; k++)
            buf_printf(&out, "%s%zu-%zu " STR_FMT, k ? " | " : "", facets.items[k].start, facets.items[k].end,
                       STR_ARG(facets.items[k].value));
        if (!str_eq(buf_str(&out), str_from(table[i].found)))
            fail_msg("%s: %.*s", table[i].text, STR_ARG(buf_str(&out)));
    }
}

static void record_keys_are_sortable_stable_and_different(void **state)
{
    (void)state;
    struct str a = bsky_tid(arena, now, S("k1")), b = bsky_tid(arena, now, S("k1"));
    struct str c = bsky_tid(arena, now, S("k2")), later = bsky_tid(arena, now + 1, S("k1"));
    assert_true(str_eq(a, b));
    assert_false(str_eq(a, c));
    assert_true(str_cmp(a, later) < 0);
    assert_int_equal(a.len, 13);
    assert_true(a.ptr[0] >= '2' && a.ptr[0] <= '7'); // the top bit is never set
}

// ---- Direct messages ------------------------------------------------------------------------------
static void direct_messages_are_switched_off_with_a_reason_where_refused(void **state)
{
    (void)state;
    struct core c = poll_from(S("dm"), S(""));
    assert_int_equal(c.result, STEP_DONE);
    assert_true(str_find(c.step.facts, S("off: this app password")) > 0);
    assert_true(c.step.next_at >= now + 3600000);
    net.fail = "chat.bsky";
    net.status = 500;
    c = poll_from(S("dm"), S("rev5"));
    assert_int_equal(c.result, STEP_DONE); // the channel is well
    assert_true(str_find(c.step.facts, S("off: the network's chat service fails (500)")) > 0);
    assert_true(str_eq(c.step.cursor, S("rev5")));
}

static void the_first_look_seeds_the_cursor_and_takes_recent_messages(void **state)
{
    (void)state;
    net.chat = true;
    struct core c = poll_from(S("dm"), S(""));
    assert_int_equal(c.result, STEP_DONE);
    assert_true(str_eq(c.step.cursor, S("rev5")));
    struct inbound_list got = read_raw(&c, S("dm"));
    assert_int_equal(got.len, 2);
    assert_true(str_eq(got.items[0].external_id, S("convo1/m1")));
    assert_true(str_eq(got.items[0].thread_key, S("convo1")));
    assert_true(str_eq(got.items[0].conversation_kind, S("dm")));
    assert_true(str_eq(got.items[0].visibility, S("private")));
    assert_true(str_eq(got.items[0].author_name, S("Kim")));
    assert_false(got.items[0].out);
    assert_true(got.items[1].out); // ours
}

static void the_log_tells_messages_deletions_and_things_to_come(void **state)
{
    (void)state;
    net.chat = true;
    struct core c = poll_from(S("dm"), S("rev5"));
    assert_true(str_eq(c.step.cursor, S("rev9")));
    struct inbound_list got = read_raw(&c, S("dm"));
    assert_int_equal(got.len, 3);
    assert_true(str_eq(got.items[0].text, S("And now?")));
    assert_true(got.items[1].out);
    assert_int_equal(got.items[2].type, INBOUND_DELETED);
    assert_true(str_eq(got.items[2].external_id, S("convo1/m1")));
}

static void a_direct_message_in_doubt_is_read_back_never_sent_again_unasked(void **state)
{
    (void)state;
    net.chat = true;
    struct outbound out = reply("a2", "Hello Kim");
    out.visibility = S("private");
    out.thread_key = S("convo1");
    struct core c = send(out);
    assert_int_equal(c.result, STEP_DONE);
    assert_true(str_eq(c.step.external_id, S("convo1/m9")));
    net.lose_create = true;
    assert_int_equal(send(out).result, STEP_DOUBT);
    net.fail = "sendMessage";
    net.status = 500;
    assert_int_equal(send(out).result, STEP_DOUBT);
    net.status = 503;
    assert_int_equal(send(out).result, STEP_RETRY); // it says itself that it did nothing
    net.fail = NULL;
    out.text = S("Yes, today"); // is among the messages
    out.doubt_since = now - 5000;
    struct core asked = core("A.B.C");
    GO(asked, channel_bluesky.confirm(step, &out));
    assert_int_equal(asked.result, STEP_DONE);
    out.text = S("Never seen");
    struct core early = core("A.B.C");
    GO(early, channel_bluesky.confirm(step, &out));
    assert_int_equal(early.result, STEP_DOUBT);
    out.doubt_since = now - 60000;
    struct core late = core("A.B.C");
    GO(late, channel_bluesky.confirm(step, &out));
    assert_int_equal(late.result, STEP_ABSENT);
    out.attachments.items = arena_new(arena, struct outbound_attachment);
    out.attachments.len = 1;
    assert_int_equal(send(out).result, STEP_REFUSED);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_app_password_connects_and_says_who_it_is),
        T(without_a_document_the_directory_names_the_host),
        T(a_wrong_app_password_needs_a_person_and_trouble_does_not),
        T(an_expired_token_is_refreshed_once_and_the_request_made_again),
        T(a_token_that_will_expire_is_refreshed_before_it_is_used),
        T(a_refused_refresh_is_answered_with_the_app_password_once),
        T(a_session_that_another_renewed_is_taken_over),
        T(a_refresh_while_the_network_is_down_loses_nothing),
        T(mentions_replies_and_quotes_come_with_their_threads),
        T(what_was_seen_is_not_stored_again_and_what_is_new_is),
        T(after_a_long_downtime_every_page_is_walked_and_nothing_skipped),
        T(what_arrives_during_a_walk_is_found_after_it),
        T(a_place_the_network_forgot_starts_the_walk_again),
        T(a_first_look_goes_back_three_days_only),
        T(a_thread_that_cannot_be_shown_does_not_hold_up_the_post),
        T(being_asked_to_slow_down_keeps_the_cursor),
        T(a_post_that_is_missing_twice_was_deleted),
        T(our_own_post_is_only_gone_when_our_own_server_says_so),
        T(an_answer_given_elsewhere_joins_its_open_conversation),
        T(what_is_malformed_is_refused_with_a_reason),
        T(an_answer_has_the_right_root_and_parent_and_facets_by_bytes),
        T(answering_a_first_post_makes_it_the_root),
        T(a_second_try_uses_the_same_key_and_finds_the_first),
        T(a_server_that_fails_before_making_it_is_tried_again_later),
        T(a_post_that_is_gone_cannot_be_answered),
        T(pictures_are_uploaded_with_their_descriptions),
        T(the_limit_is_300_characters_as_people_count_and_3000_bytes),
        T(liking_unliking_and_deleting),
        T(facets_are_where_people_would_see_them),
        T(record_keys_are_sortable_stable_and_different),
        T(direct_messages_are_switched_off_with_a_reason_where_refused),
        T(the_first_look_seeds_the_cursor_and_takes_recent_messages),
        T(the_log_tells_messages_deletions_and_things_to_come),
        T(a_direct_message_in_doubt_is_read_back_never_sent_again_unasked),
    };
    return cmocka_run_group_tests_name("bluesky", tests, NULL, NULL);
}
