// SPDX-License-Identifier: AGPL-3.0-or-later
// The custom channel and what all drivers share: signatures over raw bytes, reading events, what each
// answer of a receiver means, lengths, and when to come back.
#include "base/buf.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "channels/channel.h"
#include "channels/encode.h"
#include "channels/phone_number.h"
#include "channels/standard_webhooks.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h> // needs the ones above

static const i64 now = INT64_C(1795500000000);
static struct arena *arena;
static struct err err;

static int make_arena(void **state)
{
    (void)state;
    crypto_init();
    arena = arena_create();
    return 0;
}

static int drop_arena(void **state)
{
    (void)state;
    arena_destroy(arena);
    return 0;
}

static const struct json *json(const char *text)
{
    const struct json *value = json_parse(str_from(text), arena, &err);
    if (!value)
        fail_msg("%s: %s", text, err.text);
    return value;
}

static struct str file(const char *path)
{
    char name[256];
    snprintf(name, sizeof name, "tests/fixtures/%s", path);
    FILE *in = fopen(name, "rb");
    if (!in)
        fail_msg("%s is missing", name);
    struct buf out;
    buf_init(&out, arena, 4 << 20);
    char part[4096];
    for (size_t n; (n = fread(part, 1, sizeof part, in)) > 0;)
        buf_add(&out, (struct str){part, n});
    fclose(in);
    return buf_str(&out);
}

#define SECRET "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
#define OTHER  "whsec_YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODk="

static struct channel_view custom(const char *settings, const char *secret)
{
    return (struct channel_view){
        .id = 7, .kind = S("custom"), .now = now, .settings = json(settings), .secret = json(secret)};
}

static struct channel_view usual(void)
{
    return custom("{\"deliver_url\":\"https://shop.example/hook\",\"idempotent\":true}",
                  "{\"secret\":\"" SECRET "\"}");
}

// ---- Signatures -----------------------------------------------------------------------------------
struct hook {
    const char *id, *timestamp, *signature;
};

static struct str hook_header(const struct hook_request *request, const char *name)
{
    const struct hook *hook = request->http;
    if (strcmp(name, "webhook-id") == 0)
        return str_from(hook->id);
    if (strcmp(name, "webhook-timestamp") == 0)
        return str_from(hook->timestamp);
    return strcmp(name, "webhook-signature") == 0 ? str_from(hook->signature) : STR_NONE;
}

static const char *signature(const char *secret, const char *id, i64 at_ms, const char *body)
{
    struct net_request request = {.body = str_from(body)};
    struct webhook_secrets secrets = {.items = {str_from(secret)}, .len = 1};
    webhook_sign(&secrets, str_from(id), at_ms, arena, &request);
    return str_cstr(arena, request.headers.items[2].value);
}

static bool accepts(struct channel_view view, struct hook hook, const char *body)
{
    struct hook_request request = {
        .method = S("POST"), .body = str_from(body), .header = hook_header, .http = &hook};
    return channel_custom.verify(&view, &request, arena, &err);
}

#define BODY "{\"type\":\"message.created\",  \"id\":\"m1\"}"
#define AT   "1795500000"

static void a_signature_made_by_another_program_verifies(void **state)
{
    (void)state;
    // The example message of the specification, under a key of 32 bytes, signed with python3's hmac.
    const char *signed_by_python = "v1,hK4CWvngkaAwjY1pABLuUbOIkEJjW9tAapq1no4ojG0=";
    struct hook hook = {"msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", signed_by_python};
    struct channel_view view = usual();
    view.now = INT64_C(1614265330000);
    assert_true(accepts(view, hook, "{\"test\": 2432232314}"));
}

