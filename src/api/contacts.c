// SPDX-License-Identifier: AGPL-3.0-or-later
// Customers' cards.
#include "api/answer.h"
#include "api/app.h"
#include "api/routes.h"
#include "desk/contact.h"
#include "desk/contact_find.h"

static bool get_contact(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct card card = {};
    i64 id;
    if (!request_id(req, 0, &id, err) || !card_get(conn, &req->actor, id, req->arena, &card, err))
        return false;
    reply_value(reply, 200, &card_type, &card);
    return true;
}

static bool find_contacts(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct contact_hits hits = {};
    struct str q;
    i64 limit;
    if (!http_param(req->http, "q", &q, err) || !request_limit(req, &limit, err) ||
        !contact_find(conn, &req->actor, str_given(q) ? q : S(""), limit, req->arena, &hits, err))
        return false;
    reply_list(reply, &contact_hit_type, &hits, STR_NONE);
    return true;
}

static const struct query_param find_params[] = {
    {"q", "string", "the beginning of a name's word, of a handle or of an e-mail address"},
    {"limit", "integer", "1 to 100, default 50"},
    {}};

struct card_change {
    struct card_patch patch;
    field_set given;
};

static bool prepare_contact(struct request *req, struct err *err)
{
    struct card_change *change = arena_new(req->arena, struct card_change);
    req->data = change;
    return request_decode(req, &card_patch_type, false, &change->patch, &change->given, err);
}

static bool patch_contact(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct card_change *change = req->data;
    struct card card = {};
    i64 id;
    if (!request_id(req, 0, &id, err) ||
        !card_update(tx, &req->actor, id, &change->patch, change->given, err) ||
        !card_get(tx->conn, &req->actor, id, tx->arena, &card, err))
        return false;
    reply_value(reply, 200, &card_type, &card);
    return true;
}

static bool get_suggestions(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct contact_suggestion_list list = {};
    i64 id;
    if (!request_id(req, 0, &id, err) || !contact_suggest(conn, &req->actor, id, req->arena, &list, err))
        return false;
    reply_list(reply, &contact_suggestion_type, &list, STR_NONE);
    return true;
}

static bool prepare_ref(struct request *req, struct err *err)
{
    struct contact_ref *ref = arena_new(req->arena, struct contact_ref);
    req->data = ref;
    return request_decode(req, &contact_ref_type, true, ref, NULL, err);
}

static bool reply_card(struct request *req, struct tx *tx, i64 id, struct reply *reply, struct err *err)
{
    struct card card = {};
    if (!card_get(tx->conn, &req->actor, id, tx->arena, &card, err))
        return false;
    reply_value(reply, 200, &card_type, &card);
    return true;
}

static bool post_merge(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct contact_ref *ref = req->data;
    i64 id;
    return request_id(req, 0, &id, err) && contact_merge(tx, &req->actor, id, ref->contact_id, err) &&
           reply_card(req, tx, id, reply, err);
}

static bool post_unmerge(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct contact_ref *ref = req->data;
    i64 id;
    return request_id(req, 0, &id, err) && contact_unmerge(tx, &req->actor, id, ref->contact_id, err) &&
           reply_card(req, tx, id, reply, err);
}

static bool post_apart(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct contact_ref *ref = req->data;
    i64 id;
    (void)reply;
    return request_id(req, 0, &id, err) && contact_tell_apart(tx, &req->actor, id, ref->contact_id, err);
}

const struct route contact_routes[] = {
    {HTTP_GET_, "/api/v1/contacts", MAY_READ, "findContacts",
     "Find customers by name, handle or e-mail address", .out = &contact_hit_type, .out_list = true,
     .success = 200, .params = find_params, .read = find_contacts},
    {HTTP_GET_, "/api/v1/contacts/{id}", MAY_READ, "getContact", "A customer's card", .out = &card_type,
     .success = 200, .read = get_contact},
    {HTTP_PATCH_, "/api/v1/contacts/{id}", MAY_TRIAGE, "updateContact", "Correct a name, note something",
     .in = &card_patch_type, .out = &card_type, .success = 200, .prepare = prepare_contact,
     .write = patch_contact},
    {HTTP_GET_, "/api/v1/contacts/{id}/suggestions", MAY_READ, "suggestContacts",
     "Who might be the same person, and why; never on a name alone", .out = &contact_suggestion_type,
     .out_list = true, .success = 200, .read = get_suggestions},
    {HTTP_POST_, "/api/v1/contacts/{id}/merge", MAY_TRIAGE, "mergeContact",
     "Show another contact under this one, until it is taken out again", .in = &contact_ref_type,
     .out = &card_type, .success = 200, .prepare = prepare_ref, .write = post_merge},
    {HTTP_POST_, "/api/v1/contacts/{id}/unmerge", MAY_TRIAGE, "unmergeContact",
     "Take a merged contact out again, with all that is its own", .in = &contact_ref_type, .out = &card_type,
     .success = 200, .prepare = prepare_ref, .write = post_unmerge},
    {HTTP_POST_, "/api/v1/contacts/{id}/apart", MAY_TRIAGE, "tellContactsApart",
     "These are two people: not suggested again", .in = &contact_ref_type, .success = 204,
     .prepare = prepare_ref, .write = post_apart},
    {},
};
