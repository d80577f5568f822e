// SPDX-License-Identifier: AGPL-3.0-or-later
// Settings of a channel against its driver's table: one place decides what may be said about a channel
// and which of it is secret. The two halves are kept apart: `settings` is shown, `secret` is sealed.
#include "base/buf.h"
#include "desk/channel.h"
#include <stdio.h>

enum { MAX_SETTINGS = 64 << 10 };

// Scheme, host, optional port; the guarded fetcher judges the address itself when it dials.
bool channel_url_valid(struct str url)
{
    struct str rest;
    if (str_starts(url, S("https://")))
        rest = str_sub(url, 8, url.len);
    else if (str_starts(url, S("http://")))
        rest = str_sub(url, 7, url.len);
    else
        return false;
    size_t host = 0;
    while (host < rest.len && rest.ptr[host] != '/' && rest.ptr[host] != '?')
        host++;
    if (host == 0 || rest.ptr[0] == ':')
        return false;
    for (size_t i = 0; i < rest.len; i++) {
        u8 c = (u8)rest.ptr[i];
        if (c <= ' ' || c == 0x7F || c == '#' || c == '\\' || c == '"' || c == '<' || c == '>')
            return false;
        if (i < host && c == '@')
            return false;
    }
    return true;
}

static bool refuse(struct err *err, const struct channel_setting *setting, const char *reason,
                   const char *text)
{
    char field[64];
    snprintf(field, sizeof field, "settings.%s", setting->name);
    return err_field(err, field, reason, "%s", text);
}

static bool is_choice(const struct channel_setting *setting, struct str word)
{
    for (size_t i = 0; setting->choices[i]; i++)
        if (str_eq(word, str_from(setting->choices[i])))
            return true;
    return false;
}

static bool check_one(const struct channel_setting *setting, const struct json *value, struct err *err)
{
    if (setting->kind == SETTING_JSON) // what it holds is the driver's to say
        return json_kind(value) == JSON_ARRAY || json_kind(value) == JSON_OBJECT ||
               refuse(err, setting, "wrong_type", "This is a list or an object.");
    if (setting->kind == SETTING_BOOL) {
        if (json_kind(value) != JSON_BOOL)
            return refuse(err, setting, "wrong_type", "This is true or false.");
        return true;
    }
    if (setting->kind == SETTING_NUMBER) {
        i64 number = json_i64(value);
        if (json_kind(value) != JSON_INT)
            return refuse(err, setting, "wrong_type", "This is a whole number.");
        return (number >= 0 && number <= (i64)setting->max) ||
               refuse(err, setting, "out_of_range", "This number is too small or too large.");
    }
    struct str text = json_str(value);
    if (!str_given(text))
        return refuse(err, setting, "wrong_type", "This is a text.");
    if (text.len > (setting->max ? setting->max : 1000))
        return refuse(err, setting, "too_long", "This is too long.");
    if (setting->required && str_trim(text).len == 0)
        return refuse(err, setting, "required", "This is needed.");
    if (setting->kind == SETTING_CHOICE && !is_choice(setting, text))
        return refuse(err, setting, "invalid", "This is none of the words that are possible here.");
    if (setting->kind == SETTING_URL && text.len && !channel_url_valid(text))
        return refuse(err, setting, "invalid", "This is an address that begins with http:// or https://.");
    return true;
}

static const struct channel_setting *find_setting(const struct channel_driver *driver, struct str name)
{
    for (const struct channel_setting *s = driver->settings; s->name; s++)
        if (str_eq(name, str_from(s->name)))
            return s;
    return NULL;
}

// Unknown members, by name.
static bool check_names(const struct channel_driver *driver, const struct json *given, struct err *err)
{
    size_t pos = 0;
    struct str name;
    const struct json *value;
    while (json_member(given, &pos, &name, &value)) {
        if (find_setting(driver, name))
            continue;
        char field[64];
        snprintf(field, sizeof field, "settings." STR_FMT, STR_ARG(name));
        return err_field(err, field, "unknown_field", "%s channels have no such setting.", driver->title);
    }
    return true;
}

static void put_fallback(struct json_writer *w, const struct channel_setting *setting)
{
    if (setting->kind == SETTING_BOOL)
        json_put_bool(w, setting->fallback && str_eq(str_from(setting->fallback), S("true")));
    else if (setting->kind == SETTING_JSON)
        json_put_raw(w, str_from(setting->fallback));
    else
        json_put_str(w, str_from(setting->fallback));
}

static struct str text_of(struct buf *buf, const struct json *value)
{
    buf_reset(buf);
    json_dump(buf, value);
    return buf_str(buf);
}

struct merge {
    const struct json *given, *old_settings, *old_secret;
    struct arena *arena;
    bool credentials;
};

