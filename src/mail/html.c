// SPDX-License-Identifier: AGPL-3.0-or-later
// One walk over the bytes: text, tags, and what is skipped. A tag that never ends takes the rest, as in
// browsers, so nothing is looked at twice.
#include "mail/html.h"
#include "base/arena.h"
#include "base/buf.h"
#include "mail/html_tag.h"

enum {
    QUOTE_MAX = 8, // signs of quotation before a line
    LIST_MAX = 16, // nested lists whose numbers are kept
    LINK_MAX = 2000,
    WORD_MAX = 1000, // bytes written at once, so that an endless word fills what room there is
};

enum what {
    INLINE,
    LINE,      // begins a new line
    PARAGRAPH, // and leaves one empty
    BREAK,
    ITEM,
    LIST,
    CELL,
    QUOTE,
    PRE,
    LINK,
    PICTURE,
    SKIPPED, // with everything up to its end
};

static const struct {
    const char *name;
    enum what what;
} elements[] = {
    {"a", LINK},           {"address", LINE},     {"article", LINE},    {"aside", LINE},
    {"blockquote", QUOTE}, {"br", BREAK},         {"caption", LINE},    {"center", LINE},
    {"dd", LINE},          {"div", LINE},         {"dl", PARAGRAPH},    {"dt", LINE},
    {"fieldset", LINE},    {"figure", LINE},      {"footer", LINE},     {"form", LINE},
    {"h1", PARAGRAPH},     {"h2", PARAGRAPH},     {"h3", PARAGRAPH},    {"h4", PARAGRAPH},
    {"h5", PARAGRAPH},     {"h6", PARAGRAPH},     {"header", LINE},     {"hr", PARAGRAPH},
    {"iframe", SKIPPED},   {"img", PICTURE},      {"legend", LINE},     {"li", ITEM},
    {"main", LINE},        {"nav", LINE},         {"noembed", SKIPPED}, {"noframes", SKIPPED},
    {"ol", LIST},          {"option", LINE},      {"p", PARAGRAPH},     {"pre", PRE},
    {"script", SKIPPED},   {"section", LINE},     {"style", SKIPPED},   {"table", LINE},
    {"td", CELL},          {"template", SKIPPED}, {"th", CELL},         {"title", SKIPPED},
    {"tr", LINE},          {"ul", LIST},
};

struct tag {
    struct str name; // as written
    bool closing;
    struct str href, alt, style, id, class_;
    bool hidden, has_alt;
};

struct state {
    struct str html;
    size_t pos;
    struct arena *arena;
    struct buf out;
    int breaks; // line breaks that come before the next word
    bool space; // a space does
    bool line_open;
    int quote, pre;
    int list_depth;
    int numbers[LIST_MAX]; // of ordered lists; -1: bullets
    struct str link;
    size_t link_at; // where its words begin in out
    bool in_link;
    struct str hidden_tag; // what is within is not shown
    int hidden_depth;
    bool show_hidden;
    size_t tail_at;
};

// --- Writing ---

static void open_line(struct state *state)
{
    if (state->breaks && state->out.len) {
        while (state->out.len && state->out.ptr[state->out.len - 1] == ' ' &&
               !(state->out.len >= 3 && str_ends(buf_str(&state->out), S("-- ")))) {
            state->out.len--;
        }
        for (int i = 0; i < state->breaks; i++) {
            buf_add_char(&state->out, '\n');
        }
        state->line_open = false;
    }
    state->breaks = 0;
    if (!state->line_open) {
        for (int i = 0; i < state->quote && i < QUOTE_MAX; i++) {
            buf_add_char(&state->out, '>');
        }
        if (state->quote) {
            buf_add_char(&state->out, ' ');
        }
        state->line_open = true;
        state->space = false;
    }
    if (state->space) {
        buf_add_char(&state->out, ' ');
        state->space = false;
    }
}

static void put(struct state *state, struct str s)
{
    if (state->hidden_depth == 0 && s.len) {
        open_line(state);
        buf_add(&state->out, s);
    }
}

static void want_breaks(struct state *state, int n)
{
    if (state->hidden_depth == 0) {
        state->breaks = state->breaks < n ? n : state->breaks;
        state->space = false;
    }
}

static void put_break(struct state *state)
{
    if (state->hidden_depth == 0) {
        // Breaks before the first word of a line that has none yet make empty lines, two at most.
        state->breaks = state->breaks < 3 ? state->breaks + 1 : 3;
        state->space = false;
    }
}

// --- Tags ---

