// SPDX-License-Identifier: AGPL-3.0-or-later
// From a struct to JSON by its field table.
#include "json/field.h"

static const struct str *as_str(const void *value)
{
    return value;
}

bool field_is_none(const struct field *field, const void *value)
{
    const char *at = (const char *)value + field->offset;
    switch (field->kind) {
    case FIELD_I64:
    case FIELD_TIME:
        return *(const i64 *)(const void *)at == 0;
    case FIELD_BOOL:
        return !*(const bool *)at;
    case FIELD_STR:
    case FIELD_ENUM:
    case FIELD_JSON:
        return !str_given(*as_str(at));
    case FIELD_STRUCT:
        return field_is_none(&field->type->fields[0], at);
    case FIELD_LIST:
    case FIELD_STRS:
    case FIELD_IDS:
        return ((const struct id_list *)(const void *)at)->len == 0;
    }
    return true;
}

static void encode_list(struct json_writer *w, const struct field *field, const void *at)
{
    const struct {
        const char *items;
        size_t len, cap;
    } *list = at;
    json_open(w, '[');
    for (size_t i = 0; i < list->len; i++) {
        if (field->kind == FIELD_STRS) {
            json_put_str(w, ((const struct str *)(const void *)list->items)[i]);
        } else if (field->kind == FIELD_IDS) {
            json_put_i64(w, ((const i64 *)(const void *)list->items)[i]);
        } else {
            json_encode(w, field->type, list->items + i * field->type->size);
        }
    }
    json_close(w, ']');
}

static void encode_field(struct json_writer *w, const struct field *field, const void *at)
{
    switch (field->kind) {
    case FIELD_I64:
        json_put_i64(w, *(const i64 *)at);
        break;
    case FIELD_BOOL:
        json_put_bool(w, *(const bool *)at);
        break;
    case FIELD_STR:
        // A text that may not be null is empty when there is none.
        json_put_str(w, str_given(*as_str(at)) ? *as_str(at) : S(""));
        break;
    case FIELD_ENUM:
        json_put_str(w, *as_str(at));
        break;
    case FIELD_TIME:
        json_put_time(w, *(const i64 *)at);
        break;
    case FIELD_JSON:
        json_put_raw(w, str_given(*as_str(at)) ? *as_str(at) : S("null"));
        break;
    case FIELD_STRUCT:
        json_encode(w, field->type, at);
        break;
    case FIELD_LIST:
    case FIELD_STRS:
    case FIELD_IDS:
        encode_list(w, field, at);
        break;
    }
}

void json_encode(struct json_writer *w, const struct type *type, const void *value)
{
    json_open(w, '{');
    for (const struct field *field = type->fields; field->name; field++) {
        bool none = field_is_none(field, value);
        if (field->flags & FIELD_WRITE_ONLY || (none && field->flags & FIELD_OPTIONAL_OUT)) {
            continue;
        }
        json_key(w, field->name);
        // An empty list or false is a value of its own, not null.
        bool can_be_null = field->kind != FIELD_BOOL && field->kind != FIELD_LIST &&
                           field->kind != FIELD_STRS && field->kind != FIELD_IDS;
        if (none && can_be_null && field->flags & FIELD_NULLABLE) {
            json_put_null(w);
        } else {
            encode_field(w, field, (const char *)value + field->offset);
        }
    }
    json_close(w, '}');
}
