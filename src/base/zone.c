// SPDX-License-Identifier: AGPL-3.0-or-later
// See zone.h. Reads the 64-bit part of a TZif file: transitions, then for moments behind the last one the
// rule in the footer ("EET-2EEST,M3.5.0/3,M10.5.0/4").
#include "base/zone.h"
#include <fcntl.h>
#include <unistd.h>

enum { FILE_MAX_BYTES = 64 * 1024, NAME_MAX_BYTES = 64, DAY_S = 86400 };
#define FOLDER "/usr/share/zoneinfo/"

struct cursor { // over bytes or text; everything checks what is left
    const u8 *at, *end;
};

static bool word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '+' || c == '-';
}

bool zone_name_ok(struct str name)
{
    if (name.len == 0 || name.len > NAME_MAX_BYTES || name.ptr[0] == '/') {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        bool slash = name.ptr[i] == '/' && i + 1 < name.len && name.ptr[i + 1] != '/';
        if (!slash && !word_char(name.ptr[i])) {
            return false;
        }
    }
    return true;
}

// ---- The rule behind the last transition ------------------------------------------------------------

static bool take_number(struct cursor *c, i64 *ret)
{
    i64 n = 0;
    const u8 *from = c->at;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9' && c->at - from < 6) {
        n = n * 10 + (*c->at++ - '0');
    }
    *ret = n;
    return c->at > from;
}

static bool take_char(struct cursor *c, char wanted)
{
    if (c->at >= c->end || *c->at != (u8)wanted) {
        return false;
    }
    c->at++;
    return true;
}

static bool take_name(struct cursor *c)
{
    const u8 *from = c->at;
    if (take_char(c, '<')) {
        while (c->at < c->end && *c->at != '>') {
            c->at++;
        }
        return take_char(c, '>');
    }
    while (c->at < c->end && ((*c->at | 32) >= 'a' && (*c->at | 32) <= 'z')) {
        c->at++;
    }
    return c->at > from;
}

// [+-]hh[:mm[:ss]] in seconds.
static bool take_time(struct cursor *c, i64 *ret)
{
    i64 sign = take_char(c, '-') ? -1 : 1, hours, minutes = 0, seconds = 0;
    (void)(sign == 1 && take_char(c, '+'));
    if (!take_number(c, &hours) || (take_char(c, ':') && !take_number(c, &minutes)) ||
        (take_char(c, ':') && !take_number(c, &seconds)) || hours > 167 || minutes > 59 || seconds > 59) {
        return false;
    }
    *ret = sign * (hours * 3600 + minutes * 60 + seconds);
    return true;
}

