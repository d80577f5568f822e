// SPDX-License-Identifier: AGPL-3.0-or-later
// Two passes over the lines: first where the last line stands that quotes nothing, then the first line that
// opens a quotation after which only quotation comes. Each line is looked at a bounded number of times.
#include "mail/quote.h"
#include "base/arena.h"
#include "base/buf.h"

enum {
    ATTRIBUTION_MAX = 400, // bytes of "On … wrote:", which may span lines
    ATTRIBUTION_LINES = 4,
    LABELS_WITHIN = 7,      // lines after "From:" in which the other labels stand
    SHORT_SIGNATURE = 1500, // bytes after "--" without its space that may be a signature
    RULE_MIN = 5,           // dashes before and after "Original Message"
};

// How mail programs open a quotation: what it begins with ("" : anything) and what stands in it.
static const struct {
    const char *begin, *within;
} attributions[] = {
    {"On ", "wrote"},
    {"Le ", "a écrit"},
    {"Am ", "schrieb"},
    {"El ", "escribió"},
    {"Em ", "escreveu"},
    {"A ", "escreveu"},
    {"No dia ", "escreveu"},
    {"Il ", "ha scritto"},
    {"In data ", "scritto"},
    {"Op ", "schreef"},
    {"Den ", "skrev"},
    {"På ", "skrev"},
    {"", " skrev"},
    {"", "kirjoitti"},
    {"", "kirjutas"},
    {"Pada ", "menulis"},
    {"", "napisał"},
    {"", "пишет"},
    {"", "написал"},
    {"", "пише"},
    {"", "napsal"},
    {"", "napísal"},
    {"", "írta"},
    {"", "şunu yazdı"},
    {"", "schreef"},
    {"", "schrieb"},
    {"", " wrote"},
    {"", "a écrit"},
    {"", "escribió"},
    {"", "ha scritto"},
    {"", "đã viết"},
    {"", "เขียนว่า"},
    {"", "写道"},
    {"", "寫道"},
    {"", "님이 작성"},
    {"", "님이 쓴"},
    {"", "작성:"},
    {"", "のメール"},
    {"", "書きました"},
    {"", "كتب"},
    {"", "מאת"},
    {"", "έγραψε"},
    {"", "a scris"},
    {"", "је написао"},
};
static const char *const originals[] = {
    "original message",
    "original-nachricht",
    "ursprüngliche nachricht",
    "message d'origine",
    "message d’origine",
    "message original",
    "mensaje original",
    "mensagem original",
    "messaggio originale",
    "oorspronkelijk bericht",
    "ursprungligt meddelande",
    "opprinnelig melding",
    "oprindelig meddelelse",
    "alkuperäinen viesti",
    "algne kiri",
    "algkiri",
    "algne sõnum",
    "pesan asli",
    "wiadomość oryginalna",
    "исходное сообщение",
    "původní zpráva",
    "原始邮件",
    "原始郵件",
    "元のメッセージ",
    "원본 메시지",
    "原邮件",
    "الرسالة الأصلية",
    "original e-mail",
};
static const char *const forwards[] = {
    "forwarded message",
    "weitergeleitete nachricht",
    "message transféré",
    "mensaje reenviado",
    "mensagem encaminhada",
    "messaggio inoltrato",
    "doorgestuurd bericht",
    "vidarebefordrat",
    "videresendt",
    "välitetty viesti",
    "edastatud kiri",
    "diteruskan",
    "przekazana wiadomość",
    "пересылаемое сообщение",
    "转发邮件",
    "轉寄郵件",
    "転送メッセージ",
    "전달된 메시지",
    "begin forwarded",
    "edasi saadetud",
};
static const char *const from_labels[] = {"From",   "Von",       "De",        "Da",      "Van",    "Från",
                                          "Fra",    "Lähettäjä", "Saatja",    "Kellelt", "Dari",   "От",
                                          "Od",     "Feladó",    "보낸 사람", "差出人",  "发件人", "寄件者",
                                          "寄件人", "Kimden",    "من"};
static const char *const other_labels[] = {
    "Sent",      "Date",          "To",        "Cc",         "Subject",
    "Gesendet",  "Datum",         "An",        "Betreff",    "Envoyé",
    "À",         "Objet",         "Enviado",   "Para",       "Asunto",
    "Fecha",     "Assunto",       "Inviato",   "A",          "Oggetto",
    "Data",      "Verzonden",     "Aan",       "Onderwerp",  "Skickat",
    "Till",      "Ämne",          "Sendt",     "Til",        "Emne",
    "Lähetetty", "Vastaanottaja", "Aihe",      "Päivämäärä", "Saadetud",
    "Kellele",   "Saaja",         "Teema",     "Kuupäev",    "Dikirim",
    "Kepada",    "Tanggal",       "Perihal",   "Subjek",     "Отправлено",
    "Кому",      "Тема",          "Дата",      "Wysłano",    "Do",
    "Temat",     "보낸 날짜",     "받는 사람", "제목",       "날짜",
    "参조",      "送信日時",      "宛先",      "件名",       "日付",
    "发送时间",  "收件人",        "主题",      "日期",       "寄件日期",
    "收件者",    "主旨",          "Odesláno",  "Komu",       "Předmět",
};

