// SPDX-License-Identifier: AGPL-3.0-or-later
// docs/rights.md: every route with the right it needs and the roles that have it.
#include "api/docs.h"
#include "api/match.h"

static const struct {
    const char *name, *doc;
} names[] = {
    [MAY_ANYONE] = {"anyone", "no session needed"},
    [MAY_READ] = {"read", "see conversations, customers, settings"},
    [MAY_NOTE] = {"note", "write notes"},
    [MAY_REPLY] = {"reply", "answer customers, like, delete own answers"},
    [MAY_TRIAGE] = {"triage", "close, snooze, assign, tag, prioritise"},
    [MAY_LEAD] = {"lead", "teams and tags themselves"},
    [MAY_ADMIN] = {"admin", "channels, colleagues, tokens, settings"},
    [MAY_OWN] = {"own", "owners"},
    [MAY_METRICS] = {"metrics", "figures for Prometheus"},
    [MAY_VISIT] = {"visitor", "one's own chat on a channel; a visitor's token, never a colleague's"},
};

const char *right_name(enum right right)
{
    return names[right].name;
}

static void put_roles(struct buf *out, enum right right)
{
    for (int i = 0; role_names[i]; i++) {
        struct actor actor = {.role = (enum role)(i + 1), .scopes = SCOPE_ALL};
        buf_printf(out, " %s |", right == MAY_ANYONE || actor_may(&actor, right) ? "yes" : "");
    }
}

static void put_head(struct buf *out, const char *first)
{
    buf_printf(out, "\n|%s|", first);
    for (int i = 0; role_names[i]; i++)
        buf_printf(out, " %s |", role_names[i]);
    size_t columns = 1;
    for (const char *p = first; *p; p++)
        columns += *p == '|';
    buf_add(out, S("\n|"));
    for (size_t i = 0; i < columns; i++)
        buf_add(out, S("---|"));
    for (int i = 0; role_names[i]; i++)
        buf_add(out, S("---|"));
    buf_add_char(out, '\n');
}

void rights_print(struct buf *out)
{
    buf_add(
        out,
        S("# Rights\n\nMade from the route table by `heed rights`; do not edit.\n\nWhat one may not see "
          "answers 404, what one may not do 403. An agent sees a conversation when its channel is in their "
          "channels and its team is theirs or empty. A token acts with its agent's rights and needs the "
          "scope "
          "`read` to read, `write` to change, `admin` where the right is admin or own, `metrics` for "
          "/metrics.\n"));
    put_head(out, " right | means ");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        buf_printf(out, "| %s | %s |", names[i].name, names[i].doc);
        put_roles(out, (enum right)i);
        buf_add_char(out, '\n');
    }
    put_head(out, " method | path | right ");
    for (size_t t = 0; route_tables[t]; t++) {
        for (const struct route *route = route_tables[t]; route->path; route++) {
            buf_printf(out, "| %s | `%s` | %s |", method_name(route->method), route->path,
                       right_name(route->right));
            put_roles(out, route->right);
            buf_add_char(out, '\n');
        }
    }
}
