// SPDX-License-Identifier: AGPL-3.0-or-later
// From bytes to a jansson value that is let go with its arena. Before jansson, which recurses, sees the
// text, one pass over it limits the depth and, where asked, mends escapes that stand for no character.
#include "json/parse.h"
#include "base/arena.h"
#include "base/log.h"
#include "json/jansson_names.h"

enum {
    DEPTH_MAX = 64,
    ESCAPE = 6, // length of \uXXXX
};

struct scan {
    enum parse_mode mode;
    struct arena *arena;
    struct str text;
    char *copy; // text once something in it had to be mended
};

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

// The number of the escape \uXXXX at pos; -1 when there is none.
static int escape_at(struct str text, size_t pos)
{
    if (text.len < ESCAPE || pos > text.len - ESCAPE || text.ptr[pos] != '\\' || text.ptr[pos + 1] != 'u') {
        return -1;
    }
    int code = 0;
    for (size_t i = pos + 2; i < pos + ESCAPE; i++) {
        int digit = hex_digit(text.ptr[i]);
        if (digit < 0) {
            return -1;
        }
        code = code << 4 | digit;
    }
    return code;
}

static void mend(struct scan *scan, size_t pos)
{
    if (!scan->copy) {
        scan->copy = str_cstr(scan->arena, scan->text);
        scan->text.ptr = scan->copy;
    }
    memcpy(scan->copy + pos, scan->mode == PARSE_LENIENT ? "\\ufffd" : "\\u0000", ESCAPE);
}

// Called at a backslash inside a string; returns the position behind what it begins.
static size_t pass_escape(struct scan *scan, size_t pos)
{
    int code = escape_at(scan->text, pos);
    if (code < 0) {
        return pos + 2; // \n and the like; jansson judges them
    }
    int next = escape_at(scan->text, pos + ESCAPE);
    if (code >= 0xD800 && code <= 0xDBFF && next >= 0xDC00 && next <= 0xDFFF) {
        return pos + 2 * ESCAPE;
    }
    if (scan->mode != PARSE_STRICT && (code == 0 || (code >= 0xD800 && code <= 0xDFFF))) {
        mend(scan, pos);
    }
    return pos + ESCAPE;
}

static bool scan_text(struct scan *scan, struct err *err)
{
    bool in_string = false;
    i64 depth = 0;
    for (size_t pos = 0; pos < scan->text.len;) {
        char c = scan->text.ptr[pos];
        if (in_string && c == '\\') {
            pos = pass_escape(scan, pos);
            continue;
        }
        if (c == 0) {
            // jansson takes NUL for the end of the text and would not see what follows.
            return err_set(err, ERR_SYNTAX, "This is not JSON: it holds a NUL (byte %zu).", pos);
        }
        if (c == '"') {
            in_string = !in_string;
        } else if (!in_string && (c == '[' || c == '{') && ++depth > DEPTH_MAX) {
            return err_set(err, ERR_SYNTAX, "The JSON is nested deeper than %d levels (byte %zu).", DEPTH_MAX,
                           pos);
        } else if (!in_string && (c == ']' || c == '}')) {
            depth--;
        }
        pos++;
    }
    return true;
}

static void let_go(void *arg)
{
    json_decref(arg);
}

const struct json *json_parse_as(enum parse_mode mode, struct str text, struct arena *arena, struct err *err)
{
    struct scan scan = {.mode = mode, .arena = arena};
    scan.text = mode == PARSE_LENIENT ? utf8_clean(arena, text) : text;
    if (!scan_text(&scan, err)) {
        return NULL;
    }
    size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | (mode == PARSE_FIELDS ? JSON_ALLOW_NUL : 0);
    json_error_t problem;
    json_t *value = json_loadb(scan.text.ptr ? scan.text.ptr : "", scan.text.len, flags, &problem);
    if (!value) {
        if (json_error_code(&problem) == json_error_out_of_memory) {
            die("out of memory for a JSON text of %zu bytes", text.len);
        }
        // What jansson quotes after "near" is input, and may be cut within a character.
        struct str what = str_from(problem.text);
        i64 near = str_find(what, S(" near "));
        what.len = near >= 0 ? (size_t)near : what.len;
        err_set(err, ERR_SYNTAX, "This is not JSON: " STR_FMT " (byte %d).", STR_ARG(what), problem.position);
        return NULL;
    }
    arena_on_reset(arena, let_go, value);
    return (const struct json *)value;
}

const struct json *json_parse(struct str text, struct arena *arena, struct err *err)
{
    return json_parse_as(PARSE_STRICT, text, arena, err);
}

const struct json *json_parse_lenient(struct str text, struct arena *arena, struct err *err)
{
    return json_parse_as(PARSE_LENIENT, text, arena, err);
}
