// SPDX-License-Identifier: AGPL-3.0-or-later
// A small world for tests of the query language: two workspaces with conversations in many scripts, made
// by the same INSERTs on SQLite and PostgreSQL from one seed, and random queries about them.
#pragma once
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
// clang-format on
#include "base/buf.h"
#include "query/query.h"
#include "query/search.h"
#include "store_fixture.h"
#include <sqlite3.h>

enum { WORLD_NOW_DAY = 20781 }; // 2026-11-24
#define WORLD_NOW   (INT64_C(86400000) * WORLD_NOW_DAY + 43200000)
#define WORLD_NEVER INT64_C(9007199254740991)

static u64 world_state;

static inline u32 world_random(u32 below)
{
    world_state ^= world_state << 13;
    world_state ^= world_state >> 7;
    world_state ^= world_state << 17;
    return (u32)((world_state >> 32) * below >> 32);
}

static inline u64 world_seed(void)
{
    const char *given = getenv("HEED_TEST_SEED");
    u64 seed = given ? strtoull(given, NULL, 10) : (u64)clock_now_us();
    world_state = seed * 2654435761u + 1;
    print_message("HEED_TEST_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

static const char *const WORLD_WORDS[] = {
    "parcel",   "Parcel",   "lost",      "the",         "the",      "refund",     "refunds", "re-fund",
    "café",     "cafe",     "Straße",    "STRASSE",     "don't",    "посылка",    "Посылка", "где",
    "شحنة",     "شُحْنَة",     "שלום",      "İstanbul",    "istanbul", "ISTANBUL",   "배송",    "배송이",
    "지연",     "송",       "가",        "ㅋㅋㅋ",      "你好",     "你好",       "好",      "世界",
    "世界",     "你好世界", "。",        "カタカナ",    "ｶﾀ",       "กิน",         "ข้าว",     "กินข้าว",
    "iPhone을", "👍",        "👍🏽",  "👩‍💻", "42",       "3.5",        "x",       "!",
    "...",      "e-mail",   "user_name", "ﬁne",         "①",        "안녕하세요", "O'Brien", "\\",
    "a\"b"};
static const char *const WORLD_SEPARATORS[] = {" ", " ", " ", " ", "", "-", ", ", "\n", "。", "/"};

static inline void world_sentence(struct buf *out, u32 n)
{
    for (u32 i = 0; i < n; i++) {
        if (i > 0)
            buf_add(out, str_from(WORLD_SEPARATORS[world_random(ARRAY_LEN(WORLD_SEPARATORS))]));
        buf_add(out, str_from(WORLD_WORDS[world_random(ARRAY_LEN(WORLD_WORDS))]));
    }
}

static inline void world_quote(struct buf *out, struct str text)
{
    buf_add_char(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\'')
            buf_add_char(out, '\'');
        buf_add_char(out, text.ptr[i]);
    }
    buf_add_char(out, '\'');
}

// Runs the same text on either database.
static inline void world_run(struct fixture *f, const char *sql)
{
    if (f->kind == DB_POSTGRES) {
        pg_run(f->url, sql);
        return;
    }
    char path[128], *why = NULL;
    sqlite3 *handle;
    snprintf(path, sizeof(path), "%s/heed.db", f->dir);
    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    sqlite3_busy_timeout(handle, 5000);
    if (sqlite3_exec(handle, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s", why);
    sqlite3_close(handle);
}

static inline i64 world_moment(void)
{
    static const i64 steps[] = {0, 1, 60000, 1800000, 3600000, 7200000, 86400000, 604800000};
    i64 step = steps[world_random(ARRAY_LEN(steps))];
    i64 at = WORLD_NOW + (world_random(4) ? -step : step) + (i64)world_random(3) - 1;
    return at;
}

static inline void world_value(struct buf *out, i64 value, bool null)
{
    if (null)
        buf_add(out, S(", NULL"));
    else
        buf_printf(out, ", %lld", (long long)value);
}

static const char *const WORLD_HANDLES[] = {"", "@mia.test", "Mia.Test", "anna", "@@Ünal", "bot"};
static const char *const WORLD_STATUS[] = {"open", "open", "snoozed", "closed"};
static const char *const WORLD_KINDS[] = {"dm", "thread", "review", "email"};
static const char *const WORLD_PRIORITIES[] = {"urgent", "high", "normal", "low"};
static const char *const WORLD_LANGUAGES[] = {"", "ko", "et", "EN"};

static inline void world_conversation(struct buf *out, int workspace, int id)
{
    bool open = false, spam = world_random(8) == 0, waits = world_random(2) == 0;
    u32 status = world_random(4), channel = world_random(3);
    open = status < 2;
    i64 urgent = waits && open ? world_moment() : world_random(9) == 0 ? world_moment() : WORLD_NEVER;
    buf_printf(
        out,
        "INSERT INTO conversation (id, workspace_id, channel_id, channel_kind, kind, thread_key, visibility, "
        "status, spam, contact_handle, assignee_id, team_id, priority, language, urgent_at, last_message_at, "
        "unread, created_at, updated_at, waiting_since, due_at, callback_at) VALUES (%d, %d, %d, '%s', '%s', "
        "'t%d', '%s', "
        "'%s', %d, '%s', %d, %d, '%s', '%s', %lld, %lld, %d, %lld, %lld",
        id, workspace, workspace * 10 + (int)channel, channel == 0 ? "custom" : "bluesky",
        WORLD_KINDS[world_random(4)], id, world_random(2) ? "public" : "private", WORLD_STATUS[status], spam,
        WORLD_HANDLES[world_random(ARRAY_LEN(WORLD_HANDLES))],
        world_random(2) ? workspace * 10 + (int)world_random(3) : 0,
        world_random(2) ? workspace * 10 + (int)world_random(2) : 0, WORLD_PRIORITIES[world_random(4)],
        WORLD_LANGUAGES[world_random(4)], (long long)urgent, (long long)world_moment(), (int)world_random(3),
        (long long)world_moment(), (long long)world_moment());
    world_value(out, world_moment(), !waits);
    world_value(out, world_moment(), world_random(2));
    world_value(out, world_moment(), world_random(3) > 0);
    buf_add(out, S(");\n"));
    for (int tag = 0; tag < 4; tag++) {
        if (world_random(3) == 0)
            buf_printf(out, "INSERT INTO conversation_tag VALUES (%d, %d, %d, %d, %lld);\n", workspace,
                       workspace * 10 + tag, id, open && !spam, (long long)urgent);
    }
}

static inline void world_message(struct buf *out, struct arena *arena, int workspace, int conversation,
                                 int id)
{
    struct buf text;
    buf_init(&text, arena, 1 << 20);
    world_sentence(&text, world_random(7));
    bool outward = world_random(3) == 0;
    const char *kind = world_random(5) == 0 ? "note" : world_random(9) == 0 ? "context" : "message";
    buf_printf(
        out,
        "INSERT INTO message (id, workspace_id, conversation_id, channel_id, direction, kind, visibility, "
        "origin, created_at, received_at, deleted_at, call_result, text) VALUES (%d, %d, %d, %d, '%s', '%s', "
        "'public', "
        "'%s', 1, 1",
        id, workspace, conversation, workspace * 10, outward ? "out" : "in", kind,
        outward ? "agent" : "customer");
    world_value(out, 5, world_random(6) != 0);
    buf_add(out, world_random(6) ? S(", NULL, ") : S(", 'missed', "));
    world_quote(out, buf_str(&text));
    buf_add(out, S(");\n"));
    if (world_random(4) == 0)
        buf_printf(out,
                   "INSERT INTO attachment (workspace_id, message_id, position, state) VALUES (%d, %d, 0, "
                   "'ready');\n",
                   workspace, id);
}

static inline void world_people(struct buf *out, int workspace)
{
    static const char *const tags[] = {"late", "two words", "환불", "42"};
    static const char *const teams[] = {"first line", "vip"};
    buf_printf(out, "INSERT INTO workspace (id, name, created_at) VALUES (%d, 'w', 1);\n", workspace);
    for (int i = 0; i < 3; i++) {
        int id = workspace * 10 + i;
        buf_printf(out,
                   "INSERT INTO agent (id, workspace_id, email, email_key, name, role, created_at) VALUES "
                   "(%d, %d, 'x', "
                   "'agent%d@example.org', 'A', 'agent', 1);\n",
                   id, workspace, id);
        buf_printf(out,
                   "INSERT INTO channel (id, workspace_id, kind, name, name_key, state, state_since, "
                   "created_at) VALUES "
                   "(%d, %d, '%s', 'n', '%s', 'active', 1, 1);\n",
                   id, workspace, i == 0 ? "custom" : "bluesky",
                   i == 2   ? "bluesky"
                   : i == 1 ? "my shop"
                            : "main");
    }
    for (int i = 0; i < 2; i++) {
        buf_printf(out,
                   "INSERT INTO brand (id, workspace_id, name, name_key, created_at) VALUES (%d, %d, 'n', "
                   "'%s', 1);\n"
                   "UPDATE channel SET brand_id = %d WHERE id = %d;\n",
                   workspace * 10 + i, workspace, i ? "south sea" : "north", workspace * 10 + i,
                   workspace * 10 + i);
    }
    for (int i = 0; i < 4; i++)
        buf_printf(
            out,
            "INSERT INTO tag (id, workspace_id, name, name_key, created_at) VALUES (%d, %d, 'n', '%s', 1);\n",
            workspace * 10 + i, workspace, tags[i]);
    for (int i = 0; i < 2; i++)
        buf_printf(out,
                   "INSERT INTO team (id, workspace_id, name, name_key, created_at) VALUES (%d, %d, 'n', "
                   "'%s', 1);\n",
                   workspace * 10 + i, workspace, teams[i]);
}

// Conversations 1 … n, taking turns between the workspaces 1 and 2.
static inline void world_make(struct fixture *f, int n)
{
    struct buf out;
    buf_init(&out, f->arena, 64 << 20);
    buf_add(&out, S("BEGIN;\n"));
    world_people(&out, 1);
    world_people(&out, 2);
    for (int id = 1, message = 1; id <= n; id++) {
        world_conversation(&out, 1 + id % 2, id);
        for (u32 left = world_random(5); left > 0; left--, message++)
            world_message(&out, f->arena, 1 + id % 2, id, message);
    }
    buf_add(&out, S("COMMIT;\n"));
    assert_false(out.overflow);
    world_run(f, str_cstr(f->arena, buf_str(&out)));
}

static inline void world_index(struct fixture *f, struct search *search)
{
    for (i64 n = 1; n > 0;)
        CHECK_OK(search_step(search, &n, &f->err));
}

// ---- Random queries ---------------------------------------------------------------------------

static inline void world_pick(struct buf *out, const char *const *list, size_t n)
{
    buf_add(out, str_from(list[world_random((u32)n)]));
}

static inline void world_text_term(struct buf *out)
{
    struct arena *arena = arena_take();
    struct buf words;
    buf_init(&words, arena, 1 << 16);
    switch (world_random(5)) {
    case 0: // some characters of a sentence
        world_sentence(&words, 2);
        {
            struct str text = buf_str(&words);
            size_t from = world_random((u32)text.len + 1), to = from + world_random(12);
            to = to > text.len ? text.len : to;
            buf_add_char(out, '"');
            struct str part = utf8_clean(arena, str_sub(text, from, to));
            for (size_t i = 0; i < part.len; i++)
                buf_add_char(out, part.ptr[i] == '"' || part.ptr[i] == '\\' ? ' ' : part.ptr[i]);
            buf_add_char(out, '"');
        }
        break;
    case 1:
        buf_add_char(out, '"');
        for (u32 n = 1 + world_random(3); n > 0; n--) {
            static const char *const plain[] = {"the",  "parcel", "배송", "지연", "好",
                                                "世界", "lost",   "가",   "กิน",   "👍"};
            world_pick(out, plain, ARRAY_LEN(plain));
            buf_add_char(out, ' ');
        }
        buf_add_char(out, '"');
        break;
    case 2: {
        static const char *const prefixes[] = {"pa*", "re*",     "ref*",    "по*", "caf*",
                                               "배*", "the-lo*", "iphone*", "42*", "ist*"};
        world_pick(out, prefixes, ARRAY_LEN(prefixes));
        break;
    }
    default: {
        static const char *const bare[] = {
            "parcel",    "the",    "refund",   "cafe",     "café", "strasse", "don't",    "посылка", "شحنة",
            "배송",      "송",     "가",       "지연",     "好",   "世界",    "你好世界", "カタ",    "กิน",
            "ข้าว",       "👍",      "42",       "x",        "!",    "好世",    "배송지연", "송지",    "界你",
            "\"好 世\"", "e-mail", "istanbul", "İSTANBUL", "안녕", "nothing", "한"};
        world_pick(out, bare, ARRAY_LEN(bare));
        break;
    }
    }
    arena_give(arena);
}

static inline void world_field_term(struct buf *out)
{
    static const char *const lists[][13] = {
        {"is:", "open", "snoozed", "closed", "any", "unanswered", "unread", "spam", "assigned", "waiting",
         "late", NULL},
        {"channel:", "custom", "bluesky", "\"my shop\"", "main", "10", "21", "any", "nowhere", NULL},
        {"brand:", "north", "\"South Sea\"", "11", "any", "none", "nobody", NULL},
        {"kind:", "dm", "thread", "review", "email", "any", NULL},
        {"visibility:", "public", "private", NULL},
        {"tag:", "late", "\"Two Words\"", "환불", "42", "any", "unknown", "\"any\"", NULL},
        {"assigned:", "me", "any", "none", "agent11@example.org", "AGENT12@example.org", "10", "0",
         "ghost@example.org", NULL},
        {"team:", "\"First Line\"", "vip", "any", "none", "11", "ghosts", NULL},
        {"priority:", "urgent", "high", "normal", "low", "any", NULL},
        {"lang:", "ko", "ET", "en", "any", "xx", NULL},
        {"from:", "mia.test", "@MIA.test", "anna", "\"Ünal\"", "any", NULL},
        {"has:", "attachment", "note", "reply", "call", "callback", "any", NULL},
        {"id:", "5", ">20", "<=9", ">=100", "<3", "any", NULL}};
    static const char *const times[] = {"waiting:", "due:", "created:", "updated:"};
    static const char *const moments[] = {"any",
                                          ">30m",
                                          "<30m",
                                          ">=30m",
                                          "<=1h",
                                          ">1h",
                                          "<1d",
                                          ">0s",
                                          "<+2h",
                                          ">+1h",
                                          ">=+30m",
                                          "2026-11-24",
                                          ">2026-11-24",
                                          "<2026-11-24",
                                          ">=2026-11-23",
                                          "<=2026-11-24",
                                          "2026-11-24T12:00:00Z",
                                          ">2026-11-24T11:30:00+00:00",
                                          "<2026-11-17T12:00:00.001Z"};
    u32 which = world_random(ARRAY_LEN(lists) + 3);
    size_t n = 0;
    const char *const *values = moments;
    if (which < ARRAY_LEN(lists)) {
        buf_add(out, str_from(lists[which][0]));
        values = &lists[which][1];
        while (values[n])
            n++;
    } else {
        world_pick(out, times, ARRAY_LEN(times));
        n = ARRAY_LEN(moments);
    }
    for (u32 left = world_random(4) == 0 ? 3 : 1; left > 0; left--) {
        world_pick(out, values, n);
        if (left > 1)
            buf_add_char(out, ',');
    }
}

static inline void world_query_part(struct buf *out, int depth)
{
    u32 terms = 1 + world_random(3);
    for (u32 i = 0; i < terms; i++) {
        if (i > 0)
            buf_add(out, world_random(3) == 0 ? S(" OR ") : S(" "));
        if (world_random(4) == 0)
            buf_add_char(out, '-');
        if (depth > 0 && world_random(4) == 0) {
            buf_add_char(out, '(');
            world_query_part(out, depth - 1);
            buf_add_char(out, ')');
        } else if (world_random(2)) {
            world_text_term(out);
        } else {
            world_field_term(out);
        }
    }
}

static inline struct str world_query(struct arena *arena)
{
    struct buf out;
    buf_init(&out, arena, 1 << 20);
    world_query_part(&out, 3);
    return buf_str(&out);
}
