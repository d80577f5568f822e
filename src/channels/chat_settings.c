// SPDX-License-Identifier: AGPL-3.0-or-later
// What the settings of live chat and of the public form have in common, checked: origins, colours, questions.
#include "channels/visitor.h"
#include <stdio.h>

enum { MAX_LABEL = 200, MAX_CHOICES = 20 };

static bool refuse(struct err *err, const char *setting, const char *text)
{
    char field[64];
    snprintf(field, sizeof field, "settings.%s", setting);
    return err_field(err, field, "invalid", "%s", text);
}

static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == ':' || c == '[' ||
           c == ']';
}

// As browsers write an origin: lower case, no path, no default port is asked for.
static bool is_origin(struct str line)
{
    size_t skip = str_starts(line, S("https://")) ? 8 : str_starts(line, S("http://")) ? 7 : 0;
    if (skip == 0 || line.len == skip || line.len > 260)
        return false;
    for (size_t i = skip; i < line.len; i++)
        if (!is_host_char(line.ptr[i]))
            return false;
    return line.ptr[skip] != ':' && line.ptr[line.len - 1] != ':' && line.ptr[skip] != '.';
}

bool visitor_check_origins(struct str lines, const char *setting, struct err *err)
{
    struct str rest = lines;
    while (rest.len > 0) {
        struct str line = str_trim(str_cut(rest, '\n', &rest));
        if (line.len > 0 && !is_origin(line))
            return refuse(err, setting,
                          "Each line is an origin: https:// and a host in small letters, without a path.");
    }
    return true;
}

bool visitor_origin_allowed(struct str lines, struct str origin)
{
    struct str rest = lines;
    if (!is_origin(origin))
        return false;
    while (rest.len > 0) {
        struct str line = str_trim(str_cut(rest, '\n', &rest));
        if (line.len > 0 && str_eq(line, origin))
            return true;
    }
    return false;
}

bool visitor_check_colour(struct str colour, const char *setting, struct err *err)
{
    bool fits = colour.len == 7 && colour.ptr[0] == '#';
    for (size_t i = 1; fits && i < 7; i++) {
        char c = colour.ptr[i];
        fits = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    }
    return fits || refuse(err, setting, "A colour is # and six digits from 0 to 9 and a to f.");
}

static bool check_choices(const struct json *choices, const char *setting, struct err *err)
{
    if (json_kind(choices) != JSON_ARRAY || json_len(choices) == 0 || json_len(choices) > MAX_CHOICES)
        return refuse(err, setting, "A question to choose from has 1 to 20 choices.");
    for (size_t i = 0; i < json_len(choices); i++) {
        struct str text = json_str(json_item(choices, i));
        if (str_trim(text).len == 0 || text.len > MAX_LABEL)
            return refuse(err, setting, "A choice is a text of at most 200 bytes.");
    }
    return true;
}

static bool check_member(struct str name, const struct json *value, const char *setting, struct err *err)
{
    if (str_eq(name, S("label")))
        return (str_trim(json_str(value)).len > 0 && json_str(value).len <= MAX_LABEL) ||
               refuse(err, setting, "A question has a label of at most 200 bytes.");
    if (str_eq(name, S("required")))
        return json_kind(value) == JSON_BOOL || refuse(err, setting, "“required” is true or false.");
    if (str_eq(name, S("choices")))
        return true; // with its kind
    if (!str_eq(name, S("kind")))
        return refuse(err, setting, "A question has label, required, kind and choices, nothing else.");
    struct str kind = json_str(value);
    return str_eq(kind, S("text")) || str_eq(kind, S("long")) || str_eq(kind, S("choice")) ||
           refuse(err, setting, "The kind of a question is text, long or choice.");
}

static bool check_question(const struct json *question, const char *setting, struct err *err)
{
    size_t pos = 0;
    struct str name;
    const struct json *value;
    if (json_kind(question) != JSON_OBJECT || json_is_null(json_at(question, "label")))
        return refuse(err, setting, "A question is an object with a label.");
    while (json_member(question, &pos, &name, &value))
        if (!check_member(name, value, setting, err))
            return false;
    bool chooses = str_eq(json_str(json_at(question, "kind")), S("choice"));
    if (chooses)
        return check_choices(json_at(question, "choices"), setting, err);
    return json_is_null(json_at(question, "choices")) ||
           refuse(err, setting, "Only a question of kind “choice” has choices.");
}

bool visitor_check_questions(const struct json *list, const char *setting, struct err *err)
{
    if (json_is_null(list))
        return true;
    if (json_kind(list) != JSON_ARRAY || json_len(list) > VISITOR_MAX_QUESTIONS)
        return refuse(err, setting, "Questions are a list of at most 10.");
    for (size_t i = 0; i < json_len(list); i++)
        if (!check_question(json_item(list, i), setting, err))
            return false;
    return true;
}
