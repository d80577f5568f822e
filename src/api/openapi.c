// SPDX-License-Identifier: AGPL-3.0-or-later
// The OpenAPI 3.1 document, from the route and field tables. Nothing here is written twice: a route or a
// field that serves requests is in the document, and only those.
#include "api/docs.h"
#include "api/match.h"
#include "api/version.h"
#include "desk/card.h"
#include "desk/conversation.h"
#include "desk/message.h"
#include "desk/webhook.h"
#include <stdio.h>

enum { TYPES_MAX = 128 };

struct doc {
    struct json_writer w;
    struct {
        const struct type *type;
        bool body;
    } types[TYPES_MAX];
    size_t n_types;
};

static void put(struct doc *doc, const char *key, const char *value)
{
    json_key(&doc->w, key);
    json_put_str(&doc->w, str_from(value));
}

static void open_key(struct doc *doc, const char *key, char bracket)
{
    json_key(&doc->w, key);
    json_open(&doc->w, bracket);
}

static void remember(struct doc *doc, const struct type *type, bool body)
{
    for (size_t i = 0; i < doc->n_types; i++) {
        if (strcmp(doc->types[i].type->name, type->name) == 0)
            return;
    }
    if (doc->n_types < TYPES_MAX) {
        doc->types[doc->n_types].type = type;
        doc->types[doc->n_types++].body = body;
    }
}

static void put_ref(struct doc *doc, const char *section, const char *name)
{
    char ref[128];
    snprintf(ref, sizeof(ref), "#/components/%s/%s", section, name);
    put(doc, "$ref", ref);
}

// "/api/v1/agents/{id}" -> "agents"; "/hooks/…" -> "hooks"; "/healthz" -> "operations".
static struct str tag_of(const struct route *route)
{
    struct str path = str_from(route->path), rest;
    if (str_starts(path, S("/api/chat/")))
        return S("chat");
    if (str_starts(path, S("/form/")))
        return S("form");
    if (str_starts(path, S("/api/v1/")))
        return str_cut(str_sub(path, 8, path.len), '/', &rest);
    if (str_starts(path, S("/hooks/")))
        return S("hooks");
    return S("operations");
}

static const struct {
    const char *tag, *doc;
} tag_docs[] = {
    {"setup", "The first owner."},
    {"session", "Signing in and out."},
    {"me", "Oneself."},
    {"sessions", "Where one is signed in."},
    {"workspace", "Name and settings of the workspace."},
    {"agents", "Colleagues."},
    {"teams", "Teams."},
    {"tags", "Tags."},
    {"channels", "Accounts on networks."},
    {"channel-kinds", "Networks that Heed knows."},
    {"tokens", "API tokens."},
    {"conversations", "What customers ask."},
    {"counts", "How much is in each folder."},
    {"folders", "Saved folders: a query with a name."},
    {"bulk", "One change to many conversations."},
    {"folder-order", "The order of saved folders."},
    {"messages", "Messages and notes."},
    {"contacts", "Customers."},
    {"files", "Pictures to be sent."},
    {"attachments", "Pictures and files that came."},
    {"events", "The live stream."},
    {"presence", "Who is where."},
    {"query-fields", "The query language's fields."},
    {"status", "How the day goes."},
    {"openapi.json", "This document."},
    {"rights", "Who may what."},
    {"webhooks", "Other programs that are told of events."},
    {"webhook-kinds", "Events that they can be told of."},
    {"hooks", "Where networks post their events."},
    {"chat", "Live chat, for the widget and for apps of one's own."},
    {"form", "The public form."},
    {"operations", "Health and figures."},
    {NULL, NULL},
};

static void put_info(struct doc *doc, struct str server_url)
{
    put(doc, "openapi", "3.1.0");
    open_key(doc, "info", '{');
    put(doc, "title", "Heed");
    put(doc, "version", HEED_VERSION);
    put(doc, "summary", "Social customer care, self-hosted");
    put(doc, "description",
        "Everything the page does goes through this API. Ids are numbers below 2^53, times RFC 3339 in UTC. "
        "Unknown "
        "members of a body and unknown query parameters are refused. Errors are RFC 9457 problems. Every "
        "POST takes "
        "an Idempotency-Key (except signing in and setting up), kept for 72 hours.");
    open_key(doc, "contact", '{');
    put(doc, "name", "The Heed project");
    put(doc, "url", "https://heed.example");
    json_close(&doc->w, '}');
    open_key(doc, "license", '{');
    put(doc, "name", "AGPL-3.0-or-later");
    put(doc, "identifier", "AGPL-3.0-or-later");
    json_close(&doc->w, '}');
    json_close(&doc->w, '}');
    open_key(doc, "servers", '[');
    json_open(&doc->w, '{');
    json_key(&doc->w, "url");
    json_put_str(&doc->w, server_url);
    put(doc, "description", "This Heed");
    json_close(&doc->w, '}');
    json_close(&doc->w, ']');
    open_key(doc, "tags", '[');
    for (size_t i = 0; tag_docs[i].tag; i++) {
        json_open(&doc->w, '{');
        put(doc, "name", tag_docs[i].tag);
        put(doc, "description", tag_docs[i].doc);
        json_close(&doc->w, '}');
    }
    json_close(&doc->w, ']');
}

