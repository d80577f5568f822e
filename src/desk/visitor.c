// SPDX-License-Identifier: AGPL-3.0-or-later
// Sessions of visitors. Only the hash of a secret is stored; a thread of somebody unknown is 128 random
// bits, that of a known customer a hash of who the shop says it is.
#include "desk/visitor.h"
#include "base/buf.h"
#include "channels/hours.h"
#include "desk/session.h"
#include "desk/workspace.h"
#include "sql_gen.h"
#include "text/words.h"

enum { SECRET_MAX = 128, KEY_MAX = 64 };

// ---- Channels -----------------------------------------------------------------------------------------

bool visitor_channel_find(struct conn *conn, const char *kind, struct str key, struct arena *arena,
                          struct visitor_channel *out, struct err *err)
{
    struct rows *rows;
    struct visitor_channel channel = {.key = key, .kind = str_from(kind)};
    struct str settings = STR_NONE;
    if (key.len == 0 || key.len > KEY_MAX)
        return err_set(err, ERR_NOT_FOUND, "There is no such channel.");
    if (!db_query(conn, &SQL_visitor_channel, DB_ARGS(db_str(key), db_str(channel.kind)), &rows, err))
        return false;
    if (rows_next(rows)) {
        channel.id = row_i64(rows, 0);
        channel.workspace_id = row_i64(rows, 1);
        channel.name = row_str(rows, 3, arena);
        channel.state = row_str(rows, 4, arena);
        settings = row_str(rows, 5, arena);
        channel.sealed = row_blob(rows, 6, arena);
    }
    if (!rows_end(rows, err))
        return false;
    if (channel.id == 0 || str_eq(channel.state, S("disabled")))
        return err_set(err, ERR_NOT_FOUND, "There is no such channel.");
    channel.settings = json_parse(settings, arena, err);
    if (!channel.settings)
        return false;
    *out = channel;
    return true;
}

static const char *fallback_of(const struct visitor_channel *channel, const char *name)
{
    const struct channel_driver *driver = channel_driver_find(channel->kind);
    for (const struct channel_setting *s = driver ? driver->settings : NULL; s && s->name; s++)
        if (strcmp(s->name, name) == 0)
            return s->fallback ? s->fallback : "";
    return "";
}

struct str visitor_setting(const struct visitor_channel *channel, const char *name)
{
    struct str text = json_str(json_at(channel->settings, name));
    return str_given(text) ? text : str_from(fallback_of(channel, name));
}

bool visitor_setting_on(const struct visitor_channel *channel, const char *name)
{
    const struct json *value = json_at(channel->settings, name);
    return json_is_null(value) ? strcmp(fallback_of(channel, name), "true") == 0 : json_bool(value);
}

struct str visitor_title(const struct visitor_channel *channel)
{
    struct str title = str_trim(visitor_setting(channel, "title"));
    return title.len ? title : channel->name;
}

bool visitor_secrets(const struct visitor_channel *channel, const struct key *key, i64 now,
                     struct arena *arena, struct identity_check *out, struct err *err)
{
    struct channel_row row = {.id = channel->id, .kind = channel->kind, .secret = channel->sealed};
    struct channel_view view;
    if (!channel_view_open(&row, key, now, arena, &view, err))
        return false;
    struct str current = json_str(json_at(view.secret, "secret"));
    struct str previous = json_str(json_at(view.secret, "previous"));
    *out = (struct identity_check){.audience = channel->key, .now = now};
    if (current.len)
        out->secrets[out->n_secrets++] = current;
    if (previous.len && json_i64(json_at(view.secret, "previous_until")) > now)
        out->secrets[out->n_secrets++] = previous;
    return true;
}

// ---- Sessions -----------------------------------------------------------------------------------------

static const struct type row_type = {
    "VisitorRow",
    (const struct field[]){
        FIELD(visitor, FIELD_I64, id, 0),
        FIELD(visitor, FIELD_I64, workspace_id, 0),
        FIELD(visitor, FIELD_I64, channel_id, 0),
        FIELD(visitor, FIELD_I64, created_at, 0),
        FIELD(visitor, FIELD_I64, last_seen_at, 0),
        FIELD(visitor, FIELD_I64, expires_at, 0),
        FIELD(visitor, FIELD_STR, thread_key, 0),
        FIELD(visitor, FIELD_STR, subject, 0),
        FIELD(visitor, FIELD_STR, name, 0),
        FIELD(visitor, FIELD_STR, email, 0),
        FIELD(visitor, FIELD_STR, language, 0),
        FIELD_END,
    },
    sizeof(struct visitor),
};

