// SPDX-License-Identifier: AGPL-3.0-or-later
// Signing in with a passkey, the steps of section 7.2 of the specification. The challenge is used up before
// anything else is looked at; who signs is told by the credential, and must be who was asked.
#include "desk/events.h"
#include "desk/factor.h"
#include "desk/passkey_read.h"
#include "desk/session.h"
#include "sql_gen.h"

const struct type passkey_request_type = {
    "PasskeyRequest",
    (const struct field[]){
        FIELD(passkey_request, FIELD_STR, challenge, FIELD_READ_ONLY,
              .doc = "base64url, like all bytes here"),
        FIELD(passkey_request, FIELD_STR, rp_id, FIELD_READ_ONLY),
        FIELD(passkey_request, FIELD_STR, user_verification, FIELD_READ_ONLY, .doc = "required, discouraged"),
        FIELD(passkey_request, FIELD_STRS, allow, FIELD_READ_ONLY,
              .doc = "the passkeys it may be; empty: whichever the device has for this name"),
        FIELD(passkey_request, FIELD_I64, timeout_ms, FIELD_READ_ONLY),
        FIELD_END,
    },
    sizeof(struct passkey_request),
};

const struct type passkey_proof_type = {
    "PasskeyProof",
    (const struct field[]){
        FIELD(passkey_proof, FIELD_STR, id, FIELD_REQUIRED | FIELD_WRITE_ONLY, .max = 1366,
              .doc = "of the credential"),
        FIELD(passkey_proof, FIELD_STR, client_data, FIELD_REQUIRED | FIELD_WRITE_ONLY),
        FIELD(passkey_proof, FIELD_STR, authenticator_data, FIELD_REQUIRED | FIELD_WRITE_ONLY),
        FIELD(passkey_proof, FIELD_STR, signature, FIELD_REQUIRED | FIELD_WRITE_ONLY, .max = 2048),
        FIELD(passkey_proof, FIELD_STR, user_handle, FIELD_WRITE_ONLY | FIELD_NULLABLE, .max = 88,
              .doc = "needed when no token is given"),
        FIELD(passkey_proof, FIELD_STR, token, FIELD_WRITE_ONLY | FIELD_NULLABLE, .max = 128,
              .doc = "of POST /session, when this is its second step"),
        FIELD_END,
    },
    sizeof(struct passkey_proof),
};

static bool unknown(struct err *err)
{
    return err_set(err, ERR_UNAUTHENTICATED, "This passkey is not known here.");
}

bool passkey_request(struct tx *tx, const struct passkey_site *site, struct str token,
                     struct passkey_request *out, struct err *err)
{
    struct passkey_list list = {};
    bool second = str_given(token);
    struct actor who = {};
    if (second && (!sign_in_step_get(tx->conn, token, tx->now, &who.workspace_id, &who.agent_id, err) ||
                   !passkey_list(tx->conn, &who, tx->arena, &list, err)))
        return false;
    if (second && list.len == 0)
        return err_set(err, ERR_CONFLICT, "There is no passkey of this account.");
    *out = (struct passkey_request){
        .challenge = random_token(tx->arena, ""),
        .rp_id = site->rp_id,
        .user_verification = second ? S("discouraged") : S("required"),
        .timeout_ms = PASSKEY_CHALLENGE_MS,
    };
    for (size_t i = 0; i < list.len; i++)
        *list_push(&out->allow, tx->arena) = base64url_encode(tx->arena, list.items[i].credential_id);
    return passkey_clean(tx, err) &&
           db_exec(tx->conn, &SQL_passkey_challenge_insert,
                   DB_ARGS(db_blob(secret_hash(tx->arena, out->challenge)),
                           db_str(second ? S("second") : S("sign_in")), db_opt(who.workspace_id),
                           db_opt(who.agent_id), db_opt(0),
                           db_blob(second ? secret_hash(tx->arena, token) : STR_NONE),
                           db_i64(tx->now + PASSKEY_CHALLENGE_MS)),
                   NULL, err);
}

