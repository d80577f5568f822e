// SPDX-License-Identifier: AGPL-3.0-or-later
// Labels lie: Latin-1 means windows-1252, gb2312 means gb18030, and so on, as browsers have it. iconv does
// the tables; its modules are opened in charset_prepare and stay open, as a child can open nothing.
#include "mail/charset.h"
#include "base/arena.h"
#include "base/buf.h"
#include <errno.h>
#include <iconv.h>

#define NO_TABLE ((iconv_t)-1)

enum { PIECE = 8192 }; // bytes given to iconv at once; no character is as long

enum kind { BY_TABLE, UTF8, ISO_2022_JP, UTF7 };

static struct charset {
    const char *table;  // iconv's name
    const char *labels; // lower case, with a space before and after each
    enum kind kind;
    iconv_t open;
} charsets[] = {
    {NULL, " utf-8 utf8 unicode-1-1-utf-8 x-utf-8 utf-8-mac ", UTF8, NO_TABLE},
    {NULL, " utf-7 utf7 unicode-1-1-utf-7 x-utf-7 csunicode11utf7 utf-7-imap ", UTF7, NO_TABLE},
    {"CP1252",
     " windows-1252 iso-8859-1 iso8859-1 iso_8859-1 latin1 l1 cp1252 x-cp1252 cp819 ibm819 iso-ir-100 "
     "iso88591 csisolatin1 iso_8859-1:1987 ansi ansi_x3.4-1968 iso-8859-1-windows-3.1-latin-1 ",
     BY_TABLE, NO_TABLE},
    {"EUC-JP-MS",
     " iso-2022-jp iso-2022-jp-ms iso-2022-jp-1 iso-2022-jp-2 iso-2022-jp-3 cp50220 cp50221 cp50222 jis "
     "csiso2022jp x-windows-iso2022jp ",
     ISO_2022_JP, NO_TABLE},
    {"EUC-JP-MS", " euc-jp x-euc-jp x-euc eucjp cseucpkdfmtjapanese cp51932 eucjp-ms eucjp-win ", BY_TABLE,
     NO_TABLE},
    {"CP932", " shift_jis shift-jis sjis x-sjis ms_kanji csshiftjis windows-31j cp932 ms932 ", BY_TABLE,
     NO_TABLE},
    {"UHC",
     " ks_c_5601-1987 ks_c_5601-1989 ks_c_5601 ksc5601 ksc_5601 euc-kr euckr cseuckr korean iso-ir-149 "
     "cp949 ms949 windows-949 uhc csksc56011987 ksc5636 ",
     BY_TABLE, NO_TABLE},
    {"ISO-2022-KR", " iso-2022-kr csiso2022kr ", BY_TABLE, NO_TABLE},
    {"JOHAB", " johab cp1361 ", BY_TABLE, NO_TABLE},
    {"GB18030",
     " gb2312 gbk gb18030 gb_2312-80 csgb2312 csiso58gb231280 euc-cn x-euc-cn cp936 ms936 windows-936 "
     "chinese iso-ir-58 x-gbk cn-gb gb ",
     BY_TABLE, NO_TABLE},
    {"BIG5-HKSCS", " big5 big5-hkscs csbig5 cn-big5 x-x-big5 big-5 cp950 windows-950 big5hkscs ", BY_TABLE,
     NO_TABLE},
    {"EUC-TW", " euc-tw x-euc-tw ", BY_TABLE, NO_TABLE},
    {"CP1250", " windows-1250 cp1250 x-cp1250 ", BY_TABLE, NO_TABLE},
    {"CP1251", " windows-1251 cp1251 x-cp1251 ", BY_TABLE, NO_TABLE},
    {"CP1253", " windows-1253 cp1253 x-cp1253 ", BY_TABLE, NO_TABLE},
    {"CP1254", " windows-1254 cp1254 x-cp1254 iso-8859-9 iso8859-9 latin5 l5 csisolatin5 iso_8859-9 ",
     BY_TABLE, NO_TABLE},
    {"CP1255", " windows-1255 cp1255 x-cp1255 ", BY_TABLE, NO_TABLE},
    {"CP1256", " windows-1256 cp1256 x-cp1256 ", BY_TABLE, NO_TABLE},
    {"CP1257", " windows-1257 cp1257 x-cp1257 ", BY_TABLE, NO_TABLE},
    {"CP1258", " windows-1258 cp1258 x-cp1258 ", BY_TABLE, NO_TABLE},
    {"ISO-8859-2", " iso-8859-2 iso8859-2 iso_8859-2 latin2 l2 csisolatin2 ", BY_TABLE, NO_TABLE},
    {"ISO-8859-3", " iso-8859-3 iso8859-3 latin3 l3 ", BY_TABLE, NO_TABLE},
    {"ISO-8859-4", " iso-8859-4 iso8859-4 latin4 l4 ", BY_TABLE, NO_TABLE},
    {"ISO-8859-5", " iso-8859-5 iso8859-5 cyrillic csisolatincyrillic ", BY_TABLE, NO_TABLE},
    {"ISO-8859-6", " iso-8859-6 iso-8859-6-e iso-8859-6-i iso8859-6 arabic csisolatinarabic ", BY_TABLE,
     NO_TABLE},
    {"ISO-8859-7", " iso-8859-7 iso8859-7 greek greek8 csisolatingreek ", BY_TABLE, NO_TABLE},
    {"ISO-8859-8", " iso-8859-8 iso-8859-8-e iso-8859-8-i iso8859-8 hebrew logical visual ", BY_TABLE,
     NO_TABLE},
    {"ISO-8859-10", " iso-8859-10 iso8859-10 latin6 l6 ", BY_TABLE, NO_TABLE},
    {"CP874", " windows-874 cp874 x-windows-874 tis-620 tis620 iso-8859-11 iso8859-11 ", BY_TABLE, NO_TABLE},
    {"ISO-8859-13", " iso-8859-13 iso8859-13 latin7 ", BY_TABLE, NO_TABLE},
    {"ISO-8859-14", " iso-8859-14 iso8859-14 latin8 ", BY_TABLE, NO_TABLE},
    {"ISO-8859-15", " iso-8859-15 iso8859-15 latin-9 latin9 l9 iso_8859-15 ", BY_TABLE, NO_TABLE},
    {"ISO-8859-16", " iso-8859-16 iso8859-16 latin10 ", BY_TABLE, NO_TABLE},
    {"KOI8-R", " koi8-r koi8 koi koi8_r cskoi8r ", BY_TABLE, NO_TABLE},
    {"KOI8-U", " koi8-u koi8-ru ", BY_TABLE, NO_TABLE},
    {"MACINTOSH", " macintosh mac x-mac-roman csmacintosh macroman ", BY_TABLE, NO_TABLE},
    {"CP437", " cp437 ibm437 437 ", BY_TABLE, NO_TABLE},
    {"CP850", " cp850 ibm850 850 ", BY_TABLE, NO_TABLE},
    {"CP852", " cp852 ibm852 852 ", BY_TABLE, NO_TABLE},
    {"CP866", " cp866 ibm866 866 csibm866 ", BY_TABLE, NO_TABLE},
    {"VISCII", " viscii csviscii ", BY_TABLE, NO_TABLE},
    {"UTF-16LE", " utf-16 utf-16le utf16 unicode ucs-2 iso-10646-ucs-2 csunicode ", BY_TABLE, NO_TABLE},
    {"UTF-16BE", " utf-16be unicodefffe ", BY_TABLE, NO_TABLE},
    {"UTF-32LE", " utf-32 utf-32le ucs-4 ", BY_TABLE, NO_TABLE},
    {"UTF-32BE", " utf-32be ", BY_TABLE, NO_TABLE},
};

