// SPDX-License-Identifier: AGPL-3.0-or-later
// Values of fields: the field's own words, names, numbers, lengths of time and moments, with or without
// a comparison before them.
#include "query/values.h"
#include "base/clock.h"

enum { DAY_MS = 24 * 3600 * 1000, MAX_LENGTH_DIGITS = 9 };

static bool takes(const struct query_field *field, enum value_kind kind)
{
    return (field->takes & TAKES(kind)) != 0;
}

static bool wrong(const struct query_field *field, struct parse_place place, struct err *err)
{
    return query_error(place, err, "unknown_value", field->expected, "This value does not fit the field");
}

static enum compare take_compare(struct str *text, bool *ret_given)
{
    static const struct {
        struct str sign;
        enum compare compare;
    } signs[] = {{{">=", 2}, COMPARE_GE},
                 {{"<=", 2}, COMPARE_LE},
                 {{">", 1}, COMPARE_GT},
                 {{"<", 1}, COMPARE_LT},
                 {{"=", 1}, COMPARE_EQ}};
    for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
        if (str_starts(*text, signs[i].sign)) {
            *text = str_sub(*text, signs[i].sign.len, text->len);
            *ret_given = true;
            return signs[i].compare;
        }
    }
    *ret_given = false;
    return COMPARE_EQ;
}

static i64 unit_ms(char unit)
{
    switch (unit) {
    case 's':
        return 1000;
    case 'm':
        return 60 * 1000;
    case 'h':
        return 3600 * 1000;
    case 'd':
        return DAY_MS;
    case 'w':
        return 7 * (i64)DAY_MS;
    default:
        return 0;
    }
}

// "30m", "+2h". Below 10^9 of the largest unit nothing overflows.
static bool parse_length(struct str text, struct query_value *out)
{
    bool ahead = str_starts(text, S("+"));
    if (ahead)
        text = str_sub(text, 1, text.len);
    if (text.len < 2 || text.len > MAX_LENGTH_DIGITS + 1)
        return false;
    i64 unit = unit_ms(text.ptr[text.len - 1]), n = 0;
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        n = n * 10 + (text.ptr[i] - '0');
    }
    if (unit == 0)
        return false;
    out->kind = ahead ? VALUE_AHEAD : VALUE_AGO;
    out->number = n * unit;
    return true;
}

static bool parse_moment(struct str text, struct query_value *out)
{
    if (!clock_parse(text, &out->number))
        return false;
    i64 length = 1000; // a time of day means its second
    if (text.len == 10)
        length = DAY_MS;
    else if (text.len > 19 && text.ptr[19] == '.')
        length = 1;
    out->kind = VALUE_MOMENT;
    out->end = out->number + length;
    return true;
}

static bool parse_time(const struct query_field *field, struct str text, bool quoted,
                       struct parse_place place, struct query_value *out, struct err *err)
{
    bool given = false;
    if (!quoted)
        out->compare = take_compare(&text, &given);
    if (parse_length(text, out)) {
        if (!given || out->compare == COMPARE_EQ)
            return query_error(place, err, "missing_comparison", "> or < before a length of time",
                               "A length of time is compared: >30m is longer ago, <30m less long");
        return true;
    }
    return parse_moment(text, out) || wrong(field, place, err);
}

static bool parse_word(const struct query_field *field, struct str text, struct query_value *out)
{
    for (const struct query_word *word = field->words; word && word->name; word++) {
        if (str_eq_nocase(str_from(word->name), text)) {
            out->kind = VALUE_WORD;
            out->word = word;
            return true;
        }
    }
    return false;
}

static bool parse_number(const struct query_field *field, struct str text, struct parse_place place,
                         struct query_value *out, struct err *err)
{
    bool given;
    out->kind = VALUE_NUMBER;
    out->compare = take_compare(&text, &given);
    if (str_to_i64(text, &out->number) && out->number >= 0 && out->number < INT64_MAX)
        return true;
    return wrong(field, place, err);
}

static void parse_name(const struct query_field *field, struct str text, struct arena *arena,
                       struct query_value *out)
{
    out->kind = VALUE_NAME;
    if (field->id == QUERY_FROM) {
        while (str_starts(text, S("@")))
            text = str_sub(text, 1, text.len);
    }
    out->key = field->folded ? text_fold(arena, text) : str_lower_ascii(arena, text);
    if (!takes(field, VALUE_NUMBER) || !str_to_i64(text, &out->number) || out->number < 0)
        out->number = -1;
}

static bool parse_keyword(const struct query_field *field, struct str text, struct query_value *out)
{
    static const struct {
        struct str name;
        enum value_kind kind;
    } keywords[] = {{{"any", 3}, VALUE_ANY}, {{"none", 4}, VALUE_NONE}, {{"me", 2}, VALUE_ME}};
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
        if (takes(field, keywords[i].kind) && str_eq_nocase(keywords[i].name, text)) {
            out->kind = keywords[i].kind;
            return true;
        }
    }
    return false;
}

bool query_value_parse(const struct query_field *field, struct str text, bool quoted,
                       struct parse_place place, struct arena *arena, struct query_value *out,
                       struct err *err)
{
    *out = (struct query_value){.text = text, .compare = COMPARE_EQ, .number = -1};
    if (str_trim(text).len == 0)
        return query_error(place, err, "missing_value", field->expected, "A value is missing here");
    if (!quoted && parse_keyword(field, text, out))
        return true;
    if (takes(field, VALUE_MOMENT))
        return parse_time(field, text, quoted, place, out, err);
    if (takes(field, VALUE_WORD))
        return parse_word(field, text, out) || wrong(field, place, err);
    if (takes(field, VALUE_NAME)) {
        parse_name(field, text, arena, out);
        return true;
    }
    return parse_number(field, text, place, out, err);
}
