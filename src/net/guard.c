// SPDX-License-Identifier: AGPL-3.0-or-later
// The address rule (IANA special-purpose registries, 2026-11) on binary addresses; forms that wrap an
// IPv4 address are judged by what they wrap.
#include "net/guard.h"
#include "base/arena.h"
#include "net/client.h"
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>

struct block {
    u8 address[16];
    u8 bits;
};

static const struct block closed_v4[] = {
    {{0}, 8},             // this network
    {{10}, 8},            // private
    {{100, 64}, 10},      // carrier's NAT
    {{127}, 8},           // loopback
    {{169, 254}, 16},     // link-local, cloud metadata
    {{172, 16}, 12},      // private
    {{192, 0, 0}, 24},    // protocol assignments
    {{192, 0, 2}, 24},    // documentation
    {{192, 88, 99}, 24},  // 6to4 relays
    {{192, 168}, 16},     // private
    {{198, 18}, 15},      // benchmarks
    {{198, 51, 100}, 24}, // documentation
    {{203, 0, 113}, 24},  // documentation
    {{224}, 4},           // multicast
    {{240}, 4},           // reserved, broadcast
};

// Inside 2000::/3, which is all that is routed.
static const struct block closed_v6[] = {
    {{0x20, 0x01}, 23},             // protocol assignments: Teredo, benchmarks, ORCHID
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, // documentation
    {{0x3f, 0xff}, 20},             // documentation
};

static bool is_in(const u8 *address, const struct block *block)
{
    size_t whole = block->bits / 8, rest = block->bits % 8;

    if (memcmp(address, block->address, whole) != 0) {
        return false;
    }
    return rest == 0 || ((address[whole] ^ block->address[whole]) >> (8 - rest)) == 0;
}

static bool is_public_v4(const u8 *address)
{
    for (size_t i = 0; i < ARRAY_LEN(closed_v4); i++) {
        if (is_in(address, &closed_v4[i])) {
            return false;
        }
    }
    return true;
}

static bool is_public_v6(const u8 *address)
{
    static const u8 zeros[12];
    static const u8 nat64[12] = {0x00, 0x64, 0xff, 0x9b};

    // ::, ::1, ::a.b.c.d and ::ffff:a.b.c.d: a mapped address is dialled as IPv4, the others
    // are not routed.
    if (memcmp(address, zeros, 10) == 0) {
        return address[10] == 0xff && address[11] == 0xff && is_public_v4(address + 12);
    }
    if (memcmp(address, nat64, 12) == 0) {
        return is_public_v4(address + 12);
    }
    if ((address[0] & 0xe0) != 0x20) {
        return false;
    }
    if (address[0] == 0x20 && address[1] == 0x02) { // 6to4
        return is_public_v4(address + 2);
    }
    for (size_t i = 0; i < ARRAY_LEN(closed_v6); i++) {
        if (is_in(address, &closed_v6[i])) {
            return false;
        }
    }
    return true;
}

bool address_is_public(const u8 *address, size_t len)
{
    return len == 4 ? is_public_v4(address) : len == 16 && is_public_v6(address);
}

