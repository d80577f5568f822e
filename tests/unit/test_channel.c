// SPDX-License-Identifier: AGPL-3.0-or-later
// Channels as people make and change them: settings by name, secrets sealed and shown once, states with
// reasons, one account once, what the driver found out beside what people set.
#include "channels/standard_webhooks.h"
#include "desk/events.h"
#include "desk_fixture.h"

struct call {
    struct desk *desk;
    const struct actor *actor;
    const char *json;
    i64 id;
    struct channel_row row;
    struct str secret;
};

// What is kept longer than the write lives in the fixture's arena.
static void keep(struct call *call)
{
    struct arena *arena = call->desk->f->arena;
    call->row.settings = str_copy(arena, call->row.settings);
    call->row.state = str_copy(arena, call->row.state);
    call->row.secret = str_copy(arena, call->row.secret);
    call->row.name = str_copy(arena, call->row.name);
    call->secret = str_given(call->secret) ? str_copy(arena, call->secret) : STR_NONE;
}

static bool create_write(struct tx *tx, void *arg, struct err *err)
{
    struct call *call = arg;
    struct channel_draft draft = {};
    field_set given;
    if (!json_decode(str_from(call->json), &channel_draft_type, true, tx->arena, &draft, &given, err) ||
        !channel_create(tx, call->actor, call->desk->key, &draft, &call->row, &call->secret, err))
        return false;
    keep(call);
    return true;
}

static struct call create(struct desk *d, const char *json)
{
    struct call call = {.desk = d, .actor = &d->owner, .json = json};
    d->f->err = (struct err){};
    if (!db_write(d->f->db, WRITE_PEOPLE, create_write, &call, &d->f->err))
        call.row.id = 0;
    return call;
}

static bool update_write(struct tx *tx, void *arg, struct err *err)
{
    struct call *call = arg;
    struct channel_patch patch = {};
    field_set given = 0;
    if (!json_decode(str_from(call->json), &channel_patch_type, false, tx->arena, &patch, &given, err) ||
        !channel_update(tx, call->actor, call->desk->key, call->id, &patch, given, &call->row, err))
        return false;
    keep(call);
    return true;
}

static struct call update(struct desk *d, i64 id, const char *json)
{
    struct call call = {.desk = d, .actor = &d->owner, .json = json, .id = id};
    d->f->err = (struct err){};
    if (!db_write(d->f->db, WRITE_PEOPLE, update_write, &call, &d->f->err))
        call.row.id = 0;
    return call;
}

static bool rotate_write(struct tx *tx, void *arg, struct err *err)
{
    struct call *call = arg;
    if (!channel_rotate_secret(tx, call->actor, call->desk->key, call->id, &call->secret, err))
        return false;
    keep(call);
    return true;
}

static struct channel_row load(struct desk *d, i64 id)
{
    struct fixture *f = d->f;
    struct channel_row row = {};
    struct conn *conn = db_take(f->db);
    CHECK_OK(channel_load(conn, d->workspace, id, f->arena, &row, &f->err));
    db_give(f->db, conn);
    return row;
}

static struct channel_view view_of(struct desk *d, i64 id)
{
    struct fixture *f = d->f;
    struct channel_row row = load(d, id);
    struct channel_view view = {};
    CHECK_OK(channel_view_open(&row, d->key, clock_now(), f->arena, &view, &f->err));
    return view;
}

#define BSKY(more)                                                                                           \
    "{\"kind\":\"bluesky\",\"name\":\"B\",\"settings\":{\"identifier\":\"shop.example\",\"app_password\":"   \
    "\"pw-1\"" more "}}"

