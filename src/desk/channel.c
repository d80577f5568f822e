// SPDX-License-Identifier: AGPL-3.0-or-later
// A channel's row: who made it, how it does, what is sealed of it. Everything a colleague should see of
// it (state, reason, account) is written together with a channel.updated event.
#include "desk/channel.h"
#include "base/buf.h"
#include "channels/signed_identity.h"
#include "channels/standard_webhooks.h"
#include "desk/brand.h"
#include "desk/events.h"
#include "sql_gen.h"
#include "store/log.h"
#include "text/words.h"
#include <stdio.h>

enum { SECRET_OVERLAP_MS = 24 * 3600 * 1000, MAX_SEALED = 64 << 10 };

static const struct field channel_fields[] = {
    FIELD(channel_row, FIELD_I64, id, FIELD_READ_ONLY, .doc = "The channel's number."),
    FIELD(channel_row, FIELD_STR, kind, FIELD_READ_ONLY,
          .doc = "The network, as GET /channel-kinds names it."),
    FIELD(channel_row, FIELD_STR, name, 0, .max = 200, .doc = "What colleagues call it."),
    FIELD(channel_row, FIELD_STR, state, FIELD_READ_ONLY,
          .doc = "connecting, active, degraded, reauth, dead or disabled."),
    FIELD(channel_row, FIELD_STR, state_reason, FIELD_READ_ONLY,
          .doc = "Why, in one sentence a person can act on."),
    FIELD(channel_row, FIELD_TIME, state_since, FIELD_READ_ONLY, .doc = "Since when it is in this state."),
    FIELD(channel_row, FIELD_STR, handle, FIELD_READ_ONLY, .doc = "The account's name on the network."),
    FIELD(channel_row, FIELD_STR, external_account_id, FIELD_READ_ONLY | FIELD_NULLABLE,
          .doc = "The account's id on the network, once connected."),
    FIELD(channel_row, FIELD_JSON, settings, 0, .doc = "Settings of its kind, without secrets."),
    FIELD(channel_row, FIELD_TIME, last_event_at, FIELD_READ_ONLY | FIELD_NULLABLE,
          .doc = "When something was last heard from the network."),
    FIELD(channel_row, FIELD_TIME, created_at, FIELD_READ_ONLY, .doc = "When it was made."),
    FIELD_END,
};
const struct type channel_type = {"Channel", channel_fields, sizeof(struct channel_row)};

static const struct field draft_fields[] = {
    FIELD(channel_draft, FIELD_STR, kind, FIELD_REQUIRED, .max = 40,
          .doc = "The network, as GET /channel-kinds names it."),
    FIELD(channel_draft, FIELD_STR, name, FIELD_REQUIRED, .max = 200, .doc = "What colleagues call it."),
    FIELD(channel_draft, FIELD_JSON, settings, 0, .max = 65536, .doc = "Settings of its kind, secrets too."),
    FIELD_END,
};
const struct type channel_draft_type = {"ChannelDraft", draft_fields, sizeof(struct channel_draft)};

static const struct field patch_fields[] = {
    FIELD(channel_patch, FIELD_STR, name, 0, .max = 200, .doc = "What colleagues call it."),
    FIELD(channel_patch, FIELD_BOOL, enabled, 0, .doc = "false stops it; true starts it (again)."),
    FIELD(channel_patch, FIELD_JSON, settings, 0, .max = 65536,
          .doc = "The settings to change; others stay, null means the default."),
    FIELD(channel_patch, FIELD_I64, brand_id, FIELD_NULLABLE, .doc = "The brand it belongs to; null: none."),
    FIELD(channel_patch, FIELD_I64, steer_to, FIELD_NULLABLE,
          .doc = "The channel of the same network whose account helps instead; null: none."),
    FIELD_END,
};
const struct type channel_patch_type = {"ChannelPatch", patch_fields, sizeof(struct channel_patch)};

static bool announce(struct tx *tx, i64 workspace_id, i64 id, i64 agent_id, const char *kind, struct err *err)
{
    struct event event = {.workspace_id = workspace_id,
                          .kind = str_from(kind),
                          .channel_id = id,
                          .agent_id = agent_id,
                          .data = S("{}")};
    return log_append(tx, &event, err);
}