// ---- Our own addresses --------------------------------------------------------------------------------
static size_t address_bytes(const struct sockaddr *address, const u8 **ret)
{
    if (address->sa_family == AF_INET) {
        *ret = (const u8 *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
        return 4;
    }
    if (address->sa_family == AF_INET6) {
        *ret = (const u8 *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        return 16;
    }
    return 0;
}

static bool is_own(const u8 *bytes, size_t len)
{
    struct ifaddrs *list, *at;
    bool own = false;

    if (getifaddrs(&list) != 0) {
        return false;
    }
    for (at = list; at && !own; at = at->ifa_next) {
        const u8 *mine;

        own = at->ifa_addr && address_bytes(at->ifa_addr, &mine) == len && memcmp(mine, bytes, len) == 0;
    }
    freeifaddrs(list);
    return own;
}

bool guard_check_address(const struct sockaddr *address, char *reason, size_t size)
{
    const u8 *bytes = NULL;
    size_t len = address_bytes(address, &bytes);
    char text[INET6_ADDRSTRLEN] = "?";

    if (len == 0) {
        snprintf(reason, size, "This kind of address is not dialled.");
        return false;
    }
    inet_ntop(address->sa_family, bytes, text, sizeof text);
    if (!address_is_public(bytes, len)) {
        snprintf(reason, size, "Refused: %s is not a public address.", text);
        return false;
    }
    if (len == 16 && memcmp(bytes, (const u8[12]){[10] = 0xff, [11] = 0xff}, 12) == 0) {
        bytes += 12;
        len = 4;
    }
    if (is_own(bytes, len)) {
        snprintf(reason, size, "Refused: %s is an address of this server itself.", text);
        return false;
    }
    return true;
}

// ---- The operator's list --------------------------------------------------------------------------------
struct entry {
    struct str host;
    int port;
};

struct guard {
    struct arena *arena;
    struct entry *entries;
    size_t n_entries;
};

static bool read_entry(struct arena *arena, struct str text, struct entry *ret, struct err *err)
{
    struct err ignored;
    struct url url;
    struct str scheme = S("http://");
    size_t colon = text.len;

    while (colon > 0 && text.ptr[colon - 1] >= '0' && text.ptr[colon - 1] <= '9') {
        colon--;
    }
    bool has_port = colon > 0 && colon < text.len && text.ptr[colon - 1] == ':';
    bool bare = text.len > 0 && !memchr(text.ptr, '/', text.len) && !memchr(text.ptr, '?', text.len) &&
                !memchr(text.ptr, '#', text.len);

    if (!has_port || !bare || !url_parse(arena, str_concat(arena, scheme, text), &url, &ignored)) {
        return err_field(err, "allow-host", "invalid", "\"" STR_FMT "\" is not HOST:PORT.", STR_ARG(text));
    }
    *ret = (struct entry){url.host, url.port};
    return true;
}

bool guard_create(const struct str *entries, size_t n, struct guard **ret, struct err *err)
{
    struct arena *arena = arena_create();
    struct guard *guard = arena_new(arena, struct guard);

    guard->arena = arena;
    guard->entries = arena_array(arena, struct entry, n);
    guard->n_entries = n;
    for (size_t i = 0; i < n; i++) {
        if (!read_entry(arena, entries[i], &guard->entries[i], err)) {
            arena_destroy(arena);
            return false;
        }
    }
    *ret = guard;
    return true;
}

void guard_destroy(struct guard *guard)
{
    if (guard) {
        arena_destroy(guard->arena);
    }
}

bool guard_is_exempt(const struct guard *guard, const struct url *url)
{
    for (size_t i = 0; i < guard->n_entries; i++) {
        if (guard->entries[i].port == url->port && str_eq(guard->entries[i].host, url->host)) {
            return true;
        }
    }
    return false;
}

bool guard_check_url(const struct guard *guard, const struct url *url, struct err *err)
{
    if (guard_is_exempt(guard, url)) {
        return true;
    }
    if (url->port != 80 && url->port != 443 && url->port != 8080 && url->port != 8443) {
        return err_set(err, ERR_INVALID, "Refused: port %d; only 80, 443, 8080 and 8443 are dialled.",
                       url->port);
    }
    if (url->address_len == 0) {
        return true;
    }
    struct sockaddr_storage address = {.ss_family = url->address_len == 4 ? AF_INET : AF_INET6};
    char reason[160];

    if (url->address_len == 4) {
        memcpy(&((struct sockaddr_in *)&address)->sin_addr, url->address, 4);
    } else {
        memcpy(&((struct sockaddr_in6 *)&address)->sin6_addr, url->address, 16);
    }
    return guard_check_address((const struct sockaddr *)&address, reason, sizeof reason) ||
           err_set(err, ERR_INVALID, "%s", reason);
}
