// SPDX-License-Identifier: AGPL-3.0-or-later
// The push outbox: what is due, what is in a push, and what became of it. By default a push says only what
// kind of thing happened; the customer's name and words are in it when the person chose so.
#include "desk/ping.h"
#include "desk/push.h"
#include "desk/workspace.h"
#include "sql_gen.h"

enum { AT_ONCE = 100, LEASE_MS = 60000, BACKOFF_MS = 15000, BACKOFF_MAX_MS = 600000, PREVIEW_MAX = 240 };
enum { TARGET_MS = 10 * 60 * 1000, LIFE_MS = 4 * 3600 * 1000 };

struct due_list {
    struct due {
        i64 id, workspace_id, agent_id, life_ms;
    } * items;
    size_t len, cap;
};

bool push_fan(struct tx *tx, i64 *ret_n, struct err *err)
{
    struct due_list list = {};
    struct rows *rows;
    if (!db_query(tx->conn, &SQL_push_ping_due, DB_ARGS(db_i64(tx->now), db_i64(AT_ONCE)), &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        bool target = str_eq(row_str(rows, 3, tx->arena), S("target"));
        *list_push(&list, tx->arena) =
            (struct due){row_i64(rows, 0), row_i64(rows, 1), row_i64(rows, 2), target ? TARGET_MS : LIFE_MS};
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    for (size_t i = 0; i < list.len; i++) {
        const struct due *due = &list.items[i];
        if (!db_exec(tx->conn, &SQL_push_out_fan,
                     DB_ARGS(db_i64(due->id), db_i64(tx->now), db_i64(tx->now + due->life_ms),
                             db_i64(due->workspace_id), db_i64(due->agent_id)),
                     NULL, err) ||
            !db_exec(tx->conn, &SQL_push_ping_done, DB_ARGS(db_i64(due->workspace_id), db_i64(due->id)), NULL,
                     err)) {
            return false;
        }
    }
    *ret_n = (i64)list.len;
    return true;
}

bool push_claim(struct tx *tx, struct push_out *out, bool *ret_found, struct err *err)
{
    struct rows *rows;
    if (!db_query(tx->conn, &SQL_push_out_due, DB_ARGS(db_i64(tx->now), db_i64(1)), &rows, err)) {
        return false;
    }
    *ret_found = rows_next(rows);
    if (*ret_found) {
        *out = (struct push_out){row_i64(rows, 0), row_i64(rows, 1), row_i64(rows, 2), row_i64(rows, 3),
                                 row_i64(rows, 4), row_i64(rows, 5), row_i64(rows, 6)};
    }
    return rows_end(rows, err) && (!*ret_found || db_exec(tx->conn, &SQL_push_out_claim,
                                                          DB_ARGS(db_i64(tx->now + LEASE_MS),
                                                                  db_i64(out->workspace_id), db_i64(out->id)),
                                                          NULL, err));
}

// ---- The letter -----------------------------------------------------------------------------------------

struct source {
    struct str sealed, hash, language, choice, kind, contact_name, preview, by_name;
    i64 n, seen_at, conversation_id, agent_id, channel_id, team_id;
};

static bool load(struct conn *conn, const struct push_out *out, i64 now, struct arena *arena,
                 struct source *ret, bool *ret_found, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_push_out_load, DB_ARGS(db_i64(now), db_i64(out->workspace_id), db_i64(out->id)),
                  &rows, err)) {
        return false;
    }
    *ret_found = rows_next(rows);
    if (*ret_found) {
        *ret = (struct source){.sealed = row_blob(rows, 0, arena),
                               .hash = row_str(rows, 1, arena),
                               .language = row_str(rows, 3, arena),
                               .choice = row_str(rows, 4, arena),
                               .kind = row_str(rows, 6, arena),
                               .n = row_i64(rows, 7),
                               .seen_at = row_i64(rows, 8),
                               .conversation_id = row_i64(rows, 9),
                               .contact_name = row_str(rows, 10, arena),
                               .preview = row_str(rows, 11, arena),
                               .by_name = row_str(rows, 12, arena),
                               .agent_id = row_i64(rows, 2),
                               .channel_id = row_i64(rows, 13),
                               .team_id = row_i64(rows, 14)};
    }
    return rows_end(rows, err);
}

static bool load_contact(struct conn *conn, i64 workspace_id, struct arena *arena, struct str *ret,
                         struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_push_contact, DB_ARGS(db_i64(workspace_id)), &rows, err)) {
        return false;
    }
    *ret = rows_next(rows) ? row_str(rows, 0, arena) : S("heed@invalid.example");
    return rows_end(rows, err);
}

// At most so many bytes, never half a character.
static struct str shorten(struct str text, size_t max)
{
    while (text.len > max || (text.len > 0 && !utf8_valid(text))) {
        text.len = text.len > max ? max : text.len - 1;
    }
    return text;
}

static struct str letter_text(const struct source *source, const struct push_out *out,
                              const struct ping_choice *choice, struct arena *arena)
{
    struct buf text;
    buf_init(&text, arena, 4096);
    struct json_writer w = json_writer(&text);
    json_open(&w, '{');
    json_key(&w, "kind");
    json_put_str(&w, out->ping_id ? source->kind : S("test"));
    json_key(&w, "ping");
    json_put_i64(&w, out->ping_id);
    json_key(&w, "conversation");
    json_put_i64(&w, source->conversation_id);
    json_key(&w, "n");
    json_put_i64(&w, source->n);
    json_key(&w, "language");
    json_put_str(&w, source->language);
    json_key(&w, "sound");
    json_put_bool(&w, !choice->quiet);
    if (choice->push_text && out->ping_id) {
        json_key(&w, "name");
        json_put_str(&w, shorten(source->contact_name, PREVIEW_MAX));
        json_key(&w, "text");
        json_put_str(&w, shorten(source->preview, PREVIEW_MAX));
        json_key(&w, "by");
        json_put_str(&w, shorten(source->by_name, PREVIEW_MAX));
    }
    json_close(&w, '}');
    return buf_str(&text);
}

