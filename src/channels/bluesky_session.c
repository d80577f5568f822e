// SPDX-License-Identifier: AGPL-3.0-or-later
// The session in front of every operation: sign in with the app password, find the account's own host
// (PDS), refresh before and when the token runs out, sign in again once when the refresh token is refused,
// and otherwise say that a person has to renew the app password. bluesky.md, sections 0 and 1.
#include "base/clock.h"
#include "base/crypto.h"
#include "channels/bluesky.h"
#include <stdarg.h>
#include <stdio.h>

enum { TOKEN_MARGIN_MS = 60000, MAX_RENEWALS = 2, MAX_SESSION = 64 << 10 };

enum step_result bsky_say(struct step *step, enum step_result result, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(step->reason, sizeof step->reason, format, args);
    va_end(args);
    return result;
}

// ---- Requests -------------------------------------------------------------------------------------
static void add_header(struct bsky *b, struct str name, struct str value)
{
    *list_push(&b->step->request.headers, b->arena) = (struct net_header){name, value};
}

// The request of b->call with the token of now.
static enum step_result issue(struct bsky *b)
{
    const struct bsky_call *call = &b->call;
    b->step->request = (struct net_request){
        .method = call->method,
        .url = str_printf(b->arena, STR_FMT "/xrpc/" STR_FMT, STR_ARG(b->pds), STR_ARG(call->path)),
        .body = call->body,
        .max_answer = call->max_answer,
    };
    add_header(b, S("authorization"), str_concat(b->arena, S("Bearer "), b->access));
    if (call->content_type.len)
        add_header(b, S("content-type"), call->content_type);
    if (call->chat)
        add_header(b, S("atproto-proxy"), S("did:web:api.bsky.chat#bsky_chat"));
    return STEP_REQUEST;
}

enum step_result bsky_get(struct bsky *b, struct str path)
{
    b->call = (struct bsky_call){.method = S("GET"), .path = path};
    return issue(b);
}

enum step_result bsky_chat_get(struct bsky *b, struct str path)
{
    b->call = (struct bsky_call){.method = S("GET"), .path = path, .chat = true};
    return issue(b);
}

static enum step_result post(struct bsky *b, const char *method, struct str json, bool chat)
{
    b->call = (struct bsky_call){.method = S("POST"),
                                 .path = str_from(method),
                                 .body = json,
                                 .content_type = S("application/json"),
                                 .chat = chat};
    return issue(b);
}

enum step_result bsky_post(struct bsky *b, const char *method, struct str json)
{
    return post(b, method, json, false);
}

enum step_result bsky_chat_post(struct bsky *b, const char *method, struct str json)
{
    return post(b, method, json, true);
}

enum step_result bsky_upload(struct bsky *b, struct str bytes, struct str mime)
{
    b->call = (struct bsky_call){
        .method = S("POST"), .path = S("com.atproto.repo.uploadBlob"), .body = bytes, .content_type = mime};
    return issue(b);
}

// ---- Answers --------------------------------------------------------------------------------------
bool bsky_ok(const struct bsky *b)
{
    return b->answer && b->answer->got_answer && b->answer->status >= 200 && b->answer->status < 300 &&
           json_kind(b->json) == JSON_OBJECT;
}

bool bsky_error_is(const struct bsky *b, const char *name)
{
    return str_eq(json_str(json_at(b->json, "error")), str_from(name));
}

static bool is_account_trouble(const struct bsky *b)
{
    return bsky_error_is(b, "AccountTakedown") || bsky_error_is(b, "AccountDeactivated") ||
           bsky_error_is(b, "AccountSuspended") || bsky_error_is(b, "AccountInactive");
}