bool visitor_find(struct conn *conn, const struct visitor_channel *channel, struct str secret, i64 now,
                  struct arena *arena, struct visitor *out, struct err *err)
{
    struct visitor visitor = {};
    if (secret.len == 0 || secret.len > SECRET_MAX)
        return err_set(err, ERR_UNAUTHENTICATED,
                       "This visitor's token is unknown or over; start a new session.");
    if (!db_one(conn, &SQL_visitor_by_hash,
                DB_ARGS(db_blob(secret_hash(arena, secret)), db_i64(channel->workspace_id),
                        db_i64(channel->id), db_i64(now)),
                &row_type, &visitor, arena, err)) {
        return err->code == ERR_NOT_FOUND
                   ? err_set(err, ERR_UNAUTHENTICATED,
                             "This visitor's token is unknown or over; start a new session.")
                   : false;
    }
    *out = visitor;
    return true;
}

static i64 life(const struct visitor *visitor)
{
    return visitor->subject.len ? VISITOR_SIGNED_MS : VISITOR_SLIDE_MS;
}

// "v…" for somebody unknown, "u…" for a customer the shop vouches for: nobody can choose either.
static struct str make_thread(struct arena *arena, i64 channel_id, struct str subject)
{
    u8 bytes[32];
    if (subject.len == 0)
        random_bytes(bytes, 16);
    else
        sha256(str_printf(arena, "%lld:%.*s", (long long)channel_id, STR_ARG(subject)), bytes);
    return str_printf(arena, "%s%.*s", subject.len ? "u" : "v",
                      STR_ARG(hex_encode(arena, (struct str){(const char *)bytes, 16})));
}

bool visitor_once(struct tx *tx, i64 workspace_id, i64 channel_id, struct str what, i64 expires_at,
                  struct err *err)
{
    i64 taken = 0;
    if (!db_exec(tx->conn, &SQL_visitor_once_take,
                 DB_ARGS(db_i64(workspace_id), db_i64(channel_id), db_blob(secret_hash(tx->arena, what)),
                         db_i64(expires_at)),
                 &taken, err))
        return false;
    return taken > 0 || err_set(err, ERR_UNAUTHENTICATED, "This was used before.");
}

static struct str or_empty(struct str s)
{
    return str_given(s) ? s : S("");
}

bool visitor_create(struct tx *tx, const struct visitor_channel *channel,
                    const struct signed_identity *identity, struct str language, struct str secret,
                    struct visitor *out, struct err *err)
{
    struct visitor visitor = {.workspace_id = channel->workspace_id,
                              .channel_id = channel->id,
                              .created_at = tx->now,
                              .last_seen_at = tx->now,
                              .subject = identity ? identity->subject : S(""),
                              .name = identity ? text_clean_name(tx->arena, or_empty(identity->name)) : S(""),
                              .email = identity ? or_empty(identity->email) : S(""),
                              .language = language};
    if (identity && !visitor_once(tx, channel->workspace_id, channel->id,
                                  str_concat(tx->arena, S("jti:"), identity->id), identity->expires_at, err))
        return err->code == ERR_UNAUTHENTICATED
                   ? err_set(err, ERR_UNAUTHENTICATED, "This identity is not accepted: it was used before.")
                   : false;
    visitor.thread_key = make_thread(tx->arena, channel->id, visitor.subject);
    visitor.expires_at = tx->now + life(&visitor);
    if (!db_one_i64(tx->conn, &SQL_visitor_insert,
                    DB_ARGS(db_i64(visitor.workspace_id), db_i64(visitor.channel_id),
                            db_blob(secret_hash(tx->arena, secret)), db_str(visitor.thread_key),
                            db_str(visitor.subject), db_str(visitor.name), db_str(visitor.email),
                            db_str(visitor.language), db_i64(tx->now), db_i64(visitor.expires_at)),
                    &visitor.id, err))
        return false;
    *out = visitor;
    return true;
}

bool visitor_alive(struct conn *conn, const struct id_list *ids, i64 now, struct arena *arena,
                   struct id_list *ret_alive, struct err *err)
{
    struct buf text;
    struct rows *rows;
    buf_init(&text, arena, 1024 * 1024);
    for (size_t i = 0; i < ids->len; i++)
        buf_printf(&text, "%c%lld", i ? ',' : '[', (long long)ids->items[i]);
    buf_add_char(&text, ']');
    if (!db_query(conn, &SQL_visitor_alive, DB_ARGS(db_i64(now), db_str(buf_str(&text))), &rows, err))
        return false;
    while (rows_next(rows))
        *list_push(ret_alive, arena) = row_i64(rows, 0);
    return rows_end(rows, err);
}

