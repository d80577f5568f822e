// SPDX-License-Identifier: AGPL-3.0-or-later
// Log lines are built on the stack and written with one call, so that lines of several threads never
// mix and the line about being out of memory needs none.
#include "base/log.h"
#include "base/buf.h"
#include "base/clock.h"
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    LINE_MAX_BYTES = 8192,
    TEXT_MAX_BYTES = 1024,
    END_BYTES = 16, // always kept free for `,"cut":true}` and the line end
};

static _Atomic int min_level = LOG_INFO;

void log_set_level(enum log_level level)
{
    atomic_store(&min_level, (int)level);
}

static void add_pair(struct buf *line, const struct log_value *value)
{
    size_t before = line->len;
    struct str text = value->text;
    text.len = text.len > TEXT_MAX_BYTES ? TEXT_MAX_BYTES : text.len;
    buf_add(line, S(",\""));
    buf_add_json(line, str_from(value->key));
    buf_add(line, S("\":"));
    if (value->is_number) {
        buf_add_i64(line, value->number);
    } else {
        buf_add_char(line, '"');
        buf_add_json(line, text);
        buf_add_char(line, '"');
    }
    if (line->overflow) {
        line->len = before; // never half a pair
    }
}

void log_write(enum log_level level, const char *event, const struct log_value *values)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    if ((int)level < atomic_load(&min_level)) {
        return;
    }
    char mem[LINE_MAX_BYTES];
    struct buf line;
    buf_init_fixed(&line, mem, sizeof mem);
    line.max -= END_BYTES;
    char at[CLOCK_TEXT];
    clock_write(clock_now(), at);
    buf_add(&line, S("{\"at\":\""));
    buf_add(&line, str_from(at));
    buf_add(&line, S("\",\"level\":\""));
    buf_add(&line, str_from(names[level]));
    buf_add(&line, S("\",\"event\":\""));
    buf_add_json(&line, str_from(event));
    buf_add_char(&line, '"');
    for (; values->key && !line.overflow; values++) {
        add_pair(&line, values);
    }
    line.max += END_BYTES;
    buf_add(&line, line.overflow ? S(",\"cut\":true}\n") : S("}\n"));
    // A full or closed stderr must not stop the product.
    ssize_t written = write(STDERR_FILENO, line.ptr, line.len);
    (void)written;
}

void die(const char *format, ...)
{
    char text[TEXT_MAX_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_event(LOG_ERROR, "die", LOG_C("text", text));
    abort();
}
