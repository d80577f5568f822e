// SPDX-License-Identifier: AGPL-3.0-or-later
// See push.h. A device belongs to the session it was made in and ends with it.
#include "desk/push.h"
#include "desk/events.h"
#include "desk/ping.h"
#include "sql_gen.h"

enum { DEVICES_MAX = 20, TEST_MS = 600000 };

const struct type push_device_type = {
    "PushDevice",
    (const struct field[]){
        FIELD(push_device, FIELD_I64, id, FIELD_READ_ONLY),
        FIELD(push_device, FIELD_STR, user_agent, FIELD_READ_ONLY),
        FIELD(push_device, FIELD_STR, service, FIELD_READ_ONLY, .doc = "the push service's host"),
        FIELD(push_device, FIELD_TIME, created_at, FIELD_READ_ONLY),
        FIELD(push_device, FIELD_TIME, last_ok_at, FIELD_READ_ONLY | FIELD_NULLABLE,
              .doc = "last push it took"),
        FIELD(push_device, FIELD_STR, error, FIELD_READ_ONLY, .doc = "why the last one failed"),
        FIELD(push_device, FIELD_BOOL, current, FIELD_READ_ONLY | FIELD_NO_ROW,
              .doc = "made in this session"),
        FIELD_END,
    },
    sizeof(struct push_device),
};

static const struct type row_type = {
    "PushDeviceRow",
    (const struct field[]){
        FIELD(push_device, FIELD_I64, id, 0),
        FIELD(push_device, FIELD_STR, user_agent, 0),
        FIELD(push_device, FIELD_STR, service, 0),
        FIELD(push_device, FIELD_I64, created_at, 0),
        FIELD(push_device, FIELD_I64, last_ok_at, 0),
        FIELD(push_device, FIELD_STR, error, 0),
        FIELD(push_device, FIELD_I64, session_id, 0),
        FIELD_END,
    },
    sizeof(struct push_device),
};

static const struct type keys_type = {
    "PushKeys",
    (const struct field[]){
        FIELD(push_keys, FIELD_STR, p256dh, FIELD_REQUIRED, .max = 128, .doc = "base64url of 65 bytes"),
        FIELD(push_keys, FIELD_STR, auth, FIELD_REQUIRED, .max = 64, .doc = "base64url of 16 bytes"),
        FIELD_END,
    },
    sizeof(struct push_keys),
};

const struct type push_draft_type = {
    "PushDraft",
    (const struct field[]){
        FIELD(push_draft, FIELD_STR, endpoint, FIELD_REQUIRED, .max = 2048),
        FIELD(push_draft, FIELD_STRUCT, keys, FIELD_REQUIRED, .type = &keys_type),
        FIELD_END,
    },
    sizeof(struct push_draft),
};

const struct type push_state_type = {
    "PushState",
    (const struct field[]){
        FIELD(push_state, FIELD_STR, public_key, FIELD_READ_ONLY, .doc = "for pushManager.subscribe"),
        FIELD(push_state, FIELD_LIST, devices, FIELD_READ_ONLY, .type = &push_device_type),
        FIELD_END,
    },
    sizeof(struct push_state),
};

// ---- The installation's keys ----------------------------------------------------------------------------

#define KEY_PLACE S("push:key")

static bool read_key(struct conn *conn, struct arena *arena, struct str *ret_public, struct str *ret_sealed,
                     struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_push_key_get, DB_NO_ARGS, &rows, err)) {
        return false;
    }
    *ret_public = *ret_sealed = STR_NONE;
    if (rows_next(rows)) {
        *ret_public = row_str(rows, 0, arena);
        *ret_sealed = row_blob(rows, 1, arena);
    }
    return rows_end(rows, err);
}

bool push_key_ensure(struct tx *tx, const struct key *key, struct err *err)
{
    struct str public_key, sealed, secret;
    struct webpush_pair pair;
    struct err ignored = {};
    if (!read_key(tx->conn, tx->arena, &public_key, &sealed, err)) {
        return false;
    }
    if (str_given(sealed) && crypto_open(key, tx->arena, KEY_PLACE, sealed, &secret, &ignored)) {
        return true;
    }
    if (str_given(sealed) && (!db_exec(tx->conn, &SQL_push_key_drop, DB_NO_ARGS, NULL, err) ||
                              !db_exec(tx->conn, &SQL_push_device_drop_all, DB_NO_ARGS, NULL, err))) {
        return false;
    }
    if (!webpush_pair_make(&pair)) {
        return err_set(err, ERR_INTERNAL, "No key pair for pushes could be made.");
    }
    public_key = base64url_encode(tx->arena, (struct str){(const char *)pair.point, WEBPUSH_POINT});
    sealed = crypto_seal(key, tx->arena, KEY_PLACE, (struct str){(const char *)pair.secret, WEBPUSH_SECRET});
    secret_wipe(&pair, sizeof(pair));
    return db_exec(tx->conn, &SQL_push_key_set, DB_ARGS(db_str(public_key), db_blob(sealed), db_i64(tx->now)),
                   NULL, err);
}

