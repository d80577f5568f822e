// SPDX-License-Identifier: AGPL-3.0-or-later
// The public form: a page that needs no script (api/form.c), or a form on somebody's own page that posts
// here. What is sent becomes a conversation of its own. It has no way back: whoever wrote is not there any
// more, so an answer needs another channel (e-mail); notes are always possible.
#include "channels/visitor.h"
#include <stdio.h>

static bool form_receive(const struct channel_view *channel, struct str stream, struct str body,
                         struct arena *arena, struct inbound_list *out, struct unreadable_list *bad,
                         struct err *err)
{
    const struct json *value = json_parse_lenient(body, arena, err);
    char reason[160] = "";
    struct inbound message;
    (void)channel;
    (void)stream;
    (void)bad;
    if (!value)
        return false;
    if (!visitor_read_message(value, arena, &message, reason))
        return err_set(err, ERR_INVALID, "%s.", reason);
    *list_push(out, arena) = message;
    return true;
}

static enum step_result form_send(struct step *step, const struct outbound *out)
{
    (void)out;
    snprintf(step->reason, sizeof step->reason,
             "A form has no way back. Answer from an e-mail channel; the address is in the message.");
    return STEP_REFUSED;
}

static enum step_result form_health(struct step *step)
{
    snprintf(step->reason, sizeof step->reason, "The form is open.");
    return STEP_DONE;
}

static const char *const languages[] = {"auto", "en", "et", "fi", "id", "ko", NULL};
static const char *const asked[] = {"required", "optional", "off", NULL};
static const struct channel_setting settings[] = {
    {.name = "title", .kind = SETTING_TEXT, .max = 120, .fallback = ""},
    {.name = "greeting", .kind = SETTING_TEXT, .max = 1000, .fallback = ""},
    {.name = "colour", .kind = SETTING_TEXT, .max = 7, .fallback = "#1d4ed8"},
    {.name = "language", .kind = SETTING_CHOICE, .choices = languages, .fallback = "auto"},
    {.name = "ask_name", .kind = SETTING_CHOICE, .choices = asked, .fallback = "optional"},
    {.name = "ask_email", .kind = SETTING_CHOICE, .choices = asked, .fallback = "required"},
    {.name = "ask_subject", .kind = SETTING_CHOICE, .choices = asked, .fallback = "optional"},
    {.name = "questions", .kind = SETTING_JSON, .max = 16000, .fallback = "[]"},
    {.name = "notice", .kind = SETTING_TEXT, .max = 1000, .fallback = ""},
    {.name = "privacy_url", .kind = SETTING_URL, .max = 2000},
    {.name = "consent", .kind = SETTING_BOOL, .fallback = "false"},
    {.name = "thanks", .kind = SETTING_TEXT, .max = 1000, .fallback = ""},
    {.name = "allowed_origins", .kind = SETTING_TEXT, .max = 4000, .fallback = ""},
    {},
};

static bool form_check(const struct json *given, struct err *err)
{
    return visitor_check_origins(json_str(json_at(given, "allowed_origins")), "allowed_origins", err) &&
           visitor_check_colour(json_str(json_at(given, "colour")), "colour", err) &&
           visitor_check_questions(json_at(given, "questions"), "questions", err);
}

const struct channel_driver channel_form = {
    .kind = "form",
    .title = "Web form",
    .can = CAN_VISITORS,
    .no_answer = "A form has no way back: answer from an e-mail channel. Notes are possible here.",
    .text_private = {.unit = UNIT_CODE_POINTS, .max = 10000},
    .text_public = {.unit = UNIT_CODE_POINTS, .max = 10000},
    .settings = settings,
    .check_settings = form_check,
    .receive = form_receive,
    .health = form_health,
    .send = form_send,
};
