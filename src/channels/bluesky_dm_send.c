// SPDX-License-Identifier: AGPL-3.0-or-later
// Direct messages, out. The chat service has no key that would make a second try harmless, so whatever is
// unclear is in doubt and read back from the last messages of the conversation.
#include "base/clock.h"
#include "channels/bluesky.h"

enum { MAX_BODY = 64 << 10, SURE_AFTER_MS = 30000, EARLIER_MS = 120000 };

static void put(struct json_writer *w, const char *key, struct str value)
{
    json_key(w, key);
    json_put_str(w, value);
}

// "convo/message" -> message
static struct str message_part(struct str id)
{
    struct str rest = STR_NONE;
    str_cut(id, '/', &rest);
    return str_given(rest) ? rest : id;
}

static enum step_result send_message(struct bsky *b, const struct outbound *out)
{
    struct buf body;
    struct bsky_facets facets = {};
    if (!text_fits(bsky_limit_private, out->text))
        return bsky_say(b->step, STEP_REFUSED,
                        "A direct message has at most 1,000 characters and 10,000 bytes.");
    if (out->attachments.len)
        return bsky_say(b->step, STEP_REFUSED, "Direct messages here carry no files.");
    if (out->text.len == 0)
        return bsky_say(b->step, STEP_REFUSED, "An empty message cannot be sent.");
    bsky_find_facets(out->text, b->arena, &facets);
    for (size_t i = 0; i < facets.len; i++)
        if (facets.items[i].mention)
            facets.items[i].value = STR_NONE; // nobody is called into a private talk
    buf_init(&body, b->arena, MAX_BODY);
    struct json_writer w = json_writer(&body);
    json_open(&w, '{');
    put(&w, "convoId", out->thread_key);
    json_key(&w, "message");
    json_open(&w, '{');
    put(&w, "text", out->text);
    bsky_put_facets(&w, &facets);
    json_close(&w, '}');
    json_close(&w, '}');
    return bsky_chat_post(b, "chat.bsky.convo.sendMessage", buf_str(&body));
}

static enum step_result react(struct bsky *b, const struct outbound *out)
{
    struct buf body;
    buf_init(&body, b->arena, MAX_BODY);
    struct json_writer w = json_writer(&body);
    json_open(&w, '{');
    put(&w, "convoId", out->thread_key);
    put(&w, "messageId", message_part(out->target_id));
    put(&w, "value", S("\xE2\x9D\xA4\xEF\xB8\x8F")); // a red heart
    json_close(&w, '}');
    return bsky_chat_post(
        b, out->action == OUT_LIKE ? "chat.bsky.convo.addReaction" : "chat.bsky.convo.removeReaction",
        buf_str(&body));
}

static enum step_result begin(struct bsky *b, const struct outbound *out)
{
    if (out->action == OUT_SEND)
        return send_message(b, out);
    if (out->action == OUT_EDIT)
        return bsky_say(b->step, STEP_REFUSED, "This network does not let a direct message be edited.");
    if (out->action == OUT_DELETE)
        return bsky_say(b->step, STEP_REFUSED,
                        "This network cannot take a direct message back from the other side.");
    return react(b, out);
}

static enum step_result outcome(struct bsky *b, const struct outbound *out)
{
    struct str id = json_str(json_at(b->json, "id"));
    if (bsky_ok(b)) {
        b->step->external_id = out->action == OUT_SEND ? str_printf(b->arena, STR_FMT "/" STR_FMT,
                                                                    STR_ARG(out->thread_key), STR_ARG(id))
                                                       : out->target_id;
        return id.len || out->action != OUT_SEND
                   ? STEP_DONE
                   : bsky_say(b->step, STEP_DOUBT, "The answer named no message.");
    }
    enum step_result problem = bsky_problem(b);
    bool unclear = b->answer->got_answer ? b->answer->status >= 500 || b->answer->status < 300
                                         : b->answer->maybe_received;
    return problem == STEP_RETRY && unclear && b->answer->status != 503 && out->action == OUT_SEND
               ? STEP_DOUBT
               : problem;
}

static enum step_result step_of(struct bsky *b, const void *arg)
{
    return b->answer ? outcome(b, arg) : begin(b, arg);
}

enum step_result bsky_send_dm(struct step *step, const struct outbound *out)
{
    return bsky_drive(step, false, step_of, out);
}

// ---- Read back ------------------------------------------------------------------------------------
static bool is_it(struct bsky *b, const struct json *message, const struct outbound *out)
{
    return str_eq(json_str(json_at(message, "sender.did")), b->did) &&
           str_eq(json_str(json_at(message, "text")), out->text) &&
           bsky_time(json_at(message, "sentAt"), 0) >= out->doubt_since - EARLIER_MS;
}

static enum step_result read_back(struct bsky *b, const struct outbound *out)
{
    const struct json *messages = json_at(b->json, "messages");
    if (!bsky_ok(b) || json_kind(messages) != JSON_ARRAY)
        return bsky_say(b->step, STEP_DOUBT, "The conversation could not be read back.");
    for (size_t i = 0; i < json_len(messages); i++) {
        if (!is_it(b, json_item(messages, i), out))
            continue;
        b->step->external_id = str_printf(b->arena, STR_FMT "/" STR_FMT, STR_ARG(out->thread_key),
                                          STR_ARG(json_str(json_at(json_item(messages, i), "id"))));
        return STEP_DONE;
    }
    // Not there yet is only "never came" once it had time to arrive.
    if (b->step->channel->now - out->doubt_since < SURE_AFTER_MS)
        return bsky_say(b->step, STEP_DOUBT, "It is not in the conversation yet.");
    return bsky_say(b->step, STEP_ABSENT, "It is not in the conversation.");
}

static enum step_result confirm_of(struct bsky *b, const void *arg)
{
    const struct outbound *out = arg;
    if (b->answer)
        return read_back(b, out);
    if (out->action != OUT_SEND)
        return bsky_say(b->step, STEP_ABSENT, "A reaction may be given twice."); // it stays one
    return bsky_chat_get(b, str_printf(b->arena, "chat.bsky.convo.getMessages?limit=50&convoId=" STR_FMT,
                                       STR_ARG(url_component(b->arena, out->thread_key))));
}

enum step_result bsky_confirm_dm(struct step *step, const struct outbound *out)
{
    return bsky_drive(step, false, confirm_of, out);
}