static void put_path_params(struct doc *doc, const struct route *route)
{
    struct str path = str_from(route->path), rest = path;
    while (str_given(rest)) {
        struct str part = str_cut(rest, '/', &rest);
        if (part.len < 3 || part.ptr[0] != '{')
            continue;
        bool is_key = str_eq(part, S("{key}"));
        bool is_hash = str_eq(part, S("{sha256}"));
        bool is_kind = is_key || is_hash || str_eq(part, S("{kind}"));
        json_open(&doc->w, '{');
        json_key(&doc->w, "name");
        json_put_str(&doc->w, str_sub(part, 1, part.len - 1));
        put(doc, "in", "path");
        json_key(&doc->w, "required");
        json_put_bool(&doc->w, true);
        put(doc, "description",
            is_key    ? "The channel's public key."
            : is_hash ? "The SHA-256 of the bytes."
            : is_kind ? "The network."
                      : "The id.");
        open_key(doc, "schema", '{');
        put(doc, "type", is_kind ? "string" : "integer");
        if (!is_kind) {
            put(doc, "format", "int64");
            json_key(&doc->w, "minimum");
            json_put_i64(&doc->w, 1);
        }
        json_close(&doc->w, '}');
        json_close(&doc->w, '}');
    }
}

static void put_param_schema(struct doc *doc, const struct query_param *param)
{
    struct str kind = str_from(param->kind), rest;
    open_key(doc, "schema", '{');
    if (!str_starts(kind, S("enum:"))) {
        put(doc, "type", param->kind);
        if (str_eq(str_from(param->name), S("limit"))) {
            json_key(&doc->w, "minimum");
            json_put_i64(&doc->w, 1);
            json_key(&doc->w, "maximum");
            json_put_i64(&doc->w, 100);
            json_key(&doc->w, "default");
            json_put_i64(&doc->w, 50);
        }
        json_close(&doc->w, '}');
        return;
    }
    put(doc, "type", "string");
    open_key(doc, "enum", '[');
    rest = str_sub(kind, 5, kind.len);
    while (str_given(rest))
        json_put_str(&doc->w, str_cut(rest, '|', &rest));
    json_close(&doc->w, ']');
    json_close(&doc->w, '}');
}

static void put_params(struct doc *doc, const struct route *route)
{
    open_key(doc, "parameters", '[');
    put_path_params(doc, route);
    for (const struct query_param *p = route->params; p && p->name; p++) {
        json_open(&doc->w, '{');
        put(doc, "name", p->name);
        put(doc, "in", "query");
        put(doc, "description", p->doc);
        put_param_schema(doc, p);
        json_close(&doc->w, '}');
    }
    if (route->method == HTTP_POST_ && route->write && route->right != MAY_ANYONE &&
        route->right != MAY_VISIT) {
        json_open(&doc->w, '{');
        put_ref(doc, "parameters", "IdempotencyKey");
        json_close(&doc->w, '}');
    }
    json_close(&doc->w, ']');
}

static void put_body(struct doc *doc, const struct route *route)
{
    bool raw = route->flags & ROUTE_RAW_BODY, hook = route->flags & ROUTE_INTAKE;
    if (!route->in && !raw && !hook)
        return;
    open_key(doc, "requestBody", '{');
    json_key(&doc->w, "required");
    json_put_bool(&doc->w, true);
    open_key(doc, "content", '{');
    open_key(doc, raw ? "application/octet-stream" : "application/json", '{');
    open_key(doc, "schema", '{');
    if (route->in) {
        remember(doc, route->in, true);
        put_ref(doc, "schemas", route->in->name);
    } else if (raw) {
        put(doc, "type", "string");
        put(doc, "format", "binary");
    } else {
        put(doc, "description", "The network's own.");
    }
    json_close(&doc->w, '}');
    json_close(&doc->w, '}');
    json_close(&doc->w, '}');
    json_close(&doc->w, '}');
}