bool visitor_touch(struct tx *tx, const struct visitor *visitor, struct err *err)
{
    return db_exec(tx->conn, &SQL_visitor_touch,
                   DB_ARGS(db_i64(tx->now), db_i64(tx->now + life(visitor)), db_i64(visitor->workspace_id),
                           db_i64(visitor->id)),
                   NULL, err);
}

bool visitor_set(struct tx *tx, const struct visitor *visitor, struct err *err)
{
    return db_exec(tx->conn, &SQL_visitor_set,
                   DB_ARGS(db_str(visitor->name), db_str(visitor->email), db_str(visitor->language),
                           db_i64(visitor->workspace_id), db_i64(visitor->id)),
                   NULL, err);
}

bool visitor_end(struct tx *tx, const struct visitor *visitor, struct err *err)
{
    return db_exec(tx->conn, &SQL_visitor_delete, DB_ARGS(db_i64(visitor->workspace_id), db_i64(visitor->id)),
                   NULL, err);
}

bool visitor_clean(struct tx *tx, struct err *err)
{
    return db_exec(tx->conn, &SQL_visitor_delete_expired, DB_ARGS(db_i64(tx->now)), NULL, err) &&
           db_exec(tx->conn, &SQL_visitor_once_delete_expired, DB_ARGS(db_i64(tx->now)), NULL, err);
}

struct str visitor_author(const struct visitor *visitor, struct arena *arena)
{
    return visitor->subject.len ? str_concat(arena, S("customer:"), visitor->subject) : visitor->thread_key;
}

struct str visitor_handle(const struct visitor *visitor, struct arena *arena)
{
    if (visitor->subject.len)
        return visitor->email.len ? visitor->email : visitor->subject;
    return visitor->email.len ? str_concat(arena, visitor->email, S(" (unverified)")) : S("");
}

// ---- Who is there -------------------------------------------------------------------------------------

bool visitor_place(struct conn *conn, i64 workspace_id, i64 channel_id, struct str thread,
                   struct visitor_place *out, struct err *err)
{
    struct rows *rows;
    *out = (struct visitor_place){};
    if (!db_query(conn, &SQL_visitor_conversation,
                  DB_ARGS(db_i64(workspace_id), db_i64(channel_id), db_str(thread)), &rows, err))
        return false;
    if (rows_next(rows)) {
        out->id = row_i64(rows, 0);
        out->seen = row_i64(rows, 1) == 0 && row_i64(rows, 3) > 0;
        out->team_id = row_i64(rows, 2);
    }
    return rows_end(rows, err);
}

bool visitor_hours(struct conn *conn, i64 workspace_id, i64 channel_id, i64 now, struct arena *arena,
                   bool *ret_open, i64 *ret_opens_at, struct err *err)
{
    struct workspace workspace = {};
    struct str text = STR_NONE;
    struct rows *rows;
    if (!db_query(conn, &SQL_visitor_settings, DB_ARGS(db_i64(workspace_id), db_i64(channel_id)), &rows, err))
        return false;
    if (rows_next(rows))
        text = row_str(rows, 0, arena);
    if (!rows_end(rows, err) || !workspace_get(conn, workspace_id, arena, &workspace, err))
        return false;
    struct err ignored = {};
    const struct json *settings = json_parse(text, arena, &ignored);
    *ret_open = hours_open(json_at(settings, "hours"), json_at(settings, "closed_days"),
                           workspace.settings.time_zone, now, ret_opens_at);
    return true;
}

bool visitor_colleagues(struct conn *conn, i64 workspace_id, i64 channel_id, i64 now, struct arena *arena,
                        struct id_list *out, bool *ret_recent, struct err *err)
{
    struct rows *rows;
    i64 recent = 0;
    if (!db_one_i64(
            conn, &SQL_visitor_online,
            DB_ARGS(db_i64(workspace_id), db_i64(now - VISITOR_ONLINE_MS), db_i64(now), db_i64(channel_id)),
            &recent, err) ||
        !db_query(conn, &SQL_visitor_may_answer, DB_ARGS(db_i64(workspace_id), db_i64(channel_id)), &rows,
                  err))
        return false;
    while (rows_next(rows))
        *list_push(out, arena) = row_i64(rows, 0);
    *ret_recent = recent > 0;
    return rows_end(rows, err);
}