static void a_right_signature_is_accepted_and_every_wrong_one_refused(void **state)
{
    (void)state;
    const char *good = signature(SECRET, "e1", now, BODY);
    const char *other = signature(OTHER, "e1", now, BODY);
    const char *both = str_cstr(arena, str_printf(arena, "v1,AAAA v2,x %s", good));
    const char *upper = str_cstr(arena, str_concat(arena, S("V1"), str_from(good + 2)));
    const char *cut = str_cstr(arena, str_sub(str_from(good), 0, strlen(good) - 4));
    u8 mac[32];
    hmac_sha256(S("0123456789abcdef0123456789abcdef"), S("e1." AT "." BODY), mac);
    const char *hex = str_cstr(
        arena, str_concat(arena, S("v1,"), hex_encode(arena, (struct str){(char *)mac, sizeof mac})));
    const struct {
        const char *name;
        struct hook hook;
        const char *body;
        bool good;
    } table[] = {
        {"good", {"e1", AT, good}, BODY, true},
        {"one of several", {"e1", AT, both}, BODY, true},
        {"no signature", {"e1", AT, NULL}, BODY, false},
        {"no id", {NULL, AT, good}, BODY, false},
        {"no timestamp", {"e1", NULL, good}, BODY, false},
        {"empty signature", {"e1", AT, ""}, BODY, false},
        {"another channel's secret", {"e1", AT, other}, BODY, false},
        {"another id", {"e2", AT, good}, BODY, false},
        {"another timestamp", {"e1", "1795500001", good}, BODY, false},
        {"re-serialised body", {"e1", AT, good}, "{\"type\":\"message.created\",\"id\":\"m1\"}", false},
        {"body with a line end", {"e1", AT, good}, BODY "\n", false},
        {"empty body", {"e1", AT, good}, "", false},
        {"truncated", {"e1", AT, cut}, BODY, false},
        {"hex instead of base64", {"e1", AT, hex}, BODY, false},
        {"upper case version", {"e1", AT, upper}, BODY, false},
        {"no version", {"e1", AT, good + 3}, BODY, false},
        {"timestamp in ms", {"e1", "1795500000000", signature(SECRET, "e1", now, BODY)}, BODY, false},
        {"timestamp with plus", {"e1", "+1795500000", good}, BODY, false},
        {"timestamp negative", {"e1", "-1795500000", good}, BODY, false},
        {"timestamp huge", {"e1", "99999999999999999999", good}, BODY, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (accepts(usual(), table[i].hook, table[i].body) != table[i].good)
            fail_msg("%s", table[i].name);
    assert_int_equal(err.code, ERR_UNAUTHENTICATED);
}

static void a_replay_is_refused_after_300_seconds_and_before_minus_300(void **state)
{
    (void)state;
    static const struct {
        int late_s;
        bool good;
    } table[] = {{0, true},    {299, true},   {300, true},   {301, false},
                 {-300, true}, {-301, false}, {86400, false}};
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct channel_view view = usual();
        view.now = now + (i64)table[i].late_s * 1000;
        if (accepts(view, (struct hook){"e1", AT, signature(SECRET, "e1", now, BODY)}, BODY) != table[i].good)
            fail_msg("%d s late", table[i].late_s);
    }
}

static void after_a_new_secret_the_old_one_is_good_until_its_time_is_over(void **state)
{
    (void)state;
    struct hook old = {"e1", AT, signature(OTHER, "e1", now, BODY)};
    struct hook fresh = {"e1", AT, signature(SECRET, "e1", now, BODY)};
    const char *settings = "{}";
    struct channel_view view = custom(settings, "{\"secret\":\"" SECRET "\",\"previous\":\"" OTHER
                                                "\",\"previous_until\":1795500001000}");
    assert_true(accepts(view, old, BODY));
    assert_true(accepts(view, fresh, BODY));
    view.now += 2000;
    assert_false(accepts(view, old, BODY));
    assert_true(accepts(view, fresh, BODY));
}

static void a_channel_without_a_readable_secret_accepts_nothing(void **state)
{
    (void)state;
    struct hook good = {"e1", AT, signature(SECRET, "e1", now, BODY)};
    assert_false(accepts(custom("{}", "{}"), good, BODY));
    assert_false(accepts(custom("{}", "{\"secret\":\"whsec_\"}"), good, BODY));
    assert_false(accepts(custom("{}", "{\"secret\":\"whsec_AAAA\"}"), good, BODY));
    assert_false(accepts(custom("{}", "{\"secret\":\"\"}"), good, BODY));
}

static void a_made_secret_has_32_bytes_and_is_never_the_same(void **state)
{
    (void)state;
    struct str a = webhook_secret_make(arena), b = webhook_secret_make(arena);
    assert_true(webhook_secret_valid(arena, a));
    assert_false(str_eq(a, b));
    assert_false(webhook_secret_valid(arena, S("whsec_c2hvcnQ=")));
}

// ---- Events ---------------------------------------------------------------------------------------
struct got {
    struct inbound_list events;
    struct unreadable_list bad;
    bool ok;
};

static struct got receive(struct str body)
{
    struct channel_view view = usual();
    struct got got = {};
    got.ok = channel_custom.receive(&view, STR_NONE, body, arena, &got.events, &got.bad, &err);
    return got;
}

static void a_message_with_everything_is_read_whole(void **state)
{
    (void)state;
    struct got got = receive(file("custom/message_full.json"));
    assert_true(got.ok);
    assert_int_equal(got.events.len, 1);
    const struct inbound *in = &got.events.items[0];
    assert_int_equal(in->type, INBOUND_CREATED);
    assert_true(str_eq(in->external_id, S("m1")));
    assert_true(str_eq(in->thread_key, S("t1")));
    assert_true(str_eq(in->conversation_kind, S("thread")));
    assert_true(str_eq(in->visibility, S("public")));
    assert_false(in->out);
    assert_true(str_eq(in->author_id, S("u1")));
    assert_true(str_eq(in->author_name, S("Zoë")));
    assert_true(str_eq(in->author_handle, S("@zoe")));
    assert_true(str_eq(in->text, S("주문이 아직 안 왔어요 👩‍👩‍👧")));
    assert_true(str_eq(in->reply_to, S("m0")));
    assert_int_equal(in->at, INT64_C(1793527200123));
    assert_int_equal(in->attachments.len, 2);
    assert_true(str_eq(in->attachments.items[0].url, S("https://shop.example/a.jpg")));
    assert_true(str_eq(in->attachments.items[0].alt, S("A broken cup")));
    assert_int_equal(in->attachments.items[0].size, 12345);
}

static void edits_deletions_and_receipts_are_told_apart(void **state)
{
    (void)state;
    struct got got = receive(file("custom/all_kinds.json"));
    static const enum inbound_type types[] = {INBOUND_CREATED,   INBOUND_EDITED, INBOUND_DELETED,
                                              INBOUND_DELIVERED, INBOUND_READ,   INBOUND_CREATED};
    assert_int_equal(got.events.len, ARRAY_LEN(types));
    assert_int_equal(got.bad.len, 0);
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        assert_int_equal(got.events.items[i].type, types[i]);
    assert_true(got.events.items[5].out); // an echo
    assert_true(str_eq(got.events.items[5].visibility, S("private")));
    assert_true(str_eq(got.events.items[1].text, S("")));
    assert_int_equal(got.events.items[1].at, INT64_C(1793527201000));
}

static void what_cannot_be_read_is_set_aside_alone(void **state)
{
    (void)state;
    struct got got = receive(file("custom/some_unreadable.json"));
    assert_true(got.ok);
    assert_int_equal(got.events.len, 2);
    static const char *const reasons[] = {
        "type is none",
        "id is missing",
        "thread is empty",
        "direction is neither",
        "created_at is not a time",
        "author.id is miss",
        "not an object",
        "attachments.url is",
        "at is missing",
        "text is not a string",
        "type is missing",
        "attachments is not",
    };
    assert_int_equal(got.bad.len, ARRAY_LEN(reasons));
    for (size_t i = 0; i < got.bad.len; i++) {
        if (str_find(str_from(got.bad.items[i].reason), str_from(reasons[i])) < 0)
            fail_msg("%zu: %s", i, got.bad.items[i].reason);
        assert_non_null(json_parse(got.bad.items[i].bytes, arena, &err)); // repeatable
    }
}

static void what_is_no_json_is_refused_whole(void **state)
{
    (void)state;
    static const char *const bodies[] = {"", "{", "[1,", "\xFF", "{\"type\":1}{", "null x"};
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
        assert_false(receive(str_from(bodies[i])).ok);
    assert_int_equal(receive(S("7")).bad.len, 1);
    assert_int_equal(receive(S("[]")).events.len, 0);
}

static struct str many(int n)
{
    struct buf out;
    buf_init(&out, arena, 4 << 20);
    buf_add_char(&out, '[');
    for (int i = 0; i < n; i++)
        buf_printf(&out, "%s{\"type\":\"receipt.read\",\"id\":\"m%d\",\"thread\":\"t\"}", i ? "," : "", i);
    buf_add_char(&out, ']');
    return buf_str(&out);
}

static void a_list_holds_at_most_a_thousand(void **state)
{
    (void)state;
    assert_int_equal(receive(many(1000)).events.len, 1000);
    assert_false(receive(many(1001)).ok);
    assert_int_equal(channel_custom.count(many(1001)), 1001);
}

static void events_are_counted_without_parsing(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        size_t n;
    } table[] = {{"{}", 1},
                 {" [] ", 0},
                 {"[ ]", 0},
                 {"[{},{}]", 2},
                 {"[[1,2],{\"a\":[1,2]},3]", 3},
                 {"[\"a,b\",\"\\\",\"]", 2},
                 {"", 0},
                 {"x", 1},
                 {"[{\"a\":\"]\"}]", 1}};
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (channel_custom.count(str_from(table[i].body)) != table[i].n)
            fail_msg("%s", table[i].body);
}

