// SPDX-License-Identifier: AGPL-3.0-or-later
// Requests of visitors: no session of ours, no cookie, no scope. A channel is found by its public key, a
// page of another origin must be on the channel's list, and what belongs to a visitor needs their token.
#pragma once
#include "api/route.h"
#include "desk/visitor.h"

struct visiting {
    struct visitor_channel channel;
    struct visitor visitor; // id 0 where the route needs none
};
// Finds channel and visitor, checks the origin and the rates. Fills req->visit and req->cors_origin.
bool visit_admit(struct request *req, struct conn *conn, struct err *err) MUST_CHECK;
// Answers OPTIONS of a browser that asks whether it may; false when the path is no visitor's.
bool visit_preflight(struct request *req, struct reply *reply, unsigned methods);
// Lets the page that asked read the answer, errors too.
void visit_allow_reading(struct request *req, struct reply *reply);