// An attribute's value with its references resolved, on one line.
static struct str plain_value(struct str raw, struct arena *arena)
{
    struct buf out;
    buf_init(&out, arena, raw.len * 4 + 8);
    for (size_t i = 0; i < raw.len;) {
        size_t behind = i + 1;
        u32 c = raw.ptr[i] == '&' ? html_reference(raw, i, &behind) : 0;
        char bytes[4];
        if (c) {
            buf_add(&out, (struct str){bytes, utf8_encode(c, bytes)});
            i = behind;
        } else {
            buf_add_char(&out, (u8)raw.ptr[i] < 0x20 ? ' ' : raw.ptr[i]);
            i++;
        }
    }
    return str_trim(buf_str(&out));
}

static void keep_attribute(struct tag *tag, struct str name, struct str value)
{
    if (str_eq_nocase(name, S("href")) && !tag->href.ptr) {
        tag->href = value;
    } else if (str_eq_nocase(name, S("alt")) && !tag->has_alt) {
        tag->alt = value;
        tag->has_alt = true;
    } else if (str_eq_nocase(name, S("style")) && !tag->style.ptr) {
        tag->style = value;
    } else if (str_eq_nocase(name, S("id")) && !tag->id.ptr) {
        tag->id = value;
    } else if (str_eq_nocase(name, S("class")) && !tag->class_.ptr) {
        tag->class_ = value;
    } else if (str_eq_nocase(name, S("hidden"))) {
        tag->hidden = true;
    }
}

// The tag at pos ('<' before a letter or '/'); pos moves behind its '>'.
static void read_tag(struct state *state, struct tag *ret)
{
    struct str html = state->html, name, value;
    size_t i = state->pos;
    *ret = (struct tag){.closing = html.ptr[i + 1] == '/'};
    ret->name = html_tag_name(html, &i);
    while (html_attribute(html, &i, &name, &value)) {
        keep_attribute(ret, name, value);
    }
    state->pos = i < html.len ? i + 1 : i;
}

static enum what what_is(struct str name)
{
    size_t low = 0, high = ARRAY_LEN(elements);
    char room[12];
    if (name.len == 0 || name.len >= sizeof room) {
        return INLINE;
    }
    for (size_t i = 0; i < name.len; i++) {
        room[i] = (char)(name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? name.ptr[i] + 32 : name.ptr[i]);
    }
    room[name.len] = 0;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(room, elements[middle].name);
        if (order == 0) {
            return elements[middle].what;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return INLINE;
}

static bool has_word(struct str words, const char *const *wanted, size_t n)
{
    while (words.ptr) {
        struct str word = str_cut(words, ' ', &words);
        word = str_starts(word, S("x_")) ? str_sub(word, 2, word.len) : word; // Outlook renames
        for (size_t i = 0; i < n; i++) {
            if (str_eq_nocase(word, str_from(wanted[i]))) {
                return true;
            }
        }
    }
    return false;
}

static bool is_quote_container(const struct tag *tag)
{
    static const char *const classes[] = {
        "gmail_quote", "gmail_quote_container", "yahoo_quoted", "protonmail_quote", "tutanota_quote",
        "zmail_extra", "moz-cite-prefix",       "gmail_attr",   "quote-header"};
    static const char *const ids[] = {"divRplyFwdMsg",
                                      "appendonsend",
                                      "isForwardContent",
                                      "isReplyContent",
                                      "mail-editor-reference-message-container",
                                      "OLK_SRC_BODY_SECTION",
                                      "reply-intro",
                                      "yahoo_quoted"};
    return has_word(tag->class_, classes, ARRAY_LEN(classes)) || has_word(tag->id, ids, ARRAY_LEN(ids));
}

// Whether the style says so; spaces do not count.
static bool style_has(struct str style, struct str wanted)
{
    size_t found = 0;
    if (!style.ptr || style.len > LINK_MAX) {
        return false;
    }
    for (size_t i = 0; i < style.len; i++) {
        char c = style.ptr[i];
        if (html_is_space(c)) {
            continue;
        }
        c = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        found = c == wanted.ptr[found] ? found + 1 : c == wanted.ptr[0];
        if (found == wanted.len) {
            return true;
        }
    }
    return false;
}

static bool hides(const struct tag *tag)
{
    static const char *const nesting[] = {"div",     "span", "table",  "tr", "td",
                                          "section", "font", "center", "a"};
    return (tag->hidden || style_has(tag->style, S("display:none")) ||
            style_has(tag->style, S("mso-hide:all"))) &&
           has_word(tag->name, nesting, ARRAY_LEN(nesting));
}

// --- Elements ---

static struct str without_scheme(struct str s)
{
    const struct str schemes[] = {S("https://"), S("http://"), S("mailto:"), S("tel:")};
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        if (s.len >= schemes[i].len && str_eq_nocase(str_sub(s, 0, schemes[i].len), schemes[i])) {
            s = str_sub(s, schemes[i].len, s.len);
            break;
        }
    }
    return str_ends(s, S("/")) ? str_sub(s, 0, s.len - 1) : s;
}