static void put_list_schema(struct doc *doc, const struct type *type)
{
    put(doc, "type", "object");
    open_key(doc, "required", '[');
    json_put_str(&doc->w, S("items"));
    json_put_str(&doc->w, S("next"));
    json_close(&doc->w, ']');
    open_key(doc, "properties", '{');
    open_key(doc, "items", '{');
    put(doc, "type", "array");
    open_key(doc, "items", '{');
    put_ref(doc, "schemas", type->name);
    json_close(&doc->w, '}');
    json_close(&doc->w, '}');
    open_key(doc, "next", '{');
    open_key(doc, "type", '[');
    json_put_str(&doc->w, S("string"));
    json_put_str(&doc->w, S("null"));
    json_close(&doc->w, ']');
    put(doc, "description", "cursor of the next page; null: there is none");
    json_close(&doc->w, '}');
    json_close(&doc->w, '}');
}

static const char *answer_mime(const struct route *route)
{
    if (strcmp(route->path, "/api/v1/events") == 0)
        return "text/event-stream";
    if (strcmp(route->path, "/metrics") == 0)
        return "text/plain";
    return "application/octet-stream";
}

static void put_success(struct doc *doc, const struct route *route)
{
    char status[8];
    snprintf(status, sizeof(status), "%d", route->success);
    open_key(doc, status, '{');
    put(doc, "description",
        route->success == 204   ? "Done."
        : route->success == 202 ? "Accepted."
                                : route->summary);
    if (route->out) {
        remember(doc, route->out, false);
        open_key(doc, "content", '{');
        open_key(doc, "application/json", '{');
        open_key(doc, "schema", '{');
        if (route->out_list)
            put_list_schema(doc, route->out);
        else
            put_ref(doc, "schemas", route->out->name);
        json_close(&doc->w, '}');
        json_close(&doc->w, '}');
        json_close(&doc->w, '}');
    } else if (route->success == 200) {
        open_key(doc, "content", '{');
        open_key(doc, route->flags & ROUTE_BYTES ? answer_mime(route) : "application/json", '{');
        open_key(doc, "schema", '{');
        put(doc, "type", route->flags & ROUTE_BYTES ? "string" : "object");
        json_close(&doc->w, '}');
        json_close(&doc->w, '}');
        json_close(&doc->w, '}');
    }
    json_close(&doc->w, '}');
}

static void put_problem(struct doc *doc, const char *status, const char *name)
{
    open_key(doc, status, '{');
    put_ref(doc, "responses", name);
    json_close(&doc->w, '}');
}

static void put_responses(struct doc *doc, const struct route *route)
{
    bool body = route->in || (route->flags & (ROUTE_RAW_BODY | ROUTE_INTAKE));
    open_key(doc, "responses", '{');
    put_success(doc, route);
    if (route->accepted) {
        struct route also = {.summary = "One more step is needed.", .out = route->accepted, .success = 202};
        put_success(doc, &also);
    }
    put_problem(doc, "400", "BadRequest");
    if (route->right != MAY_ANYONE || (route->flags & ROUTE_INTAKE) || route->in)
        put_problem(doc, "401", "Unauthenticated");
    if (route->right != MAY_ANYONE || route->method != HTTP_GET_)
        put_problem(doc, "403", "Denied");
    if (strchr(route->path, '{'))
        put_problem(doc, "404", "NotFound");
    if (route->method != HTTP_GET_)
        put_problem(doc, "409", "Conflict");
    if (body) {
        put_problem(doc, "413", "TooLarge");
        put_problem(doc, "415", "MediaType");
        put_problem(doc, "422", "Invalid");
    }
    put_problem(doc, "429", "RateLimited");
    put_problem(doc, "503", "Unavailable");
    json_close(&doc->w, '}');
}

