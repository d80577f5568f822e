// SPDX-License-Identifier: AGPL-3.0-or-later
// Shared by the files of the Bluesky driver. Each operation is a function that is called with the answer
// of the request it made last; bluesky_session.c stands in front of it and sees to the session, so that no
// operation knows about tokens.
#pragma once
#include "base/buf.h"
#include "channels/channel.h"
#include "channels/encode.h"

#define BSKY_POST "app.bsky.feed.post"
#define BSKY_LIKE "app.bsky.feed.like"

struct bsky_call {           // one XRPC request, kept so that it can be made again with a new token
    struct str method, path; // "GET", "app.bsky.feed.getPosts?uris=…"
    struct str body, content_type;
    bool chat; // goes to the chat service, through the PDS
    size_t max_answer;
};
struct bsky {
    struct step *step;
    struct arena *arena;
    struct str did, handle, pds, access, refresh;
    i64 expires_at; // of the access token; 0 unknown
    // what the session machinery is doing
    enum { BSKY_READY, BSKY_REFRESHING, BSKY_LOGGING_IN, BSKY_FINDING_PDS } doing;
    int renewals; // in this run
    bool begun;   // the operation was called
    struct bsky_call call;
    // for the operation
    int phase;
    void *own;                       // its state
    const struct net_answer *answer; // NULL at its first call
    const struct json *json;         // the answer, parsed; NULL when it is not JSON
};
typedef enum step_result bsky_fn(struct bsky *b, const void *arg);

// Runs an operation with a session. `login`: with a fresh one (connecting).
enum step_result bsky_drive(struct step *step, bool login, bsky_fn *fn, const void *arg);

// Making requests: each fills b->step->request and returns STEP_REQUEST.
enum step_result bsky_get(struct bsky *b, struct str path);
enum step_result bsky_post(struct bsky *b, const char *method, struct str json);
enum step_result bsky_chat_get(struct bsky *b, struct str path);
enum step_result bsky_chat_post(struct bsky *b, const char *method, struct str json);
enum step_result bsky_upload(struct bsky *b, struct str bytes, struct str mime);

// Reading answers.
bool bsky_ok(const struct bsky *b);                         // 2xx with JSON
bool bsky_error_is(const struct bsky *b, const char *name); // "error" of the answer
// What an answer that is not ok means when nothing special is known about it.
enum step_result bsky_problem(struct bsky *b);
enum step_result bsky_say(struct step *step, enum step_result result, const char *format, ...) PRINTF(3, 4);

// at://AUTHORITY/COLLECTION/RKEY
struct at_uri {
    struct str authority, collection, rkey;
};
bool at_uri_parse(struct str uri, struct at_uri *out);
// True when the uri is of this account.
bool at_uri_is_of(struct str uri, struct str did);
i64 bsky_time(const struct json *value, i64 fallback);
struct str bsky_dump(struct arena *arena, const struct json *value);
// A raw body to keep: whose account it is, the thing, and a second one beside it (left out when too large).
void bsky_store(struct bsky *b, const char *key, const struct json *thing, const char *beside,
                const struct json *other);

// ---- bluesky_text.c ------------------------------------------------------------------------------
struct bsky_facet {
    size_t start, end;
    bool mention;
    struct str value; /* handle, then DID; or URL */
};
struct bsky_facets {
    struct bsky_facet *items;
    size_t len, cap;
};
// Mentions and links of a text by byte offsets, in order.
void bsky_find_facets(struct str text, struct arena *arena, struct bsky_facets *out);
// "facets":[…] when there are any; mentions without a DID (value none) are left out.
void bsky_put_facets(struct json_writer *w, const struct bsky_facets *facets);
// The record key: a TID of the moment, its lowest bits from the key, so each attempt has the same one.
struct str bsky_tid(struct arena *arena, i64 at_ms, struct str client_key);

// ---- operations ----------------------------------------------------------------------------------
enum step_result bsky_poll_notifications(struct step *step, struct str cursor);
enum step_result bsky_poll_watch(struct step *step, struct str cursor);
enum step_result bsky_poll_dm(struct step *step, struct str cursor);
bool bsky_receive(const struct channel_view *channel, struct str stream, struct str body, struct arena *arena,
                  struct inbound_list *out, struct unreadable_list *bad, struct err *err);
bool bsky_receive_dm(const struct channel_view *channel, const struct json *raw, struct arena *arena,
                     struct inbound_list *out, struct err *err);
enum step_result bsky_send_public(struct step *step, const struct outbound *out);
enum step_result bsky_confirm_public(struct step *step, const struct outbound *out);
enum step_result bsky_send_dm(struct step *step, const struct outbound *out);
enum step_result bsky_confirm_dm(struct step *step, const struct outbound *out);
// The chat service said no: the fact for people, and when to ask again.
void bsky_dm_off(struct bsky *b);
extern const struct text_limit bsky_limit_public, bsky_limit_private;
