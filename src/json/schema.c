// SPDX-License-Identifier: AGPL-3.0-or-later
// From a field table to JSON Schema (2020-12, as OpenAPI 3.1 has it). Nested types are written in place.
#include "json/field.h"

static void put_object(struct json_writer *w, const struct type *type, bool body, const struct field *as);

static void put_c(struct json_writer *w, const char *key, const char *value)
{
    json_key(w, key);
    json_put_str(w, str_from(value));
}

static void put_type(struct json_writer *w, const struct field *field, const char *name)
{
    json_key(w, "type");
    if (!(field->flags & FIELD_NULLABLE)) {
        json_put_str(w, str_from(name));
        return;
    }
    json_open(w, '[');
    json_put_str(w, str_from(name));
    json_put_str(w, S("null"));
    json_close(w, ']');
}

static void put_limit(struct json_writer *w, const char *key, size_t limit)
{
    json_key(w, key);
    json_put_i64(w, (i64)limit);
}

static void put_enum(struct json_writer *w, const struct field *field)
{
    json_key(w, "enum");
    json_open(w, '[');
    for (const char *const *name = field->names; *name; name++) {
        json_put_str(w, str_from(*name));
    }
    if (field->flags & FIELD_NULLABLE) {
        json_put_null(w);
    }
    json_close(w, ']');
}

static void put_items(struct json_writer *w, const struct field *field, bool body)
{
    json_key(w, "items");
    if (field->kind == FIELD_LIST) {
        put_object(w, field->type, body, NULL);
    } else {
        json_open(w, '{');
        put_c(w, "type", field->kind == FIELD_STRS ? "string" : "integer");
        json_close(w, '}');
    }
    if (body) {
        put_limit(w, "maxItems", field->max ? field->max : 100);
    }
}

static void put_kind(struct json_writer *w, const struct field *field, bool body)
{
    switch (field->kind) {
    case FIELD_I64:
        put_type(w, field, "integer");
        put_c(w, "format", "int64");
        if (field->max) {
            put_limit(w, "minimum", 0);
            put_limit(w, "maximum", field->max);
        }
        break;
    case FIELD_BOOL:
        put_type(w, field, "boolean");
        break;
    case FIELD_STR:
        put_type(w, field, "string");
        if (body) {
            if (field->flags & FIELD_REQUIRED) {
                put_limit(w, "minLength", 1);
            }
            // Counted in bytes by us, in characters here: never too strict.
            put_limit(w, "maxLength", field->max ? field->max : 4096);
        }
        break;
    case FIELD_TIME:
        put_type(w, field, "string");
        put_c(w, "format", "date-time");
        break;
    case FIELD_ENUM:
        put_type(w, field, "string");
        put_enum(w, field);
        break;
    case FIELD_JSON: // any value
    case FIELD_STRUCT:
        break;
    case FIELD_LIST:
    case FIELD_STRS:
    case FIELD_IDS:
        put_type(w, field, "array");
        put_items(w, field, body);
        break;
    }
}

// What describes the field beside its type.
static void put_notes(struct json_writer *w, const struct field *field, bool body)
{
    if (field->doc) {
        put_c(w, "description", field->doc);
    }
    if (!body && field->flags & FIELD_READ_ONLY) {
        json_key(w, "readOnly");
        json_put_bool(w, true);
    }
}

static void put_field(struct json_writer *w, const struct field *field, bool body)
{
    json_key(w, field->name);
    if (field->kind == FIELD_STRUCT) {
        put_object(w, field->type, body, field);
        return;
    }
    json_open(w, '{');
    put_kind(w, field, body);
    put_notes(w, field, body);
    json_close(w, '}');
}

static bool is_shown(const struct field *field, bool body)
{
    return !(field->flags & (body ? FIELD_READ_ONLY : FIELD_WRITE_ONLY));
}

static bool is_required(const struct field *field, bool body)
{
    return is_shown(field, body) &&
           (body ? field->flags & FIELD_REQUIRED : !(field->flags & FIELD_OPTIONAL_OUT));
}

static void put_required(struct json_writer *w, const struct type *type, bool body)
{
    bool any = false;
    for (const struct field *field = type->fields; field->name; field++) {
        if (!is_required(field, body)) {
            continue;
        }
        if (!any) {
            json_key(w, "required");
            json_open(w, '[');
            any = true;
        }
        json_put_str(w, str_from(field->name));
    }
    if (any) {
        json_close(w, ']');
    }
}

static void put_object(struct json_writer *w, const struct type *type, bool body, const struct field *as)
{
    static const struct field plain = {.kind = FIELD_STRUCT};
    json_open(w, '{');
    put_type(w, as ? as : &plain, "object");
    if (as) {
        put_notes(w, as, body);
    }
    json_key(w, "properties");
    json_open(w, '{');
    for (const struct field *field = type->fields; field->name; field++) {
        if (is_shown(field, body)) {
            put_field(w, field, body);
        }
    }
    json_close(w, '}');
    put_required(w, type, body);
    if (body) {
        json_key(w, "additionalProperties");
        json_put_bool(w, false);
    }
    json_close(w, '}');
}

void json_schema(struct json_writer *w, const struct type *type, bool body)
{
    put_object(w, type, body, NULL);
}
