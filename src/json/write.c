// SPDX-License-Identifier: AGPL-3.0-or-later
// Writing JSON: the writer only remembers whether the next value needs a comma before it.
#include "base/clock.h"
#include "json/json.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void begin_value(struct json_writer *w)
{
    if (w->comma) {
        buf_add_char(w->out, ',');
    }
    w->comma = true;
}

void json_open(struct json_writer *w, char bracket)
{
    begin_value(w);
    buf_add_char(w->out, bracket);
    w->comma = false;
}

void json_close(struct json_writer *w, char bracket)
{
    buf_add_char(w->out, bracket);
    w->comma = true;
}

// Most texts and all names need no escape: they are copied in one go, with what stands around them.
static bool put_plain(struct json_writer *w, struct str s, bool key)
{
    if (buf_json_plain(s) < s.len) {
        return false;
    }
    size_t size = (w->comma ? 1 : 0) + s.len + (key ? 3 : 2);
    char *room = buf_room(w->out, size);
    if (!room) {
        return true; // too much: the buffer remembers it
    }
    if (w->comma) {
        *room++ = ',';
    }
    *room++ = '"';
    memcpy(room, s.ptr, s.len);
    room[s.len] = '"';
    if (key) {
        room[s.len + 1] = ':';
    }
    w->out->len += size;
    w->comma = !key;
    return true;
}

static void put_text(struct json_writer *w, struct str s)
{
    if (put_plain(w, s, false)) {
        return;
    }
    begin_value(w);
    buf_add_char(w->out, '"');
    buf_add_json(w->out, s);
    buf_add_char(w->out, '"');
}

static void put_key(struct json_writer *w, struct str key)
{
    if (put_plain(w, key, true)) {
        return;
    }
    put_text(w, key);
    buf_add_char(w->out, ':');
    w->comma = false;
}

void json_key(struct json_writer *w, const char *key)
{
    put_key(w, str_from(key));
}

void json_put_str(struct json_writer *w, struct str s)
{
    if (str_given(s)) {
        put_text(w, s);
    } else {
        json_put_null(w);
    }
}

void json_put_i64(struct json_writer *w, i64 value)
{
    begin_value(w);
    buf_add_i64(w->out, value);
}

void json_put_f64(struct json_writer *w, double value)
{
    if (!isfinite(value)) {
        json_put_null(w);
        return;
    }
    // The shortest of these that reads back as the same number.
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    begin_value(w);
    buf_add(w->out, str_from(text));
    if (!strpbrk(text, ".e")) {
        buf_add(w->out, S(".0")); // stays a real number when read again
    }
}

void json_put_bool(struct json_writer *w, bool value)
{
    begin_value(w);
    buf_add(w->out, value ? S("true") : S("false"));
}

void json_put_null(struct json_writer *w)
{
    begin_value(w);
    buf_add(w->out, S("null"));
}

void json_put_time(struct json_writer *w, i64 at_ms)
{
    if (at_ms == 0) {
        json_put_null(w);
        return;
    }
    char text[CLOCK_TEXT];
    clock_write(at_ms, text);
    put_text(w, str_from(text));
}

void json_put_raw(struct json_writer *w, struct str json)
{
    begin_value(w);
    buf_add(w->out, json);
}

static void put_value(struct json_writer *w, const struct json *value)
{
    size_t pos = 0;
    struct str key;
    const struct json *member;
    switch (json_kind(value)) {
    case JSON_ABSENT:
    case JSON_NULL:
        json_put_null(w);
        break;
    case JSON_BOOL:
        json_put_bool(w, json_bool(value));
        break;
    case JSON_INT:
        json_put_i64(w, json_i64(value));
        break;
    case JSON_REAL:
        json_put_f64(w, json_f64(value));
        break;
    case JSON_STRING:
        json_put_str(w, json_str(value));
        break;
    case JSON_ARRAY:
        json_open(w, '[');
        for (size_t i = 0; i < json_len(value); i++) {
            put_value(w, json_item(value, i));
        }
        json_close(w, ']');
        break;
    case JSON_OBJECT:
        json_open(w, '{');
        while (json_member(value, &pos, &key, &member)) {
            put_key(w, key);
            put_value(w, member);
        }
        json_close(w, '}');
        break;
    }
}

void json_dump(struct buf *out, const struct json *value)
{
    struct json_writer w = json_writer(out);
    put_value(&w, value);
}