bool push_key_load(struct conn *conn, const struct key *key, struct arena *arena, struct webpush_pair *out,
                   struct err *err)
{
    struct str public_key, sealed, secret;
    if (!read_key(conn, arena, &public_key, &sealed, err)) {
        return false;
    }
    if (!str_given(sealed)) {
        return err_retry(err, ERR_UNAVAILABLE, 1, "There is no key pair for pushes yet.");
    }
    return crypto_open(key, arena, KEY_PLACE, sealed, &secret, err) &&
           (webpush_pair_of(secret, out) ||
            err_set(err, ERR_INTERNAL, "The key pair for pushes is damaged."));
}

// ---- Devices --------------------------------------------------------------------------------------------

bool push_state_get(struct conn *conn, const struct actor *actor, i64 now, struct arena *arena,
                    struct push_state *out, struct err *err)
{
    struct str sealed;
    *out = (struct push_state){};
    if (!read_key(conn, arena, &out->public_key, &sealed, err) ||
        !db_list(conn, &SQL_push_device_list,
                 DB_ARGS(db_i64(actor->workspace_id), db_i64(actor->agent_id), db_i64(now)), &row_type,
                 &out->devices, arena, err)) {
        return false;
    }
    for (size_t i = 0; i < out->devices.len; i++) {
        struct push_device *device = &out->devices.items[i];
        device->current = actor->session_id != 0 && device->session_id == actor->session_id;
    }
    return str_given(out->public_key) ||
           err_retry(err, ERR_UNAVAILABLE, 1, "There is no key pair for pushes yet.");
}

bool push_draft_check(const struct push_draft *draft, struct arena *arena, struct err *err)
{
    struct str point, auth;
    if (!base64url_decode(arena, draft->keys.p256dh, &point) || !webpush_point_ok(point)) {
        return err_field(err, "keys.p256dh", "invalid", "This is no public key of a browser.");
    }
    if (!base64url_decode(arena, draft->keys.auth, &auth) || auth.len != WEBPUSH_AUTH) {
        return err_field(err, "keys.auth", "invalid", "This is no secret of a browser.");
    }
    return true;
}

static struct str place_of(struct arena *arena, struct str hash)
{
    return str_printf(arena, "push:%.*s", STR_ARG(hash));
}

bool push_device_add(struct tx *tx, const struct key *key, const struct actor *actor,
                     const struct push_draft *draft, struct str user_agent, struct push_device *out,
                     struct err *err)
{
    struct buf text;
    i64 n = 0;
    struct str hash = sha256_hex(tx->arena, draft->endpoint);
    if (actor->session_id == 0) {
        return err_set(err, ERR_DENIED, "A token takes no pushes; sign in with a browser.");
    }
    if (!db_one_i64(tx->conn, &SQL_push_device_count,
                    DB_ARGS(db_i64(actor->workspace_id), db_i64(actor->agent_id)), &n, err)) {
        return false;
    }
    if (n >= DEVICES_MAX) {
        return err_set(err, ERR_CONFLICT, "There are %d devices already; remove one first.", DEVICES_MAX);
    }
    buf_init(&text, tx->arena, 8192);
    struct json_writer w = json_writer(&text);
    json_encode(&w, &push_draft_type, draft);
    struct str sealed = crypto_seal(key, tx->arena, place_of(tx->arena, hash), buf_str(&text));
    *out = (struct push_device){.user_agent = user_agent,
                                .service = draft->service,
                                .created_at = tx->now,
                                .session_id = actor->session_id,
                                .error = S(""),
                                .current = true};
    return db_exec(tx->conn, &SQL_push_device_put,
                   DB_ARGS(db_i64(actor->workspace_id), db_i64(actor->agent_id), db_i64(actor->session_id),
                           db_str(hash), db_blob(sealed), db_str(user_agent), db_str(draft->service),
                           db_i64(tx->now)),
                   NULL, err) &&
           db_one_i64(tx->conn, &SQL_push_device_by_hash, DB_ARGS(db_str(hash)), &out->id, err) &&
           actor_log(tx, actor, EVENT_AGENT_UPDATED, "id", actor->agent_id, err);
}

bool push_device_remove(struct tx *tx, const struct actor *actor, i64 id, struct err *err)
{
    i64 changed;
    if (!db_exec(tx->conn, &SQL_push_device_delete,
                 DB_ARGS(db_i64(actor->workspace_id), db_i64(actor->agent_id), db_i64(id)), &changed, err)) {
        return false;
    }
    return changed == 1 ? actor_log(tx, actor, EVENT_AGENT_UPDATED, "id", actor->agent_id, err)
                        : err_set(err, ERR_NOT_FOUND, "There is no such device.");
}

bool push_device_try(struct tx *tx, const struct actor *actor, i64 id, struct err *err)
{
    i64 changed;
    if (!db_exec(tx->conn, &SQL_push_out_test,
                 DB_ARGS(db_i64(tx->now), db_i64(tx->now + TEST_MS), db_i64(actor->workspace_id),
                         db_i64(actor->agent_id), db_i64(id)),
                 &changed, err)) {
        return false;
    }
    return changed == 1 || err_set(err, ERR_NOT_FOUND, "There is no such device.");
}
