// SPDX-License-Identifier: AGPL-3.0-or-later
// Text on Bluesky: mentions and links are "facets" beside the text, by UTF-8 byte offsets; without them
// nobody is told of a mention and no link can be clicked. And record keys that stay the same on each try.
#include "base/crypto.h"
#include "channels/bluesky.h"

enum { MAX_FACETS = 40, MAX_HANDLE = 253, MAX_URL = 2000 };

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_host_char(char c)
{
    return is_alnum(c) || c == '-' || c == '.';
}

// Where a mention or link may begin: at the start, behind white space or an opening bracket.
static bool may_begin(struct str text, size_t at)
{
    if (at == 0)
        return true;
    char before = text.ptr[at - 1];
    return before == ' ' || before == '\n' || before == '\r' || before == '\t' || before == '(' ||
           before == '[' || before == '"' || before == '\'';
}

// At least two labels of letters, digits and inner hyphens.
static bool is_host(struct str host)
{
    size_t labels = 1, label = 0;
    if (host.len == 0 || host.len > MAX_HANDLE)
        return false;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        if (c == '.') {
            if (label == 0 || host.ptr[i - 1] == '-')
                return false;
            labels++;
            label = 0;
        } else if (label++ == 0 && c == '-') {
            return false;
        }
    }
    return labels >= 2 && label > 0 && host.ptr[host.len - 1] != '-';
}

static size_t host_end(struct str text, size_t at)
{
    while (at < text.len && is_host_char(text.ptr[at]))
        at++;
    while (at > 0 && (text.ptr[at - 1] == '.' || text.ptr[at - 1] == '-'))
        at--; // the end of a sentence
    return at;
}

static size_t mention(struct str text, size_t at, struct arena *arena, struct bsky_facets *out)
{
    size_t end = host_end(text, at + 1);
    if (end <= at + 1 || !is_host(str_sub(text, at + 1, end)))
        return at + 1;
    *list_push(out, arena) = (struct bsky_facet){.start = at,
                                                 .end = end,
                                                 .mention = true,
                                                 .value = str_lower_ascii(arena, str_sub(text, at + 1, end))};
    return end;
}

// Bytes of a URL up to white space, without the punctuation of the sentence around it.
static size_t url_end(struct str text, size_t at)
{
    size_t start = at;
    while (at < text.len && (u8)text.ptr[at] > ' ' && text.ptr[at] != '<' && text.ptr[at] != '>' &&
           text.ptr[at] != '"')
        at++;
    while (at > start) {
        char last = text.ptr[at - 1];
        bool opened = str_find(str_sub(text, start, at), S("(")) >= 0;
        if (last == '.' || last == ',' || last == ';' || last == ':' || last == '!' || last == '?' ||
            last == '\'' || last == ']' || (last == ')' && !opened))
            at--;
        else
            break;
    }
    return at;
}

// Endings of addresses written without http://; a dot between two words must not become a link.
static bool is_known_ending(struct str host)
{
    static const char *const endings[] = {
        "com",    "org",     "net", "info", "biz", "dev", "app", "shop", "store", "site", "online",
        "social", "example", "eu",  "ee",   "fi",  "se",  "no",  "dk",   "lv",    "lt",   "pl",
        "de",     "at",      "ch",  "nl",   "fr",  "es",  "pt",  "it",   "uk",    "ie",   "id",
        "kr",     "jp",      "cn",  "tw",   "sg",  "my",  "th",  "vn",   "in",    "au",   "nz",
        "us",     "ca",      "br",  "mx",   "tr",  "io",  "co",  "me",   "ai",    "gov",  "edu"};
    size_t dot = host.len;
    while (dot > 0 && host.ptr[dot - 1] != '.')
        dot--;
    for (size_t i = 0; i < ARRAY_LEN(endings); i++)
        if (str_eq_nocase(str_sub(host, dot, host.len), str_from(endings[i])))
            return true;
    return false;
}

static size_t link(struct str text, size_t at, struct arena *arena, struct bsky_facets *out)
{
    struct str rest = str_sub(text, at, text.len);
    bool http = str_starts(rest, S("https://")) || str_starts(rest, S("http://"));
    size_t host_at = http ? at + (str_starts(rest, S("https://")) ? 8 : 7) : at;
    size_t host_stop = host_end(text, host_at);
    if (host_stop <= host_at)
        return at + 1;
    struct str host = str_sub(text, host_at, host_stop);
    bool mail = host_stop < text.len && text.ptr[host_stop] == '@';
    if (!http && (mail || !is_host(host) || !is_known_ending(host)))
        return host_stop;
    size_t end = url_end(text, at);
    if (end < host_stop)
        end = host_stop;
    struct str shown = str_sub(text, at, end);
    if (shown.len > MAX_URL)
        return end;
    *list_push(out, arena) = (struct bsky_facet){
        .start = at, .end = end, .value = http ? shown : str_concat(arena, S("https://"), shown)};
    return end;
}

void bsky_find_facets(struct str text, struct arena *arena, struct bsky_facets *out)
{
    for (size_t at = 0; at < text.len && out->len < MAX_FACETS;) {
        char c = text.ptr[at];
        if (!may_begin(text, at) || (c != '@' && !is_alnum(c)))
            at++;
        else if (c == '@')
            at = mention(text, at, arena, out);
        else
            at = link(text, at, arena, out);
    }
}

static void put_feature(struct json_writer *w, const struct bsky_facet *facet)
{
    json_open(w, '{');
    json_key(w, "$type");
    json_put_str(w,
                 facet->mention ? S("app.bsky.richtext.facet#mention") : S("app.bsky.richtext.facet#link"));
    json_key(w, facet->mention ? "did" : "uri");
    json_put_str(w, facet->value);
    json_close(w, '}');
}

void bsky_put_facets(struct json_writer *w, const struct bsky_facets *facets)
{
    size_t n = 0;
    for (size_t i = 0; i < facets->len; i++)
        n += facets->items[i].value.len > 0;
    if (n == 0)
        return;
    json_key(w, "facets");
    json_open(w, '[');
    for (size_t i = 0; i < facets->len; i++) {
        const struct bsky_facet *facet = &facets->items[i];
        if (!facet->value.len)
            continue;
        json_open(w, '{');
        json_key(w, "index");
        json_open(w, '{');
        json_key(w, "byteStart");
        json_put_i64(w, (i64)facet->start);
        json_key(w, "byteEnd");
        json_put_i64(w, (i64)facet->end);
        json_close(w, '}');
        json_key(w, "features");
        json_open(w, '[');
        put_feature(w, facet);
        json_close(w, ']');
        json_close(w, '}');
    }
    json_close(w, ']');
}

// 13 characters of sortable base32: 53 bits of microseconds, 10 bits of clock id. The milliseconds are the
// message's own; what is below them and the clock id come from the key, so that two never meet.
struct str bsky_tid(struct arena *arena, i64 at_ms, struct str client_key)
{
    static const char digits[] = "234567abcdefghijklmnopqrstuvwxyz";
    u8 hash[32];
    char out[13];
    sha256(client_key, hash);
    u64 low = ((u64)hash[0] << 24 | (u64)hash[1] << 16 | (u64)hash[2] << 8 | hash[3]);
    u64 us = (u64)(at_ms < 0 ? 0 : at_ms) * 1000 + low % 1000;
    u64 value = ((us & ((UINT64_C(1) << 53) - 1)) << 10) | ((low / 1000) & 1023);
    for (size_t i = 0; i < sizeof out; i++)
        out[i] = digits[(value >> (60 - 5 * i)) & 31];
    return str_copy(arena, (struct str){out, sizeof out});
}
