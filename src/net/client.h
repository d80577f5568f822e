// SPDX-License-Identifier: AGPL-3.0-or-later
// The one way out: every connection this program opens to an address goes through fetch (libcurl multi
// on one thread). Each address about to be dialled, whatever the name resolved to, is judged in binary at
// the moment of the connect: private, loopback, link-local, metadata and own addresses are refused
// (IPv4-mapped, 6to4 and NAT64 forms too). Each redirect hop is checked anew; size and time are bounded.
// --allow-host HOST:PORT exempts exactly that.
#pragma once
#include "base/err.h"
#include "channels/channel.h"
#include "json/field.h"

struct outbound_client;
// Tests only: stands in for DNS. Fills up to max addresses as text, returns how many.
typedef size_t client_test_resolver(struct str host, char (*addresses)[46], size_t max, void *arg);
struct client_settings {
    struct str_list *allow_hosts; // "127.0.0.1:2583"; NULL: none
    struct str user_agent;
    client_test_resolver *test_resolver;
    void *test_arg;
};
// ERR_INVALID, field "allow-host", when one of allow_hosts cannot be read.
bool client_start(const struct client_settings *settings, struct outbound_client **ret,
                  struct err *err) MUST_CHECK;
// Everything under way ends with an answer "stopping". Nobody may call in once it has returned.
void client_stop(struct outbound_client *client);
enum fetch_flags {
    FETCH_REDIRECTS = 1, // GET and HEAD: follow up to 3, each checked again; without: 3xx is the answer
};
// Blocks the calling job until the answer or the deadline. Answer in the arena. Never fails: a refused
// address or a transport error is an answer with got_answer = false and the reason.
void client_fetch(struct outbound_client *client, const struct net_request *request, unsigned flags,
                  struct arena *arena, struct net_answer *ret_answer);
// One turn of a talk over lines (a request with `whole`), in the calling thread. *dialog: NULL at first, then
// the connection for the next turn; the guard looks at each address dialled, as above.
struct dialog;
void client_talk(struct outbound_client *client, struct dialog **dialog, const struct net_request *request,
                 struct arena *arena, struct net_answer *ret_answer);
// Ends a talk; NULL is fine.
void client_hang_up(struct dialog *dialog);
// Patient turns end now, and those to come end at once: the jobs are stopping.
void client_interrupt(struct outbound_client *client);
// True when the guard would dial this URL now; for settings forms. Resolves, at most 5 s.
bool client_url_allowed(struct outbound_client *client, struct str url, struct err *err) MUST_CHECK;
// True when the operator allowed exactly this URL's host and port (--allow-host).
bool client_url_exempt(struct outbound_client *client, struct str url);
// The address rule alone: 4 or 16 bytes. For tests.
bool address_is_public(const u8 *address, size_t len);
