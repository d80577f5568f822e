// SPDX-License-Identifier: AGPL-3.0-or-later
// The custom channel, out: signed POSTs to deliver_url and what their answers mean. With `idempotent`
// the receiver knows a repeated id, so anything unclear is simply sent again under the same id; without,
// it is in doubt and read back by a signed GET.
#include "base/buf.h"
#include "base/crypto.h"
#include "channels/custom.h"
#include "channels/encode.h"
#include <stdio.h>

enum { MAX_PAYLOAD = 16 << 20, TIMEOUT_MS = 20000 };

static bool is_idempotent(const struct channel_view *channel)
{
    const struct json *value = json_at(channel->settings, "idempotent");
    return json_is_null(value) || json_bool(value);
}

static enum step_result say(struct step *step, enum step_result result, const char *reason)
{
    snprintf(step->reason, sizeof step->reason, "%s", reason);
    return result;
}

// The id the receiver knows this by: the message's own number for answers; other actions have their own.
static struct str delivery_id(const struct outbound *out, struct arena *arena)
{
    if (out->action == OUT_SEND)
        return str_printf(arena, "%lld", (long long)out->message_id);
    return out->client_key;
}

static void put(struct json_writer *w, const char *key, struct str value)
{
    json_key(w, key);
    json_put_str(w, value);
}

static void put_attachments(struct json_writer *w, const struct outbound *out, struct arena *arena)
{
    json_key(w, "attachments");
    json_open(w, '[');
    for (size_t i = 0; i < out->attachments.len; i++) {
        const struct outbound_attachment *a = &out->attachments.items[i];
        // Small ones travel along (a data: address), so a receiver needs no way into this server.
        struct str url = a->url.len ? a->url
                                    : str_printf(arena, "data:" STR_FMT ";base64," STR_FMT, STR_ARG(a->mime),
                                                 STR_ARG(base64_encode(arena, a->bytes)));
        json_open(w, '{');
        put(w, "url", url);
        put(w, "mime", a->mime);
        put(w, "name", a->name);
        json_key(w, "size");
        json_put_i64(w, a->size ? a->size : (i64)a->bytes.len);
        put(w, "alt", a->alt);
        json_close(w, '}');
    }
    json_close(w, ']');
}

static void put_send(struct json_writer *w, const struct outbound *out, struct arena *arena)
{
    put(w, "visibility", out->visibility);
    if (out->address.len) // a thread that began here: whom it is for
        put(w, "to", out->address);
    put(w, "text", out->text);
    put(w, "reply_to", out->reply_to.len ? out->reply_to : STR_NONE);
    put_attachments(w, out, arena);
    json_key(w, "created_at");
    json_put_time(w, out->created_at);
}

static const char *type_of(const struct outbound *out)
{
    switch (out->action) {
    case OUT_SEND:
        return "message.send";
    case OUT_EDIT:
        return "message.edit";
    case OUT_DELETE:
        return "message.delete";
    case OUT_LIKE:
        return "reaction.add";
    case OUT_UNLIKE:
        return "reaction.remove";
    }
    return "message.send";
}

static struct str payload(const struct outbound *out, struct arena *arena)
{
    struct buf body;
    buf_init(&body, arena, MAX_PAYLOAD);
    struct json_writer w = json_writer(&body);
    json_open(&w, '{');
    put(&w, "type", str_from(type_of(out)));
    put(&w, "id", delivery_id(out, arena));
    put(&w, "thread", out->thread_key);
    if (out->action == OUT_SEND) {
        put_send(&w, out, arena);
    } else {
        put(&w, "target", out->target_id); // the message that is edited, deleted or liked
        if (out->action == OUT_EDIT)
            put(&w, "text", out->text);
        else if (out->action != OUT_DELETE)
            put(&w, "reaction", S("like"));
        json_key(&w, "created_at");
        json_put_time(&w, out->created_at);
    }
    json_close(&w, '}');
    return body.overflow ? STR_NONE : buf_str(&body);
}

static enum step_result request(struct step *step, struct str method, struct str url, struct str id,
                                struct str body)
{
    struct webhook_secrets secrets = custom_secrets(step->channel);
    if (secrets.len == 0 || !webhook_secret_valid(step->arena, secrets.items[0]))
        return say(step, STEP_REAUTH, "The channel's secret is missing or damaged; make a new one.");
    step->request = (struct net_request){
        .method = method, .url = url, .body = body, .timeout_ms = TIMEOUT_MS, .max_answer = 256 << 10};
    if (body.len) {
        struct net_header *type = list_push(&step->request.headers, step->arena);
        *type = (struct net_header){S("content-type"), S("application/json")};
    }
    webhook_sign(&secrets, id, step->channel->now, step->arena, &step->request);
    return STEP_REQUEST;
}

// What the receiver says in words: `detail` of problem+json, else `error` or `message`.
static void told_reason(struct step *step)
{
    struct err err;
    const struct json *answer = json_parse(step->answer->body, step->arena, &err);
    static const char *const names[] = {"detail", "error", "message", "error.message", "title"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str text = json_str(json_at(answer, names[i]));
        if (text.len) {
            snprintf(step->reason, sizeof step->reason, STR_FMT, STR_ARG(text_head(text, 200)));
            return;
        }
    }
    snprintf(step->reason, sizeof step->reason, "The receiver answered %d.", step->answer->status);
}

