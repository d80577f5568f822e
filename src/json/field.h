// SPDX-License-Identifier: AGPL-3.0-or-later
// One field table per struct, used four times: to fill it from a database row (by column name), to
// write it as JSON, to read it from JSON (required, read-only, bounds: errors name the field), and to
// print the OpenAPI schema, from which the page's TypeScript types are made.
#pragma once
#include "json/json.h"
#include <stddef.h>

enum field_kind {
    FIELD_I64,    // i64; JSON number within +-(2^53-1) (NULLABLE: 0 is null)
    FIELD_BOOL,   // bool
    FIELD_STR,    // struct str (NULLABLE: STR_NONE is null)
    FIELD_TIME,   // i64 ms UTC; JSON RFC 3339 string (NULLABLE: 0 is null)
    FIELD_ENUM,   // struct str that is one of `names`
    FIELD_JSON,   // struct str holding JSON text, written as is; read: any value, dumped
    FIELD_STRUCT, // a struct in place, described by `type` (NULLABLE: null when its first member is)
    FIELD_LIST,   // struct {T *items; size_t len, cap;} in place, T described by `type`
    FIELD_STRS,   // struct str_list in place: array of strings
    FIELD_IDS,    // struct id_list in place: array of numbers
};
enum field_flags {
    FIELD_REQUIRED = 1,      // must be in a body (create); a string may not be empty
    FIELD_READ_ONLY = 2,     // refused in a body
    FIELD_NULLABLE = 4,      // JSON null allowed, written for 0 / STR_NONE
    FIELD_WRITE_ONLY = 8,    // never written to JSON (passwords)
    FIELD_OPTIONAL_OUT = 16, // left out of JSON when 0 / STR_NONE / empty
    FIELD_NO_ROW = 32,       // not a column of the row
};
struct str_list {
    struct str *items;
    size_t len, cap;
};
struct id_list {
    i64 *items;
    size_t len, cap;
};
struct type;
struct field {
    const char *name; // JSON key and column name
    enum field_kind kind;
    size_t offset;
    unsigned flags;
    size_t max; // FIELD_STR: bytes at most (0: 4096), FIELD_JSON too (0: 65536); lists: items at
                // most (0: 100); FIELD_I64: the highest value, and then none below 0 (0: any)
    const char *const *names; // FIELD_ENUM: allowed words, NULL-terminated
    const struct type *type;  // FIELD_STRUCT, FIELD_LIST
    const char *doc;          // one sentence: units, meaning
};
struct type {
    const char *name;           // OpenAPI schema name: "Conversation"
    const struct field *fields; // ends with an entry whose name is NULL
    size_t size;
};
#define FIELD(struct_, kind_, member_, flags_, ...)                                                          \
    {                                                                                                        \
        .name = #member_, .kind = (kind_), .offset = offsetof(struct struct_, member_), .flags = (flags_),   \
        __VA_ARGS__                                                                                          \
    }
#define FIELD_END                                                                                            \
    {                                                                                                        \
        .name = NULL                                                                                         \
    }

enum { FIELDS_MAX = 64 }; // in one table

// Which members a body held: bit n = field n of the table. PATCH bodies need it.
typedef u64 field_set;

// Fills *out (zeroed by the caller) from a JSON object. Unknown members, wrong types, read-only
// members, too long values and (when `create`) missing required ones fail with ERR_INVALID naming the
// field; *out is untouched then. json_decode takes bytes: a bad JSON text is ERR_SYNTAX; a string with NUL
// or half a surrogate pair is ERR_INVALID with reason "invalid_text". What is nested must be whole (its
// required members too), whatever `create` says.
bool json_decode(struct str body, const struct type *type, bool create, struct arena *arena, void *out,
                 field_set *ret_given, struct err *err) MUST_CHECK;
bool json_decode_value(const struct json *value, const struct type *type, bool create, struct arena *arena,
                       void *out, field_set *ret_given, struct err *err) MUST_CHECK;
// True when the body held the member of that name.
bool field_given(const struct type *type, field_set given, const char *name);
// True when a member holds what NULLABLE calls null: 0, STR_NONE, an empty list.
bool field_is_none(const struct field *field, const void *value);
// Writes the whole struct as a JSON object.
void json_encode(struct json_writer *w, const struct type *type, const void *value);
// The JSON Schema of a type (for OpenAPI): without READ_ONLY members and with required ones when `body`.
void json_schema(struct json_writer *w, const struct type *type, bool body);
