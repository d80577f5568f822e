// SPDX-License-Identifier: AGPL-3.0-or-later
// See imap.h. No function believes a length before the bytes are there, and none calls itself.
#include "channels/imap.h"
#include "base/buf.h"
#include "base/crypto.h"
#include "base/utf8.h"

enum { DEPTH_MAX = 64, DIGITS_MAX = 18 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// ---- Lines with literals --------------------------------------------------------------------------
// {n} or {n+} at the end of a line: n; -1: none.
static i64 literal_at_end(struct str line)
{
    size_t n = line.len;
    if (n < 3 || line.ptr[n - 1] != '}')
        return -1;
    n--;
    if (n > 0 && line.ptr[n - 1] == '+')
        n--;
    size_t end = n;
    while (n > 0 && is_digit(line.ptr[n - 1]) && end - n < DIGITS_MAX)
        n--;
    i64 value;
    if (n == end || n == 0 || line.ptr[n - 1] != '{' || !str_to_i64(str_sub(line, n, end), &value))
        return -1;
    return value;
}

// The length of the first whole line with its literals and line end; 0: not all here.
static size_t line_length(struct str bytes, size_t *ret_content)
{
    size_t at = 0;
    for (;;) {
        const char *end = at < bytes.len ? memchr(bytes.ptr + at, '\n', bytes.len - at) : NULL;
        if (!end)
            return 0;
        size_t stop = (size_t)(end - bytes.ptr), text = stop;
        if (text > at && bytes.ptr[text - 1] == '\r')
            text--;
        i64 literal = literal_at_end(str_sub(bytes, at, text));
        if (literal < 0) {
            *ret_content = text;
            return stop + 1;
        }
        if ((u64)literal > bytes.len - stop - 1)
            return 0;
        at = stop + 1 + (size_t)literal;
    }
}

bool imap_line(struct str *rest, struct str *ret_line)
{
    size_t content, n = rest->len ? line_length(*rest, &content) : 0;
    if (n == 0)
        return false;
    *ret_line = str_sub(*rest, 0, content);
    *rest = str_sub(*rest, n, rest->len);
    return true;
}

static bool is_end(struct str line)
{
    return str_starts(line, S(IMAP_TAG " ")) || (line.len > 0 && line.ptr[0] == '+');
}

static size_t whole_by(struct str received, bool (*is_last)(struct str line))
{
    struct str rest = received, line;
    while (imap_line(&rest, &line))
        if (is_last(line))
            return received.len - rest.len;
    return 0;
}

size_t imap_whole(struct str received)
{
    return whole_by(received, is_end);
}

static bool any_line(struct str line)
{
    (void)line;
    return true;
}

size_t imap_greeting_whole(struct str received)
{
    return whole_by(received, any_line);
}

static bool is_news(struct str line)
{
    struct str word, rest;
    if (str_starts(line, S(IMAP_TAG " ")))
        return true;
    if (!str_starts(line, S("* ")))
        return false;
    word = str_cut(str_sub(line, 2, line.len), ' ', &rest);
    if (str_eq_nocase(word, S("BYE")))
        return true;
    i64 number;
    return str_to_i64(word, &number) && str_given(rest) && str_eq_nocase(rest, S("EXISTS"));
}

size_t imap_idle_whole(struct str received)
{
    return whole_by(received, is_news);
}

// ---- Status ---------------------------------------------------------------------------------------
static enum imap_status status_of(struct str word)
{
    static const struct {
        const char *word;
        enum imap_status status;
    } words[] = {
        {"OK", IMAP_OK}, {"NO", IMAP_NO}, {"BAD", IMAP_BAD}, {"BYE", IMAP_BYE}, {"PREAUTH", IMAP_PREAUTH}};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq_nocase(word, str_from(words[i].word)))
            return words[i].status;
    return IMAP_NONE;
}

static struct imap_end read_end(struct str line)
{
    struct imap_end end = {.code = S(""), .text = S("")};
    struct str rest;
    end.status = status_of(str_cut(line, ' ', &rest));
    if (!str_given(rest))
        return end;
    if (rest.len > 0 && rest.ptr[0] == '[') {
        struct str behind, code = str_cut(str_sub(rest, 1, rest.len), ']', &behind);
        if (str_given(behind)) {
            end.code = code;
            rest = behind;
        }
    }
    end.text = str_trim(rest);
    return end;
}