// ---- Reading --------------------------------------------------------------------------------------
static void fill_row(struct rows *rows, struct arena *arena, struct channel_row *out)
{
    out->id = row_i64(rows, 0);
    out->workspace_id = row_i64(rows, 1);
    out->kind = row_str(rows, 2, arena);
    out->name = row_str(rows, 3, arena);
    out->state = row_str(rows, 4, arena);
    out->state_reason = row_str(rows, 5, arena);
    out->state_since = row_i64(rows, 6);
    out->external_account_id = row_str(rows, 7, arena);
    out->handle = row_str(rows, 8, arena);
    out->settings = row_str(rows, 9, arena);
    out->secret = row_blob(rows, 10, arena);
    out->session = row_blob(rows, 11, arena);
    out->last_event_at = row_i64(rows, 12);
    out->created_at = row_i64(rows, 13);
    out->brand_id = row_i64(rows, 14);
    out->steer_to = row_i64(rows, 15);
}

static bool read_one(struct conn *conn, const struct sql *sql, const struct db_arg *args, size_t n_args,
                     struct arena *arena, struct channel_row *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, sql, args, n_args, &rows, err))
        return false;
    bool found = rows_next(rows);
    struct channel_row row = {};
    if (found)
        fill_row(rows, arena, &row);
    if (!rows_end(rows, err))
        return false;
    if (!found)
        return err_set(err, ERR_NOT_FOUND, "There is no such channel.");
    *out = row;
    return true;
}

bool channel_load(struct conn *conn, i64 workspace_id, i64 id, struct arena *arena, struct channel_row *out,
                  struct err *err)
{
    return read_one(conn, &SQL_channel_get, DB_ARGS(db_i64(workspace_id), db_i64(id)), arena, out, err);
}

static bool load_locked(struct tx *tx, i64 workspace_id, i64 id, struct channel_row *out, struct err *err)
{
    return read_one(tx->conn, &SQL_channel_get_locked, DB_ARGS(db_i64(workspace_id), db_i64(id)), tx->arena,
                    out, err);
}

bool channel_get(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena,
                 struct channel_row *out, struct err *err)
{
    if (!actor_may(actor, MAY_READ) || !actor_sees(actor, id, 0))
        return err_set(err, ERR_NOT_FOUND, "There is no such channel.");
    return channel_load(conn, actor->workspace_id, id, arena, out, err);
}

bool channel_list(struct conn *conn, const struct actor *actor, struct arena *arena,
                  struct channel_row_list *out, struct err *err)
{
    struct rows *rows;
    if (!actor_may(actor, MAY_READ))
        return err_set(err, ERR_DENIED, "You may not see channels.");
    if (!db_query(conn, &SQL_channel_list, DB_ARGS(db_i64(actor->workspace_id)), &rows, err))
        return false;
    while (rows_next(rows))
        if (actor_sees(actor, row_i64(rows, 0), 0))
            fill_row(rows, arena, list_push(out, arena));
    return rows_end(rows, err);
}

bool channel_for_hook(struct conn *conn, i64 id, struct arena *arena, struct channel_row *out,
                      struct err *err)
{
    struct channel_row row = {};
    if (!read_one(conn, &SQL_channel_by_id, DB_ARGS(db_i64(id)), arena, &row, err))
        return false;
    if (str_eq(row.state, S("disabled")))
        return err_set(err, ERR_NOT_FOUND, "There is no such channel.");
    *out = row;
    return true;
}

// ---- Sealing --------------------------------------------------------------------------------------
static struct str place(struct arena *arena, i64 id, const char *what)
{
    return str_printf(arena, "channel:%lld:%s", (long long)id, what);
}

static bool open_json(const struct key *key, struct arena *arena, struct str where, struct str sealed,
                      const struct json **ret, struct err *err)
{
    struct str text;
    if (sealed.len == 0) {
        *ret = NULL;
        return true;
    }
    if (!crypto_open(key, arena, where, sealed, &text, err))
        return false;
    *ret = json_parse(text, arena, err);
    return *ret != NULL;
}