// ---- Sending --------------------------------------------------------------------------------------
static struct outbound answer_of_ours(void)
{
    return (struct outbound){.action = OUT_SEND,
                             .message_id = 42,
                             .client_key = S("42-abc"),
                             .thread_key = S("t1"),
                             .visibility = S("private"),
                             .text = S("On its way! \"quoted\"\n안녕"),
                             .reply_to = S("m1"),
                             .created_at = now};
}

struct sent {
    enum step_result result;
    struct step step;
};

static struct sent send(const char *settings, struct outbound out, const struct net_answer *answer,
                        bool confirm)
{
    static struct channel_view view;
    view = custom(settings, "{\"secret\":\"" SECRET "\"}");
    struct sent s = {.step = {.channel = &view, .arena = arena}};
    enum step_result (*fn)(struct step *, const struct outbound *) =
        confirm ? channel_custom.confirm : channel_custom.send;
    s.result = fn(&s.step, &out);
    if (s.result == STEP_REQUEST && answer) {
        s.step.answer = answer;
        s.result = fn(&s.step, &out);
    }
    return s;
}

#define IDEMPOTENT "{\"deliver_url\":\"https://shop.example/hook\",\"idempotent\":true}"
#define PLAIN      "{\"deliver_url\":\"https://shop.example/hook?a=b\",\"idempotent\":false}"

