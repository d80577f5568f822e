// SPDX-License-Identifier: AGPL-3.0-or-later
// See passkey_read.h. Each check that fails says which one it was.
#include "desk/passkey_read.h"
#include "desk/session.h"
#include "sql_gen.h"

// A name that is a number belongs to nobody for good: browsers bind no passkey to it.
static bool is_number(struct str host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        if (c != '.' && (c < '0' || c > '9'))
            return false;
    }
    return true;
}

bool passkey_site_of(struct arena *arena, struct str public_url, struct passkey_site *out, struct err *err)
{
    bool https = str_starts(public_url, S("https://"));
    struct str scheme = https ? S("https://") : S("http://"), port;
    struct str place = str_sub(public_url, scheme.len, public_url.len);
    struct str host = str_cut(place, ':', &port);
    if (str_starts(place, S("[")) || is_number(host))
        return err_set(err, ERR_CONFLICT,
                       "Passkeys need a name: this Heed is known by a number (--public-url).");
    // Browsers leave out the port that goes without saying.
    bool plain = !str_given(port) || str_eq(port, https ? S("443") : S("80"));
    out->rp_id = str_copy(arena, host);
    out->origin = str_concat(arena, scheme, plain ? host : place);
    return true;
}

bool passkey_challenge_take(struct tx *tx, struct str purpose, struct str challenge,
                            struct passkey_challenge *out, struct err *err)
{
    struct rows *rows;
    *out = (struct passkey_challenge){};
    if (!db_query(tx->conn, &SQL_passkey_challenge_take,
                  DB_ARGS(db_blob(secret_hash(tx->arena, challenge)), db_str(purpose), db_i64(tx->now)),
                  &rows, err))
        return false;
    while (rows_next(rows))
        *out = (struct passkey_challenge){.found = true,
                                          .workspace_id = row_i64(rows, 0),
                                          .agent_id = row_i64(rows, 1),
                                          .session_id = row_i64(rows, 2),
                                          .step_hash = row_blob(rows, 3, tx->arena)};
    return rows_end(rows, err);
}

bool passkey_bytes(struct arena *arena, const char *field, struct str text, struct str *ret_bytes,
                   struct err *err)
{
    return base64url_decode(arena, text, ret_bytes) ||
           err_field(err, field, "malformed", "This is not base64url.");
}

bool passkey_client_data(struct arena *arena, const struct passkey_site *site, const char *type,
                         struct str bytes, struct str *ret_challenge, struct err *err)
{
    struct err why = {};
    const struct json *data = utf8_valid(bytes) ? json_parse(bytes, arena, &why) : NULL;
    struct str origin = json_str(json_at(data, "origin"));
    if (!data || json_kind(data) != JSON_OBJECT)
        return err_field(err, "client_data", "malformed", "This is not a browser's client data.");
    if (!str_eq(json_str(json_at(data, "type")), str_from(type)))
        return err_field(err, "client_data", "type", "This was made for another purpose than %s.", type);
    if (!str_eq(origin, site->origin) || json_bool(json_at(data, "crossOrigin")))
        return err_field(err, "client_data", "origin",
                         "The passkey was used on another page; Heed is at %.*s.", STR_ARG(site->origin));
    *ret_challenge = json_str(json_at(data, "challenge"));
    return ret_challenge->len > 0 ||
           err_field(err, "client_data", "challenge", "The browser's client data names no challenge.");
}

bool passkey_check_data(const struct passkey_site *site, const char *field,
                        const struct authenticator_data *data, bool verified, struct err *err)
{
    u8 hash[32];
    sha256(site->rp_id, hash);
    if (!str_eq(data->rp_id_hash, (struct str){(const char *)hash, sizeof(hash)}))
        return err_field(err, field, "rp_id", "The passkey is for another name than %.*s.",
                         STR_ARG(site->rp_id));
    if (!data->present)
        return err_field(err, field, "presence", "The device did not ask whether somebody is there.");
    if (verified && !data->verified)
        return err_field(err, field, "verification",
                         "The device did not check who is there (PIN, finger or face).");
    return true;
}