static void put_operation(struct doc *doc, const struct route *route)
{
    char name[16];
    const char *upper = method_name(route->method);
    size_t n = strlen(upper);
    for (size_t i = 0; i <= n; i++)
        name[i] = (char)(upper[i] >= 'A' && upper[i] <= 'Z' ? upper[i] + 32 : upper[i]);
    open_key(doc, name, '{');
    put(doc, "operationId", route->name);
    put(doc, "summary", route->summary);
    put(doc, "description", route->summary);
    open_key(doc, "tags", '[');
    json_put_str(&doc->w, tag_of(route));
    json_close(&doc->w, ']');
    put(doc, "x-right", right_name(route->right));
    open_key(doc, "security", '[');
    if (route->right == MAY_VISIT) {
        json_open(&doc->w, '{');
        open_key(doc, "visitor", '[');
        json_close(&doc->w, ']');
        json_close(&doc->w, '}');
    } else if (route->right != MAY_ANYONE) {
        static const char *const schemes[] = {"token", "cookie"};
        for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
            json_open(&doc->w, '{');
            open_key(doc, schemes[i], '[');
            json_close(&doc->w, ']');
            json_close(&doc->w, '}');
        }
    }
    json_close(&doc->w, ']');
    put_params(doc, route);
    put_body(doc, route);
    put_responses(doc, route);
    json_close(&doc->w, '}');
}

// Is the path one of a route before this one, in this table or an earlier one?
static bool is_told(size_t table, const struct route *route)
{
    for (size_t t = 0; t <= table; t++) {
        for (const struct route *before = route_tables[t]; before->path && before != route; before++) {
            if (strcmp(before->path, route->path) == 0)
                return true;
        }
    }
    return false;
}

// All that is done at one path, whichever tables its routes stand in.
static void put_path(struct doc *doc, const char *path)
{
    open_key(doc, path, '{');
    for (size_t t = 0; route_tables[t]; t++) {
        for (const struct route *route = route_tables[t]; route->path; route++) {
            if (strcmp(route->path, path) == 0)
                put_operation(doc, route);
        }
    }
    json_close(&doc->w, '}');
}

static void put_paths(struct doc *doc)
{
    open_key(doc, "paths", '{');
    for (size_t t = 0; route_tables[t]; t++) {
        for (const struct route *route = route_tables[t]; route->path; route++) {
            if (!is_told(t, route))
                put_path(doc, route->path);
        }
    }
    json_close(&doc->w, '}');
}

// ---- Webhooks: what is sent to others --------------------------------------------------------------

static void put_typed(struct doc *doc, const char *name, const char *type, const char *what)
{
    open_key(doc, name, '{');
    put(doc, "type", type);
    put(doc, "description", what);
    json_close(&doc->w, '}');
}

static void put_item(struct doc *doc, const char *name, const struct type *type)
{
    remember(doc, type, false);
    open_key(doc, name, '{');
    put_ref(doc, "schemas", type->name);
    json_close(&doc->w, '}');
}

static void put_event_data(struct doc *doc, unsigned items)
{
    open_key(doc, "data", '{');
    put(doc, "type", "object");
    open_key(doc, "properties", '{');
    put_typed(doc, "agent_id", "integer", "the colleague who did it; 0: a customer or Heed itself");
    put_typed(doc, "details", "object", "what exactly happened, as docs/words.md lists it");
    if (items & WEBHOOK_CONVERSATION)
        put_item(doc, "conversation", &conversation_type);
    if (items & WEBHOOK_MESSAGE)
        put_item(doc, "message", &message_type);
    if (items & WEBHOOK_CONTACT)
        put_item(doc, "contact", &card_type);
    if (items & WEBHOOK_CHANNEL)
        put_typed(doc, "channel", "object", "as GET /channels/{id}, without counts");
    json_close(&doc->w, '}');
    json_close(&doc->w, '}');
}

static void put_webhook(struct doc *doc, const struct webhook_kind *kind)
{
    open_key(doc, kind->kind, '{');
    open_key(doc, "post", '{');
    put(doc, "summary", kind->doc);
    open_key(doc, "requestBody", '{');
    open_key(doc, "content", '{');
    open_key(doc, "application/json", '{');
    open_key(doc, "schema", '{');
    put(doc, "type", "object");
    json_key(&doc->w, "required");
    json_put_raw(&doc->w, S("[\"type\",\"timestamp\",\"data\"]"));
    open_key(doc, "properties", '{');
    open_key(doc, "type", '{');
    put(doc, "const", kind->kind);
    json_close(&doc->w, '}');
    open_key(doc, "timestamp", '{');
    put(doc, "type", "string");
    put(doc, "format", "date-time");
    put(doc, "description", "when it happened, not when it is sent");
    json_close(&doc->w, '}');
    put_event_data(doc, kind->items);
    for (int i = 0; i < 5; i++)
        json_close(&doc->w, '}');
    open_key(doc, "responses", '{');
    json_key(&doc->w, "2XX");
    json_put_raw(&doc->w,
                 S("{\"description\":\"Taken. Anything else is tried again; 410 ends the webhook.\"}"));
    json_close(&doc->w, '}');
    json_close(&doc->w, '}');
    json_close(&doc->w, '}');
}

