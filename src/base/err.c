// SPDX-License-Identifier: AGPL-3.0-or-later
// Filling struct err, and the one table from its codes to HTTP.
#include "base/err.h"
#include "base/utf8.h"
#include <stdarg.h>
#include <stdio.h>
#undef err_set
#undef err_field
#undef err_retry

// Copies what fits, never half a character.
static void put(char *out, size_t size, const char *text)
{
    struct str s = str_from(text);
    if (s.len >= size) {
        s.len = size - 1;
        while (s.len && ((u8)s.ptr[s.len] & 0xC0) == 0x80) {
            s.len--;
        }
    }
    if (s.len) {
        memcpy(out, s.ptr, s.len);
    }
    out[s.len] = 0;
}

__attribute__((format(printf, 3, 0))) static void fill(struct err *err, enum err_code code,
                                                       const char *format, va_list args)
{
    char text[1024];
    vsnprintf(text, sizeof text, format, args);
    *err = (struct err){.code = code, .position = -1};
    put(err->text, sizeof err->text, text);
}

bool err_set(struct err *err, enum err_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(err, code, format, args);
    va_end(args);
    return false;
}

bool err_field(struct err *err, const char *field, const char *reason, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(err, ERR_INVALID, format, args);
    va_end(args);
    put(err->field, sizeof err->field, field);
    put(err->reason, sizeof err->reason, reason);
    return false;
}

bool err_retry(struct err *err, enum err_code code, int retry_after_s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(err, code, format, args);
    va_end(args);
    err->retry_after_s = retry_after_s;
    return false;
}

void err_prefix(struct err *err, const char *prefix)
{
    char joined[sizeof err->field * 2];
    snprintf(joined, sizeof joined, err->field[0] ? "%s.%s" : "%s%s", prefix, err->field);
    put(err->field, sizeof err->field, joined);
}

static const struct {
    int status;
    const char *title;
} table[] = {
    [ERR_NONE] = {200, "OK"},
    [ERR_SYNTAX] = {400, "Bad request"},
    [ERR_UNAUTHENTICATED] = {401, "Sign in first"},
    [ERR_DENIED] = {403, "Not allowed"},
    [ERR_NOT_FOUND] = {404, "Not found"},
    [ERR_CONFLICT] = {409, "Conflict"},
    [ERR_TOO_LARGE] = {413, "Too large"},
    [ERR_MEDIA_TYPE] = {415, "Unsupported media type"},
    [ERR_INVALID] = {422, "Some fields are not right"},
    [ERR_RATE_LIMITED] = {429, "Too many requests"},
    [ERR_UPSTREAM] = {502, "The network did not answer as expected"},
    [ERR_UNAVAILABLE] = {503, "Not available right now"},
    [ERR_INTERNAL] = {500, "Something went wrong on our side"},
};

int err_http_status(enum err_code code)
{
    return (size_t)code < ARRAY_LEN(table) ? table[code].status : 500;
}

const char *err_title(enum err_code code)
{
    return (size_t)code < ARRAY_LEN(table) ? table[code].title : table[ERR_INTERNAL].title;
}