static void an_answer_is_a_signed_post_with_the_messages_id(void **state)
{
    (void)state;
    struct sent s = send(IDEMPOTENT, answer_of_ours(), NULL, false);
    assert_int_equal(s.result, STEP_REQUEST);
    assert_true(str_eq(s.step.request.method, S("POST")));
    assert_true(str_eq(s.step.request.url, S("https://shop.example/hook")));
    const struct json *body = json_parse(s.step.request.body, arena, &err);
    assert_true(str_eq(json_str(json_at(body, "type")), S("message.send")));
    assert_true(str_eq(json_str(json_at(body, "id")), S("42")));
    assert_true(str_eq(json_str(json_at(body, "text")), answer_of_ours().text));
    assert_true(str_eq(json_str(json_at(body, "reply_to")), S("m1")));
    assert_true(str_eq(json_str(json_at(body, "created_at")), clock_format(arena, now)));
    struct hook hook = {"42", AT, str_cstr(arena, s.step.request.headers.items[3].value)};
    assert_true(str_eq(s.step.request.headers.items[1].value, S("42")));
    assert_true(accepts(usual(), hook, str_cstr(arena, s.step.request.body)));
}

static void each_answer_of_the_receiver_has_its_outcome(void **state)
{
    (void)state;
    const struct {
        int status; // 0: none, 1: none but bytes may have arrived
        const char *body, *retry_after;
        enum step_result idempotent, plain;
        const char *reason;
        i64 retry_at;
    } table[] = {
        {200, "{\"id\":\"x9\"}", NULL, STEP_DONE, STEP_DONE, "", 0},
        {204, "", NULL, STEP_DONE, STEP_DONE, "", 0},
        {202, "{\"id\":", NULL, STEP_DONE, STEP_DONE, "", 0}, // truncated: it was accepted all the same
        {429, "", "30", STEP_RETRY, STEP_RETRY, "slow down", now + 30000},
        {503, "", "Tue, 24 Nov 2026 06:01:00 GMT", STEP_RETRY, STEP_RETRY, "busy", now + 60000},
        {503, "", NULL, STEP_RETRY, STEP_RETRY, "busy", 0},
        {410, "", NULL, STEP_DEAD, STEP_DEAD, "gone for good", 0},
        {422, "{\"detail\":\"No such customer\"}", NULL, STEP_REFUSED, STEP_REFUSED, "No such customer", 0},
        {404, "<html>", NULL, STEP_REFUSED, STEP_REFUSED, "answered 404", 0},
        {401, "{\"error\":\"bad key\"}", NULL, STEP_REFUSED, STEP_REFUSED, "bad key", 0},
        {302, "", NULL, STEP_REFUSED, STEP_REFUSED, "redirects", 0},
        {500, "", NULL, STEP_RETRY, STEP_DOUBT, "failed with 500", 0},
        {502, "<html>", NULL, STEP_RETRY, STEP_DOUBT, "failed with 502", 0},
        {504, "", NULL, STEP_RETRY, STEP_DOUBT, "failed with 504", 0},
        {0, "", NULL, STEP_RETRY, STEP_RETRY, "could not be reached", 0},
        {1, "", NULL, STEP_RETRY, STEP_DOUBT, "could not be reached", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct net_answer answer = {.got_answer = table[i].status > 1,
                                    .maybe_received = table[i].status == 1,
                                    .status = table[i].status > 1 ? table[i].status : 0,
                                    .body = str_from(table[i].body)};
        if (table[i].retry_after)
            *list_push(&answer.headers, arena) =
                (struct net_header){S("Retry-After"), str_from(table[i].retry_after)};
        struct sent a = send(IDEMPOTENT, answer_of_ours(), &answer, false);
        struct sent b = send(PLAIN, answer_of_ours(), &answer, false);
        if (a.result != table[i].idempotent || b.result != table[i].plain)
            fail_msg("row %zu: %d %d", i, (int)a.result, (int)b.result);
        assert_int_equal(a.step.retry_at, table[i].retry_at);
        if (str_find(str_from(a.step.reason), str_from(table[i].reason)) < 0)
            fail_msg("row %zu: %s", i, a.step.reason);
        if (a.result == STEP_DONE)
            assert_true(str_eq(a.step.external_id, i == 0 ? S("x9") : S("42")));
    }
}

static void without_idempotency_a_doubt_is_read_back(void **state)
{
    (void)state;
    struct net_answer yes = {.got_answer = true, .status = 200, .body = S("{\"id\":\"x9\"}")};
    struct net_answer no = {.got_answer = true, .status = 404, .body = S("")};
    struct net_answer odd = {.got_answer = true, .status = 500, .body = S("")};
    struct sent asked = send(PLAIN, answer_of_ours(), NULL, true);
    assert_int_equal(asked.result, STEP_REQUEST);
    assert_true(str_eq(asked.step.request.method, S("GET")));
    assert_true(str_eq(asked.step.request.url, S("https://shop.example/hook?a=b&id=42")));
    assert_int_equal(asked.step.request.headers.len, 3);
    struct sent sent_ = send(PLAIN, answer_of_ours(), &yes, true);
    assert_int_equal(sent_.result, STEP_DONE);
    assert_true(str_eq(sent_.step.external_id, S("x9")));
    assert_int_equal(send(PLAIN, answer_of_ours(), &no, true).result, STEP_ABSENT);
    assert_int_equal(send(PLAIN, answer_of_ours(), &odd, true).result, STEP_DOUBT);
    assert_int_equal(send(IDEMPOTENT, answer_of_ours(), NULL, true).result, STEP_ABSENT); // the same id again
}

static void deleting_and_liking_are_events_of_their_own(void **state)
{
    (void)state;
    struct outbound out = answer_of_ours();
    static const struct {
        int action;
        const char *type;
    } table[] = {{OUT_DELETE, "message.delete"}, {OUT_LIKE, "reaction.add"}, {OUT_UNLIKE, "reaction.remove"}};
    out.target_id = S("m1");
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        out.action = table[i].action;
        struct sent s = send(IDEMPOTENT, out, NULL, false);
        const struct json *body = json_parse(s.step.request.body, arena, &err);
        assert_true(str_eq(json_str(json_at(body, "type")), str_from(table[i].type)));
        assert_true(str_eq(json_str(json_at(body, "target")), S("m1")));
        assert_true(str_eq(json_str(json_at(body, "id")), S("42-abc")));
    }
}

