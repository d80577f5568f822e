// SPDX-License-Identifier: AGPL-3.0-or-later
// `--demo`: a workspace with customers who keep writing. A thread of its own that posts signed events to
// our own hook and listens on loopback for the answers: it uses nothing that another program could not.
#pragma once
#include "api/app.h"
#include "json/field.h"

struct demo;
// The demo's listener; its address joins the hosts that may be reached, so before client_start.
bool demo_listen(struct app *app, struct str_list *allow_hosts, struct arena *arena, struct demo **ret_demo,
                 struct err *err) MUST_CHECK;
// Makes the workspace when the database is empty, gives the sign-in code, starts the thread.
bool demo_start(struct demo *demo, struct str *ret_code, struct err *err) MUST_CHECK;
void demo_stop(struct demo *demo); // NULL is fine

// ---- demo_world.c ----
struct demo_world {
    i64 workspace_id, owner_id;
    struct {
        i64 id;
        struct str secret; // whsec_…
    } channels[2];         // private, public
    bool fresh;            // just made: it has no conversations yet
    struct str token;      // of the owner, for what colleagues did before the visitor came
    struct str code;       // sign-in
    struct str chat_key;   // of the shop's chat
};
// In the database: makes it, or finds it and gives its channels the listener's new address.
bool demo_world_open(struct app *app, struct str deliver_url, struct arena *arena, struct demo_world *out,
                     struct err *err) MUST_CHECK;
