// SPDX-License-Identifier: AGPL-3.0-or-later
// Log lines are built on the stack and written with one call, so that lines of several threads never
// mix and the line about being out of memory needs none.
#include "base/log.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/thread.h"
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

// Warnings are what strangers can cause at will: of each kind so many a second, and with the next the number
// that was left out. Errors and information are always written.
enum { WARNINGS_A_SECOND = 50, WARNING_KINDS = 64 };
struct warning_kind {
    const char *event;
    i64 second;
    i64 written, left_out;
};
static pthread_mutex_t warning_lock = PTHREAD_MUTEX_INITIALIZER;
static struct warning_kind warning_kinds[WARNING_KINDS];

static struct warning_kind *find_warning_kind(const char *event)
{
    for (size_t i = 0; i < WARNING_KINDS; i++) {
        if (!warning_kinds[i].event) {
            warning_kinds[i].event = event;
        }
        if (strcmp(warning_kinds[i].event, event) == 0) {
            return &warning_kinds[i];
        }
    }
    return NULL;
}

// False: leave this one out. *ret_left_out: how many were, since the last one written.
static bool may_warn(const char *event, i64 *ret_left_out)
{
    i64 second = clock_mono() / 1000;
    bool may = true;
    *ret_left_out = 0;
    pthread_mutex_lock(&warning_lock);
    struct warning_kind *kind = find_warning_kind(event);
    if (kind) {
        kind->written = kind->second == second ? kind->written : 0;
        kind->second = second;
        may = kind->written < WARNINGS_A_SECOND;
        if (may) {
            kind->written++;
            *ret_left_out = kind->left_out;
        }
        kind->left_out = may ? 0 : kind->left_out + 1;
    }
    pthread_mutex_unlock(&warning_lock);
    return may;
}

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
    i64 left_out = 0;
    if ((int)level < atomic_load(&min_level) || (level == LOG_WARN && !may_warn(event, &left_out))) {
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
    if (left_out) {
        add_pair(&line, &LOG_I("left_out", left_out));
    }
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
