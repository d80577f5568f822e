// SPDX-License-Identifier: AGPL-3.0-or-later
// HTML of any kind becomes valid text of limited length; the visible part of it ends between characters.
#include "base/arena.h"
#include "mail/html.h"
#include "mail/quote.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct arena *arena = arena_create();
    struct html_text made;
    struct str html = utf8_clean(arena, (struct str){(const char *)data, size});
    html_to_text(html, 4000, arena, &made);
    size_t visible = quote_visible(made.text, made.tail_at), plain = quote_visible(html, SIZE_MAX);
    struct str unflowed = quote_unflow(html, size % 2, arena);
    if (made.text.len > 4000 || !utf8_valid(made.text) || visible > made.text.len || plain > html.len ||
        !utf8_valid(str_sub(made.text, 0, visible)) || !utf8_valid(str_sub(html, 0, plain)) ||
        !utf8_valid(unflowed)) {
        abort();
    }
    html_charset(html);
    arena_destroy(arena);
    return 0;
}
