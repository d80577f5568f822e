// SPDX-License-Identifier: AGPL-3.0-or-later
// Did it arrive? Asked after a sender was lost: our own server knows every record by the key we chose.
#include "channels/bluesky.h"

struct question {
    struct str uri;      // the record in question
    bool done_if_absent; // taking back: done when it is gone
};

static struct question question_of(struct bsky *b, const struct outbound *out)
{
    struct str rkey = bsky_tid(b->arena, out->created_at, out->client_key);
    const char *collection = out->action == OUT_LIKE ? BSKY_LIKE : BSKY_POST;
    if (out->action == OUT_DELETE)
        return (struct question){out->target_id, true};
    if (out->action == OUT_UNLIKE)
        return (struct question){out->like_external_id, true};
    return (struct question){
        str_printf(b->arena, "at://" STR_FMT "/%s/" STR_FMT, STR_ARG(b->did), collection, STR_ARG(rkey)),
        false};
}

static enum step_result found(struct bsky *b, const struct outbound *out)
{
    if (question_of(b, out).done_if_absent)
        return bsky_say(b->step, STEP_ABSENT, "It is still there.");
    b->step->external_id = json_str(json_at(b->json, "uri"));
    const struct json *root = json_at(b->json, "value.reply.root");
    if (out->action != OUT_SEND || json_kind(root) != JSON_OBJECT)
        return STEP_DONE;
    struct buf extra;
    buf_init(&extra, b->arena, 16 << 10);
    struct json_writer w = json_writer(&extra);
    json_open(&w, '{');
    json_key(&w, "cid");
    json_put_str(&w, json_str(json_at(b->json, "cid")));
    json_key(&w, "root");
    json_put_raw(&w, bsky_dump(b->arena, root));
    json_close(&w, '}');
    b->step->extra = extra.overflow ? STR_NONE : buf_str(&extra);
    return STEP_DONE;
}

static enum step_result step_of(struct bsky *b, const void *arg)
{
    const struct outbound *out = arg;
    struct at_uri at;
    if (!b->answer) {
        if (!at_uri_parse(question_of(b, out).uri, &at))
            return bsky_say(b->step, STEP_DOUBT, "Nobody knows any more what this was about.");
        return bsky_get(b, str_printf(b->arena,
                                      "com.atproto.repo.getRecord?repo=" STR_FMT "&collection=" STR_FMT
                                      "&rkey=" STR_FMT,
                                      STR_ARG(url_component(b->arena, at.authority)), STR_ARG(at.collection),
                                      STR_ARG(url_component(b->arena, at.rkey))));
    }
    if (bsky_ok(b) && json_str(json_at(b->json, "uri")).len)
        return found(b, out);
    if (bsky_error_is(b, "RecordNotFound"))
        return question_of(b, out).done_if_absent
                   ? STEP_DONE
                   : bsky_say(b->step, STEP_ABSENT, "The network never got this.");
    enum step_result problem = bsky_problem(b);
    return problem == STEP_REAUTH ? problem : STEP_DOUBT;
}

enum step_result bsky_confirm_public(struct step *step, const struct outbound *out)
{
    return bsky_drive(step, false, step_of, out);
}
