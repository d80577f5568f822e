// SPDX-License-Identifier: AGPL-3.0-or-later
// Finds the route of a path by walking the tables: a hundred short comparisons, some microseconds at most.
#include "api/match.h"
#include "api/routes.h"

const struct route *const route_tables[] = {
    session_routes, me_routes,      workspace_routes,    agent_routes,   team_routes,   tag_routes,
    channel_routes, token_routes,   conversation_routes, message_routes, mail_routes,   compose_routes,
    contact_routes, file_routes,    live_routes,         ping_routes,    push_routes,   about_routes,
    hook_routes,    webhook_routes, factor_routes,       health_routes,  folder_routes, chat_routes,
    form_routes,    bulk_routes,    passkey_routes,      call_routes,    brand_routes,  NULL,
};

const char *method_name(enum http_method method)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER"};
    return names[method];
}

// "{id}" takes one part; anything else must be equal.
static bool path_fits(const char *pattern, struct str path, struct str values[4])
{
    struct str want = str_from(pattern), got = path;
    size_t n = 0;
    while (str_given(want) && str_given(got)) {
        struct str a = str_cut(want, '/', &want);
        struct str b = str_cut(got, '/', &got);
        if (a.len > 1 && a.ptr[0] == '{') {
            if (b.len == 0)
                return false;
            values[n++] = b;
        } else if (!str_eq(a, b)) {
            return false;
        }
    }
    return !str_given(want) && !str_given(got);
}

enum match_result route_match(enum http_method method, struct str path, const struct route **ret_route,
                              struct str path_values[4], unsigned *ret_methods)
{
    enum http_method wanted = method == HTTP_HEAD_ ? HTTP_GET_ : method;
    unsigned methods = 0;
    for (size_t t = 0; route_tables[t]; t++) {
        for (const struct route *route = route_tables[t]; route->path; route++) {
            struct str values[4] = {};
            if (!path_fits(route->path, path, values))
                continue;
            methods |= 1u << route->method;
            if (route->method != wanted)
                continue;
            memcpy(path_values, values, sizeof(values));
            *ret_route = route;
            return MATCH_OK;
        }
    }
    *ret_methods = methods;
    return methods ? MATCH_METHOD : MATCH_NONE;
}

struct str route_allow(struct arena *arena, unsigned methods)
{
    struct str list = S("");
    if (methods & (1u << HTTP_GET_))
        methods |= 1u << HTTP_HEAD_;
    methods |= 1u << HTTP_OPTIONS_;
    for (unsigned m = 0; m <= HTTP_OPTIONS_; m++) {
        if (methods & (1u << m))
            list = str_printf(arena, "%.*s%s%s", STR_ARG(list), list.len ? ", " : "",
                              method_name((enum http_method)m));
    }
    return list;
}

size_t route_index(const struct route *wanted)
{
    size_t index = 0;
    for (size_t t = 0; route_tables[t]; t++) {
        const struct route *first = route_tables[t], *last = first;
        while (last->path)
            last++;
        if ((uintptr_t)wanted >= (uintptr_t)first && (uintptr_t)wanted < (uintptr_t)last)
            return index + (size_t)(wanted - first);
        index += (size_t)(last - first);
    }
    return index;
}

size_t route_count(void)
{
    size_t count = 0;
    for (size_t t = 0; route_tables[t]; t++) {
        for (const struct route *route = route_tables[t]; route->path; route++)
            count++;
    }
    return count;
}
