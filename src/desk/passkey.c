// SPDX-License-Identifier: AGPL-3.0-or-later
// See passkey.h: what a person has, and adding one. The steps are those of section 7.1 of the specification.
#include "desk/passkey.h"
#include "desk/events.h"
#include "desk/factor.h"
#include "desk/passkey_read.h"
#include "desk/session.h"
#include "desk/workspace.h"
#include "sql_gen.h"
#include "store/log.h"
#include "text/words.h"

enum { NAME_BYTES_MAX = 200 };

const struct type passkey_type = {
    "Passkey",
    (const struct field[]){
        FIELD(passkey, FIELD_I64, id, FIELD_READ_ONLY),
        FIELD(passkey, FIELD_STR, name, FIELD_READ_ONLY),
        FIELD(passkey, FIELD_TIME, created_at, FIELD_READ_ONLY),
        FIELD(passkey, FIELD_TIME, last_used_at, FIELD_READ_ONLY | FIELD_NULLABLE),
        FIELD(passkey, FIELD_TIME, refused_at, FIELD_READ_ONLY | FIELD_NULLABLE,
              .doc = "when its counter last went backwards: somebody may have a copy of it"),
        FIELD_END,
    },
    sizeof(struct passkey),
};

const struct type passkey_row_type = {
    "PasskeyRow",
    (const struct field[]){
        FIELD(passkey, FIELD_I64, id, 0),
        FIELD(passkey, FIELD_I64, workspace_id, 0),
        FIELD(passkey, FIELD_I64, agent_id, 0),
        FIELD(passkey, FIELD_STR, name, 0),
        FIELD(passkey, FIELD_STR, credential_id, 0),
        FIELD(passkey, FIELD_STR, public_key, 0),
        FIELD(passkey, FIELD_I64, counter, 0),
        FIELD(passkey, FIELD_I64, created_at, 0),
        FIELD(passkey, FIELD_I64, last_used_at, 0),
        FIELD(passkey, FIELD_I64, refused_at, 0),
        FIELD_END,
    },
    sizeof(struct passkey),
};

const struct type passkey_ask_type = {
    "PasskeyAsk",
    (const struct field[]){
        FIELD(passkey_ask, FIELD_STR, challenge, FIELD_READ_ONLY, .doc = "base64url, like all bytes here"),
        FIELD(passkey_ask, FIELD_STR, rp_id, FIELD_READ_ONLY, .doc = "the name that the passkey is bound to"),
        FIELD(passkey_ask, FIELD_STR, user_id, FIELD_READ_ONLY),
        FIELD(passkey_ask, FIELD_STR, user_name, FIELD_READ_ONLY),
        FIELD(passkey_ask, FIELD_STR, user_display_name, FIELD_READ_ONLY),
        FIELD(passkey_ask, FIELD_IDS, algorithms, FIELD_READ_ONLY, .doc = "COSE numbers, best first"),
        FIELD(passkey_ask, FIELD_STRS, exclude, FIELD_READ_ONLY, .doc = "passkeys there are already"),
        FIELD(passkey_ask, FIELD_I64, timeout_ms, FIELD_READ_ONLY),
        FIELD_END,
    },
    sizeof(struct passkey_ask),
};

const struct type passkey_draft_type = {
    "PasskeyDraft",
    (const struct field[]){
        FIELD(passkey_draft, FIELD_STR, name, FIELD_REQUIRED, .max = NAME_BYTES_MAX),
        FIELD(passkey_draft, FIELD_STR, client_data, FIELD_REQUIRED | FIELD_WRITE_ONLY,
              .doc = "clientDataJSON of the browser, base64url"),
        FIELD(passkey_draft, FIELD_STR, attestation_object, FIELD_REQUIRED | FIELD_WRITE_ONLY, .max = 16384,
              .doc = "attestationObject of the browser, base64url"),
        FIELD_END,
    },
    sizeof(struct passkey_draft),
};

// ---- What there is ----

bool passkey_list(struct conn *conn, const struct actor *actor, struct arena *arena, struct passkey_list *out,
                  struct err *err)
{
    return db_list(conn, &SQL_passkey_list, DB_ARGS(db_i64(actor->workspace_id), db_i64(actor->agent_id)),
                   &passkey_row_type, out, arena, err);
}

