// SPDX-License-Identifier: AGPL-3.0-or-later
// Whether any HTML names any address is decided without harm and without memory of what stood before; and an
// address put into a picture's tag is found again, whatever it is and whatever closed markup stands before
// it.
#include "base/arena.h"
#include "base/buf.h"
#include "mail/html.h"
#include "mail/pictures.h"
#include <stdlib.h>

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

static struct str with_picture(struct str before, struct str url, struct arena *arena)
{
    struct buf html;
    buf_init(&html, arena, before.len + url.len * 6 + 64);
    buf_add(&html, before);
    buf_add(&html, S("<img alt='x' src=\""));
    html_add_escaped(&html, url);
    buf_add(&html, S("\">"));
    return buf_str(&html);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct arena *arena = arena_create();
    struct str html, input = {(const char *)data, size};
    struct buf answer;
    struct str url = str_cut(input, '\n', &html);
    url = picture_url_plain(arena, url);
    html = str_given(html) ? html : S("");
    buf_init(&answer, arena, 16);
    must(picture_named_job(input, &answer));
    must(str_eq(buf_str(&answer), S("y")) || str_eq(buf_str(&answer), S("n")));
    bool named = html_names_picture(html, url);
    must(!named || url.len > 0);
    must(str_eq(picture_url_plain(arena, url), url));
    if (url.len > 0) {
        must(html_names_picture(with_picture(S("<p>"), url, arena), url));
        // Text alone never hides what follows, and never names anything.
        must(!html_names_picture(url, url) || memchr(url.ptr, '<', url.len));
        if (!memchr(html.ptr, '<', html.len)) {
            must(!named && html_names_picture(with_picture(html, url, arena), url));
        }
    }
    arena_destroy(arena);
    return 0;
}
