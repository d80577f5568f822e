// SPDX-License-Identifier: AGPL-3.0-or-later
// What handlers ask a request: headers, query parameters, cookies. A thing given twice counts as absent
// or as an error, so that nobody picks the one an attacker meant.
#include "base/arena.h"
#include "net/http.h"
#include "net/target.h"

struct str http_header(const struct http_request *req, const char *lower_name)
{
    struct str name = str_from(lower_name), found = STR_NONE;

    for (size_t i = 0; i < req->n_headers; i++) {
        if (str_eq(req->headers[i].name, name)) {
            if (str_given(found)) {
                return STR_NONE;
            }
            found = req->headers[i].value;
        }
    }
    return found;
}

static bool decode_param(struct arena *arena, struct str raw, struct str *ret)
{
    return target_decode(arena, raw, true, ret) && utf8_valid(*ret) && memchr(ret->ptr, 0, ret->len) == NULL;
}

bool http_param(const struct http_request *req, const char *name, struct str *ret_value, struct err *err)
{
    struct str wanted = str_from(name), rest = req->query, found = STR_NONE;

    while (str_given(rest)) {
        struct str value = STR_NONE, key;
        struct str raw_key = str_cut(str_cut(rest, '&', &rest), '=', &value);

        // A broken name is nobody's parameter; routes refuse the ones they do not know.
        if (!decode_param(req->arena, raw_key, &key) || !str_eq(key, wanted)) {
            continue;
        }
        if (str_given(found)) {
            err_field(err, name, "doubled", "The parameter %s is given twice.", name);
            err->code = ERR_SYNTAX;
            return false;
        }
        if (!decode_param(req->arena, str_given(value) ? value : S(""), &found)) {
            err_field(err, name, "encoding", "The parameter %s is not percent-encoded UTF-8.", name);
            err->code = ERR_SYNTAX;
            return false;
        }
    }
    *ret_value = found;
    return true;
}

struct str http_cookie(const struct http_request *req, const char *name)
{
    struct str wanted = str_from(name), rest = http_header(req, "cookie"), found = STR_NONE;

    while (str_given(rest)) {
        struct str value = STR_NONE;
        struct str key = str_trim(str_cut(str_cut(rest, ';', &rest), '=', &value));

        if (!str_eq(key, wanted) || !str_given(value)) {
            continue;
        }
        if (str_given(found)) {
            return STR_NONE;
        }
        found = str_trim(value);
    }
    return found;
}
