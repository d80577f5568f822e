// SPDX-License-Identifier: AGPL-3.0-or-later
// See steering.h. Who comes over is known by the contact, or by the same handle on the same network; never by
// a name.
#include "desk/steering.h"
#include "channels/channel.h"
#include "desk/brand.h"
#include "desk/conversation.h"
#include "desk/events.h"
#include "sql_gen.h"

static const i64 REMEMBERED_MS = (i64)90 * 24 * 3600 * 1000; // who comes later came by themselves

const struct type steering_type = {
    "Steering",
    (const struct field[]){
        FIELD(steering, FIELD_BOOL, possible, FIELD_READ_ONLY,
              .doc = "the conversation's channel names a support account, and it works"),
        FIELD(steering, FIELD_I64, channel_id, FIELD_READ_ONLY | FIELD_NULLABLE,
              .doc = "the support account's channel"),
        FIELD(steering, FIELD_STR, account, FIELD_READ_ONLY, .doc = "what customers call it"),
        FIELD(steering, FIELD_STR, text, FIELD_READ_ONLY,
              .doc = "words that ask over, in the customer's language: the brand's, else Heed's"),
        FIELD(steering, FIELD_TIME, asked_at, FIELD_READ_ONLY | FIELD_NULLABLE,
              .doc = "when the customer was asked over"),
        FIELD(steering, FIELD_I64, from_id, FIELD_READ_ONLY | FIELD_NULLABLE,
              .doc = "the conversation they were asked over from"),
        FIELD(steering, FIELD_I64, to_id, FIELD_READ_ONLY | FIELD_NULLABLE,
              .doc = "the one they came to; null: not yet, or not to be seen"),
        FIELD(steering, FIELD_TIME, linked_at, FIELD_READ_ONLY | FIELD_NULLABLE, .doc = "when they came"),
        FIELD_END,
    },
    sizeof(struct steering),
};

struct support {
    struct str kind, state, handle, name;
    i64 steer_to;
};