void charset_prepare(void)
{
    for (size_t i = 0; i < ARRAY_LEN(charsets); i++) {
        if (charsets[i].table && charsets[i].open == NO_TABLE) {
            charsets[i].open = iconv_open("UTF-8", charsets[i].table);
        }
    }
}

// "  \"ISO-8859-1\" " → "iso-8859-1" between two spaces; empty when it cannot be a label.
static struct str tidy_label(struct str label, char *out, size_t size)
{
    size_t n = 1;
    out[0] = ' ';
    for (size_t i = 0; i < label.len; i++) {
        char c = label.ptr[i];
        if (c == '"' || c == '\'' || c == ' ' || c == '\t') {
            continue;
        }
        if ((u8)c < 0x21 || (u8)c > 0x7E || n + 1 >= size) {
            return STR_NONE;
        }
        out[n++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    out[n++] = ' ';
    return n > 2 ? (struct str){out, n} : STR_NONE;
}

static struct charset *find(struct str label)
{
    char room[64];
    struct str tidy = tidy_label(label, room, sizeof room);
    for (size_t i = 0; tidy.ptr && i < ARRAY_LEN(charsets); i++) {
        if (str_find(str_from(charsets[i].labels), tidy) >= 0) {
            return &charsets[i];
        }
    }
    return NULL;
}

bool charset_known(struct str label)
{
    return label.len == 0 || find(label) || str_eq_nocase(label, S("us-ascii")) ||
           str_eq_nocase(label, S("ascii"));
}

struct str charset_cut(struct str s, size_t max)
{
    if (s.len > max) {
        s.len = max;
        while (s.len > 0 && ((u8)s.ptr[s.len] & 0xC0) == 0x80) {
            s.len--;
        }
    }
    return s;
}

#define REPLACEMENT S("\xEF\xBF\xBD")

// UTF-8 with what is no character replaced. Stops at the maximum of `out`, between characters.
static void add_clean(struct buf *out, struct str s)
{
    if (s.len == 0) {
        return;
    }
    struct arena *arena = arena_take();
    struct str clean = charset_cut(utf8_clean(arena, s), out->max - out->len);
    buf_add(out, clean);
    arena_give(arena);
}

// iconv over a slice, a piece at a time; ends early only when `out` is full.
static void convert(iconv_t table, struct str bytes, struct buf *out)
{
    char *from = (char *)(uintptr_t)bytes.ptr;
    size_t left = bytes.len;
    char room[4096];
    iconv(table, NULL, NULL, NULL, NULL);
    while (left > 0) {
        size_t piece = left < PIECE ? left : PIECE, rest = piece;
        char *to = room;
        size_t space = sizeof room;
        size_t done = iconv(table, &from, &rest, &to, &space);
        int why = done == (size_t)-1 ? errno : 0;
        left -= piece - rest;
        add_clean(out, (struct str){room, sizeof room - space});
        if (out->max - out->len < 4) {
            return;
        }
        if (why == EILSEQ || (rest == piece && left > piece)) {
            buf_add(out, REPLACEMENT);
            from++;
            left--;
        } else if (why == EINVAL && rest == left) { // cut off within a character, at the very end
            buf_add(out, REPLACEMENT);
            return;
        }
    }
    char *to = room;
    size_t space = sizeof room;
    iconv(table, NULL, NULL, &to, &space); // what the table still held back
    add_clean(out, (struct str){room, sizeof room - space});
}

// Escape sequences of ISO 2022 as bytes of EUC, whose table knows Microsoft's additions too.
static struct str iso_2022_to_euc(struct arena *arena, struct str in)
{
    static const struct {
        const char *escape;
        enum set { ASCII, TWO, KANA, SUPPLEMENT } set;
    } escapes[] = {{"\x1B(B", ASCII}, {"\x1B(J", ASCII},       {"\x1B(I", KANA}, {"\x1B$@", TWO},
                   {"\x1B$B", TWO},   {"\x1B$(D", SUPPLEMENT}, {"\x1B$(B", TWO}, {"\x1B&@\x1B$B", TWO}};
    struct buf out;
    enum set set = ASCII;
    buf_init(&out, arena, in.len * 3 + 16);
    for (size_t i = 0; i < in.len;) {
        struct str rest = str_sub(in, i, in.len);
        size_t escape = 0;
        for (; rest.ptr[0] == 0x1B && escape < ARRAY_LEN(escapes); escape++) {
            if (str_starts(rest, str_from(escapes[escape].escape))) {
                break;
            }
        }
        char c = rest.ptr[0];
        if (c == 0x1B && escape < ARRAY_LEN(escapes)) {
            set = escapes[escape].set;
            i += strlen(escapes[escape].escape);
        } else if (c == 0x0E || c == 0x0F) { // the shifts of CP50222
            set = c == 0x0E ? KANA : ASCII;
            i++;
        } else if ((u8)c > 0x20 && (u8)c < 0x7F && set == KANA) {
            buf_add(&out, (struct str){(char[]){(char)0x8E, (char)(c | 0x80)}, 2});
            i++;
        } else if ((u8)c > 0x20 && (u8)c < 0x7F && set != ASCII && rest.len > 1 && (u8)rest.ptr[1] > 0x20) {
            if (set == SUPPLEMENT) {
                buf_add_char(&out, (char)0x8F);
            }
            buf_add(&out, (struct str){(char[]){(char)(c | 0x80), (char)(rest.ptr[1] | 0x80)}, 2});
            i += 2;
        } else {
            set = c == '\n' ? ASCII : set; // a line begins anew
            buf_add_char(&out, c);
            i++;
        }
    }
    return buf_str(&out);
}

static void decode_utf8(struct str bytes, struct buf *out)
{
    if (str_starts(bytes, S("\xEF\xBB\xBF"))) {
        bytes = str_sub(bytes, 3, bytes.len);
    }
    add_clean(out, bytes);
}

static bool is_ascii(struct str s)
{
    u8 all = 0;
    for (size_t i = 0; i < s.len; i++) {
        all |= (u8)s.ptr[i];
    }
    return all < 0x80;
}

void charset_decode(struct str label, struct str bytes, struct buf *out)
{
    struct charset *charset = find(label);
    charset_prepare();
    if (charset && charset->open == NO_TABLE && charset->kind != UTF8 && charset->kind != UTF7) {
        charset = NULL; // this machine has no such table
    }
    if (!charset) {
        if (utf8_valid(bytes)) {
            decode_utf8(bytes, out);
            return;
        }
        charset = find(S("windows-1252"));
    }
    if (charset->kind == UTF8 || charset->kind == UTF7 || !charset->open || charset->open == NO_TABLE) {
        decode_utf8(bytes, out);
    } else if (charset->kind == ISO_2022_JP) {
        struct arena *arena = arena_take();
        convert(charset->open, is_ascii(bytes) ? iso_2022_to_euc(arena, bytes) : bytes, out);
        arena_give(arena);
    } else if (str_starts(bytes, S("\xFE\xFF")) && str_eq(str_from(charset->table), S("UTF-16LE"))) {
        convert(find(S("utf-16be"))->open, str_sub(bytes, 2, bytes.len), out);
    } else if (str_starts(bytes, S("\xFF\xFE")) && str_eq(str_from(charset->table), S("UTF-16LE"))) {
        convert(charset->open, str_sub(bytes, 2, bytes.len), out);
    } else {
        convert(charset->open, bytes, out);
    }
}

struct str charset_text(struct arena *arena, struct str label, struct str bytes, size_t max)
{
    struct buf out;
    buf_init(&out, arena, max);
    charset_decode(label, bytes, &out);
    return charset_cut(buf_str(&out), max);
}

struct str charset_guess(struct arena *arena, struct str bytes)
{
    if (is_ascii(bytes)) {
        return utf8_clean(arena, bytes);
    }
    return charset_text(arena, STR_NONE, bytes, bytes.len * 3 + 16);
}
