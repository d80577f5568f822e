// SPDX-License-Identifier: AGPL-3.0-or-later
// Reading a request: ids in the path, bodies, limits of lists. Strict: rubbish is refused, not guessed at.
#include "api/app.h"
#include "api/route.h"

enum { LIMIT_DEFAULT = 50, LIMIT_HIGHEST = 100 };
static const i64 id_highest = ((i64)1 << 53) - 1;

bool request_id(const struct request *req, int index, i64 *ret_id, struct err *err)
{
    i64 id;
    if (!str_to_i64(req->path_values[index], &id) || id <= 0 || id > id_highest)
        return err_set(err, ERR_NOT_FOUND, "There is nothing with this id.");
    *ret_id = id;
    return true;
}

bool request_decode(struct request *req, const struct type *type, bool create, void *out, field_set *given,
                    struct err *err)
{
    field_set ignored;
    return json_decode(req->http->body, type, create, req->arena, out, given ? given : &ignored, err);
}

bool request_limit(const struct request *req, i64 *ret_limit, struct err *err)
{
    struct str text;
    i64 limit = LIMIT_DEFAULT;
    if (!http_param(req->http, "limit", &text, err))
        return false;
    if (str_given(text) && (!str_to_i64(text, &limit) || limit < 1 || limit > LIMIT_HIGHEST)) {
        err_field(err, "limit", "out_of_range", "limit is a number from 1 to 100.");
        err->code = ERR_SYNTAX;
        return false;
    }
    *ret_limit = limit;
    return true;
}