bool passkey_read(struct arena *arena, const struct passkey_site *site, const struct passkey_proof *proof,
                  struct passkey_claim *out, struct err *err)
{
    struct str client_data, data;
    struct err why = {};
    u8 *hash = arena_alloc(arena, 32);
    *out = (struct passkey_claim){.token = proof->token, .user_handle = proof->user_handle};
    if (!passkey_bytes(arena, "id", proof->id, &out->credential_id, err) ||
        !passkey_bytes(arena, "client_data", proof->client_data, &client_data, err) ||
        !passkey_bytes(arena, "authenticator_data", proof->authenticator_data, &data, err) ||
        !passkey_bytes(arena, "signature", proof->signature, &out->signature, err) ||
        !passkey_client_data(arena, site, "webauthn.get", client_data, &out->challenge, err))
        return false;
    if (!authenticator_data_read(data, arena, &out->data, &why))
        return err_field(err, "authenticator_data", "malformed", "%s", why.text);
    sha256(client_data, hash);
    out->signed_bytes = str_concat(arena, data, (struct str){(const char *)hash, 32});
    // Alone it stands for the password as well, so the device must have checked who is there.
    return passkey_check_data(site, "authenticator_data", &out->data, !str_given(proof->token), err);
}

bool passkey_take(struct tx *tx, struct passkey_claim *claim, struct err *err)
{
    struct passkey_challenge asked;
    bool second = str_given(claim->token);
    i64 workspace_id = 0;
    claim->agent_id = 0;
    if (second && !sign_in_step_try(tx, claim->token, &workspace_id, &claim->agent_id, err))
        return false;
    if (!passkey_challenge_take(tx, second ? S("second") : S("sign_in"), claim->challenge, &asked, err))
        return false;
    bool right = asked.found && asked.agent_id == claim->agent_id &&
                 (!second || str_eq(asked.step_hash, secret_hash(tx->arena, claim->token)));
    return right || err_set(err, ERR_UNAUTHENTICATED, "This took too long or was used before; try again.");
}

bool passkey_verify(struct conn *conn, const struct key *key, struct arena *arena,
                    struct passkey_claim *claim, struct err *err)
{
    struct passkey *passkey = &claim->passkey;
    struct err why = {};
    *passkey = (struct passkey){};
    if (!db_one(conn, &SQL_passkey_find, DB_ARGS(db_blob(claim->credential_id)), &passkey_row_type, passkey,
                arena, &why)) {
        if (why.code == ERR_NOT_FOUND)
            return unknown(err);
        *err = why;
        return false;
    }
    struct str user = passkey_user(key, arena, passkey->workspace_id, passkey->agent_id);
    bool whose = claim->agent_id == 0 || claim->agent_id == passkey->agent_id;
    bool handle = str_given(claim->user_handle) ? secret_eq(claim->user_handle, user) : claim->agent_id != 0;
    if (!whose || !handle || !cose_verify(passkey->public_key, arena, claim->signed_bytes, claim->signature))
        return unknown(err);
    bool counts = claim->data.counter > 0 || passkey->counter > 0;
    if (counts && (i64)claim->data.counter <= passkey->counter) {
        err_field(
            err, "authenticator_data", "counter",
            "The counter of this passkey went backwards: there may be a copy of it. It was not accepted; "
            "sign in another way, then remove it.");
        err->code = ERR_UNAUTHENTICATED;
        return false;
    }
    return true;
}

bool passkey_use(struct tx *tx, const struct passkey_claim *claim, struct err *err)
{
    const struct passkey *passkey = &claim->passkey;
    i64 n = 0;
    if (!db_exec(tx->conn, &SQL_passkey_use,
                 DB_ARGS(db_i64(claim->data.counter), db_i64(tx->now), db_i64(passkey->workspace_id),
                         db_i64(passkey->id)),
                 &n, err))
        return false;
    // Removed meanwhile, or of two at once the later.
    return n == 1 || unknown(err);
}