struct imap_end imap_end(struct str answer)
{
    struct imap_end end = {.code = S(""), .text = S("")};
    struct str line;
    while (imap_line(&answer, &line)) {
        if (str_starts(line, S(IMAP_TAG " ")))
            return read_end(str_sub(line, sizeof(IMAP_TAG), line.len));
        if (line.len > 0 && line.ptr[0] == '+')
            end = (struct imap_end){IMAP_CONTINUE, S(""), str_trim(str_sub(line, 1, line.len))};
        else if (str_starts(line, S("* ")) &&
                 status_of(str_cut(str_sub(line, 2, line.len), ' ', &(struct str){})))
            end = read_end(str_sub(line, 2, line.len));
    }
    return end;
}

// ---- Items ----------------------------------------------------------------------------------------
// Behind the closing quote; 0: there is none.
static size_t quoted_end(struct str s)
{
    for (size_t i = 1; i < s.len; i++) {
        if (s.ptr[i] == '\\')
            i++;
        else if (s.ptr[i] == '"')
            return i + 1;
    }
    return 0;
}

// {n}CRLF and n bytes; 0: not one, or not all here.
static size_t literal_end(struct str s, size_t *ret_from)
{
    size_t i = 1;
    i64 n;
    while (i < s.len && is_digit(s.ptr[i]) && i <= DIGITS_MAX)
        i++;
    struct str digits = str_sub(s, 1, i);
    if (i < s.len && s.ptr[i] == '+')
        i++;
    if (i >= s.len || s.ptr[i] != '}' || !str_to_i64(digits, &n))
        return 0;
    i++;
    if (i < s.len && s.ptr[i] == '\r')
        i++;
    if (i >= s.len || s.ptr[i] != '\n')
        return 0;
    i++;
    if ((u64)n > s.len - i)
        return 0;
    *ret_from = i;
    return i + (size_t)n;
}

// Behind the bracket that closes the one at the start; 0: there is none.
static size_t list_end(struct str s)
{
    size_t depth = 0, from;
    for (size_t i = 0; i < s.len;) {
        size_t n = 1;
        if (s.ptr[i] == '"')
            n = quoted_end(str_sub(s, i, s.len));
        else if (s.ptr[i] == '{') {
            n = literal_end(str_sub(s, i, s.len), &from);
            n = n ? n : 1;
        } else if (s.ptr[i] == '(' && ++depth > DEPTH_MAX)
            return 0;
        else if (s.ptr[i] == ')' && --depth == 0)
            return i + 1;
        if (n == 0)
            return 0;
        i += n;
    }
    return 0;
}

// An atom, with what stands in [ ] within it: BODY[HEADER.FIELDS (To)]<0>.
static size_t atom_end(struct str s)
{
    size_t brackets = 0, i = 0;
    for (; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '[')
            brackets++;
        else if (c == ']' && brackets > 0)
            brackets--;
        else if (brackets == 0 && (c == ' ' || c == '(' || c == ')' || c == '"' || c == '\r' || c == '\n'))
            break;
    }
    return i;
}

bool imap_item(struct str *rest, struct imap_item *ret_item)
{
    struct str s = *rest;
    size_t n, from = 0;
    while (s.len > 0 && s.ptr[0] == ' ')
        s = str_sub(s, 1, s.len);
    if (s.len == 0)
        return false;
    *ret_item = (struct imap_item){.kind = IMAP_ATOM};
    if (s.ptr[0] == '"') {
        if ((n = quoted_end(s)) == 0)
            return false;
        *ret_item = (struct imap_item){IMAP_STRING, str_sub(s, 1, n - 1), true};
    } else if (s.ptr[0] == '{' && (n = literal_end(s, &from)) > 0) {
        *ret_item = (struct imap_item){IMAP_STRING, str_sub(s, from, n), false};
    } else if (s.ptr[0] == '(') {
        if ((n = list_end(s)) == 0)
            return false;
        *ret_item = (struct imap_item){IMAP_LIST, str_sub(s, 1, n - 1), false};
    } else {
        if ((n = atom_end(s)) == 0)
            return false;
        ret_item->text = str_sub(s, 0, n);
        if (str_eq_nocase(ret_item->text, S("NIL")))
            ret_item->kind = IMAP_NIL;
    }
    *rest = str_sub(s, n, s.len);
    return true;
}