static void a_channel_without_a_receiver_refuses_to_send(void **state)
{
    (void)state;
    assert_int_equal(send("{}", answer_of_ours(), NULL, false).result, STEP_REFUSED);
}

static void pictures_travel_with_the_message(void **state)
{
    (void)state;
    struct outbound out = answer_of_ours();
    *list_push(&out.attachments, arena) = (struct outbound_attachment){
        .bytes = S("png!"), .mime = S("image/png"), .name = S("a.png"), .alt = S("A cup")};
    struct sent s = send(IDEMPOTENT, out, NULL, false);
    const struct json *body = json_parse(s.step.request.body, arena, &err);
    assert_true(str_eq(json_str(json_at(body, "attachments.0.url")), S("data:image/png;base64,cG5nIQ==")));
    assert_true(str_eq(json_str(json_at(body, "attachments.0.alt")), S("A cup")));
}

// ---- Shared ---------------------------------------------------------------------------------------
static void when_to_come_back_is_read_from_every_form(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *name, *value, *left;
        i64 wait_ms;
    } table[] = {
        {429, "Retry-After", "30", NULL, 30000},
        {429, "retry-after", "0", NULL, 0},
        {429, "Retry-After", "-1", NULL, -1},
        {429, "Retry-After", "soon", NULL, -1},
        {429, "Retry-After", "999999999", NULL, 86400000},
        {503, "Retry-After", "Tue, 24 Nov 2026 06:01:00 GMT", NULL, 60000},
        {503, "Retry-After", "Tue, 24 Nov 2026 05:01:00 GMT", NULL, 0},
        {503, "Retry-After", "Tue, 99 Nov 2026 05:01:00 GMT", NULL, -1},
        {429, "RateLimit-Reset", "1795500100", NULL, 100000},
        {429, "RateLimit-Reset", "100", NULL, 100000},
        {200, "RateLimit-Reset", "1795500100", "12", -1},
        {200, "RateLimit-Reset", "1795500100", "0", 100000},
        {200, "RateLimit-Reset", "1795500100", NULL, -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct net_answer answer = {.got_answer = true, .status = table[i].status};
        *list_push(&answer.headers, arena) =
            (struct net_header){str_from(table[i].name), str_from(table[i].value)};
        if (table[i].left)
            *list_push(&answer.headers, arena) =
                (struct net_header){S("ratelimit-remaining"), str_from(table[i].left)};
        i64 at = net_answer_retry_at(&answer, now);
        if (at != (table[i].wait_ms < 0 ? 0 : now + table[i].wait_ms))
            fail_msg("row %zu: %lld", i, (long long)(at - now));
    }
}