bool channel_view_open(const struct channel_row *row, const struct key *key, i64 now, struct arena *arena,
                       struct channel_view *out, struct err *err)
{
    struct channel_view view = {.id = row->id,
                                .kind = row->kind,
                                .external_account_id = row->external_account_id,
                                .handle = row->handle,
                                .now = now};
    struct str settings = row->settings.len ? row->settings : S("{}");
    view.settings = json_parse(settings, arena, err);
    if (!view.settings ||
        !open_json(key, arena, place(arena, row->id, "secret"), row->secret, &view.secret, err) ||
        !open_json(key, arena, place(arena, row->id, "session"), row->session, &view.session, err))
        return false;
    u8 *mac_key = arena_alloc(arena, 32);
    if (key)
        key_sign(key, "mail", place(arena, row->id, "mail"), mac_key);
    view.mac_key = (struct str){(const char *)mac_key, key ? 32 : 0};
    *out = view;
    return true;
}

static bool seal_secret(struct tx *tx, const struct key *key, i64 workspace_id, i64 id, struct str secret,
                        struct err *err)
{
    struct str sealed = crypto_seal(key, tx->arena, place(tx->arena, id, "secret"), secret);
    return db_exec(tx->conn, &SQL_channel_set_secret,
                   DB_ARGS(db_blob(sealed), db_i64(workspace_id), db_i64(id)), NULL, err);
}

static bool open_secret(struct tx *tx, const struct key *key, const struct channel_row *row, struct str *ret,
                        struct err *err)
{
    *ret = STR_NONE;
    return row->secret.len == 0 ||
           crypto_open(key, tx->arena, place(tx->arena, row->id, "secret"), row->secret, ret, err);
}

bool channel_keep_session(struct tx *tx, const struct key *key, i64 workspace_id, i64 id,
                          struct str session_json, struct err *err)
{
    struct str sealed = STR_NONE;
    if (key && session_json.len)
        sealed = crypto_seal(key, tx->arena, place(tx->arena, id, "session"), session_json);
    return db_exec(tx->conn, &SQL_channel_set_session,
                   DB_ARGS(db_blob(sealed), db_i64(workspace_id), db_i64(id)), NULL, err);
}

// ---- Making and changing --------------------------------------------------------------------------
static bool clean_name(struct tx *tx, i64 workspace_id, i64 id, struct str given, struct str *ret_name,
                       struct str *ret_key, struct err *err)
{
    struct str name = text_clean_name(tx->arena, given), key = text_fold(tx->arena, name);
    i64 taken = 0;
    if (name.len == 0)
        return err_field(err, "name", "required", "The channel needs a name.");
    if (!db_one_i64(tx->conn, &SQL_channel_name_taken, DB_ARGS(db_i64(workspace_id), db_str(key), db_i64(id)),
                    &taken, err))
        return false;
    if (taken)
        return err_field(err, "name", "taken", "Another channel has this name.");
    *ret_name = name;
    *ret_key = key;
    return true;
}

static bool put_stream(struct tx *tx, i64 workspace_id, i64 id, struct str stream, struct err *err)
{
    return db_exec(tx->conn, &SQL_channel_cursor_put,
                   DB_ARGS(db_i64(workspace_id), db_i64(id), db_str(stream), db_i64(tx->now)), NULL, err);
}

// Starts what the driver needs: the connect flow, or its streams at once.
static bool start_streams(struct tx *tx, i64 workspace_id, i64 id, const struct channel_driver *driver,
                          struct err *err)
{
    if (driver->connect)
        return put_stream(tx, workspace_id, id, S("connect"), err);
    for (size_t i = 0; driver->streams && driver->streams[i]; i++)
        if (!put_stream(tx, workspace_id, id, str_from(driver->streams[i]), err))
            return false;
    return true;
}

static bool admin_only(const struct actor *actor, struct err *err)
{
    return actor_may(actor, MAY_ADMIN) ||
           err_set(err, ERR_DENIED, "Only administrators may change channels.");
}

