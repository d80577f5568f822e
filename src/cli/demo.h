// SPDX-License-Identifier: AGPL-3.0-or-later
// `--demo`: a workspace with customers who keep writing. A thread of its own that posts signed events to
// our own hook and listens on loopback for the answers: it uses nothing that another program could not.
#pragma once
#include "api/app.h"

struct demo;
// Makes the workspace when the database is empty, prints "Sign in: …", starts the thread.
bool demo_start(struct app *app, struct demo **ret_demo, struct err *err) MUST_CHECK;
void demo_stop(struct demo *demo); // NULL is fine