static void texts_are_counted_as_each_network_counts(void **state)
{
    (void)state;
    struct str family = S("👩‍👩‍👧é");
    assert_int_equal(text_length((struct text_limit){.unit = UNIT_GRAPHEMES}, family), 2);
    assert_int_equal(text_length((struct text_limit){.unit = UNIT_CODE_POINTS}, family), 6);
    assert_int_equal(text_length((struct text_limit){.unit = UNIT_UTF16}, family), 9);
    assert_int_equal(text_length((struct text_limit){.unit = UNIT_BYTES}, family), family.len);
    assert_true(text_fits((struct text_limit){.unit = UNIT_GRAPHEMES, .max = 2}, family));
    assert_false(text_fits((struct text_limit){.unit = UNIT_GRAPHEMES, .max = 2, .max_bytes = 19}, family));
    assert_false(text_fits((struct text_limit){.unit = UNIT_GRAPHEMES, .max = 1}, family));
}

static void every_driver_has_what_the_core_needs(void **state)
{
    (void)state;
    for (size_t i = 0; channel_drivers[i]; i++) {
        const struct channel_driver *d = channel_drivers[i];
        assert_ptr_equal(channel_driver_find(str_from(d->kind)), d);
        assert_non_null(d->title);
        assert_non_null(d->settings);
        assert_non_null(d->receive);
        assert_non_null(d->send);
        assert_true(!(d->can & CAN_WEBHOOK) || (d->verify && d->count));
        assert_true(!(d->can & CAN_POLL) || (d->poll && d->streams && d->connect));
        assert_true(!(d->can & CAN_CONFIRM) || d->confirm);
    }
    assert_null(channel_driver_find(S("nothing")));
    assert_null(channel_driver_find(S("")));
}