// The value to keep: what is given, else what was, else the default.
static bool merge_one(struct merge *m, const struct channel_setting *setting, struct json_writer *w,
                      struct err *err)
{
    bool secret = setting->kind == SETTING_SECRET;
    const struct json *old = json_at(secret ? m->old_secret : m->old_settings, setting->name);
    const struct json *value = json_at(m->given, setting->name);
    struct buf was, is;
    if (!json_is_null(value) && !check_one(setting, value, err))
        return false;
    if (json_is_null(value) && json_kind(value) == JSON_ABSENT)
        value = old;
    if (json_is_null(value) && setting->required && !setting->fallback)
        return refuse(err, setting, "required", "This is needed.");
    if (json_is_null(value) && !setting->fallback)
        return true; // not set
    json_key(w, setting->name);
    if (json_is_null(value))
        put_fallback(w, setting);
    else {
        buf_init(&was, m->arena, MAX_SETTINGS);
        buf_init(&is, m->arena, MAX_SETTINGS);
        m->credentials |= !str_eq(text_of(&was, old), text_of(&is, value)) && setting->kind != SETTING_BOOL &&
                          setting->kind != SETTING_NUMBER;
        json_put_raw(w, buf_str(&is));
    }
    return true;
}

// ---- Secrets belong to a server -------------------------------------------------------------------
static struct str text_or(const struct json *value, const char *fallback)
{
    struct str text = json_str(value);
    return str_given(text) ? text : str_from(fallback ? fallback : "");
}

static bool is_moved(const struct merge *m, const struct channel_setting *setting)
{
    const struct json *given = json_at(m->given, setting->name);
    return setting->bound && json_kind(given) != JSON_ABSENT &&
           !str_eq(text_or(given, setting->fallback),
                   text_or(json_at(m->old_settings, setting->name), setting->fallback));
}

// Whoever may change a channel must not have its secrets sent to a server of theirs: when it becomes another
// one, each secret that is there is given again, or taken away (null).
static bool check_moved(const struct merge *m, const struct channel_driver *driver, struct err *err)
{
    bool moved = false;
    for (const struct channel_setting *s = driver->settings; s->name; s++)
        moved |= is_moved(m, s);
    for (const struct channel_setting *s = driver->settings; moved && s->name; s++)
        if (s->kind == SETTING_SECRET && str_given(json_str(json_at(m->old_secret, s->name))) &&
            json_str(json_at(m->old_secret, s->name)).len &&
            json_kind(json_at(m->given, s->name)) == JSON_ABSENT)
            return refuse(err, s, "required", "The server changed: give this once more.");
    return true;
}

// What the driver found out stays beside what people set.
static void keep_facts(const struct channel_driver *driver, const struct json *old, struct json_writer *w,
                       struct arena *arena)
{
    size_t pos = 0;
    struct str name;
    const struct json *value;
    while (json_member(old, &pos, &name, &value)) {
        if (find_setting(driver, name))
            continue;
        struct buf text;
        buf_init(&text, arena, MAX_SETTINGS);
        json_key(w, str_cstr(arena, name));
        json_put_raw(w, text_of(&text, value));
    }
}

static bool parse_object(struct str text, struct arena *arena, const struct json **ret, struct err *err)
{
    *ret = NULL;
    if (!text.len)
        return true;
    *ret = json_parse(text, arena, err);
    if (!*ret)
        return false;
    if (json_kind(*ret) != JSON_OBJECT)
        return err_field(err, "settings", "wrong_type", "Settings are an object.");
    return true;
}

bool channel_settings_check(const struct channel_driver *driver, const struct channel_settings_in *in,
                            struct arena *arena, struct str *ret_settings, struct str *ret_secret,
                            bool *ret_credentials, struct err *err)
{
    struct merge m = {.arena = arena};
    struct buf settings, secret;
    if (!parse_object(in->given, arena, &m.given, err) ||
        !parse_object(in->old_settings, arena, &m.old_settings, err) ||
        !parse_object(in->old_secret, arena, &m.old_secret, err) || !check_names(driver, m.given, err) ||
        !check_moved(&m, driver, err))
        return false;
    buf_init(&settings, arena, MAX_SETTINGS);
    buf_init(&secret, arena, MAX_SETTINGS);
    struct json_writer w = json_writer(&settings), ws = json_writer(&secret);
    json_open(&w, '{');
    json_open(&ws, '{');
    for (const struct channel_setting *s = driver->settings; s->name; s++)
        if (!merge_one(&m, s, s->kind == SETTING_SECRET ? &ws : &w, err))
            return false;
    keep_facts(driver, m.old_settings, &w, arena);
    json_close(&w, '}');
    json_close(&ws, '}');
    if (settings.overflow || secret.overflow)
        return err_field(err, "settings", "too_long", "These settings are too long.");
    if (driver->check_settings) {
        const struct json *whole = json_parse(buf_str(&settings), arena, err);
        if (!whole || !driver->check_settings(whole, err))
            return false;
    }
    *ret_settings = buf_str(&settings);
    *ret_secret = buf_str(&secret);
    *ret_credentials = m.credentials;
    return true;
}
