// SPDX-License-Identifier: AGPL-3.0-or-later
// Reading JSON (strict: UTF-8, no duplicate keys, depth 64, integers within int64) and
// writing it. Reading accepts "absent" and hands it on, so a chain needs one check at its end.
#pragma once
#include "base/buf.h"
#include "base/err.h"

struct json; // an immutable value living as long as the arena it was parsed into

// Parses a whole text (any value). Error: ERR_SYNTAX with the byte position in its text.
const struct json *json_parse(struct str text, struct arena *arena, struct err *err) MUST_CHECK;

// The same for networks' bodies, which are not ours to correct: bytes that are not UTF-8, NUL, \u0000 and
// lone halves of surrogate pairs become U+FFFD. Keep the raw bytes beside it.
const struct json *json_parse_lenient(struct str text, struct arena *arena, struct err *err) MUST_CHECK;
// A member by its whole name, which may hold dots; NULL when absent or not an object.
const struct json *json_get(const struct json *object, struct str key);
// A member by dotted path ("from.id", "items.0.uri"); NULL when absent or the type does not fit.
const struct json *json_at(const struct json *value, const char *path);
// NULL is answered with STR_NONE, 0, false.
struct str json_str(const struct json *value); // strings only
i64 json_i64(const struct json *value);        // integers only
double json_f64(const struct json *value);     // integers and reals
bool json_bool(const struct json *value);
bool json_is_null(const struct json *value); // absent or null
enum json_kind {
    JSON_ABSENT,
    JSON_NULL,
    JSON_BOOL,
    JSON_INT,
    JSON_REAL,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};
enum json_kind json_kind(const struct json *value);
size_t json_len(const struct json *value); // members of an array or object, else 0
const struct json *json_item(const struct json *array, size_t index);
// Walks an object in the order of the text; false at its end. Start with *pos = 0.
bool json_member(const struct json *object, size_t *pos, struct str *ret_key, const struct json **ret_value);
// Writes a parsed value back, compactly.
void json_dump(struct buf *out, const struct json *value);

// Writing: commas are put where they belong; strings are escaped for JSON (also U+2028/9 and "</").
struct json_writer {
    struct buf *out;
    bool comma;
};
static inline struct json_writer json_writer(struct buf *out)
{
    return (struct json_writer){.out = out};
}
void json_open(struct json_writer *w, char bracket);  // '{' or '['
void json_close(struct json_writer *w, char bracket); // '}' or ']'
void json_key(struct json_writer *w, const char *key);
void json_put_str(struct json_writer *w, struct str s); // STR_NONE writes null
void json_put_i64(struct json_writer *w, i64 value);
void json_put_f64(struct json_writer *w, double value); // not a finite number: null
void json_put_bool(struct json_writer *w, bool value);
void json_put_null(struct json_writer *w);
void json_put_time(struct json_writer *w, i64 at_ms);      // 0 writes null
void json_put_raw(struct json_writer *w, struct str json); // already JSON