enum step_result bsky_problem(struct bsky *b)
{
    struct step *step = b->step;
    const struct net_answer *answer = b->answer;
    struct str name = text_head(json_str(json_at(b->json, "error")), 60);
    struct str message = text_head(json_str(json_at(b->json, "message")), 120);
    if (!answer->got_answer)
        return bsky_say(step, STEP_RETRY, "The network could not be reached: %s", answer->error);
    if (answer->status == 429 || bsky_error_is(b, "RateLimitExceeded")) {
        step->retry_at = net_answer_retry_at(answer, step->channel->now);
        return bsky_say(step, STEP_RETRY, "The network asks to slow down.");
    }
    if (is_account_trouble(b))
        return bsky_say(step, STEP_REAUTH, "The network has closed this account for now (" STR_FMT ").",
                        STR_ARG(name));
    if (answer->status >= 500) {
        step->retry_at = net_answer_retry_at(answer, step->channel->now);
        return bsky_say(step, STEP_RETRY, "The network failed with %d " STR_FMT, answer->status,
                        STR_ARG(name));
    }
    if (answer->status >= 200 && answer->status < 300)
        return bsky_say(step, STEP_RETRY, "The network's answer could not be read.");
    if (answer->status == 401 ||
        (!b->call.chat && (bsky_error_is(b, "InvalidToken") || bsky_error_is(b, "ExpiredToken"))))
        return bsky_say(step, STEP_REAUTH, "The network refuses this session (" STR_FMT "); connect again.",
                        STR_ARG(name));
    return bsky_say(step, STEP_REFUSED, "The network refused this: " STR_FMT "%s" STR_FMT, STR_ARG(message),
                    message.len && name.len ? ", " : "", STR_ARG(name));
}

bool at_uri_parse(struct str uri, struct at_uri *out)
{
    struct str rest;
    if (!str_starts(uri, S("at://")))
        return false;
    out->authority = str_cut(str_sub(uri, 5, uri.len), '/', &rest);
    out->collection = str_given(rest) ? str_cut(rest, '/', &rest) : STR_NONE;
    out->rkey = str_given(rest) ? str_cut(rest, '#', &rest) : STR_NONE;
    return out->authority.len && out->collection.len && out->rkey.len && str_find(out->rkey, S("/")) < 0;
}

bool at_uri_is_of(struct str uri, struct str did)
{
    struct at_uri at;
    return did.len && at_uri_parse(uri, &at) && str_eq(at.authority, did);
}

i64 bsky_time(const struct json *value, i64 fallback)
{
    i64 at;
    if (!clock_parse(json_str(value), &at))
        return fallback;
    return at ? at : 1; // 0 means "no time" further on
}

struct str bsky_dump(struct arena *arena, const struct json *value)
{
    struct buf out;
    buf_init(&out, arena, 512 << 10);
    json_dump(&out, value);
    return out.overflow ? S("null") : buf_str(&out);
}

enum { MAX_RAW = 1 << 20, MAX_THING = 512 << 10 };

void bsky_store(struct bsky *b, const char *key, const struct json *thing, const char *beside,
                const struct json *other)
{
    struct buf out, two;
    buf_init(&out, b->arena, MAX_RAW);
    buf_init(&two, b->arena, MAX_THING);
    struct json_writer w = json_writer(&out);
    json_open(&w, '{');
    json_key(&w, "me");
    json_put_str(&w, b->did);
    json_key(&w, key);
    json_put_raw(&w, bsky_dump(b->arena, thing));
    if (other)
        json_dump(&two, other);
    if (other && !two.overflow) {
        json_key(&w, beside);
        json_put_raw(&w, buf_str(&two));
    }
    json_close(&w, '}');
    *list_push(&b->step->raw, b->arena) = buf_str(&out);
}

// ---- The session ----------------------------------------------------------------------------------
// When a token ends, from its own middle part; 0 when it does not say.
static i64 token_end(struct str token, struct arena *arena)
{
    struct str rest, payload;
    struct err err;
    str_cut(token, '.', &rest);
    struct str middle = str_given(rest) ? str_cut(rest, '.', &rest) : STR_NONE;
    if (!middle.len || !base64url_decode(arena, middle, &payload))
        return 0;
    const struct json *json = json_parse_lenient(payload, arena, &err);
    i64 end = json_i64(json_at(json, "exp"));
    return end > 0 && end < INT64_C(1) << 40 ? end * 1000 : 0;
}

static void take_session(struct bsky *b, const struct json *session)
{
    b->did = json_str(json_at(session, "did"));
    b->handle = json_str(json_at(session, "handle"));
    b->pds = json_str(json_at(session, "pds"));
    b->access = json_str(json_at(session, "access"));
    b->refresh = json_str(json_at(session, "refresh"));
    b->expires_at = token_end(b->access, b->arena);
}

static void keep(struct bsky *b)
{
    struct buf out;
    buf_init(&out, b->arena, MAX_SESSION);
    struct json_writer w = json_writer(&out);
    const struct {
        const char *key;
        struct str value;
    } members[] = {{"did", b->did},
                   {"handle", b->handle},
                   {"pds", b->pds},
                   {"access", b->access},
                   {"refresh", b->refresh}};
    json_open(&w, '{');
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        json_key(&w, members[i].key);
        json_put_str(&w, members[i].value);
    }
    json_close(&w, '}');
    b->step->keep_session = buf_str(&out);
}