static struct str line_at(struct str text, size_t pos, size_t *ret_next)
{
    const char *end = memchr(text.ptr + pos, '\n', text.len - pos);
    size_t stop = end ? (size_t)(end - text.ptr) : text.len;
    *ret_next = end ? stop + 1 : text.len;
    return str_sub(text, pos, stop);
}

static bool is_blank(struct str line)
{
    return str_trim(line).len == 0;
}

static bool is_quoted(struct str line)
{
    return str_trim(line).len > 0 && str_trim(line).ptr[0] == '>';
}

static bool is_signature(struct str line, size_t behind)
{
    return str_eq(line, S("-- ")) || (str_eq(line, S("--")) && behind <= SHORT_SIGNATURE);
}

// Whether one of the words stands in the line; ASCII letters without regard to case.
static bool has_any(struct str line, const char *const *words, size_t n)
{
    char room[256];
    size_t len = line.len < sizeof room ? line.len : sizeof room;
    for (size_t i = 0; i < len; i++) {
        char c = line.ptr[i];
        room[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    for (size_t i = 0; i < n; i++) {
        if (str_find((struct str){room, len}, str_from(words[i])) >= 0) {
            return true;
        }
    }
    return false;
}

static bool is_forward(struct str line)
{
    return line.len <= 200 && (str_starts(line, S("-----")) || str_ends(str_trim(line), S(":"))) &&
           has_any(line, forwards, ARRAY_LEN(forwards));
}

// "-----Original Message-----", also translated.
static bool is_original(struct str line)
{
    size_t n = 0;
    line = str_trim(line);
    while (n < line.len && (line.ptr[n] == '-' || line.ptr[n] == '_')) {
        n++;
    }
    return n >= RULE_MIN && n < line.len && line.len <= 200 && line.ptr[line.len - 1] == '-' &&
           has_any(line, originals, ARRAY_LEN(originals));
}

static bool is_own_marker(struct str line)
{
    static const char *const markers[] = {"reply above this line", "please reply above this"};
    return line.len <= 200 && has_any(line, markers, ARRAY_LEN(markers));
}

static bool has_label(struct str line, const char *const *labels, size_t n)
{
    while (line.len && (line.ptr[0] == '*' || line.ptr[0] == ' ' || line.ptr[0] == '\t')) {
        line = str_sub(line, 1, line.len);
    }
    for (size_t i = 0; i < n; i++) {
        struct str label = str_from(labels[i]);
        if (!str_starts(line, label)) {
            continue;
        }
        struct str rest = str_sub(line, label.len, line.len);
        while (rest.len && (rest.ptr[0] == '*' || rest.ptr[0] == ' ')) {
            rest = str_sub(rest, 1, rest.len);
        }
        if (str_starts(rest, S(":")) || str_starts(rest, S("："))) {
            return true;
        }
    }
    return false;
}

// Outlook: From, and soon after it two more of Sent, To, Subject.
static bool is_header_block(struct str text, size_t pos)
{
    size_t next, found = 0;
    if (!has_label(line_at(text, pos, &next), from_labels, ARRAY_LEN(from_labels))) {
        return false;
    }
    for (int i = 0; i < LABELS_WITHIN && next < text.len; i++) {
        struct str line = line_at(text, next, &next);
        found += has_label(line, other_labels, ARRAY_LEN(other_labels));
    }
    return found >= 2;
}

static bool has_digit(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] >= '0' && s.ptr[i] <= '9') {
            return true;
        }
    }
    return false;
}

static bool opens_quotation(struct str line)
{
    if (!has_digit(line)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(attributions); i++) {
        if (str_starts(line, str_from(attributions[i].begin)) &&
            str_find(line, str_from(attributions[i].within)) >= 0 &&
            (attributions[i].begin[0] || memchr(line.ptr, '@', line.len) || line.len < 160)) {
            return true;
        }
    }
    return false;
}

// "On 2 May 2024 at 10:00, Zoë <z@example.org>\nwrote:" from pos on; *ret_next behind it.
static bool is_attribution(struct str text, size_t pos, size_t *ret_next)
{
    size_t next = pos;
    for (int i = 0; i < ATTRIBUTION_LINES && next < text.len; i++) {
        struct str line = str_trim(line_at(text, next, &next));
        struct str all = str_trim(str_sub(text, pos, next));
        if (line.len == 0 || line.ptr[0] == '>' || all.len > ATTRIBUTION_MAX) {
            return false;
        }
        if (str_ends(line, S(":")) || str_ends(line, S("："))) {
            *ret_next = next;
            return opens_quotation(all);
        }
    }
    return false;
}

struct scan {
    struct str text;
    size_t end;        // of what is looked at: the signature begins here
    size_t last_plain; // start of the last line before it that is neither quoted nor blank
    size_t tail_at;
    size_t attribution; // of a line that ends in ':' right before the line at hand; SIZE_MAX: none
};