bool passkey_get(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena,
                 struct passkey *out, struct err *err)
{
    struct passkey passkey = {};
    if (!db_one(conn, &SQL_passkey_one,
                DB_ARGS(db_i64(actor->workspace_id), db_i64(actor->agent_id), db_i64(id)), &passkey_row_type,
                &passkey, arena, err)) {
        if (err->code == ERR_NOT_FOUND)
            err_set(err, ERR_NOT_FOUND, "You have no such passkey.");
        return false;
    }
    *out = passkey;
    return true;
}

static bool own_session(const struct actor *actor, struct err *err)
{
    return actor->session_id > 0 || err_set(err, ERR_DENIED, "A token cannot do this; sign in.");
}

// ---- Adding one ----

bool passkey_fresh(struct conn *conn, const struct actor *actor, i64 now, struct err *err)
{
    i64 created_at = 0;
    if (!own_session(actor, err) ||
        !db_one_i64(conn, &SQL_session_created,
                    DB_ARGS(db_i64(actor->workspace_id), db_i64(actor->session_id)), &created_at, err))
        return false;
    return now - created_at <= PASSKEY_FRESH_MS ||
           err_field(err, "current_password", "stale",
                     "Signing in was too long ago for this: sign out, sign in, and do it then.");
}

// Names nobody to whoever reads it off the device, and is the same for all passkeys of one person.
struct str passkey_user(const struct key *key, struct arena *arena, i64 workspace_id, i64 agent_id)
{
    u8 mac[32];
    key_sign(key, "passkey user",
             str_printf(arena, "%lld:%lld", (long long)workspace_id, (long long)agent_id), mac);
    return base64url_encode(arena, (struct str){(const char *)mac, sizeof(mac)});
}

bool passkey_begin(struct tx *tx, const struct actor *actor, const struct key *key,
                   const struct passkey_site *site, struct passkey_ask *out, struct err *err)
{
    struct passkey_list list = {};
    if (!own_session(actor, err) || !passkey_list(tx->conn, actor, tx->arena, &list, err))
        return false;
    if (list.len >= PASSKEYS_MOST)
        return err_set(err, ERR_CONFLICT, "You have %d passkeys; remove one first.", PASSKEYS_MOST);
    *out = (struct passkey_ask){
        .challenge = random_token(tx->arena, ""),
        .rp_id = site->rp_id,
        .user_id = passkey_user(key, tx->arena, actor->workspace_id, actor->agent_id),
        .user_name = actor->email,
        .user_display_name = actor->name,
        .timeout_ms = PASSKEY_CHALLENGE_MS,
    };
    *list_push(&out->algorithms, tx->arena) = COSE_ES256;
    *list_push(&out->algorithms, tx->arena) = COSE_EDDSA;
    *list_push(&out->algorithms, tx->arena) = COSE_RS256;
    for (size_t i = 0; i < list.len; i++)
        *list_push(&out->exclude, tx->arena) = base64url_encode(tx->arena, list.items[i].credential_id);
    return passkey_clean(tx, err) &&
           db_exec(tx->conn, &SQL_passkey_challenge_insert,
                   DB_ARGS(db_blob(secret_hash(tx->arena, out->challenge)), db_str(S("add")),
                           db_i64(actor->workspace_id), db_i64(actor->agent_id), db_i64(actor->session_id),
                           db_blob(STR_NONE), db_i64(tx->now + PASSKEY_CHALLENGE_MS)),
                   NULL, err);
}

bool passkey_take_add(struct tx *tx, const struct actor *actor, struct str challenge, struct err *err)
{
    struct passkey_challenge asked;
    if (!own_session(actor, err) || !passkey_challenge_take(tx, S("add"), challenge, &asked, err))
        return false;
    return (asked.found && asked.agent_id == actor->agent_id && asked.session_id == actor->session_id) ||
           err_field(err, "client_data", "challenge", "This took too long or was used before; begin again.");
}

bool passkey_read_new(struct arena *arena, const struct passkey_site *site, const struct passkey_draft *draft,
                      struct str *ret_challenge, struct passkey_new *out, struct err *err)
{
    struct str object, client_data;
    struct err why = {};
    out->name = text_clean_name(arena, draft->name);
    if (out->name.len == 0)
        return err_field(err, "name", "required", "A passkey needs a name that can be seen.");
    if (!passkey_bytes(arena, "client_data", draft->client_data, &client_data, err) ||
        !passkey_bytes(arena, "attestation_object", draft->attestation_object, &object, err) ||
        !passkey_client_data(arena, site, "webauthn.create", client_data, ret_challenge, err))
        return false;
    if (!attestation_read(object, arena, &out->data, &why))
        return err_field(err, "attestation_object", "malformed", "%s", why.text);
    // A device that cannot check who is there is still good for the second step.
    return passkey_check_data(site, "attestation_object", &out->data, false, err);
}

