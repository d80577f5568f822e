// SPDX-License-Identifier: AGPL-3.0-or-later
// The Bluesky driver: mentions, replies and quotes by polling, answers as replies, likes, deletions, direct
// messages. Its parts: bluesky_session (tokens), _poll and _watch (in), _receive (bytes to events), _send and
// _confirm (out), _dm and _dm_send (private), _text (facets, record keys). Facts: docs/channels/bluesky.md.
#include "channels/bluesky.h"

const struct text_limit bsky_limit_public = {.unit = UNIT_GRAPHEMES, .max = 300, .max_bytes = 3000};
const struct text_limit bsky_limit_private = {.unit = UNIT_GRAPHEMES, .max = 1000, .max_bytes = 10000};

static const struct channel_setting bluesky_settings[] = {
    {.name = "identifier", .kind = SETTING_TEXT, .required = true, .max = 255},
    {.name = "app_password", .kind = SETTING_SECRET, .required = true, .max = 255},
    {.name = "service",
     .kind = SETTING_URL,
     .fallback = "https://bsky.social",
     .max = 500,
     .dialled = true,
     .bound = true},
    {.name = "plc_url",
     .kind = SETTING_URL,
     .fallback = "https://plc.directory",
     .max = 500,
     .dialled = true},
    {},
};
static const char *const bluesky_streams[] = {"notifications", "watch", "dm", NULL};

// Signed in; may it read direct messages?
static enum step_result connect_step(struct bsky *b, const void *arg)
{
    (void)arg;
    if (!b->answer)
        return bsky_chat_get(b, S("chat.bsky.convo.listConvos?limit=1"));
    if (bsky_ok(b))
        b->step->facts = S("{\"dm\":\"on\"}");
    else
        bsky_dm_off(b);
    b->step->account_id = b->did;
    b->step->handle = str_concat(b->arena, S("@"), b->handle);
    return STEP_DONE;
}

static enum step_result bluesky_connect(struct step *step)
{
    return bsky_drive(step, true, connect_step, NULL);
}

static enum step_result health_step(struct bsky *b, const void *arg)
{
    (void)arg;
    if (!b->answer)
        return bsky_get(b, S("com.atproto.server.getSession"));
    if (!bsky_ok(b))
        return bsky_problem(b);
    return bsky_say(b->step, STEP_DONE, "Signed in as @" STR_FMT ".",
                    STR_ARG(text_head(json_str(json_at(b->json, "handle")), 100)));
}

static enum step_result bluesky_health(struct step *step)
{
    return bsky_drive(step, false, health_step, NULL);
}

static enum step_result bluesky_poll(struct step *step, struct str stream, struct str cursor)
{
    if (str_eq(stream, S("notifications")))
        return bsky_poll_notifications(step, cursor);
    if (str_eq(stream, S("watch")))
        return bsky_poll_watch(step, cursor);
    return bsky_poll_dm(step, cursor);
}

static bool is_private(const struct outbound *out)
{
    return str_eq(out->visibility, S("private"));
}

static enum step_result bluesky_send(struct step *step, const struct outbound *out)
{
    return is_private(out) ? bsky_send_dm(step, out) : bsky_send_public(step, out);
}

static enum step_result bluesky_confirm(struct step *step, const struct outbound *out)
{
    return is_private(out) ? bsky_confirm_dm(step, out) : bsky_confirm_public(step, out);
}

const struct channel_driver channel_bluesky = {
    .kind = "bluesky",
    .title = "Bluesky",
    .can = CAN_POLL | CAN_LIKE | CAN_DELETE_OWN | CAN_CONFIRM | CAN_IDEMPOTENT | CAN_DM | CAN_PUBLIC |
           CAN_GLOBAL_IDS,
    .text_public = {.unit = UNIT_GRAPHEMES, .max = 300, .max_bytes = 3000},
    .text_private = {.unit = UNIT_GRAPHEMES, .max = 1000, .max_bytes = 10000},
    .files = FILE_PICTURE,
    .max_files = 4,
    .max_picture_bytes = 2000000,
    .settings = bluesky_settings,
    .streams = bluesky_streams,
    .poll_ms = 12000,
    .sends_per_hour = 1666,
    .receive = bsky_receive,
    .connect = bluesky_connect,
    .health = bluesky_health,
    .poll = bluesky_poll,
    .send = bluesky_send,
    .confirm = bluesky_confirm,
};