static void find_last_plain(struct scan *scan)
{
    scan->end = scan->text.len;
    for (size_t pos = 0, next; pos < scan->text.len; pos = next) {
        struct str line = line_at(scan->text, pos, &next);
        if (is_signature(line, scan->text.len - next)) {
            scan->end = pos;
            return;
        }
        if (!is_blank(line) && !is_quoted(line)) {
            scan->last_plain = next;
        }
    }
}

// Whether quoted lines come at or after pos with other text behind them: answers between or below.
static bool is_answered_below(const struct scan *scan, size_t pos)
{
    for (size_t next; pos < scan->end; pos = next) {
        struct str line = line_at(scan->text, pos, &next);
        if (is_quoted(line)) {
            return scan->last_plain > pos;
        }
    }
    return false;
}

// First line from pos on that is not blank.
static size_t skip_blank(const struct scan *scan, size_t pos)
{
    size_t next = pos;
    while (pos < scan->end && is_blank(line_at(scan->text, pos, &next))) {
        pos = next;
    }
    return pos;
}

// Whether what is introduced before pos is quoted to the end. Without '>' it is; with it, no other text
// follows.
static bool is_quoted_to_end(const struct scan *scan, size_t pos)
{
    size_t next;
    pos = skip_blank(scan, pos);
    return pos >= scan->end || !is_quoted(line_at(scan->text, pos, &next)) || scan->last_plain <= pos;
}

// The place from which on a quotation that the line at pos opens runs to the end; SIZE_MAX: it opens none.
static size_t cut_here(struct scan *scan, size_t pos, struct str line, size_t next, bool after_blank)
{
    size_t behind = next;
    if (is_own_marker(line)) {
        return pos;
    }
    if (is_original(line) || (after_blank && is_header_block(scan->text, pos)) ||
        is_attribution(scan->text, pos, &behind)) {
        return is_quoted_to_end(scan, behind) ? pos : SIZE_MAX;
    }
    if (pos >= scan->tail_at && !is_blank(line)) {
        scan->tail_at = SIZE_MAX; // asked once
        return is_answered_below(scan, pos) ? SIZE_MAX : pos;
    }
    if (is_quoted(line) && pos >= scan->last_plain) {
        return scan->attribution < pos ? scan->attribution : pos;
    }
    return SIZE_MAX;
}

static size_t find_cut(struct scan *scan)
{
    bool after_blank = true;
    for (size_t pos = 0, next; pos < scan->end; pos = next) {
        struct str line = line_at(scan->text, pos, &next);
        if (is_forward(line)) {
            break; // what was passed on is the message
        }
        size_t cut = cut_here(scan, pos, line, next, after_blank);
        if (cut != SIZE_MAX) {
            return cut;
        }
        if (!is_blank(line)) {
            bool introduces =
                str_ends(str_trim(line), S(":")) && has_digit(line) && line.len <= ATTRIBUTION_MAX;
            scan->attribution = introduces ? pos : SIZE_MAX;
        }
        after_blank = is_blank(line) || str_starts(line, S("____"));
    }
    return scan->end;
}

size_t quote_visible(struct str text, size_t tail_at)
{
    struct scan scan = {.text = text, .tail_at = tail_at, .attribution = SIZE_MAX};
    find_last_plain(&scan);
    size_t cut = find_cut(&scan);
    struct str visible = str_sub(text, 0, cut);
    while (visible.len && ((u8)visible.ptr[visible.len - 1] <= 0x20 || visible.ptr[visible.len - 1] == '_')) {
        visible.len--;
    }
    for (size_t i = 0; i < visible.len; i++) {
        if ((u8)visible.ptr[i] > 0x20) {
            return visible.len;
        }
    }
    return text.len;
}

// Number of '>' at the beginning of a line.
static size_t quote_depth(struct str line)
{
    size_t n = 0;
    while (n < line.len && line.ptr[n] == '>') {
        n++;
    }
    return n;
}

struct str quote_unflow(struct str text, bool delsp, struct arena *arena)
{
    struct buf out;
    bool joining = false;
    size_t depth_before = 0;
    buf_init(&out, arena, text.len * 2 + 16);
    for (size_t pos = 0, next; pos < text.len; pos = next) {
        struct str line = line_at(text, pos, &next);
        bool ended = next > pos + line.len; // by a line break
        size_t depth = quote_depth(line);
        struct str words = str_sub(line, depth, line.len);
        if (str_starts(words, S(" "))) { // stuffed
            words = str_sub(words, 1, words.len);
        }
        bool signature = str_eq(words, S("-- "));
        if (joining && (depth != depth_before || signature)) {
            buf_add_char(&out, '\n');
            joining = false;
        }
        if (!joining && depth) {
            buf_add(&out, str_sub(line, 0, depth));
            buf_add_char(&out, ' ');
        }
        bool flows = ended && !signature && str_ends(words, S(" "));
        if (flows && delsp) {
            words.len--;
        }
        buf_add(&out, words);
        if (ended && !flows) {
            buf_add_char(&out, '\n');
        }
        joining = flows;
        depth_before = depth;
    }
    return buf_str(&out);
}
