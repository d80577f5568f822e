// SPDX-License-Identifier: AGPL-3.0-or-later
// What the page knows of whoever is signed in.
#pragma once
#include "api/route.h"

struct me {
    i64 id;
    struct str name, email, role, language, settings, signature, version;
    struct str_list rights;
    struct {
        i64 id;
        struct str name;
    } workspace;
    bool has_password, all_channels, all_teams, must_enroll;
    struct id_list channel_ids, team_ids;
};
extern const struct type me_type;
bool me_load(struct conn *conn, i64 workspace_id, i64 agent_id, struct arena *arena, struct me *out,
             struct err *err) MUST_CHECK;

// Before a password is tried again inside: by a session (a token that leaked must not become a way to guess
// its owner's password), and slowly, as signing in is.
bool me_may_try_password(struct request *req, struct err *err) MUST_CHECK;
// It was right: that try costs nothing.
void me_knew_password(struct request *req);

// Sends a link once: URL/sign-in#CODE.
struct str sign_in_url(const struct app *app, struct arena *arena, struct str code);