static bool load_channel(struct conn *conn, i64 workspace_id, i64 id, struct arena *arena,
                         struct support *out, struct err *err)
{
    struct rows *rows;
    *out = (struct support){.kind = S(""), .state = S("")};
    if (!db_query(conn, &SQL_brand_channel, DB_ARGS(db_i64(workspace_id), db_i64(id)), &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        *out = (struct support){.kind = row_str(rows, 0, arena),
                                .state = row_str(rows, 1, arena),
                                .steer_to = row_i64(rows, 3),
                                .handle = row_str(rows, 4, arena),
                                .name = row_str(rows, 5, arena)};
    }
    return rows_end(rows, err);
}

// ---- The words --------------------------------------------------------------------------------------

static const struct {
    const char *language, *text;
} own_words[] = {
    {"en", "Our support team helps you at {account}. Please write to us there, so that we have everything in "
           "one place."},
    {"id",
     "Tim dukungan kami membantu Anda di {account}. Silakan tulis kepada kami di sana, agar semuanya ada "
     "di satu tempat."},
    {"et", "Meie klienditugi aitab teid kontol {account}. Palun kirjutage meile sinna, siis on kõik ühes "
           "kohas."},
    {"fi", "Asiakastukemme auttaa sinua tilillä {account}. Kirjoitathan meille sinne, niin kaikki on yhdessä "
           "paikassa."},
    {"ko", "고객 지원팀이 {account}에서 도와드립니다. 모든 내용을 한곳에서 볼 수 있도록 그곳으로 글을 남겨 "
           "주세요."},
};

static struct str own_text(struct str language)
{
    for (size_t i = 1; i < ARRAY_LEN(own_words); i++) {
        if (str_eq(language, str_from(own_words[i].language))) {
            return str_from(own_words[i].text);
        }
    }
    return str_from(own_words[0].text);
}

static struct str with_account(struct arena *arena, struct str text, struct str account)
{
    struct buf out;
    buf_init(&out, arena, 16 * 1024);
    for (i64 at; (at = str_find(text, S("{account}"))) >= 0;
         text = str_sub(text, (size_t)at + S("{account}").len, text.len)) {
        buf_add(&out, str_sub(text, 0, (size_t)at));
        buf_add(&out, account);
    }
    buf_add(&out, text);
    return buf_str(&out);
}

// The brand's words in the customer's language; else Heed's in that language, when it knows it; else in the
// workspace's, the same way round.
static bool find_text(struct conn *conn, i64 workspace_id, const struct record *c, struct arena *arena,
                      struct str *ret, struct err *err)
{
    struct rows *rows;
    struct err ignored = {};
    struct str texts = S("{}"), settings = S("{}");
    if (!db_query(conn, &SQL_brand_texts, DB_ARGS(db_i64(workspace_id), db_i64(c->channel_id)), &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        texts = row_str(rows, 0, arena);
    }
    if (!rows_end(rows, err) ||
        !db_query(conn, &SQL_conversation_allowances, DB_ARGS(db_i64(workspace_id)), &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        settings = row_str(rows, 0, arena);
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    struct str language = S("");
    for (size_t i = 0; i < ARRAY_LEN(own_words); i++) {
        if (str_eq(c->language, str_from(own_words[i].language))) {
            language = c->language;
        }
    }
    if (language.len == 0) {
        struct str of_workspace = json_str(json_at(json_parse(settings, arena, &ignored), "language"));
        language = str_given(of_workspace) ? of_workspace : S("en");
    }
    struct str own = json_str(json_at(json_parse(texts, arena, &ignored), str_cstr(arena, language)));
    *ret = str_given(own) && str_trim(own).len > 0 ? own : own_text(language);
    return true;
}

// ---- Reading ----------------------------------------------------------------------------------------

static bool running(struct str state)
{
    return str_eq(state, S("active")) || str_eq(state, S("degraded")) || str_eq(state, S("connecting"));
}

static bool read_marks(struct conn *conn, const struct actor *actor, i64 conversation_id,
                       struct steering *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_steering_get, DB_ARGS(db_i64(actor->workspace_id), db_i64(conversation_id)),
                  &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        bool sees_from = actor_sees(actor, row_i64(rows, 5), row_i64(rows, 6)) && row_i64(rows, 9) == 0;
        bool sees_to = actor_sees(actor, row_i64(rows, 7), row_i64(rows, 8)) && row_i64(rows, 10) == 0;
        out->asked_at = row_i64(rows, 3);
        out->linked_at = row_i64(rows, 4);
        out->from_id = sees_from ? row_i64(rows, 0) : 0;
        out->to_id = sees_to ? row_i64(rows, 2) : 0;
    }
    return rows_end(rows, err);
}

bool steering_get(struct conn *conn, const struct actor *actor, i64 conversation_id, struct arena *arena,
                  struct steering *out, struct err *err)
{
    struct conversation c;
    struct support own, there;
    struct steering s = {.account = S(""), .text = S("")};
    if (!conversation_get(conn, actor, conversation_id, arena, &c, err) ||
        !load_channel(conn, actor->workspace_id, c.channel_id, arena, &own, err) ||
        !read_marks(conn, actor, conversation_id, &s, err)) {
        return false;
    }
    if (own.steer_to > 0) {
        struct record record = {.channel_id = c.channel_id, .language = c.language};
        if (!load_channel(conn, actor->workspace_id, own.steer_to, arena, &there, err) ||
            !find_text(conn, actor->workspace_id, &record, arena, &s.text, err)) {
            return false;
        }
        s.possible = running(there.state);
        s.channel_id = own.steer_to;
        s.account = str_given(there.handle) && there.handle.len > 0 ? there.handle : there.name;
        s.text = with_account(arena, s.text, s.account);
    }
    *out = s;
    return true;
}

// ---- Marking ----------------------------------------------------------------------------------------

static struct str data_of(struct arena *arena, i64 channel_id, i64 other)
{
    return str_printf(arena, "{\"channel_id\":%lld,\"conversation_id\":%lld}", (long long)channel_id,
                      (long long)other);
}

bool steering_mark(struct change *change, const struct record *conversation, i64 message_id, struct err *err)
{
    struct brand_place place;
    if (!brand_place_get(change->tx->conn, change->workspace_id, conversation->channel_id, &place, err)) {
        return false;
    }
    if (place.steer_to == 0) {
        return err_field(err, "steer", "not_possible", "This channel names no support account.");
    }
    return db_exec(change->tx->conn, &SQL_steering_put,
                   DB_ARGS(db_i64(change->workspace_id), db_i64(conversation->id), db_i64(place.steer_to),
                           db_i64(conversation->contact_id), db_i64(change->agent_id), db_i64(message_id),
                           db_i64(change->tx->now)),
                   NULL, err) &&
           change_log(change, EVENT_CONVERSATION_STEERED, conversation, 0,
                      data_of(change->tx->arena, place.steer_to, 0), err);
}

// ---- They come --------------------------------------------------------------------------------------

static bool wrote(const struct event *event)
{
    return event->conversation_id && str_eq(event->kind, S(EVENT_MESSAGE_CREATED)) &&
           str_find(event->data, S("\"direction\":\"in\"")) >= 0 &&
           str_find(event->data, S("\"kind\":\"message\"")) >= 0;
}

static bool look(struct tx *tx, const struct event *event, i64 *ret_from, struct err *err)
{
    struct rows *rows;
    *ret_from = 0;
    if (!db_query(tx->conn, &SQL_steering_waiting,
                  DB_ARGS(db_i64(event->workspace_id), db_i64(event->channel_id),
                          db_i64(event->conversation_id), db_i64(event->at - REMEMBERED_MS),
                          db_i64(event->at)),
                  &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        *ret_from = row_i64(rows, 0);
    }
    return rows_end(rows, err);
}

static bool join(struct tx *tx, const struct event *event, i64 from_id, struct err *err)
{
    struct change change;
    struct edit *first, *second;
    i64 low = from_id < event->conversation_id ? from_id : event->conversation_id, n = 0;
    i64 high = low == from_id ? event->conversation_id : from_id;
    change_init(&change, tx, event->workspace_id, 0);
    // In the order of numbers, as every write locks two.
    if (!change_open(&change, low, &first, err) || !change_open(&change, high, &second, err)) {
        return false;
    }
    struct edit *from = low == from_id ? first : second, *to = low == from_id ? second : first;
    if (!db_exec(tx->conn, &SQL_steering_link,
                 DB_ARGS(db_i64(to->after.id), db_i64(tx->now), db_i64(event->workspace_id), db_i64(from_id)),
                 &n, err)) {
        return false;
    }
    if (n == 0) {
        return true; // somebody was quicker
    }
    struct str to_data = data_of(tx->arena, to->after.channel_id, to->after.id);
    struct str from_data = data_of(tx->arena, to->after.channel_id, from_id);
    return db_exec(
               tx->conn, &SQL_link_add,
               DB_ARGS(db_i64(event->workspace_id), db_i64(low), db_i64(high), db_i64(0), db_i64(tx->now)),
               NULL, err) &&
           change_log(&change, EVENT_CONVERSATION_STEERED, &from->after, 0, to_data, err) &&
           change_log(&change, EVENT_CONVERSATION_STEERED, &to->after, 0, from_data, err);
}

bool steering_read(struct tx *tx, const struct event_list *events, void *arg, struct err *err)
{
    (void)arg;
    for (size_t i = 0; i < events->len; i++) {
        const struct event *event = &events->items[i];
        i64 from;
        if (wrote(event) && (!look(tx, event, &from, err) || (from > 0 && !join(tx, event, from, err)))) {
            return false;
        }
    }
    return true;
}
