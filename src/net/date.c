// SPDX-License-Identifier: AGPL-3.0-or-later
// HTTP dates (RFC 9110 section 5.6.7): written in IMF-fixdate, read in nothing else.
#include "net/date.h"
#include <stdio.h>

static const char days[] = "ThuFriSatSunMonTueWed"; // 1 January 1970 was a Thursday
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

// Days since 1970 to a date and back, proleptic Gregorian (Howard Hinnant, days_from_civil).
static i64 days_from_date(i64 year, i64 month, i64 day)
{
    year -= month <= 2;
    i64 era = year / 400;
    i64 of_era = year - era * 400;
    i64 of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_from_days(i64 n, int *ret_year, int *ret_month, int *ret_day)
{
    n += 719468;
    i64 era = n / 146097;
    i64 of_era = n - era * 146097;
    i64 year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    i64 of_year = of_era - (365 * year + year / 4 - year / 100);
    i64 month = (5 * of_year + 2) / 153;

    *ret_day = (int)(of_year - (153 * month + 2) / 5 + 1);
    *ret_month = (int)(month < 10 ? month + 3 : month - 9);
    *ret_year = (int)(year + era * 400 + (*ret_month <= 2));
}

struct str http_date_format(i64 at_ms, char out[HTTP_DATE_SIZE])
{
    i64 seconds = at_ms / 1000;
    i64 day = seconds / 86400;
    int of_day = (int)(seconds % 86400);
    int y, m, d;

    date_from_days(day, &y, &m, &d);
    int n = snprintf(out, HTTP_DATE_SIZE, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + day % 7 * 3, d,
                     months + (m - 1) * 3, y, of_day / 3600, of_day / 60 % 60, of_day % 60);
    return (struct str){out, n > 0 && n < HTTP_DATE_SIZE ? (size_t)n : HTTP_DATE_SIZE - 1};
}

static bool read_digits(struct str text, size_t at, size_t n, int *ret)
{
    int value = 0;

    for (size_t i = at; i < at + n; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
        value = value * 10 + (text.ptr[i] - '0');
    }
    *ret = value;
    return true;
}

bool http_date_parse(struct str text, i64 *ret_at_ms)
{
    int day, year, hour, minute, second, month = 0;

    if (text.len != 29 || !str_ends(text, S(" GMT")) || text.ptr[3] != ',' || text.ptr[4] != ' ' ||
        text.ptr[7] != ' ' || text.ptr[11] != ' ' || text.ptr[16] != ' ' || text.ptr[19] != ':' ||
        text.ptr[22] != ':') {
        return false;
    }
    for (int m = 0; m < 12; m++) {
        if (memcmp(text.ptr + 8, months + m * 3, 3) == 0) {
            month = m + 1;
        }
    }
    if (month == 0 || !read_digits(text, 5, 2, &day) || !read_digits(text, 12, 4, &year) ||
        !read_digits(text, 17, 2, &hour) || !read_digits(text, 20, 2, &minute) ||
        !read_digits(text, 23, 2, &second)) {
        return false;
    }
    if (year < 1970 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) {
        return false;
    }
    *ret_at_ms = (days_from_date(year, month, day) * 86400 + hour * 3600 + minute * 60 + second) * 1000;
    return true;
}