static enum step_result sent(struct step *step, const struct outbound *out)
{
    struct err err;
    const struct json *answer = json_parse(step->answer->body, step->arena, &err);
    const struct json *id = json_at(answer, "id");
    if (json_kind(id) == JSON_INT)
        step->external_id = str_printf(step->arena, "%lld", (long long)json_i64(id));
    else
        step->external_id = json_str(id);
    if (step->external_id.len == 0 || step->external_id.len > 512)
        step->external_id = delivery_id(out, step->arena);
    return STEP_DONE;
}

static enum step_result unclear(struct step *step, const char *what)
{
    snprintf(step->reason, sizeof step->reason, "%s", what);
    return is_idempotent(step->channel) ? STEP_RETRY : STEP_DOUBT;
}

static enum step_result outcome(struct step *step, const struct outbound *out)
{
    const struct net_answer *answer = step->answer;
    int status = answer->status;
    if (!answer->got_answer) {
        snprintf(step->reason, sizeof step->reason, "The receiver could not be reached: %s",
                 answer->error[0] ? answer->error : "no answer");
        return answer->maybe_received && !is_idempotent(step->channel) ? STEP_DOUBT : STEP_RETRY;
    }
    if (status >= 200 && status < 300)
        return sent(step, out);
    if (status == 429 || status == 503) {
        step->retry_at = net_answer_retry_at(answer, step->channel->now);
        return say(step, STEP_RETRY,
                   status == 429 ? "The receiver asks to slow down." : "The receiver is busy.");
    }
    if (status == 410)
        return say(step, STEP_DEAD, "The receiver answered 410: it is gone for good.");
    if (status >= 300 && status < 400)
        return say(step, STEP_REFUSED,
                   "The receiver redirects elsewhere; set deliver_url to its real address.");
    if (status >= 400 && status < 500) {
        told_reason(step);
        return STEP_REFUSED;
    }
    char text[64];
    snprintf(text, sizeof text, "The receiver failed with %d.", status);
    return unclear(step, text);
}

enum step_result custom_send(struct step *step, const struct outbound *out)
{
    if (step->answer)
        return outcome(step, out);
    struct str url = json_str(json_at(step->channel->settings, "deliver_url"));
    if (url.len == 0)
        return say(step, STEP_REFUSED, "This channel has no deliver_url, so it can only receive.");
    if (out->action != OUT_SEND && out->target_id.len == 0)
        return say(step, STEP_REFUSED, "The receiver never told an id for this message.");
    struct str body = payload(out, step->arena);
    if (!str_given(body))
        return say(step, STEP_REFUSED, "The message is too long to be sent.");
    return request(step, S("POST"), url, delivery_id(out, step->arena), body);
}

static struct str confirm_url(struct str url, struct str id, struct arena *arena)
{
    return str_printf(arena, STR_FMT "%sid=" STR_FMT, STR_ARG(url), str_find(url, S("?")) < 0 ? "?" : "&",
                      STR_ARG(url_component(arena, id)));
}

enum step_result custom_confirm(struct step *step, const struct outbound *out)
{
    struct str id = delivery_id(out, step->arena);
    if (is_idempotent(step->channel))
        return say(step, STEP_ABSENT,
                   "The receiver knows repeated ids; it is sent again under the same one.");
    if (!step->answer) {
        struct str url = json_str(json_at(step->channel->settings, "deliver_url"));
        if (url.len == 0)
            return say(step, STEP_DOUBT, "This channel has no deliver_url any more.");
        return request(step, S("GET"), confirm_url(url, id, step->arena), id, S(""));
    }
    if (step->answer->got_answer && step->answer->status == 200)
        return sent(step, out);
    if (step->answer->got_answer && step->answer->status == 404)
        return say(step, STEP_ABSENT, "The receiver says that it never got this.");
    return say(step, STEP_DOUBT, "The receiver may or may not have got this, and cannot say.");
}

// Any answer to the signed question for an id that never was shows that the receiver is there and lets us in.
enum step_result custom_health(struct step *step)
{
    struct str url = json_str(json_at(step->channel->settings, "deliver_url"));
    if (url.len == 0)
        return say(step, STEP_DONE, "This channel has no deliver_url: it receives, and cannot answer.");
    if (!step->answer)
        return request(step, S("GET"), confirm_url(url, S("ping"), step->arena), S("ping"), S(""));
    if (!step->answer->got_answer) {
        snprintf(step->reason, sizeof step->reason, "The receiver could not be reached: %s",
                 step->answer->error);
        return STEP_RETRY;
    }
    int status = step->answer->status;
    bool refused = status == 401 || status == 403 || status == 410 || status >= 500;
    snprintf(step->reason, sizeof step->reason,
             refused ? "The receiver refused the test question: it answered %d."
                     : "The receiver is there and lets Heed in (it answered %d to a test question).",
             status);
    return refused ? STEP_REFUSED : STEP_DONE;
}
