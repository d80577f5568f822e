// SPDX-License-Identifier: AGPL-3.0-or-later
// Clocks, and RFC 3339 both ways. The calendar is computed here (days from 1970 in the proleptic
// Gregorian calendar, after Howard Hinnant), because gmtime and friends know time zones and locales.
#include "base/clock.h"
#include "base/arena.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };
static const i64 LAST_MS = 253402300799999; // end of the year 9999

static _Atomic i64 shift_ms;

__attribute__((constructor)) static void read_test_shift(void)
{
    const char *text = getenv("HEED_TEST_CLOCK_MS");
    i64 shift;
    if (text && str_to_i64(str_from(text), &shift)) {
        atomic_store(&shift_ms, shift);
    }
}

i64 clock_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (i64)t.tv_sec * 1000000 + t.tv_nsec / 1000 + atomic_load(&shift_ms) * 1000;
}

i64 clock_now(void)
{
    return clock_now_us() / 1000;
}

i64 clock_mono(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (i64)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void clock_test_shift(i64 delta_ms)
{
    atomic_fetch_add(&shift_ms, delta_ms);
}

// Years begin in March here, so that the leap day is a year's last.
static i64 days_from_date(i64 year, int month, int day)
{
    year -= month <= 2;
    i64 era = year / 400;
    i64 year_of_era = year - era * 400;
    i64 day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    i64 day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void date_from_days(i64 days, int *year, int *month, int *day)
{
    days += 719468;
    i64 era = days / 146097;
    i64 day_of_era = days - era * 146097;
    i64 year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    i64 day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    i64 m = (5 * day_of_year + 2) / 153;
    *day = (int)(day_of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

static void put_digits(char *end, int value, int n)
{
    for (; n > 0; n--, value /= 10) {
        *--end = (char)('0' + value % 10);
    }
}

void clock_write(i64 at_ms, char out[CLOCK_TEXT])
{
    at_ms = at_ms < 0 ? 0 : at_ms > LAST_MS ? LAST_MS : at_ms;
    int year, month, day;
    date_from_days(at_ms / DAY, &year, &month, &day);
    int ms = (int)(at_ms % DAY);
    // Digit by digit: a list of 50 conversations has 300 of them, and printf took a seventh of its time.
    static const char form[] = "0000-00-00T00:00:00.000Z";
    memcpy(out, form, sizeof form);
    put_digits(out + 4, year, 4);
    put_digits(out + 7, month, 2);
    put_digits(out + 10, day, 2);
    put_digits(out + 13, ms / HOUR, 2);
    put_digits(out + 16, ms % HOUR / MINUTE, 2);
    put_digits(out + 19, ms % MINUTE / SECOND, 2);
    put_digits(out + 23, ms % SECOND, 3);
}

struct str clock_format(struct arena *arena, i64 at_ms)
{
    char text[CLOCK_TEXT];
    clock_write(at_ms, text);
    return str_copy(arena, str_from(text));
}

// Takes exactly n digits off the front.
static bool take_number(struct str *s, size_t n, int *ret_value)
{
    if (s->len < n) {
        return false;
    }
    int value = 0;
    for (size_t i = 0; i < n; i++) {
        if (s->ptr[i] < '0' || s->ptr[i] > '9') {
            return false;
        }
        value = value * 10 + (s->ptr[i] - '0');
    }
    *s = str_sub(*s, n, s->len);
    *ret_value = value;
    return true;
}

static bool take_char(struct str *s, char lower, char upper)
{
    if (s->len == 0 || (s->ptr[0] != lower && s->ptr[0] != upper)) {
        return false;
    }
    *s = str_sub(*s, 1, s->len);
    return true;
}

static bool take_date(struct str *s, i64 *ret_ms)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day;
    if (!take_number(s, 4, &year) || !take_char(s, '-', '-') || !take_number(s, 2, &month) ||
        !take_char(s, '-', '-') || !take_number(s, 2, &day) || month < 1 || month > 12 || day < 1) {
        return false;
    }
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > lengths[month - 1] + (month == 2 && leap)) {
        return false;
    }
    *ret_ms = days_from_date(year, month, day) * DAY;
    return true;
}

// Any number of digits; what is below a millisecond is cut off.
static bool take_fraction(struct str *s, int *ret_ms)
{
    int ms = 0, unit = 100;
    size_t n = 0;
    for (; n < s->len && s->ptr[n] >= '0' && s->ptr[n] <= '9'; n++) {
        ms += (s->ptr[n] - '0') * unit;
        unit /= 10;
    }
    *s = str_sub(*s, n, s->len);
    *ret_ms = ms;
    return n > 0;
}

static bool take_time(struct str *s, i64 *ret_ms)
{
    int hour, minute, second, ms = 0;
    if (!take_number(s, 2, &hour) || !take_char(s, ':', ':') || !take_number(s, 2, &minute) ||
        !take_char(s, ':', ':') || !take_number(s, 2, &second)) {
        return false;
    }
    if (hour > 23 || minute > 59 || second > 60) { // 60: a leap second, counted as the next one
        return false;
    }
    if (take_char(s, '.', '.') && !take_fraction(s, &ms)) {
        return false;
    }
    *ret_ms = (i64)hour * HOUR + minute * MINUTE + second * SECOND + ms;
    return true;
}

static bool take_zone(struct str *s, i64 *ret_ms)
{
    if (take_char(s, 'z', 'Z')) {
        *ret_ms = 0;
        return true;
    }
    int sign = s->len && s->ptr[0] == '-' ? -1 : 1;
    int hour, minute;
    if (!take_char(s, '+', '-') || !take_number(s, 2, &hour) || !take_char(s, ':', ':') ||
        !take_number(s, 2, &minute) || hour > 23 || minute > 59) {
        return false;
    }
    *ret_ms = sign * ((i64)hour * HOUR + minute * MINUTE);
    return true;
}

bool clock_parse(struct str text, i64 *ret_at_ms)
{
    i64 date, time = 0, zone = 0;
    if (!take_date(&text, &date)) {
        return false;
    }
    if (text.len) {
        bool separated = take_char(&text, 't', 'T') || take_char(&text, ' ', ' ');
        if (!separated || !take_time(&text, &time) || !take_zone(&text, &zone) || text.len) {
            return false;
        }
    }
    i64 at = date + time - zone;
    if (at < 0 || at > LAST_MS) {
        return false;
    }
    *ret_at_ms = at;
    return true;
}
