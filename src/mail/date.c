// SPDX-License-Identifier: AGPL-3.0-or-later
// RFC 5322 dates as they come: with or without weekday and seconds, with names of zones, two-digit years,
// comments, and the order of the C library's asctime.
#include "base/clock.h"
#include "mail/headers.h"
#include <stdio.h>

enum { TOKENS_MAX = 12 };

static size_t split(struct str value, struct str *tokens)
{
    size_t n = 0, i = 0;
    while (i < value.len && n < TOKENS_MAX) {
        if (value.ptr[i] == '(') {
            while (i < value.len && value.ptr[i] != ')') {
                i++;
            }
        }
        if (i < value.len && ((u8)value.ptr[i] <= 0x20 || value.ptr[i] == ',' || value.ptr[i] == ')')) {
            i++;
            continue;
        }
        size_t start = i;
        while (i < value.len && (u8)value.ptr[i] > 0x20 && value.ptr[i] != ',' && value.ptr[i] != '(') {
            i++;
        }
        if (i > start) {
            tokens[n++] = str_sub(value, start, i);
        }
    }
    return n;
}

static int month_of(struct str s)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (int m = 0; m < 12 && s.len >= 3; m++) {
        if (str_eq_nocase(str_sub(s, 0, 3), (struct str){names + 3 * m, 3})) {
            return m + 1;
        }
    }
    return 0;
}

// Plain digits only; -1 when it is anything else.
static int number(struct str s, size_t max_len)
{
    int value = 0;
    if (s.len == 0 || s.len > max_len) {
        return -1;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return -1;
        }
        value = value * 10 + (s.ptr[i] - '0');
    }
    return value;
}

// "10:30", "10:30:05"; false: no time.
static bool time_of(struct str s, int *ret_seconds)
{
    struct str rest, seconds;
    int hour = number(str_cut(s, ':', &rest), 2);
    if (!rest.ptr) {
        return false;
    }
    int minute = number(str_cut(rest, ':', &seconds), 2);
    int second = seconds.ptr ? number(seconds.len > 2 ? str_sub(seconds, 0, 2) : seconds, 2) : 0;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) {
        return false;
    }
    *ret_seconds = hour * 3600 + minute * 60 + (second > 59 ? 59 : second);
    return true;
}

// Seconds east of Greenwich. Unknown and military zones mean -0000: Greenwich.
static int zone_of(struct str s)
{
    static const struct {
        const char *name;
        int hours;
    } names[] = {{"EST", -5}, {"EDT", -4}, {"CST", -6}, {"CDT", -5}, {"MST", -7}, {"MDT", -6}, {"PST", -8},
                 {"PDT", -7}, {"CET", 1},  {"CEST", 2}, {"EET", 2},  {"EEST", 3}, {"MSK", 3},  {"JST", 9},
                 {"KST", 9},  {"BST", 1},  {"MET", 1},  {"MEST", 2}, {"WEST", 1}, {"WIB", 7}};
    int digits = s.len > 1 ? number(str_sub(s, 1, s.len), 4) : -1;
    if ((s.ptr[0] == '+' || s.ptr[0] == '-') && s.len == 5 && digits >= 0 && digits % 100 < 60 &&
        digits < 2400) {
        int seconds = digits / 100 * 3600 + digits % 100 * 60;
        return s.ptr[0] == '-' ? -seconds : seconds;
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq_nocase(s, str_from(names[i].name))) {
            return names[i].hours * 3600;
        }
    }
    return 0;
}

static int full_year(int year, size_t digits)
{
    return digits > 2 || year < 0 ? (digits == 3 ? year + 1900 : year)
           : year < 50            ? year + 2000
                                  : year + 1900;
}

static bool put_together(int year, int month, int day, int seconds, i64 *ret_ms)
{
    char text[40];
    int len = snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02dZ", year, month, day, seconds / 3600,
                       seconds / 60 % 60, seconds % 60);
    return len > 0 && (size_t)len < sizeof text && clock_parse((struct str){text, (size_t)len}, ret_ms);
}

i64 date_read(struct str value)
{
    struct str tokens[TOKENS_MAX];
    size_t n = split(value, tokens);
    int year = -1, month = 0, day = -1, seconds = -1, zone = 0;
    i64 ms = 0;
    for (size_t i = 0; i < n; i++) {
        struct str t = tokens[i];
        int value_of = number(t, 4);
        struct str rest, last;
        if (seconds < 0 && time_of(t, &seconds)) {
            continue;
        }
        if (value_of >= 0 && t.len <= 2 && day < 0) {
            day = value_of;
        } else if (value_of >= 0 && year < 0 && day >= 0) {
            year = full_year(value_of, t.len);
        } else if (!month && month_of(t)) {
            month = month_of(t);
        } else if (seconds >= 0 && !zone) {
            zone = zone_of(t);
        } else if (day < 0 && number(str_cut(t, '-', &rest), 2) > 0 && rest.ptr) { // 2-Jan-2024
            day = number(str_cut(t, '-', &rest), 2);
            month = month_of(str_cut(rest, '-', &last));
            year = last.ptr ? full_year(number(last, 4), last.len) : -1;
        }
    }
    if (year < 1970 || year > 9999 || !month || day < 1 || day > 31 ||
        !put_together(year, month, day, seconds < 0 ? 0 : seconds, &ms)) {
        return 0;
    }
    ms -= (i64)zone * 1000;
    return ms > 0 ? ms : 0;
}