static struct str webhook_secret_json(struct arena *arena, struct str secret)
{
    return str_printf(arena, "{\"secret\":\"" STR_FMT "\"}", STR_ARG(secret)); // base64: nothing to escape
}

static struct str make_secret(const struct channel_driver *driver, struct arena *arena)
{
    return driver->can & CAN_VISITORS ? identity_secret_make(arena) : webhook_secret_make(arena);
}

// What visitors' addresses name the channel by: 128 random bits, so that nobody walks through channels.
static bool give_public_key(struct tx *tx, const struct channel_driver *driver, i64 workspace_id, i64 id,
                            struct err *err)
{
    u8 bytes[16];
    if (!(driver->can & CAN_VISITORS))
        return true;
    random_bytes(bytes, sizeof bytes);
    struct str key = hex_encode(tx->arena, (struct str){(const char *)bytes, sizeof bytes});
    return db_exec(tx->conn, &SQL_channel_set_account,
                   DB_ARGS(db_str(key), db_str(S("")), db_i64(workspace_id), db_i64(id)), NULL, err);
}

bool channel_create(struct tx *tx, const struct actor *actor, const struct key *key,
                    const struct channel_draft *draft, struct channel_row *out, struct str *ret_secret,
                    struct err *err)
{
    const struct channel_driver *driver = channel_driver_find(draft->kind);
    struct channel_settings_in in = {.given = draft->settings};
    struct str name = STR_NONE, name_key = STR_NONE, settings, secret, shown = STR_NONE;
    bool credentials;
    i64 id;
    if (!admin_only(actor, err))
        return false;
    if (!driver)
        return err_field(err, "kind", "invalid", "There is no such kind of channel.");
    if (!clean_name(tx, actor->workspace_id, 0, draft->name, &name, &name_key, err) ||
        !channel_settings_check(driver, &in, tx->arena, &settings, &secret, &credentials, err))
        return false;
    if (!driver->connect && (driver->can & (CAN_WEBHOOK | CAN_VISITORS))) {
        shown = make_secret(driver, tx->arena);
        secret = webhook_secret_json(tx->arena, shown);
    }
    struct str state = driver->connect ? S("connecting") : S("active");
    if (!db_one_i64(tx->conn, &SQL_channel_insert,
                    DB_ARGS(db_i64(actor->workspace_id), db_str(draft->kind), db_str(name), db_str(name_key),
                            db_str(state), db_i64(tx->now), db_str(settings)),
                    &id, err) ||
        !seal_secret(tx, key, actor->workspace_id, id, secret, err) ||
        !give_public_key(tx, driver, actor->workspace_id, id, err) ||
        !start_streams(tx, actor->workspace_id, id, driver, err) ||
        !announce(tx, actor->workspace_id, id, actor->agent_id, EVENT_CHANNEL_CREATED, err) ||
        !channel_load(tx->conn, actor->workspace_id, id, tx->arena, out, err))
        return false;
    *ret_secret = shown;
    return true;
}

static bool update_settings(struct tx *tx, const struct key *key, const struct channel_driver *driver,
                            struct channel_row *row, struct str given, bool *ret_reconnect, struct err *err)
{
    struct channel_settings_in in = {.given = given, .old_settings = row->settings};
    struct str secret;
    bool credentials;
    if (!open_secret(tx, key, row, &in.old_secret, err) ||
        !channel_settings_check(driver, &in, tx->arena, &row->settings, &secret, &credentials, err))
        return false;
    *ret_reconnect = credentials && driver->connect;
    // A driver without secret settings keeps what is sealed (the webhook's own key).
    if (!driver->connect || str_eq(secret, in.old_secret))
        return true;
    return seal_secret(tx, key, row->workspace_id, row->id, secret, err);
}

static bool restart(struct tx *tx, const struct channel_driver *driver, const struct channel_row *row,
                    struct err *err)
{
    struct str state = driver->connect ? S("connecting") : S("active");
    return channel_set_state(tx, row->workspace_id, row->id, state, S(""), err) &&
           (!driver->connect || channel_keep_session(tx, NULL, row->workspace_id, row->id, STR_NONE, err)) &&
           start_streams(tx, row->workspace_id, row->id, driver, err);
}