static enum step_result log_in(struct bsky *b)
{
    struct buf body;
    struct str service = json_str(json_at(b->step->channel->settings, "service"));
    if (!service.len)
        service = S("https://bsky.social");
    if (str_ends(service, S("/")))
        service = str_sub(service, 0, service.len - 1);
    buf_init(&body, b->arena, MAX_SESSION);
    struct json_writer w = json_writer(&body);
    json_open(&w, '{');
    json_key(&w, "identifier");
    struct str identifier = str_trim(json_str(json_at(b->step->channel->settings, "identifier")));
    json_put_str(&w, str_starts(identifier, S("@")) ? str_sub(identifier, 1, identifier.len) : identifier);
    json_key(&w, "password");
    json_put_str(&w, str_trim(json_str(json_at(b->step->channel->secret, "app_password"))));
    json_close(&w, '}');
    b->doing = BSKY_LOGGING_IN;
    b->step->renew = true;
    b->step->request = (struct net_request){
        .method = S("POST"),
        .url = str_concat(b->arena, service, S("/xrpc/com.atproto.server.createSession")),
        .body = buf_str(&body),
        .max_answer = 1 << 20};
    add_header(b, S("content-type"), S("application/json"));
    return STEP_REQUEST;
}

static enum step_result refresh(struct bsky *b)
{
    if (!b->refresh.len || !b->pds.len)
        return log_in(b);
    b->doing = BSKY_REFRESHING;
    b->step->renew = true;
    b->step->request = (struct net_request){
        .method = S("POST"),
        .url = str_concat(b->arena, b->pds, S("/xrpc/com.atproto.server.refreshSession")),
        .max_answer = 1 << 20};
    add_header(b, S("authorization"), str_concat(b->arena, S("Bearer "), b->refresh));
    return STEP_REQUEST;
}

static enum step_result run(struct bsky *b, bsky_fn *fn, const void *arg)
{
    b->doing = BSKY_READY;
    if (b->begun)
        return issue(b); // again, with the new token
    b->begun = true;
    b->answer = NULL;
    b->json = NULL;
    return fn(b, arg);
}

// The host of the account, from its DID document.
static struct str pds_of(const struct json *document)
{
    const struct json *services = json_at(document, "service");
    for (size_t i = 0; i < json_len(services); i++) {
        const struct json *service = json_item(services, i);
        struct str url = json_str(json_at(service, "serviceEndpoint"));
        if (!str_ends(json_str(json_at(service, "id")), S("#atproto_pds")))
            continue;
        if (!str_starts(url, S("https://")) && !str_starts(url, S("http://")))
            continue;
        return str_ends(url, S("/")) ? str_sub(url, 0, url.len - 1) : url;
    }
    return STR_NONE;
}

static enum step_result find_pds(struct bsky *b)
{
    struct str directory = json_str(json_at(b->step->channel->settings, "plc_url")), url;
    if (!directory.len)
        directory = S("https://plc.directory");
    if (str_ends(directory, S("/")))
        directory = str_sub(directory, 0, directory.len - 1);
    if (str_starts(b->did, S("did:plc:")))
        url = str_printf(b->arena, STR_FMT "/" STR_FMT, STR_ARG(directory), STR_ARG(b->did));
    else if (str_starts(b->did, S("did:web:")) && str_find(str_sub(b->did, 8, b->did.len), S("/")) < 0)
        url = str_printf(b->arena, "https://" STR_FMT "/.well-known/did.json",
                         STR_ARG(str_sub(b->did, 8, b->did.len)));
    else
        return bsky_say(b->step, STEP_REAUTH, "The account's id (" STR_FMT ") is of a kind not known here.",
                        STR_ARG(text_head(b->did, 80)));
    b->doing = BSKY_FINDING_PDS;
    b->step->renew = true;
    b->step->request = (struct net_request){.method = S("GET"), .url = url, .max_answer = 1 << 20};
    return STEP_REQUEST;
}