static void put_webhooks(struct doc *doc)
{
    open_key(doc, "webhooks", '{');
    for (const struct webhook_kind *kind = webhook_kinds; kind->kind; kind++)
        put_webhook(doc, kind);
    json_close(&doc->w, '}');
}

static void put_problem_schema(struct doc *doc)
{
    json_key(&doc->w, "Problem");
    json_put_raw(&doc->w, S("{\"type\":\"object\",\"description\":\"RFC "
                            "9457\",\"required\":[\"type\",\"title\",\"status\",\"detail\","
                            "\"errors\"],\"properties\":{\"type\":{\"type\":\"string\"},\"title\":{\"type\":"
                            "\"string\"},\"status\":{"
                            "\"type\":\"integer\"},\"detail\":{\"type\":\"string\",\"description\":\"a "
                            "sentence for a person\"},"
                            "\"errors\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":["
                            "\"field\",\"code\",\"detail\"],"
                            "\"properties\":{\"field\":{\"type\":\"string\"},\"code\":{\"type\":\"string\"},"
                            "\"detail\":{\"type\":"
                            "\"string\"},\"position\":{\"type\":\"integer\",\"description\":\"in q, code "
                            "points from 0\"},\"expected\":{"
                            "\"type\":\"string\"}}}}}}"));
}

static const struct {
    const char *name, *doc;
    bool retry;
} problems[] = {
    {"BadRequest", "Not even the right form: bad JSON, an unknown or doubled parameter, a bad query.", false},
    {"Unauthenticated", "No session or token, or it is over.", false},
    {"Denied", "The role or the token's scope does not allow it, or the request did not come from our page.",
     false},
    {"NotFound", "It is not there, or one may not see it.", false},
    {"Conflict", "Something else stands in the way.", false},
    {"TooLarge", "The body is too large.", false},
    {"MediaType", "The body must be application/json.", false},
    {"Invalid", "A field is wrong; errors names it.", false},
    {"RateLimited", "Too many requests.", true},
    {"Unavailable", "Overloaded, or the database is away.", true},
};

static void put_components(struct doc *doc)
{
    open_key(doc, "components", '{');
    json_key(&doc->w, "securitySchemes");
    json_put_raw(&doc->w,
                 S("{\"token\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":\"An API token "
                   "(heed_…) with scopes.\"},\"cookie\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":"
                   "\"heed\",\"description\":\"The page's session; __Host-heed behind https. Unsafe requests "
                   "need our Origin and application/json.\"},\"visitor\":{\"type\":\"http\",\"scheme\":"
                   "\"bearer\",\"description\":\"The token of a visitor's session (heedv_…), good for one "
                   "channel.\"}}"));
    json_key(&doc->w, "parameters");
    json_put_raw(
        &doc->w,
        S("{\"IdempotencyKey\":{\"name\":\"Idempotency-Key\",\"in\":\"header\",\"description\":\"The "
          "same key again answers what was answered then, and does nothing.\",\"schema\":{\"type\":"
          "\"string\",\"maxLength\":255}}}"));
    open_key(doc, "responses", '{');
    for (size_t i = 0; i < ARRAY_LEN(problems); i++) {
        open_key(doc, problems[i].name, '{');
        put(doc, "description", problems[i].doc);
        if (problems[i].retry) {
            json_key(&doc->w, "headers");
            json_put_raw(
                &doc->w,
                S("{\"Retry-After\":{\"description\":\"seconds\",\"schema\":{\"type\":\"integer\"}}}"));
        }
        json_key(&doc->w, "content");
        json_put_raw(
            &doc->w,
            S("{\"application/problem+json\":{\"schema\":{\"$ref\":\"#/components/schemas/Problem\"}}}"));
        json_close(&doc->w, '}');
    }
    json_close(&doc->w, '}');
    open_key(doc, "schemas", '{');
    put_problem_schema(doc);
    for (size_t i = 0; i < doc->n_types; i++) {
        json_key(&doc->w, doc->types[i].type->name);
        json_schema(&doc->w, doc->types[i].type, doc->types[i].body);
    }
    json_close(&doc->w, '}');
    json_close(&doc->w, '}');
}

void openapi_print(struct buf *out, struct str server_url)
{
    struct doc doc = {.w = json_writer(out)};
    json_open(&doc.w, '{');
    put_info(&doc, server_url);
    put_paths(&doc);
    put_webhooks(&doc);
    put_components(&doc);
    json_close(&doc.w, '}');
}