static bool is_shown_address(struct str href)
{
    const struct str schemes[] = {S("https://"), S("http://"), S("mailto:"), S("tel:")};
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        if (href.len > schemes[i].len && str_eq_nocase(str_sub(href, 0, schemes[i].len), schemes[i])) {
            return href.len <= LINK_MAX;
        }
    }
    return false;
}

static void end_link(struct state *state)
{
    struct str href = state->link;
    state->in_link = false;
    state->link = STR_NONE;
    if (!is_shown_address(href) || state->out.len <= state->link_at) {
        return;
    }
    struct str words = str_trim(str_sub(buf_str(&state->out), state->link_at, state->out.len));
    while (words.len && (words.ptr[0] == '>' || words.ptr[0] == ' ')) { // signs of quotation
        words = str_sub(words, 1, words.len);
    }
    if (words.len == 0 || str_eq_nocase(without_scheme(words), without_scheme(href))) {
        return;
    }
    state->space = true;
    put(state, S("<"));
    buf_add(&state->out, href);
    buf_add_char(&state->out, '>');
}

static void start_link(struct state *state, const struct tag *tag)
{
    if (state->in_link) {
        end_link(state);
    }
    state->link =
        tag->href.ptr && tag->href.len <= 2 * LINK_MAX ? plain_value(tag->href, state->arena) : STR_NONE;
    state->link_at = state->out.len;
    state->in_link = true;
}

static void start_item(struct state *state)
{
    want_breaks(state, 1);
    int at = state->list_depth > LIST_MAX ? LIST_MAX : state->list_depth;
    if (at > 0 && state->numbers[at - 1] >= 0) {
        char room[16];
        struct buf number;
        buf_init_fixed(&number, room, sizeof room);
        buf_add_i64(&number, ++state->numbers[at - 1]);
        buf_add(&number, S("."));
        put(state, buf_str(&number));
    } else {
        put(state, S("-"));
    }
    state->space = true;
}

static void on_list(struct state *state, const struct tag *tag)
{
    want_breaks(state, 1);
    if (tag->closing) {
        state->list_depth -= state->list_depth > 0;
        return;
    }
    if (state->list_depth < LIST_MAX) {
        state->numbers[state->list_depth] = str_eq_nocase(tag->name, S("ol")) ? 0 : -1;
    }
    state->list_depth++;
}

static void on_picture(struct state *state, const struct tag *tag)
{
    struct str alt = tag->has_alt && tag->alt.len <= 500 ? plain_value(tag->alt, state->arena) : S("");
    if (alt.len) {
        put(state, S("["));
        buf_add(&state->out, state->hidden_depth ? S("") : alt);
        buf_add(&state->out, state->hidden_depth ? S("") : S("]"));
    }
}

static void on_element(struct state *state, const struct tag *tag)
{
    switch (what_is(tag->name)) {
    case LINE:
        want_breaks(state, 1);
        break;
    case PARAGRAPH:
        want_breaks(state, 2);
        break;
    case BREAK:
        put_break(state);
        break;
    case ITEM:
        if (tag->closing) {
            want_breaks(state, 1);
        } else {
            start_item(state);
        }
        break;
    case LIST:
        on_list(state, tag);
        break;
    case CELL:
        state->space = state->space || state->line_open;
        break;
    case QUOTE:
        want_breaks(state, 1);
        state->quote += tag->closing ? -(state->quote > 0) : 1;
        break;
    case PRE:
        want_breaks(state, 1);
        state->pre += tag->closing ? -(state->pre > 0) : 1;
        break;
    case LINK:
        if (!tag->closing) {
            start_link(state, tag);
        } else if (state->in_link) {
            end_link(state);
        }
        break;
    case PICTURE:
        on_picture(state, tag);
        break;
    case SKIPPED:
        if (!tag->closing) {
            state->pos = html_behind_end_tag(state->html, state->pos, tag->name);
        }
        break;
    case INLINE:
        break;
    }
}