static void a_custom_channel_is_active_and_shows_its_secret_once(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    struct call made = create(&d, "{\"kind\":\"custom\",\"name\":\"  Shop  "
                                  "\",\"settings\":{\"deliver_url\":\"https://shop.example/h\"}}");
    CHECK_OK(made.row.id);
    assert_true(str_eq(made.row.state, S("active")));
    assert_true(str_eq(made.row.name, S("Shop")));
    assert_true(webhook_secret_valid(f->arena, made.secret));
    assert_true(str_find(made.row.secret, made.secret) < 0); // sealed
    struct channel_view view = view_of(&d, made.row.id);
    assert_true(str_eq(json_str(json_at(view.secret, "secret")), made.secret));
    assert_true(json_bool(json_at(view.settings, "idempotent"))); // the default is written down
    struct buf json;
    buf_init(&json, f->arena, 65536);
    struct json_writer w = json_writer(&json);
    struct channel_row row = load(&d, made.row.id);
    json_encode(&w, &channel_type, &row);
    assert_true(str_find(buf_str(&json), S("secret")) < 0);
    assert_true(str_find(buf_str(&json), S("session")) < 0);
    desk_end(&d);
}

static void settings_are_refused_by_name(void **state)
{
    struct desk d = desk_make(state);
    static const struct {
        const char *json, *field, *reason;
    } table[] = {
        {"{\"kind\":\"carrier-pigeon\",\"name\":\"X\"}", "kind", "invalid"},
        {"{\"kind\":\"custom\",\"name\":\"   \"}", "name", "required"},
        {"{\"kind\":\"custom\",\"name\":\"chat\"}", "name", "taken"}, // the fixture's, whatever its case
        {"{\"kind\":\"custom\",\"name\":\"X\",\"settings\":[]}", "settings", "wrong_type"},
        {"{\"kind\":\"custom\",\"name\":\"X\",\"settings\":{\"color\":1}}", "settings.color",
         "unknown_field"},
        {"{\"kind\":\"custom\",\"name\":\"X\",\"settings\":{\"deliver_url\":7}}", "settings.deliver_url",
         "wrong_type"},
        {"{\"kind\":\"custom\",\"name\":\"X\",\"settings\":{\"deliver_url\":\"ftp://x/\"}}",
         "settings.deliver_url", "invalid"},
        {"{\"kind\":\"custom\",\"name\":\"X\",\"settings\":{\"idempotent\":\"yes\"}}", "settings.idempotent",
         "wrong_type"},
        {"{\"kind\":\"bluesky\",\"name\":\"X\",\"settings\":{\"app_password\":\"p\"}}", "settings.identifier",
         "required"},
        {"{\"kind\":\"bluesky\",\"name\":\"X\",\"settings\":{\"identifier\":\"  \",\"app_password\":\"p\"}}",
         "settings.identifier", "required"},
        {"{\"kind\":\"bluesky\",\"name\":\"X\",\"settings\":{\"identifier\":\"a\"}}", "settings.app_password",
         "required"},
        {"{\"kind\":\"bluesky\",\"name\":\"X\"}", "settings.identifier", "required"},
        {"{\"kind\":\"bluesky\",\"name\":\"X\",\"settings\":{\"identifier\":\"a\",\"app_password\":\"p\","
         "\"secret\":\"s\"}}",
         "settings.secret", "unknown_field"},
        {"{\"kind\":\"bluesky\",\"name\":\"X\",\"settings\":{\"identifier\":\"a\",\"app_password\":\"p\","
         "\"dm\":\"on\"}}",
         "settings.dm", "unknown_field"},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct call made = create(&d, table[i].json);
        if (made.row.id || strcmp(d.f->err.field, table[i].field) != 0 ||
            strcmp(d.f->err.reason, table[i].reason) != 0)
            fail_msg("%s: %s %s", table[i].json, d.f->err.field, d.f->err.reason);
    }
    desk_end(&d);
}

