// SPDX-License-Identifier: AGPL-3.0-or-later
// One line of JSON per happening on stderr; fields are escaped, so no input can forge a line. Only the
// layer that swallows an error logs. A flood of one kind of warning is cut to 50 a second, and the next one
// says how many were left out. No secrets: callers name what they log, field by field.
#pragma once
#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_set_level(enum log_level level);
// event: a fixed word ("http.request"); then pairs: const char *key, struct log_value.
struct log_value {
    const char *key;
    struct str text;
    i64 number;
    bool is_number;
};
#define LOG_S(k, v) ((struct log_value){.key = (k), .text = (v)})
#define LOG_C(k, v) ((struct log_value){.key = (k), .text = str_from(v)})
#define LOG_I(k, v) ((struct log_value){.key = (k), .number = (v), .is_number = true})
// The first entry only takes the comma away when there are no values.
#define log_event(level, event, ...)                                                                         \
    log_write((level), (event), &(struct log_value[]){{.key = ""}, ##__VA_ARGS__, {.key = NULL}}[1])
void log_write(enum log_level level, const char *event, const struct log_value *values);
// One log line and abort(); for states the program cannot be in.
_Noreturn void die(const char *format, ...) PRINTF(1, 2);