static void is_number(const char *written, const char *country, const char *number)
{
    struct str read = S("");
    if (!phone_number_read(str_from(written), str_from(country), arena, &read, &err))
        fail_msg("%s in %s: %s", written, country, err.text);
    if (!str_eq(read, str_from(number)))
        fail_msg("%s in %s: " STR_FMT ", not %s", written, country, STR_ARG(read), number);
}

static void telephone_numbers_are_read_as_dialled_in_their_country(void **state)
{
    (void)state;
    is_number("+372 512 3456", "FI", "+3725123456");
    is_number("00372-512-3456", "EE", "+3725123456");
    is_number("512 3456", "EE", "+3725123456");
    is_number("040 123 4567", "FI", "+358401234567");
    is_number("40 123 4567", "FI", "+358401234567");
    is_number("+44 (0)20 7946 0018", "EE", "+442079460018");
    is_number("tel:+1-202-555-0143", "EE", "+12025550143");
    is_number("(202) 555-0143", "US", "+12025550143");
    is_number("1 202 555 0143", "US", "+12025550143");
    is_number("011 44 20 7946 0018", "CA", "+442079460018");
    is_number("06 698 1234 5678", "IT", "+390669812345678");
    is_number("8 912 345 67 89", "RU", "+79123456789");
    is_number("800 555 35 35", "RU", "+78005553535");
    is_number("810 44 20 7946 0018", "RU", "+442079460018");
    is_number("06 1 234 5678", "HU", "+3612345678");
    is_number("8029 491 19 11", "BY", "+375294911911");
    is_number("02\xE2\x80\x91"
              "312\xC2\xA0"
              "3456",
              "KR", "+8223123456");
    is_number("0812-3456-789", "ID", "+628123456789");
}