static i64 days_of(i64 year, i64 month, i64 day) // since 1970-01-01 (Hinnant)
{
    year -= month <= 2;
    i64 era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
    i64 of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static i64 year_of(i64 seconds)
{
    i64 days = (seconds >= 0 ? seconds : seconds - DAY_S + 1) / DAY_S;
    i64 year = 1970 + days / 366;
    while (days_of(year + 1, 1, 1) <= days) {
        year++;
    }
    while (days_of(year, 1, 1) > days) {
        year--;
    }
    return year;
}

static bool leap(i64 year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

// Mm.w.d, Jn or n, with /time: the second of that year's local midnight plus time, as if local were UTC.
static bool take_date(struct cursor *c, i64 year, i64 *ret)
{
    i64 a, week, weekday, time = 7200, days;
    if (take_char(c, 'M')) {
        if (!take_number(c, &a) || !take_char(c, '.') || !take_number(c, &week) || !take_char(c, '.') ||
            !take_number(c, &weekday) || a < 1 || a > 12 || week < 1 || week > 5 || weekday > 6) {
            return false;
        }
        i64 first = days_of(year, a, 1), next = a == 12 ? days_of(year + 1, 1, 1) : days_of(year, a + 1, 1);
        i64 first_weekday = ((first + 4) % 7 + 7) % 7;
        days = first + (weekday - first_weekday + 7) % 7 + (week - 1) * 7;
        days = days >= next ? days - 7 : days;
    } else {
        bool julian = take_char(c, 'J'); // Jn: 29 February is never counted
        if (!take_number(c, &a) || a > 365 || (julian && a < 1)) {
            return false;
        }
        days = days_of(year, 1, 1) + (julian ? a - 1 + (leap(year) && a >= 60) : a);
    }
    if (take_char(c, '/') && !take_time(c, &time)) {
        return false;
    }
    *ret = days * DAY_S + time;
    return true;
}

static i64 rule_offset(struct cursor c, i64 seconds)
{
    i64 standard, summer, begins, ends;
    if (!take_name(&c) || !take_time(&c, &standard)) {
        return 0;
    }
    standard = -standard; // POSIX counts west
    if (!take_name(&c)) {
        return standard;
    }
    summer = standard + 3600;
    if (c.at < c.end && *c.at != ',') {
        if (!take_time(&c, &summer)) {
            return standard;
        }
        summer = -summer;
    }
    i64 year = year_of(seconds + standard);
    if (!take_char(&c, ',') || !take_date(&c, year, &begins) || !take_char(&c, ',') ||
        !take_date(&c, year, &ends)) {
        return standard;
    }
    begins -= standard;
    ends -= summer;
    bool is_summer =
        begins < ends ? seconds >= begins && seconds < ends : seconds >= begins || seconds < ends;
    return is_summer ? summer : standard;
}

// ---- The file ---------------------------------------------------------------------------------------

static i64 big_endian(const u8 *at, int bytes)
{
    u64 value = at[0] & 0x80 ? ~(u64)0 : 0;
    for (int i = 0; i < bytes; i++) {
        value = value << 8 | at[i];
    }
    return (i64)value;
}

struct header {
    size_t n_isut, n_isstd, n_leap, n_times, n_types, n_chars;
};
enum { HEADER = 44, TYPE = 6 };

static bool read_header(struct cursor *c, struct header *out)
{
    if (c->end - c->at < HEADER || memcmp(c->at, "TZif", 4) != 0) {
        return false;
    }
    size_t *const counts[] = {&out->n_isut,  &out->n_isstd, &out->n_leap,
                              &out->n_times, &out->n_types, &out->n_chars};
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        i64 n = big_endian(c->at + 20 + 4 * i, 4);
        if (n < 0 || n > FILE_MAX_BYTES) {
            return false;
        }
        *counts[i] = (size_t)n;
    }
    c->at += HEADER;
    return true;
}

static bool block_size(const struct cursor *c, const struct header *h, size_t time_bytes, size_t *ret)
{
    *ret = h->n_times * (time_bytes + 1) + h->n_types * TYPE + h->n_chars + h->n_leap * (time_bytes + 4) +
           h->n_isstd + h->n_isut;
    return *ret <= (size_t)(c->end - c->at);
}

i64 zone_offset_of(struct str tzif, i64 at_ms)
{
    struct cursor c = {(const u8 *)tzif.ptr, (const u8 *)tzif.ptr + tzif.len};
    struct header h;
    size_t size;
    i64 seconds = at_ms >= 0 ? at_ms / 1000 : -((-at_ms + 999) / 1000);
    // The first block has 32-bit times; the second, which counts, begins with a header of its own.
    if (tzif.len == 0 || !read_header(&c, &h) || !block_size(&c, &h, 4, &size)) {
        return 0;
    }
    c.at += size;
    if (!read_header(&c, &h) || !block_size(&c, &h, 8, &size) || h.n_types == 0) {
        return 0;
    }
    const u8 *times = c.at, *kinds = times + 8 * h.n_times, *types = kinds + h.n_times;
    struct cursor footer = {c.at + size, c.end};
    size_t after = 0; // how many transitions are at or before the moment
    while (after < h.n_times && big_endian(times + 8 * after, 8) <= seconds) {
        after++;
    }
    if (after == h.n_times && take_char(&footer, '\n') && footer.at < footer.end && *footer.at != '\n') {
        return rule_offset(footer, seconds);
    }
    size_t type = after == 0 ? 0 : kinds[after - 1];
    return type < h.n_types ? big_endian(types + TYPE * type, 4) : 0;
}

static ssize_t read_zone(struct str name, u8 *out)
{
    char path[sizeof(FOLDER) + NAME_MAX_BYTES] = FOLDER;
    if (!zone_name_ok(name)) {
        return -1;
    }
    memcpy(path + sizeof(FOLDER) - 1, name.ptr, name.len);
    path[sizeof(FOLDER) - 1 + name.len] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    ssize_t n = read(fd, out, FILE_MAX_BYTES);
    close(fd);
    return n > HEADER && memcmp(out, "TZif", 4) == 0 ? n : -1;
}

bool zone_known(struct str name)
{
    u8 *bytes = mem_alloc(FILE_MAX_BYTES);
    bool known = read_zone(name, bytes) > 0;
    mem_free(bytes);
    return known;
}

i64 zone_offset(struct str name, i64 at_ms)
{
    if (str_eq(name, S("UTC")) || name.len == 0) {
        return 0;
    }
    u8 *bytes = mem_alloc(FILE_MAX_BYTES);
    ssize_t n = read_zone(name, bytes);
    i64 offset = n > 0 ? zone_offset_of((struct str){(const char *)bytes, (size_t)n}, at_ms) : 0;
    mem_free(bytes);
    return offset;
}

void zone_local(struct str name, i64 at_ms, int *ret_minute, int *ret_weekday)
{
    i64 seconds = at_ms / 1000 + zone_offset(name, at_ms);
    i64 days = seconds / DAY_S - (seconds % DAY_S < 0), of_day = seconds - days * DAY_S;
    *ret_minute = (int)(of_day / 60);
    *ret_weekday = (int)(((days + 4) % 7 + 7) % 7);
}
