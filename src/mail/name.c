// SPDX-License-Identifier: AGPL-3.0-or-later
// File names from strangers: only a name, never a way.
#include "mail/charset.h"
#include "mail/parts.h"

enum { FILE_NAME_MAX = 180 };

static const struct {
    const char *mime, *ending;
} endings[] = {
    {"text/plain", ".txt"},
    {"text/html", ".html"},
    {"text/calendar", ".ics"},
    {"text/csv", ".csv"},
    {"text/vcard", ".vcf"},
    {"image/png", ".png"},
    {"image/jpeg", ".jpg"},
    {"image/gif", ".gif"},
    {"image/webp", ".webp"},
    {"image/svg+xml", ".svg"},
    {"application/pdf", ".pdf"},
    {"application/zip", ".zip"},
    {"message/rfc822", ".eml"},
    {"audio/mpeg", ".mp3"},
    {"video/mp4", ".mp4"},
    {"application/ms-tnef", ".dat"},
    {"message/delivery-status", ".txt"},
    {"text/rfc822-headers", ".txt"},
    {"application/pgp-signature", ".asc"},
    {"application/pkcs7-signature", ".p7s"},
};

static bool is_hidden_sign(u32 c)
{
    return c == 0x200E || c == 0x200F || c == 0x061C || (c >= 0x202A && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0x200B || c == 0xFEFF || c == 0x00AD;
}

// What is left of a type's name as part of a file's.
static struct str name_letters(struct str s, struct arena *arena)
{
    char *out = arena_alloc(arena, s.len);
    for (size_t i = 0; i < s.len; i++) {
        bool plain = (s.ptr[i] >= 'a' && s.ptr[i] <= 'z') || (s.ptr[i] >= '0' && s.ptr[i] <= '9');
        out[i] = (char)(plain ? s.ptr[i] : '-');
    }
    return (struct str){out, s.len};
}

// "mail.eml", "picture.png", "delivery-status.txt", "attachment.bin".
static struct str fallback(struct str mime, struct arena *arena)
{
    struct str stem = S("attachment"), ending = S(".bin");
    if (str_eq(mime, S("message/rfc822"))) {
        stem = S("mail");
    } else if (str_starts(mime, S("image/"))) {
        stem = S("picture");
    } else if (str_starts(mime, S("message/"))) {
        stem = name_letters(str_sub(mime, 8, mime.len), arena);
        ending = S(".txt");
    } else if (str_eq(mime, S("text/rfc822-headers"))) {
        stem = S("headers");
    }
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        ending = str_eq(mime, str_from(endings[i].mime)) ? str_from(endings[i].ending) : ending;
    }
    return str_concat(arena, stem, ending);
}

struct str name_tidy(struct str name, struct str mime, struct arena *arena)
{
    struct buf out;
    size_t pos = 0, from = 0;
    for (size_t i = 0; i < name.len; i++) { // behind the last separator of any system
        from = name.ptr[i] == '/' || name.ptr[i] == '\\' ? i + 1 : from;
    }
    name = str_sub(name, from, name.len);
    buf_init(&out, arena, name.len + 1);
    while (pos < name.len) {
        size_t start = pos;
        u32 c = utf8_next(name, &pos);
        if (c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 || is_hidden_sign(c)) {
            continue;
        }
        buf_add(&out, c < 0x80 && strchr(":*?\"<>|", (int)c) ? S("_") : str_sub(name, start, pos));
    }
    struct str tidy = str_trim(buf_str(&out));
    while (tidy.len && tidy.ptr[0] == '.') { // neither hidden nor a folder
        tidy = str_sub(tidy, 1, tidy.len);
    }
    while (tidy.len && (tidy.ptr[tidy.len - 1] == '.' || tidy.ptr[tidy.len - 1] == ' ')) {
        tidy.len--;
    }
    if (tidy.len > FILE_NAME_MAX) { // the ending says what it is and stays
        struct str head = charset_cut(tidy, FILE_NAME_MAX - 20), ending = S("");
        for (size_t i = tidy.len - 20; i < tidy.len; i++) {
            if (tidy.ptr[i] == '.') {
                ending = str_sub(tidy, i, tidy.len);
                break;
            }
        }
        tidy = str_concat(arena, head, ending);
    }
    return tidy.len ? tidy : fallback(mime, arena);
}
