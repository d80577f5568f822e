// SPDX-License-Identifier: AGPL-3.0-or-later
// What a request must be before anybody looks at its body: sent to our name, from our page, by somebody.
#pragma once
#include "api/route.h"

// Host is the public URL's or a loopback name; else false (421).
bool guard_host(const struct app *app, const struct http_request *http);
// The client's address; behind a proxy on this machine what the proxy says (the end of
// the last X-Forwarded-For), "unknown" when that is no address: a stranger is never taken for this machine.
struct str guard_peer(const struct http_request *http);
// Unsafe requests of the page: our Origin and JSON. `cookie`: the request is let in by its cookie.
bool guard_csrf(const struct request *req, bool cookie, struct err *err) MUST_CHECK;
// Query parameters are known ones, each once.
bool guard_query(const struct request *req, struct err *err) MUST_CHECK;

enum credential { CREDENTIAL_NONE, CREDENTIAL_COOKIE, CREDENTIAL_TOKEN };
// Session or token -> actor. NONE with an empty actor when there is neither; ERR_UNAUTHENTICATED when what
// was given does not hold.
bool guard_identify(struct request *req, struct conn *conn, enum credential *ret_credential,
                    struct err *err) MUST_CHECK;
// May this actor, through this credential, use the route?
bool guard_right(const struct request *req, struct err *err) MUST_CHECK;

const char *guard_cookie_name(const struct app *app);
// Set-Cookie for a new session, or (STR_NONE) the end of one.
struct str guard_cookie(const struct app *app, struct arena *arena, struct str secret);
