// SPDX-License-Identifier: AGPL-3.0-or-later
// See form_body.h.
#include "api/form_body.h"
#include "net/target.h"

static struct str plain_lines(struct arena *arena, struct str text)
{
    char *out = arena_alloc(arena, text.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\r') {
            if (i + 1 < text.len && text.ptr[i + 1] == '\n')
                continue;
            c = '\n';
        }
        out[n++] = (u8)c < ' ' && c != '\n' && c != '\t' ? ' ' : c;
    }
    return (struct str){out, n};
}

static bool decode(struct arena *arena, struct str raw, struct str *ret)
{
    return target_decode(arena, raw, true, ret) && utf8_valid(*ret) &&
           (ret->len == 0 || !memchr(ret->ptr, 0, ret->len));
}

bool form_body_parse(struct str body, struct arena *arena, struct form_fields *out, struct err *err)
{
    struct str rest = body;
    while (rest.len > 0) {
        struct form_field field = {};
        struct str value, pair = str_cut(rest, '&', &rest);
        struct str name = str_cut(pair, '=', &value);
        if (pair.len == 0)
            continue;
        if (out->len == FORM_FIELDS_MAX)
            return err_set(err, ERR_SYNTAX, "There are more than %d fields.", FORM_FIELDS_MAX);
        if (!decode(arena, name, &field.name) || field.name.len == 0 || field.name.len > 64 ||
            !decode(arena, str_given(value) ? value : S(""), &field.value))
            return err_set(err, ERR_SYNTAX, "The fields are not percent-encoded UTF-8.");
        if (str_given(form_body_get(out, str_cstr(arena, field.name))))
            return err_set(err, ERR_SYNTAX, "A field is given twice.");
        field.value = plain_lines(arena, field.value);
        *list_push(out, arena) = field;
    }
    return true;
}

struct str form_body_get(const struct form_fields *fields, const char *name)
{
    for (size_t i = 0; i < fields->len; i++)
        if (str_eq(fields->items[i].name, str_from(name)))
            return fields->items[i].value;
    return STR_NONE;
}