bool passkey_add(struct tx *tx, const struct actor *actor, const struct passkey_new *made,
                 struct passkey *out, struct str_list *ret_codes, struct err *err)
{
    i64 id, n = 0;
    struct err why = {};
    if (!own_session(actor, err) ||
        !db_one_i64(tx->conn, &SQL_passkey_count,
                    DB_ARGS(db_i64(actor->workspace_id), db_i64(actor->agent_id)), &n, err))
        return false;
    if (n >= PASSKEYS_MOST)
        return err_set(err, ERR_CONFLICT, "You have %d passkeys; remove one first.", PASSKEYS_MOST);
    if (!db_one_i64(tx->conn, &SQL_passkey_insert,
                    DB_ARGS(db_i64(actor->workspace_id), db_i64(actor->agent_id), db_str(made->name),
                            db_blob(made->data.credential_id), db_blob(made->data.key),
                            db_i64(made->data.counter), db_i64(tx->now)),
                    &id, &why)) {
        if (why.code == ERR_CONFLICT)
            return err_field(err, "attestation_object", "taken", "This passkey is registered already.");
        *err = why;
        return false;
    }
    return factor_gained(tx, actor, ret_codes, err) &&
           actor_log(tx, actor, EVENT_PASSKEY_ADDED, "passkey_id", id, err) &&
           passkey_get(tx->conn, actor, id, tx->arena, out, err);
}

// ---- Changing and taking away ----

bool passkey_rename(struct tx *tx, const struct actor *actor, i64 id, struct str name, struct passkey *out,
                    struct err *err)
{
    struct str clean = text_clean_name(tx->arena, name);
    if (!passkey_get(tx->conn, actor, id, tx->arena, out, err) || !own_session(actor, err))
        return false;
    if (clean.len == 0)
        return err_field(err, "name", "required", "A passkey needs a name that can be seen.");
    if (str_eq(clean, out->name))
        return true;
    out->name = clean;
    return db_exec(tx->conn, &SQL_passkey_rename,
                   DB_ARGS(db_str(clean), db_i64(actor->workspace_id), db_i64(actor->agent_id), db_i64(id)),
                   NULL, err) &&
           actor_log(tx, actor, EVENT_PASSKEY_RENAMED, "passkey_id", id, err);
}

bool passkey_remove(struct tx *tx, const struct actor *actor, i64 id, struct err *err)
{
    struct passkey passkey;
    i64 n = 0;
    if (!passkey_get(tx->conn, actor, id, tx->arena, &passkey, err) || !own_session(actor, err) ||
        !db_exec(tx->conn, &SQL_passkey_delete,
                 DB_ARGS(db_i64(actor->workspace_id), db_i64(actor->agent_id), db_i64(id)), &n, err))
        return false;
    if (n == 0)
        return err_set(err, ERR_NOT_FOUND, "You have no such passkey.");
    return factor_lost(tx, actor->workspace_id, actor->agent_id, err) &&
           session_end_others(tx, actor->workspace_id, actor->agent_id, actor->session_id, err) &&
           actor_log(tx, actor, EVENT_PASSKEY_REMOVED, "passkey_id", id, err);
}

bool passkey_refuse(struct tx *tx, const struct passkey *passkey, struct err *err)
{
    return db_exec(tx->conn, &SQL_passkey_refuse,
                   DB_ARGS(db_i64(tx->now), db_i64(passkey->workspace_id), db_i64(passkey->id)), NULL, err) &&
           actor_log(tx,
                     &(struct actor){.workspace_id = passkey->workspace_id, .agent_id = passkey->agent_id},
                     EVENT_PASSKEY_REFUSED, "passkey_id", passkey->id, err);
}

bool passkey_clean(struct tx *tx, struct err *err)
{
    return db_exec(tx->conn, &SQL_passkey_challenge_clean, DB_ARGS(db_i64(tx->now)), NULL, err);
}