static struct str urgency_of(struct str kind)
{
    bool low = str_eq(kind, S("all")) || str_eq(kind, S("team"));
    return low ? S("normal") : S("high");
}

// Asked when it leaves, which may be hours after the ping.
static bool still_sees(struct conn *conn, const struct source *source, struct arena *arena, bool *ret_sees,
                       struct err *err)
{
    struct actor actor;
    struct err why = {};
    if (!actor_load(conn, source->agent_id, arena, &actor, &why)) {
        *ret_sees = false;
        *err = why;
        return why.code == ERR_UNAUTHENTICATED;
    }
    *ret_sees = actor_sees(&actor, source->channel_id, source->team_id);
    return true;
}

bool push_letter_make(struct conn *conn, const struct key *key, const struct push_out *out, i64 now,
                      struct arena *arena, struct push_letter *ret, struct err *err)
{
    struct source source = {};
    struct push_draft draft = {};
    struct ping_choice choice;
    struct str opened;
    field_set given;
    bool found;
    *ret = (struct push_letter){};
    if (!load(conn, out, now, arena, &source, &found, err) ||
        (found && source.conversation_id && !still_sees(conn, &source, arena, &found, err))) {
        return false;
    }
    if (!found || source.seen_at > 0) {
        ret->needless = true;
        return true;
    }
    if (!crypto_open(key, arena, str_printf(arena, "push:%.*s", STR_ARG(source.hash)), source.sealed, &opened,
                     err) ||
        !json_decode(opened, &push_draft_type, true, arena, &draft, &given, err) ||
        !load_contact(conn, out->workspace_id, arena, &ret->contact, err)) {
        return false;
    }
    ping_choice_read(source.choice, S("UTC"), arena, &choice);
    if (!base64url_decode(arena, draft.keys.p256dh, &ret->point) ||
        !base64url_decode(arena, draft.keys.auth, &ret->auth)) {
        return err_set(err, ERR_INTERNAL, "What was kept of the device is damaged.");
    }
    ret->endpoint = draft.endpoint;
    ret->text = letter_text(&source, out, &choice, arena);
    ret->urgency = urgency_of(source.kind);
    ret->topic =
        source.conversation_id ? str_printf(arena, "c%lld", (long long)source.conversation_id) : S("test");
    ret->ttl_s = (out->until_at - now) / 1000;
    ret->needless = ret->ttl_s <= 0;
    return true;
}

// ---- What became of it ----------------------------------------------------------------------------------

static bool set(struct tx *tx, const struct push_out *out, const char *state, i64 next_at, struct str reason,
                struct err *err)
{
    return db_exec(tx->conn, &SQL_push_out_set,
                   DB_ARGS(db_str(str_from(state)), db_i64(next_at), db_str(reason),
                           db_i64(out->workspace_id), db_i64(out->id)),
                   NULL, err);
}

// The last push of the ping failed: nobody need wait for it any longer.
static bool give_up(struct tx *tx, const struct push_out *out, struct err *err)
{
    i64 left = 0;
    if (out->ping_id == 0) {
        return true;
    }
    return db_one_i64(tx->conn, &SQL_push_out_left,
                      DB_ARGS(db_i64(out->workspace_id), db_i64(out->ping_id), db_i64(out->id)), &left,
                      err) &&
           (left > 0 ||
            db_exec(tx->conn, &SQL_ping_unreached,
                    DB_ARGS(db_i64(tx->now), db_i64(out->workspace_id), db_i64(out->ping_id)), NULL, err));
}

static bool again(struct tx *tx, const struct push_result *result, struct err *err)
{
    const struct push_out *out = result->out;
    i64 pause = BACKOFF_MS;
    for (i64 i = 0; i < out->attempts && pause < BACKOFF_MAX_MS; i++) {
        pause *= 2;
    }
    i64 at = result->retry_at > tx->now ? result->retry_at : tx->now + pause;
    if (at >= out->until_at) {
        return set(tx, out, "failed", at, result->reason, err) && give_up(tx, out, err);
    }
    return set(tx, out, "queued", at, result->reason, err);
}

bool push_settle(struct tx *tx, const struct push_result *result, struct err *err)
{
    const struct push_out *out = result->out;
    struct db_arg device[] = {db_i64(out->workspace_id), db_i64(out->device_id)};
    switch (result->outcome) {
    case PUSH_NEEDLESS:
        return set(tx, out, "done", tx->now, S(""), err);
    case PUSH_TAKEN:
        return set(tx, out, "done", tx->now, S(""), err) &&
               db_exec(tx->conn, &SQL_push_device_ok, DB_ARGS(db_i64(tx->now), device[0], device[1]), NULL,
                       err) &&
               (out->ping_id == 0 ||
                db_exec(tx->conn, &SQL_ping_reached,
                        DB_ARGS(db_i64(tx->now), db_i64(out->workspace_id), db_i64(out->ping_id)), NULL,
                        err));
    case PUSH_AGAIN:
        return again(tx, result, err);
    case PUSH_GONE:
        return give_up(tx, out, err) && db_exec(tx->conn, &SQL_push_device_gone, device, 2, NULL, err);
    case PUSH_REFUSED:
        return set(tx, out, "failed", tx->now, result->reason, err) &&
               db_exec(tx->conn, &SQL_push_device_error,
                       DB_ARGS(db_str(result->reason), device[0], device[1]), NULL, err) &&
               give_up(tx, out, err);
    }
    return true;
}