static bool take_tokens(struct bsky *b)
{
    struct str access = json_str(json_at(b->json, "accessJwt")),
               renewed = json_str(json_at(b->json, "refreshJwt"));
    if (!bsky_ok(b) || !access.len || !renewed.len)
        return false;
    b->access = access;
    b->refresh = renewed;
    b->expires_at = token_end(access, b->arena);
    if (json_str(json_at(b->json, "did")).len)
        b->did = json_str(json_at(b->json, "did"));
    if (json_str(json_at(b->json, "handle")).len)
        b->handle = json_str(json_at(b->json, "handle"));
    struct str pds = pds_of(json_at(b->json, "didDoc"));
    if (pds.len)
        b->pds = pds;
    return true;
}

static enum step_result logged_in(struct bsky *b, bsky_fn *fn, const void *arg)
{
    if (take_tokens(b)) {
        if (!b->pds.len)
            return find_pds(b);
        keep(b);
        return run(b, fn, arg);
    }
    if (!b->answer->got_answer || b->answer->status >= 500 || b->answer->status == 429 || bsky_ok(b))
        return bsky_problem(b);
    if (bsky_error_is(b, "AuthFactorTokenRequired"))
        return bsky_say(
            b->step, STEP_REAUTH,
            "This is the account's own password and it asks for a second factor; make an app password.");
    if (is_account_trouble(b))
        return bsky_problem(b);
    return bsky_say(b->step, STEP_REAUTH,
                    "The handle or the app password is wrong or was revoked; make a new app "
                    "password in the account's settings and enter it here.");
}

static enum step_result refreshed(struct bsky *b, bsky_fn *fn, const void *arg)
{
    if (take_tokens(b)) {
        keep(b);
        return run(b, fn, arg);
    }
    if (!b->answer->got_answer || b->answer->status >= 500 || b->answer->status == 429)
        return bsky_problem(b);
    return log_in(b); // the refresh token is used up or revoked: the app password, once
}

static enum step_result found_pds(struct bsky *b, bsky_fn *fn, const void *arg)
{
    struct str pds = bsky_ok(b) ? pds_of(b->json) : STR_NONE;
    if (!pds.len)
        return bsky_ok(b)
                   ? bsky_say(b->step, STEP_REAUTH, "The account's document names no server of its own.")
                   : bsky_problem(b);
    b->pds = pds;
    keep(b);
    return run(b, fn, arg);
}

// The token ran out early, or the server forgot it. Not said by the chat service, whose InvalidToken means
// that the app password has no right to it.
static bool token_refused(const struct bsky *b)
{
    if (b->call.chat && !bsky_error_is(b, "ExpiredToken"))
        return false;
    return b->answer->got_answer && (b->answer->status == 400 || b->answer->status == 401) &&
           (bsky_error_is(b, "ExpiredToken") || bsky_error_is(b, "InvalidToken") ||
            bsky_error_is(b, "AuthMissing"));
}

static struct bsky *begin(struct step *step)
{
    struct bsky *b = arena_new(step->arena, struct bsky);
    b->step = step;
    b->arena = step->arena;
    step->state = b;
    take_session(b, step->channel->session);
    return b;
}

static enum step_result answered(struct bsky *b, bsky_fn *fn, const void *arg)
{
    struct err err;
    b->answer = b->step->answer;
    b->json = b->answer->got_answer ? json_parse_lenient(b->answer->body, b->arena, &err) : NULL;
    switch (b->doing) {
    case BSKY_LOGGING_IN:
        return logged_in(b, fn, arg);
    case BSKY_REFRESHING:
        return refreshed(b, fn, arg);
    case BSKY_FINDING_PDS:
        return found_pds(b, fn, arg);
    case BSKY_READY:
        break;
    }
    if (token_refused(b) && b->renewals++ < MAX_RENEWALS)
        return refresh(b);
    return fn(b, arg);
}

enum step_result bsky_drive(struct step *step, bool login, bsky_fn *fn, const void *arg)
{
    struct bsky *b = step->state;
    bool first = !b;
    if (first)
        b = begin(step);
    b->step = step;
    step->renew = false;
    if (step->renewed) { // another one was quicker: its session is in the view
        step->renewed = false;
        take_session(b, step->channel->session);
        return run(b, fn, arg);
    }
    if (!first)
        return answered(b, fn, arg);
    if (login || !b->access.len || !b->pds.len || !b->did.len)
        return log_in(b);
    if (b->expires_at && b->expires_at < step->channel->now + TOKEN_MARGIN_MS)
        return refresh(b);
    return run(b, fn, arg);
}