struct str imap_text(const struct imap_item *item, struct arena *arena)
{
    struct buf out;
    if (item->kind == IMAP_NIL || item->kind == IMAP_LIST)
        return STR_NONE;
    if (!item->quoted || !memchr(item->text.ptr, '\\', item->text.len))
        return item->text;
    buf_init(&out, arena, item->text.len + 1);
    for (size_t i = 0; i < item->text.len; i++) {
        if (item->text.ptr[i] == '\\' && i + 1 < item->text.len)
            i++;
        buf_add_char(&out, item->text.ptr[i]);
    }
    return buf_str(&out);
}

// ---- What they mean -------------------------------------------------------------------------------
static int month_of(struct str name)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12; i++)
        if (str_eq_nocase(name, str_sub(str_from(names), (size_t)i * 3, (size_t)i * 3 + 3)))
            return i + 1;
    return 0;
}

static bool number_of(struct str text, i64 *ret)
{
    i64 value = 0;
    if (text.len == 0 || text.len > 9)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.ptr[i]))
            return false;
        value = value * 10 + (text.ptr[i] - '0');
    }
    *ret = value;
    return true;
}

// Days since 1970 of a day in the Gregorian calendar (Howard Hinnant's days_from_civil).
static i64 days_of(i64 year, i64 month, i64 day)
{
    year -= month <= 2;
    i64 era = year / 400, of_era = year - era * 400;
    i64 of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

i64 imap_date(struct str text)
{
    i64 day, year, hour, minute, second, zone;
    text = str_trim(text);
    size_t d = text.len >= 2 && text.ptr[1] == '-' ? 1 : 2;
    if (text.len != d + 24 || text.ptr[d] != '-' || text.ptr[d + 4] != '-' || text.ptr[d + 9] != ' ')
        return 0;
    i64 month = month_of(str_sub(text, d + 1, d + 4));
    struct str clock = str_sub(text, d + 10, text.len);
    if (!month || !number_of(str_sub(text, 0, d), &day) || !number_of(str_sub(text, d + 5, d + 9), &year) ||
        !number_of(str_sub(clock, 0, 2), &hour) || !number_of(str_sub(clock, 3, 5), &minute) ||
        !number_of(str_sub(clock, 6, 8), &second) || !number_of(str_sub(clock, 10, 14), &zone) ||
        (clock.ptr[9] != '+' && clock.ptr[9] != '-'))
        return 0;
    if (day < 1 || day > 31 || year < 1970 || hour > 23 || minute > 59 || second > 60)
        return 0;
    i64 offset = (zone / 100 * 60 + zone % 100) * (clock.ptr[9] == '-' ? -1 : 1);
    i64 at = ((days_of(year, month, day) * 24 + hour) * 60 + minute - offset) * 60 + second;
    return at > 0 ? at * 1000 : 0;
}

static void read_pair(struct str key, const struct imap_item *value, struct imap_fetch *out)
{
    if (str_eq_nocase(key, S("UID"))) {
        if (!str_to_i64(value->text, &out->uid))
            out->uid = 0;
    } else if (str_eq_nocase(key, S("RFC822.SIZE"))) {
        if (!str_to_i64(value->text, &out->size))
            out->size = 0;
    } else if (str_eq_nocase(key, S("INTERNALDATE"))) {
        out->at = imap_date(value->text);
    } else if (key.len >= 5 && str_eq_nocase(str_sub(key, 0, 5), S("BODY["))) {
        out->body = value->kind == IMAP_STRING ? value->text : S("");
    }
}

bool imap_fetch(struct str *rest, struct imap_fetch *ret_fetch)
{
    struct str line;
    while (imap_line(rest, &line)) {
        struct imap_item star, number, word, list, key, value;
        if (!imap_item(&line, &star) || !str_eq(star.text, S("*")) || !imap_item(&line, &number) ||
            !imap_item(&line, &word) || !str_eq_nocase(word.text, S("FETCH")) || !imap_item(&line, &list) ||
            list.kind != IMAP_LIST)
            continue;
        *ret_fetch = (struct imap_fetch){};
        while (imap_item(&list.text, &key) && imap_item(&list.text, &value))
            if (key.kind == IMAP_ATOM)
                read_pair(key.text, &value, ret_fetch);
        if (ret_fetch->uid > 0)
            return true;
    }
    return false;
}

bool imap_search(struct str *rest, struct str *line, i64 *ret_number)
{
    struct imap_item item;
    for (;;) {
        while (imap_item(line, &item))
            if (str_to_i64(item.text, ret_number) && *ret_number > 0)
                return true;
        if (!imap_line(rest, line))
            return false;
        struct str head = S("* SEARCH");
        if (line->len < head.len || !str_eq_nocase(str_sub(*line, 0, head.len), head))
            *line = S("");
        else
            *line = str_sub(*line, head.len, line->len);
    }
}

i64 imap_code_number(struct str answer, struct str name)
{
    struct str line;
    while (imap_line(&answer, &line)) {
        struct str word, rest;
        i64 number;
        if (!str_starts(line, S("* ")))
            continue;
        struct imap_end end = read_end(str_sub(line, 2, line.len));
        word = str_cut(end.code, ' ', &rest);
        if (str_eq_nocase(word, name) && str_given(rest) && str_to_i64(str_trim(rest), &number))
            return number;
    }
    return 0;
}

static bool has_word(struct str words, struct str name)
{
    struct imap_item item;
    while (imap_item(&words, &item))
        if (str_eq_nocase(item.text, name))
            return true;
    return false;
}

bool imap_has_capability(struct str answer, struct str name)
{
    struct str line, head = S("* CAPABILITY ");
    while (imap_line(&answer, &line)) {
        if (line.len > head.len && str_eq_nocase(str_sub(line, 0, head.len), head) &&
            has_word(str_sub(line, head.len, line.len), name))
            return true;
    }
    return false;
}

// ---- What we say ----------------------------------------------------------------------------------
struct str imap_quote(struct arena *arena, struct str text)
{
    struct buf out;
    buf_init(&out, arena, text.len * 2 + 3);
    buf_add_char(&out, '"');
    for (size_t i = 0; i < text.len; i++) {
        u8 c = (u8)text.ptr[i];
        if (c < ' ' || c >= 0x7F)
            return STR_NONE;
        if (c == '"' || c == '\\')
            buf_add_char(&out, '\\');
        buf_add_char(&out, (char)c);
    }
    buf_add_char(&out, '"');
    return buf_str(&out);
}

// UTF-16BE in base64 with "," for "/" and no padding (RFC 3501, 5.1.3).
static void add_shifted(struct buf *out, struct str run, struct arena *arena)
{
    struct buf wide;
    size_t pos = 0;
    buf_init(&wide, arena, run.len * 4);
    while (pos < run.len) {
        u32 c = utf8_next(run, &pos);
        u32 units[2] = {c, 0};
        size_t n = 1;
        if (c > 0xFFFF) {
            units[0] = 0xD800 + ((c - 0x10000) >> 10);
            units[1] = 0xDC00 + ((c - 0x10000) & 0x3FF);
            n = 2;
        }
        for (size_t i = 0; i < n; i++) {
            buf_add_char(&wide, (char)(units[i] >> 8));
            buf_add_char(&wide, (char)(units[i] & 0xFF));
        }
    }
    struct str code = base64_encode(arena, buf_str(&wide));
    buf_add_char(out, '&');
    for (size_t i = 0; i < code.len && code.ptr[i] != '='; i++)
        buf_add_char(out, code.ptr[i] == '/' ? ',' : code.ptr[i]);
    buf_add_char(out, '-');
}

struct str imap_mailbox(struct arena *arena, struct str name)
{
    struct buf out;
    buf_init(&out, arena, name.len * 8 + 16);
    for (size_t i = 0; i < name.len;) {
        u8 c = (u8)name.ptr[i];
        size_t n = 0;
        while (i + n < name.len && (u8)name.ptr[i + n] >= 0x80)
            n++;
        if (n > 0)
            add_shifted(&out, str_sub(name, i, i + n), arena);
        else if (c == '&')
            buf_add(&out, S("&-"));
        else
            buf_add_char(&out, (char)c);
        i += n ? n : 1;
    }
    return imap_quote(arena, buf_str(&out));
}