static void on_tag(struct state *state)
{
    struct tag tag;
    read_tag(state, &tag);
    if (state->hidden_depth) {
        if (str_eq_nocase(tag.name, state->hidden_tag)) {
            state->hidden_depth += tag.closing ? -1 : 1;
        } else if (!tag.closing && what_is(tag.name) == SKIPPED) {
            state->pos = html_behind_end_tag(state->html, state->pos, tag.name);
        }
        return;
    }
    if (!tag.closing && !state->show_hidden && hides(&tag)) {
        state->hidden_tag = tag.name;
        state->hidden_depth = 1;
        return;
    }
    if (!tag.closing && state->tail_at == SIZE_MAX && is_quote_container(&tag)) {
        state->tail_at = state->out.len;
    }
    on_element(state, &tag);
}

// A byte of UTF-8 that does not begin a character.
static bool is_within(char c)
{
    return ((u8)c & 0xC0) == 0x80;
}

static void on_text(struct state *state)
{
    struct str html = state->html;
    char c = html.ptr[state->pos];
    size_t behind = state->pos + 1;
    char bytes[4];
    if (c == '\n' && state->pre) {
        put_break(state);
    } else if (html_is_space(c) && !state->pre) {
        state->space = state->space || (state->line_open && state->breaks == 0);
    } else if (c == '&') {
        u32 code = html_reference(html, state->pos, &behind);
        if (!code) {
            behind = state->pos + 1;
            put(state, S("&"));
        } else if (code == 0xA0 || code == ' ' || code == '\n' || code == '\t') {
            put(state, S(" "));
        } else if (code != '\r') {
            put(state, (struct str){bytes, utf8_encode(code, bytes)});
        }
    } else {
        while (behind < html.len && !html_is_space(html.ptr[behind]) && html.ptr[behind] != '<' &&
               html.ptr[behind] != '&' && (behind - state->pos < WORD_MAX || is_within(html.ptr[behind]))) {
            behind++;
        }
        put(state, str_sub(html, state->pos, behind));
    }
    state->pos = behind;
}

static void walk(struct state *state)
{
    struct str html = state->html;
    while (state->pos < html.len && !state->out.overflow) {
        switch (html_piece_at(html, state->pos)) {
        case HTML_TEXT:
            on_text(state);
            break;
        case HTML_TAG:
            on_tag(state);
            break;
        case HTML_DECLARATION:
            state->pos = html_behind_declaration(html, state->pos);
            break;
        }
    }
}

void html_to_text(struct str html, size_t max, struct arena *arena, struct html_text *ret)
{
    struct state state = {.html = html, .arena = arena, .tail_at = SIZE_MAX};
    buf_init(&state.out, arena, max);
    walk(&state);
    if (state.hidden_depth) { // what hides never ends: better too much than too little
        state = (struct state){.html = html, .arena = arena, .tail_at = SIZE_MAX, .show_hidden = true};
        buf_init(&state.out, arena, max);
        walk(&state);
    }
    *ret =
        (struct html_text){.text = buf_str(&state.out), .tail_at = state.tail_at, .cut = state.out.overflow};
}

struct str html_charset(struct str bytes)
{
    if (str_starts(bytes, S("\xEF\xBB\xBF"))) {
        return S("utf-8");
    }
    if (str_starts(bytes, S("\xFF\xFE")) || str_starts(bytes, S("\xFE\xFF"))) {
        return S("utf-16");
    }
    struct str head = str_sub(bytes, 0, bytes.len < 1024 ? bytes.len : 1024);
    for (size_t i = 0; i + 8 < head.len; i++) {
        if (!str_eq_nocase(str_sub(head, i, i + 8), S("charset="))) {
            continue;
        }
        size_t start = i + 8;
        while (start < head.len && (head.ptr[start] == '"' || head.ptr[start] == '\'')) {
            start++;
        }
        size_t end = start;
        while (end < head.len && !html_is_space(head.ptr[end]) && !strchr("\"'/>;", head.ptr[end])) {
            end++;
        }
        return end > start ? str_sub(head, start, end) : STR_NONE;
    }
    return STR_NONE;
}

void html_add_escaped(struct buf *out, struct str text)
{
    for (size_t i = 0, start = 0; i <= text.len; i++) {
        char c = i < text.len ? text.ptr[i] : 0;
        if (i < text.len && c != '<' && c != '>' && c != '&' && c != '"') {
            continue;
        }
        buf_add(out, str_sub(text, start, i));
        start = i + 1;
        if (i < text.len) {
            buf_add(out, c == '<' ? S("&lt;") : c == '>' ? S("&gt;") : c == '&' ? S("&amp;") : S("&quot;"));
        }
    }
}