static bool is_running(struct str state)
{
    return str_eq(state, S("active")) || str_eq(state, S("degraded")) || str_eq(state, S("connecting"));
}

static bool set_brand(struct tx *tx, const struct actor *actor, i64 id, const struct channel_patch *patch,
                      field_set given, struct err *err)
{
    struct brand_change change = {.place = {patch->brand_id, patch->steer_to},
                                  .brand = field_given(&channel_patch_type, given, "brand_id"),
                                  .steer = field_given(&channel_patch_type, given, "steer_to")};
    return (!change.brand && !change.steer) || brand_place_set(tx, actor, id, &change, err);
}

bool channel_update(struct tx *tx, const struct actor *actor, const struct key *key, i64 id,
                    const struct channel_patch *patch, field_set given, struct channel_row *out,
                    struct err *err)
{
    struct channel_row row = {};
    struct str name = STR_NONE, name_key = STR_NONE;
    bool reconnect = false;
    if (!admin_only(actor, err) || !load_locked(tx, actor->workspace_id, id, &row, err))
        return false;
    const struct channel_driver *driver = channel_driver_find(row.kind);
    if (!driver)
        return err_set(err, ERR_CONFLICT, "This version of Heed does not know this kind of channel.");
    struct str wanted = field_given(&channel_patch_type, given, "name") ? patch->name : row.name;
    if (!clean_name(tx, row.workspace_id, id, wanted, &name, &name_key, err))
        return false;
    if (field_given(&channel_patch_type, given, "settings") &&
        !update_settings(tx, key, driver, &row, patch->settings, &reconnect, err))
        return false;
    if (!db_exec(tx->conn, &SQL_channel_set,
                 DB_ARGS(db_str(name), db_str(name_key), db_str(row.settings), db_i64(row.workspace_id),
                         db_i64(id)),
                 NULL, err))
        return false;
    bool asked = field_given(&channel_patch_type, given, "enabled");
    bool stop = asked && !patch->enabled, start = asked && patch->enabled && !is_running(row.state);
    if (stop && !channel_set_state(tx, row.workspace_id, id, S("disabled"), S(""), err))
        return false;
    if (!stop && (start || (reconnect && !str_eq(row.state, S("disabled")))) &&
        !restart(tx, driver, &row, err))
        return false;
    return set_brand(tx, actor, id, patch, given, err) &&
           announce(tx, row.workspace_id, id, actor->agent_id, EVENT_CHANNEL_UPDATED, err) &&
           channel_load(tx->conn, row.workspace_id, id, tx->arena, out, err);
}

bool channel_rotate_secret(struct tx *tx, const struct actor *actor, const struct key *key, i64 id,
                           struct str *ret_secret, struct err *err)
{
    struct channel_row row = {};
    struct str old_text = STR_NONE;
    if (!admin_only(actor, err) || !load_locked(tx, actor->workspace_id, id, &row, err) ||
        !open_secret(tx, key, &row, &old_text, err))
        return false;
    const struct json *old = old_text.len ? json_parse(old_text, tx->arena, err) : NULL;
    struct str previous = json_str(json_at(old, "secret"));
    if (!previous.len)
        return err_set(err, ERR_CONFLICT, "This kind of channel has no secret of ours to change.");
    const struct channel_driver *driver = channel_driver_find(row.kind);
    struct str fresh = driver ? make_secret(driver, tx->arena) : webhook_secret_make(tx->arena);
    const i64 until = tx->now + SECRET_OVERLAP_MS;
    struct str text = str_printf(
        tx->arena, "{\"secret\":\"" STR_FMT "\",\"previous\":\"" STR_FMT "\",\"previous_until\":%lld}",
        STR_ARG(fresh), STR_ARG(previous), (long long)until);
    if (!seal_secret(tx, key, row.workspace_id, id, text, err) ||
        !announce(tx, row.workspace_id, id, actor->agent_id, EVENT_CHANNEL_UPDATED, err))
        return false;
    *ret_secret = fresh;
    return true;
}