static void what_is_no_telephone_number_is_refused_with_the_reason(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "112",
                                        "abc",
                                        "+",
                                        "+0 123 456 789",
                                        "5x12",
                                        "12+345",
                                        "+372 512 345a",
                                        "++3725123456",
                                        "+1234567890123456",
                                        "000000000000000000000000000000000000000000000000"};
    struct str number;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        err = (struct err){};
        if (phone_number_read(str_from(wrong[i]), S("EE"), arena, &number, &err))
            fail_msg("“%s” became " STR_FMT, wrong[i], STR_ARG(number));
        assert_int_equal(err.code, ERR_INVALID);
    }
    assert_false(phone_number_read(S("512 3456"), S(""), arena, &number, &err));
    assert_true(phone_number_read(S("+372 512 3456"), S(""), arena, &number, &err));
    for (size_t i = 0; phone_countries[i]; i++) {
        assert_int_equal(strlen(phone_countries[i]), 2);
        assert_true(phone_number_read(S("234567890"), str_from(phone_countries[i]), arena, &number, &err));
        assert_true(i == 0 || strcmp(phone_countries[i - 1], phone_countries[i]) < 0);
    }
}

static void parts_of_addresses_are_encoded_and_texts_cut_between_characters(void **state)
{
    (void)state;
    assert_true(str_eq(url_component(arena, S("a b/é?&=~")), S("a%20b%2F%C3%A9%3F%26%3D~")));
    assert_true(str_eq(text_head(S("aé"), 2), S("a")));
    assert_true(str_eq(text_head(S("aé"), 3), S("aé")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_made_by_another_program_verifies),
        cmocka_unit_test(a_right_signature_is_accepted_and_every_wrong_one_refused),
        cmocka_unit_test(a_replay_is_refused_after_300_seconds_and_before_minus_300),
        cmocka_unit_test(after_a_new_secret_the_old_one_is_good_until_its_time_is_over),
        cmocka_unit_test(a_channel_without_a_readable_secret_accepts_nothing),
        cmocka_unit_test(a_made_secret_has_32_bytes_and_is_never_the_same),
        cmocka_unit_test(a_message_with_everything_is_read_whole),
        cmocka_unit_test(edits_deletions_and_receipts_are_told_apart),
        cmocka_unit_test(what_cannot_be_read_is_set_aside_alone),
        cmocka_unit_test(what_is_no_json_is_refused_whole),
        cmocka_unit_test(a_list_holds_at_most_a_thousand),
        cmocka_unit_test(events_are_counted_without_parsing),
        cmocka_unit_test(an_answer_is_a_signed_post_with_the_messages_id),
        cmocka_unit_test(each_answer_of_the_receiver_has_its_outcome),
        cmocka_unit_test(without_idempotency_a_doubt_is_read_back),
        cmocka_unit_test(deleting_and_liking_are_events_of_their_own),
        cmocka_unit_test(a_channel_without_a_receiver_refuses_to_send),
        cmocka_unit_test(pictures_travel_with_the_message),
        cmocka_unit_test(when_to_come_back_is_read_from_every_form),
        cmocka_unit_test(texts_are_counted_as_each_network_counts),
        cmocka_unit_test(every_driver_has_what_the_core_needs),
        cmocka_unit_test(telephone_numbers_are_read_as_dialled_in_their_country),
        cmocka_unit_test(what_is_no_telephone_number_is_refused_with_the_reason),
        cmocka_unit_test(parts_of_addresses_are_encoded_and_texts_cut_between_characters),
    };
    return cmocka_run_group_tests_name("channels", tests, make_arena, drop_arena);
}
