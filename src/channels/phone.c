// SPDX-License-Identifier: AGPL-3.0-or-later
// Telephone calls that colleagues write down. There is no network: nothing comes in by itself and nothing
// goes out; desk/call.c stores what was said. The driver knows who a number is.
#include "channels/channel.h"
#include "channels/phone_number.h"
#include <stdio.h>

// No body ever comes for it: nobody may post one, nothing is polled.
static bool phone_receive(const struct channel_view *channel, struct str stream, struct str body,
                          struct arena *arena, struct inbound_list *out, struct unreadable_list *bad,
                          struct err *err)
{
    (void)channel;
    (void)stream;
    (void)body;
    (void)arena;
    (void)out;
    (void)bad;
    return err_set(err, ERR_INVALID, "Calls are logged by colleagues; nothing comes in from outside.");
}

static enum step_result phone_send(struct step *step, const struct outbound *out)
{
    (void)out;
    snprintf(step->reason, sizeof step->reason, "Nothing can be written to a telephone. Log a call.");
    return STEP_REFUSED;
}

static enum step_result phone_health(struct step *step)
{
    snprintf(step->reason, sizeof step->reason, "Calls can be logged.");
    return STEP_DONE;
}

// One number is one conversation, and one person, whichever channel it was called from.
static bool phone_start(const struct channel_view *channel, struct str address, struct str unique,
                        struct arena *arena, struct started *out, struct err *err)
{
    struct err why = {};
    struct str number;
    (void)unique;
    struct str country = json_str(json_at(channel->settings, "country"));
    if (!phone_number_read(address, str_given(country) ? country : S(""), arena, &number, &why))
        return err_field(err, "number", "invalid", "%s", why.text);
    *out = (struct started){.thread_key = number,
                            .conversation_kind = S("dm"),
                            .visibility = S("private"),
                            .address = number,
                            .external_id = number};
    return true;
}

static const struct channel_setting settings[] = {
    {.name = "country", .kind = SETTING_CHOICE, .required = true, .choices = phone_countries, .max = 2},
    {.name = "number", .kind = SETTING_TEXT, .max = 40, .fallback = ""},
    {},
};

static bool phone_check(const struct json *given, struct err *err)
{
    struct arena *arena = arena_take();
    struct err why = {};
    struct str number = json_str(json_at(given, "number")), country = json_str(json_at(given, "country")),
               out;
    bool ok = !str_given(number) || number.len == 0 ||
              phone_number_read(number, str_given(country) ? country : S(""), arena, &out, &why);
    arena_give(arena);
    return ok || err_field(err, "settings.number", "invalid", "%s", why.text);
}

const struct channel_driver channel_phone = {
    .kind = "phone",
    .title = "Telephone",
    .can = CAN_CALL | CAN_GLOBAL_IDS,
    .no_answer = "Nothing can be written to a telephone: log a call. Notes are possible here.",
    .text_private = {.unit = UNIT_CODE_POINTS, .max = 16000},
    .text_public = {.unit = UNIT_CODE_POINTS, .max = 16000},
    .settings = settings,
    .check_settings = phone_check,
    .receive = phone_receive,
    .health = phone_health,
    .send = phone_send,
    .start = phone_start,
};
