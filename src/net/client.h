// SPDX-License-Identifier: AGPL-3.0-or-later
// The one way out: every connection this program opens to an address goes through fetch (libcurl multi
// on one thread). It resolves the name itself, refuses private, loopback, link-local, metadata and own
// addresses (every answer checked, IPv4-mapped and NAT64 forms too), dials exactly the checked address,
// checks each redirect hop again, and bounds size and time. --allow-host HOST:PORT exempts exactly that.
#pragma once
#include "base/err.h"
#include "channels/channel.h"

struct outbound_client;
struct client_settings {
    struct str_list *allow_hosts; // "127.0.0.1:2583"
    struct str user_agent;
};
bool client_start(const struct client_settings *settings, struct outbound_client **ret,
                  struct err *err) MUST_CHECK;
void client_stop(struct outbound_client *client);
enum fetch_flags {
    FETCH_REDIRECTS = 1, // follow up to 3, each checked again; without: 3xx is the answer
};
// Blocks the calling job until the answer or the deadline. Answer in the arena. Never fails: a refused
// address or a transport error is an answer with got_answer = false and the reason.
void client_fetch(struct outbound_client *client, const struct net_request *request, unsigned flags,
                  struct arena *arena, struct net_answer *ret_answer);
// True when the guard would dial this URL now; for settings forms. Resolves.
bool client_url_allowed(struct outbound_client *client, struct str url, struct err *err) MUST_CHECK;
// The address rule alone: 4 or 16 bytes. For tests.
bool address_is_public(const u8 *address, size_t len);
