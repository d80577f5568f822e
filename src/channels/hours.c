// SPDX-License-Identifier: AGPL-3.0-or-later
// See hours.h. Days are counted from 1970 in the zone's own time, so that an hour that a clock change takes
// or gives moves nothing else.
#include "channels/hours.h"
#include "base/clock.h"
#include "base/zone.h"
#include <stdio.h>

enum { DAY_MIN = 24 * 60, LOOK_DAYS = 366 };
#define DAY_MS    ((i64)24 * 3600 * 1000)
#define MINUTE_MS ((i64)60 * 1000)

static const char *const day_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

// "09:30"; to: also "24:00".
static bool read_time(struct str text, bool to, int *ret_minute)
{
    int hour, minute;
    if (text.len != 5 || text.ptr[2] != ':')
        return false;
    for (size_t i = 0; i < 5; i++) {
        if (i != 2 && (text.ptr[i] < '0' || text.ptr[i] > '9'))
            return false;
    }
    hour = (text.ptr[0] - '0') * 10 + text.ptr[1] - '0';
    minute = (text.ptr[3] - '0') * 10 + text.ptr[4] - '0';
    *ret_minute = hour * 60 + minute;
    return minute < 60 && (hour < 24 || (to && hour == 24 && minute == 0));
}

static int day_of(struct str name)
{
    for (int i = 0; i < 7; i++) {
        if (str_eq(name, str_from(day_names[i])))
            return i;
    }
    return -1;
}

struct span {
    int from, to; // minutes of the day it begins on; to may lie in the next
    bool days[7];
};

static bool read_span(const struct json *line, struct span *out)
{
    const struct json *days = json_at(line, "days");
    *out = (struct span){};
    if (!read_time(json_str(json_at(line, "from")), false, &out->from) ||
        !read_time(json_str(json_at(line, "to")), true, &out->to) || json_len(days) == 0)
        return false;
    if (out->to <= out->from)
        out->to += DAY_MIN;
    for (size_t i = 0; i < json_len(days); i++) {
        int day = day_of(json_str(json_item(days, i)));
        if (day < 0)
            return false;
        out->days[day] = true;
    }
    return true;
}

// A date as days since 1970.
static bool read_date(struct str text, i64 *ret_day)
{
    i64 at;
    if (text.len != 10 || !clock_parse(text, &at))
        return false;
    *ret_day = at / DAY_MS;
    return true;
}

bool hours_check(const struct json *hours, const struct json *closed_days, struct err *err)
{
    char field[48];
    struct span span;
    i64 day;
    if (!json_is_null(hours) && json_kind(hours) != JSON_ARRAY)
        return err_field(err, "settings.hours", "invalid", "Opening hours are a list.");
    if (json_len(hours) > HOURS_LINES_MAX)
        return err_field(err, "settings.hours", "too_long", "Opening hours are at most %d lines.",
                         HOURS_LINES_MAX);
    for (size_t i = 0; i < json_len(hours); i++) {
        snprintf(field, sizeof(field), "settings.hours.%zu", i);
        if (!read_span(json_item(hours, i), &span))
            return err_field(err, field, "invalid",
                             "A line of opening hours has days (mon to sun), from (09:00) and to (17:00).");
    }
    if (!json_is_null(closed_days) && json_kind(closed_days) != JSON_ARRAY)
        return err_field(err, "settings.closed_days", "invalid", "Closed days are a list of dates.");
    if (json_len(closed_days) > HOURS_CLOSED_MAX)
        return err_field(err, "settings.closed_days", "too_long", "Closed days are at most %d.",
                         HOURS_CLOSED_MAX);
    for (size_t i = 0; i < json_len(closed_days); i++) {
        snprintf(field, sizeof(field), "settings.closed_days.%zu", i);
        if (!read_date(json_str(json_item(closed_days, i)), &day))
            return err_field(err, field, "invalid", "A closed day is a date as 2026-12-24.");
    }
    return true;
}

static bool is_closed(const struct json *closed_days, i64 day)
{
    i64 closed;
    for (size_t i = 0; i < json_len(closed_days); i++) {
        if (read_date(json_str(json_item(closed_days, i)), &closed) && closed == day)
            return true;
    }
    return false;
}

static int weekday(i64 day)
{
    return (int)(((day + 4) % 7 + 7) % 7); // 1970 began on a Thursday
}

// Is a minute of a day inside a span that began on that day or the one before?
static bool covers(const struct span *span, const struct json *closed_days, i64 day, int minute)
{
    for (int back = 0; back <= 1; back++) {
        int at = minute + back * DAY_MIN;
        if (span->days[weekday(day - back)] && at >= span->from && at < span->to &&
            !is_closed(closed_days, day - back))
            return true;
    }
    return false;
}

// The moment of a minute of a local day; the offset is looked up where it is used, near a clock change too.
static i64 moment(struct str zone, i64 day, int minute)
{
    i64 local = day * DAY_MS + minute * MINUTE_MS;
    i64 at = local - zone_offset(zone, local) * 1000;
    return local - zone_offset(zone, at) * 1000;
}

static i64 next_opening(const struct json *hours, const struct json *closed_days, struct str zone, i64 today,
                        i64 at_ms)
{
    for (i64 day = today; day <= today + LOOK_DAYS; day++) {
        i64 soonest = 0;
        for (size_t i = 0; i < json_len(hours) && !is_closed(closed_days, day); i++) {
            struct span span;
            if (!read_span(json_item(hours, i), &span) || !span.days[weekday(day)])
                continue;
            i64 opens = moment(zone, day, span.from);
            if (opens > at_ms && (soonest == 0 || opens < soonest))
                soonest = opens;
        }
        if (soonest > 0)
            return soonest;
    }
    return 0;
}

bool hours_open(const struct json *hours, const struct json *closed_days, struct str zone, i64 at_ms,
                i64 *ret_opens_at)
{
    i64 local = at_ms + zone_offset(zone, at_ms) * 1000;
    i64 today = local / DAY_MS;
    int minute = (int)(local % DAY_MS / MINUTE_MS);
    *ret_opens_at = 0;
    if (json_len(hours) == 0 && !is_closed(closed_days, today))
        return true;
    for (size_t i = 0; i < json_len(hours); i++) {
        struct span span;
        if (read_span(json_item(hours, i), &span) && covers(&span, closed_days, today, minute))
            return true;
    }
    if (json_len(hours) == 0) { // always open but on closed days: the next day that is not one
        i64 day = today;
        while (is_closed(closed_days, day))
            day++;
        *ret_opens_at = moment(zone, day, 0);
        return false;
    }
    *ret_opens_at = next_opening(hours, closed_days, zone, today, at_ms);
    return false;
}