static void only_administrators_make_and_change_channels(void **state)
{
    struct desk d = desk_make(state);
    struct call call = {
        .desk = &d, .actor = &d.agent, .json = "{\"kind\":\"custom\",\"name\":\"X\"}", .id = d.channel};
    assert_false(db_write(d.f->db, WRITE_PEOPLE, create_write, &call, &d.f->err));
    assert_int_equal(d.f->err.code, ERR_DENIED);
    call.json = "{\"name\":\"Y\"}";
    assert_false(db_write(d.f->db, WRITE_PEOPLE, update_write, &call, &d.f->err));
    assert_int_equal(d.f->err.code, ERR_DENIED);
    assert_false(db_write(d.f->db, WRITE_PEOPLE, rotate_write, &call, &d.f->err));
    desk_end(&d);
}

static void addresses_are_http_with_a_host_and_nothing_odd(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        bool good;
    } table[] = {
        {"https://shop.example", true},
        {"http://shop.example:81/a?b=c", true},
        {"http://127.0.0.1:9/", true},
        {"https://[::1]:8100/x", true},
        {"", false},
        {"shop.example", false},
        {"ftp://shop.example", false},
        {"https://", false},
        {"https:///x", false},
        {"http://:80/", false},
        {"https://a b/", false},
        {"https://user:pw@shop.example/", false},
        {"https://shop.example/#x", false},
        {"https://shop.example/\n", false},
        {"https://shop.example\\@evil.example/", false},
        {"javascript:alert(1)", false},
        {"HTTPS://shop.example", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (channel_url_valid(str_from(table[i].url)) != table[i].good)
            fail_msg("%s", table[i].url);
}

static void changing_credentials_connects_anew_and_the_rest_stays(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    struct call made = create(&d, BSKY(""));
    CHECK_OK(made.row.id);
    assert_true(str_eq(made.row.state, S("connecting")));
    assert_false(str_given(made.secret));
    struct channel_view view = view_of(&d, made.row.id);
    assert_true(str_eq(json_str(json_at(view.secret, "app_password")), S("pw-1")));
    assert_true(json_is_null(json_at(view.settings, "app_password")));
    assert_true(str_eq(json_str(json_at(view.settings, "service")), S("https://bsky.social")));
    struct call named = update(&d, made.row.id, "{\"name\":\"C\"}");
    CHECK_OK(named.row.id);
    struct call changed = update(&d, made.row.id, "{\"settings\":{\"app_password\":\"pw-2\"}}");
    CHECK_OK(changed.row.id);
    assert_true(str_eq(changed.row.state, S("connecting")));
    view = view_of(&d, made.row.id);
    assert_true(str_eq(json_str(json_at(view.secret, "app_password")), S("pw-2")));
    assert_true(str_eq(json_str(json_at(view.settings, "identifier")), S("shop.example")));
    update(&d, made.row.id, "{\"settings\":{\"service\":\"https://pds.example\"}}");
    update(&d, made.row.id, "{\"settings\":{\"service\":null}}"); // back to the default
    view = view_of(&d, made.row.id);
    assert_true(str_eq(json_str(json_at(view.settings, "service")), S("https://bsky.social")));
    assert_int_equal(update(&d, made.row.id, "{\"settings\":{\"app_password\":null}}").row.id, 0);
    assert_string_equal(f->err.field, "settings.app_password");
    assert_true(
        str_eq(json_str(json_at(view_of(&d, made.row.id).secret, "app_password")), S("pw-2"))); // needed
    assert_int_equal(update(&d, made.row.id, "{\"settings\":{\"x\":1}}").row.id, 0);
    assert_string_equal(f->err.field, "settings.x");
    desk_end(&d);
}

static void a_stopped_channel_takes_no_hooks_until_it_is_started(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    struct channel_row row = {};
    struct conn *conn = db_take(f->db);
    CHECK_OK(channel_for_hook(conn, d.channel, f->arena, &row, &f->err));
    db_give(f->db, conn);
    assert_true(str_eq(update(&d, d.channel, "{\"enabled\":false}").row.state, S("disabled")));
    conn = db_take(f->db);
    assert_false(channel_for_hook(conn, d.channel, f->arena, &row, &f->err));
    assert_int_equal(f->err.code, ERR_NOT_FOUND);
    assert_false(channel_for_hook(conn, 999999, f->arena, &row, &f->err));
    db_give(f->db, conn);
    assert_true(str_eq(update(&d, d.channel, "{\"enabled\":true}").row.state, S("active")));
    desk_end(&d);
}

static void a_new_secret_leaves_the_old_one_good_for_a_day(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    struct call made = create(&d, "{\"kind\":\"custom\",\"name\":\"R\"}");
    struct call call = {.desk = &d, .actor = &d.owner, .id = made.row.id};
    CHECK_OK(db_write(f->db, WRITE_PEOPLE, rotate_write, &call, &f->err));
    struct channel_view view = view_of(&d, made.row.id);
    assert_true(str_eq(json_str(json_at(view.secret, "secret")), call.secret));
    assert_true(str_eq(json_str(json_at(view.secret, "previous")), made.secret));
    i64 until = json_i64(json_at(view.secret, "previous_until"));
    assert_true(until > clock_now() + 86000000 && until <= clock_now() + 86400000);
    assert_int_equal(update(&d, made.row.id, "{\"settings\":{\"idempotent\":false}}").row.id, made.row.id);
    assert_true(str_eq(json_str(json_at(view_of(&d, made.row.id).secret, "secret")), call.secret)); // kept
    struct call other = create(&d, BSKY(""));
    call.id = other.row.id;
    assert_false(db_write(f->db, WRITE_PEOPLE, rotate_write, &call, &f->err));
    assert_int_equal(f->err.code, ERR_CONFLICT);
    desk_end(&d);
}

struct connecting {
    struct desk *desk;
    i64 id;
    struct str account;
};

static bool connected_write(struct tx *tx, void *arg, struct err *err)
{
    struct connecting *c = arg;
    return channel_connected(tx, c->desk->workspace, c->id, c->account, S("@shop"), err);
}

static bool facts_write(struct tx *tx, void *arg, struct err *err)
{
    struct connecting *c = arg;
    return channel_put_facts(tx, c->desk->workspace, c->id, c->account, err);
}

static void one_account_is_one_channel_and_a_channel_one_account(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    struct connecting a = {&d, create(&d, BSKY("")).row.id, S("did:1")};
    struct connecting b = {&d,
                           create(&d, "{\"kind\":\"bluesky\",\"name\":\"B2\",\"settings\":{\"identifier\":"
                                      "\"s\",\"app_password\":\"p\"}}")
                               .row.id,
                           S("did:1")};
    CHECK_OK(db_write(f->db, WRITE_INTAKE, connected_write, &a, &f->err));
    struct channel_row row = load(&d, a.id);
    assert_true(str_eq(row.state, S("active")));
    assert_true(str_eq(row.handle, S("@shop")));
    assert_false(db_write(f->db, WRITE_INTAKE, connected_write, &b, &f->err));
    assert_int_equal(f->err.code, ERR_CONFLICT);
    a.account = S("did:2"); // other credentials on the same channel
    assert_false(db_write(f->db, WRITE_INTAKE, connected_write, &a, &f->err));
    assert_int_equal(f->err.code, ERR_CONFLICT);
    desk_end(&d);
}

static void facts_stand_beside_settings_and_tell_only_when_new(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    struct connecting c = {&d, create(&d, BSKY("")).row.id, S("{\"dm\":\"off: no right\"}")};
    size_t before = desk_events(&d, EVENT_CHANNEL_UPDATED);
    CHECK_OK(db_write(f->db, WRITE_INTAKE, facts_write, &c, &f->err));
    CHECK_OK(db_write(f->db, WRITE_INTAKE, facts_write, &c, &f->err));
    assert_int_equal(desk_events(&d, EVENT_CHANNEL_UPDATED), before + 1);
    update(&d, c.id, "{\"settings\":{\"identifier\":\"other.example\"}}");
    struct channel_view view = view_of(&d, c.id);
    assert_true(str_eq(json_str(json_at(view.settings, "dm")), S("off: no right")));
    assert_true(str_eq(json_str(json_at(view.settings, "identifier")), S("other.example")));
    desk_end(&d);
}

struct telling {
    struct desk *desk;
    i64 id;
    const char *state;
    bool as_job;
};

static bool tell_write(struct tx *tx, void *arg, struct err *err)
{
    struct telling *t = arg;
    struct str reason = S("Because.");
    return t->as_job ? channel_report_state(tx, t->desk->workspace, t->id, str_from(t->state), reason, err)
                     : channel_set_state(tx, t->desk->workspace, t->id, str_from(t->state), reason, err);
}

static void a_state_keeps_its_moment_and_jobs_do_not_wake_the_stopped(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    struct telling t = {&d, d.channel, "degraded", true};
    CHECK_OK(db_write(f->db, WRITE_INTAKE, tell_write, &t, &f->err));
    struct channel_row first = load(&d, d.channel);
    size_t events = desk_events(&d, EVENT_CHANNEL_UPDATED);
    CHECK_OK(db_write(f->db, WRITE_INTAKE, tell_write, &t, &f->err));
    struct channel_row again = load(&d, d.channel);
    assert_int_equal(first.state_since, again.state_since);
    assert_int_equal(desk_events(&d, EVENT_CHANNEL_UPDATED), events); // nothing changed, nothing told
    update(&d, d.channel, "{\"enabled\":false}");
    t.state = "active";
    CHECK_OK(db_write(f->db, WRITE_INTAKE, tell_write, &t, &f->err));
    assert_true(str_eq(load(&d, d.channel).state, S("disabled")));
    desk_end(&d);
}

static void a_page_of_settings_counts_what_waits_and_what_went(void **state)
{
    struct desk d = desk_make(state);
    struct fixture *f = d.f;
    struct channel_counts counts = {};
    struct channel_hour hours[24];
    desk_says(&d, "m1", "t1", "Hello", 1);
    desk_says(&d, "m2", "t1", "Hello?", 2);
    desk_writes(&d, &d.agent, desk_find(&d, &d.agent, "is:any").items[0].id, "reply", "Hi");
    desk_hear(&d, "not json");
    desk_put(&d, "[]");
    struct conn *conn = db_take(f->db);
    CHECK_OK(channel_counts(conn, d.workspace, d.channel, &counts, &f->err));
    CHECK_OK(channel_traffic(conn, d.workspace, d.channel, clock_now(), hours, &f->err));
    db_give(f->db, conn);
    assert_int_equal(counts.queued_out, 1);
    assert_int_equal(counts.quarantined, 1);
    assert_int_equal(counts.waiting_in, 1);
    assert_int_equal(counts.failed + counts.in_doubt, 0);
    assert_int_equal(hours[23].in + hours[22].in, 2);
    assert_int_equal(hours[23].out + hours[22].out, 1);
    assert_int_equal(hours[0].in, 0);
    desk_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_custom_channel_is_active_and_shows_its_secret_once),
        ON_BOTH(settings_are_refused_by_name),
        ON_BOTH(only_administrators_make_and_change_channels),
        cmocka_unit_test(addresses_are_http_with_a_host_and_nothing_odd),
        ON_BOTH(changing_credentials_connects_anew_and_the_rest_stays),
        ON_BOTH(a_stopped_channel_takes_no_hooks_until_it_is_started),
        ON_BOTH(a_new_secret_leaves_the_old_one_good_for_a_day),
        ON_BOTH(one_account_is_one_channel_and_a_channel_one_account),
        ON_BOTH(facts_stand_beside_settings_and_tell_only_when_new),
        ON_BOTH(a_state_keeps_its_moment_and_jobs_do_not_wake_the_stopped),
        ON_BOTH(a_page_of_settings_counts_what_waits_and_what_went),
    };
    return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}
