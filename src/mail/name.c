// SPDX-License-Identifier: AGPL-3.0-or-later
// File names from strangers: only a name, never a way.
#include "base/arena.h"
#include "mail/parts.h"
#include "text/words.h"

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
    size_t from = 0;
    for (size_t i = 0; i < name.len; i++) { // behind the last separator of any system
        from = name.ptr[i] == '/' || name.ptr[i] == '\\' ? i + 1 : from;
    }
    struct str tidy = text_file_name(arena, str_sub(name, from, name.len));
    return tidy.len ? tidy : fallback(mime, arena);
}
