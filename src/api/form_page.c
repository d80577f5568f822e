// SPDX-License-Identifier: AGPL-3.0-or-later
// See form_page.h. Everything that is not ours is escaped on its way into the page, and the page may run
// nothing: its policy knows one style sheet of ours and one line of colours by its hash.
#include "api/form_page.h"
#include "api/answer.h"
#include "api/app.h"
#include "base/crypto.h"

enum { LANGUAGES = 5 };
static const char *const languages[LANGUAGES] = {"en", "et", "fi", "id", "ko"};
static const struct {
    const char *name;
    const char *words[LANGUAGES];
} texts[] = {
    {"name", {"Your name", "Sinu nimi", "Nimesi", "Nama Anda", "이름"}},
    {"email", {"Your e-mail", "Sinu e-post", "Sähköpostisi", "E-mail Anda", "이메일"}},
    {"subject", {"Subject", "Teema", "Aihe", "Perihal", "제목"}},
    {"message", {"Your message", "Sinu sõnum", "Viestisi", "Pesan Anda", "메시지"}},
    {"optional", {"optional", "valikuline", "valinnainen", "opsional", "선택"}},
    {"send", {"Send", "Saada", "Lähetä", "Kirim", "보내기"}},
    {"choose", {"Choose", "Vali", "Valitse", "Pilih", "선택"}},
    {"needed",
     {"Please fill this in.", "Palun täida see.", "Täytä tämä.", "Harap isi ini.", "입력해 주세요."}},
    {"long",
     {"This is too long.", "See on liiga pikk.", "Tämä on liian pitkä.", "Ini terlalu panjang.",
      "너무 깁니다."}},
    {"bad_email",
     {"Please give a whole e-mail address.", "Palun kirjuta terve e-posti aadress.",
      "Anna kokonainen sähköpostiosoite.", "Harap tulis alamat e-mail lengkap.",
      "이메일 주소를 끝까지 써 주세요."}},
    {"bad_choice",
     {"Please choose one.", "Palun vali üks.", "Valitse yksi.", "Harap pilih satu.", "하나를 골라 주세요."}},
    {"consent", {"I agree.", "Olen nõus.", "Hyväksyn.", "Saya setuju.", "동의합니다."}},
    {"privacy", {"Privacy", "Privaatsus", "Tietosuoja", "Privasi", "개인정보"}},
    {"empty_field",
     {"Leave this empty", "Jäta see tühjaks", "Jätä tämä tyhjäksi", "Biarkan kosong", "비워 두세요"}},
    {"again",
     {"Please look it over and press Send once more.", "Palun vaata üle ja vajuta veel kord Saada.",
      "Tarkista ja paina Lähetä vielä kerran.", "Harap periksa lalu tekan Kirim sekali lagi.",
      "내용을 확인하고 보내기를 한 번 더 눌러 주세요."}},
    {"wrong",
     {"Something is missing; see below.", "Midagi on puudu; vaata allpool.", "Jotain puuttuu; katso alta.",
      "Ada yang kurang; lihat di bawah.", "빠진 것이 있습니다. 아래를 봐 주세요."}},
    {"thanks",
     {"Thank you. Your message has arrived.", "Aitäh. Sinu sõnum on kohal.", "Kiitos. Viestisi on perillä.",
      "Terima kasih. Pesan Anda sudah sampai.", "고맙습니다. 메시지가 도착했습니다."}},
};

static size_t language_index(struct str language)
{
    for (size_t i = 0; i < LANGUAGES; i++)
        if (str_eq(language, str_from(languages[i])))
            return i;
    return 0;
}

static struct str word(struct str language, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (strcmp(texts[i].name, name) == 0)
            return str_from(texts[i].words[language_index(language)]);
    return str_from(name);
}

static bool known(struct str tag, struct str *ret)
{
    for (size_t i = 0; i < LANGUAGES; i++) {
        size_t n = strlen(languages[i]);
        if (tag.len >= n && str_eq_nocase(str_sub(tag, 0, n), str_from(languages[i])) &&
            (tag.len == n || tag.ptr[n] == '-')) {
            *ret = str_from(languages[i]);
            return true;
        }
    }
    return false;
}

struct str form_language(const struct visitor_channel *channel, const struct request *req)
{
    struct str found, rest = http_header(req->http, "accept-language");
    if (known(visitor_setting(channel, "language"), &found))
        return found;
    while (rest.len > 0) {
        struct str weight, item = str_trim(str_cut(rest, ',', &rest));
        if (known(str_trim(str_cut(item, ';', &weight)), &found))
            return found;
    }
    return S("en");
}

enum form_ask form_asks(const struct visitor_channel *channel, const char *setting)
{
    struct str asked = visitor_setting(channel, setting);
    return str_eq(asked, S("required"))   ? FORM_REQUIRED
           : str_eq(asked, S("optional")) ? FORM_OPTIONAL
                                          : FORM_OFF;
}

// ---- Writing ------------------------------------------------------------------------------------------

static void put(struct buf *out, const char *markup)
{
    buf_add(out, str_from(markup));
}

static void put_text(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
        case '&':
            put(out, "&amp;");
            break;
        case '<':
            put(out, "&lt;");
            break;
        case '>':
            put(out, "&gt;");
            break;
        case '"':
            put(out, "&quot;");
            break;
        case '\'':
            put(out, "&#39;");
            break;
        default:
            buf_add_char(out, text.ptr[i]);
        }
    }
}

struct page {
    struct buf *out;
    struct str language;
    const struct visitor_channel *channel;
};

// Black or white, whichever is read better on the colour: each has at least 4.5 to 1 on its side.
static const char *readable_on(struct str colour)
{
    long sum = 0;
    static const long weights[] = {2126, 7152, 722};
    for (size_t part = 0; part < 3; part++) {
        long value = 0;
        for (size_t i = 1 + part * 2; i < 3 + part * 2; i++) {
            char c = colour.ptr[i];
            value = value * 16 + (c >= 'a' ? c - 'a' + 10 : c - '0');
        }
        sum += weights[part] * value * value;
    }
    return sum < 1790L * 65025L ? "#ffffff" : "#101010";
}

static struct str look(const struct page *page, struct arena *arena)
{
    struct str colour = visitor_setting(page->channel, "colour");
    struct err ignored;
    if (!visitor_check_colour(colour, "colour", &ignored))
        colour = S("#1d4ed8");
    return str_printf(arena, ":root{--b:%.*s;--bt:%s}", STR_ARG(colour), readable_on(colour));
}

static void put_head(const struct page *page, struct reply *reply, const struct request *req)
{
    struct str style = look(page, req->arena);
    u8 hash[32];
    sha256(style, hash);
    struct str base64 = base64_encode(req->arena, (struct str){(const char *)hash, sizeof hash});
    reply->content_type = S("text/html; charset=utf-8");
    reply_header(
        reply, "content-security-policy",
        str_printf(req->arena,
                   "default-src 'none'; style-src 'self' 'sha256-%.*s'; form-action 'self'; base-uri 'none'; "
                   "frame-ancestors 'none'",
                   STR_ARG(base64)));
    // With no referrer at all browsers send "Origin: null" along with the form.
    reply_header(reply, "referrer-policy", S("same-origin"));
    buf_printf(page->out,
               "<!doctype html><html lang=\"%.*s\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
               "content=\"width=device-width, initial-scale=1\"><title>",
               STR_ARG(page->language));
    put_text(page->out, visitor_title(page->channel));
    put(page->out, "</title><link rel=\"stylesheet\" href=\"/form.css\"><style>");
    buf_add(page->out, style);
    put(page->out, "</style></head><body><main><h1>");
    put_text(page->out, visitor_title(page->channel));
    put(page->out, "</h1>");
}

static void put_wrong(const struct page *page, const char *name, const char *wrong)
{
    if (!wrong)
        return;
    buf_printf(page->out, "<span class=\"err\" id=\"%s-e\">", name);
    put_text(page->out, word(page->language, wrong));
    put(page->out, "</span>");
}

static void put_attributes(const struct page *page, const char *name, bool required, const char *wrong)
{
    buf_printf(page->out, " id=\"%s\" name=\"%s\"", name, name);
    if (required)
        put(page->out, " required");
    if (wrong)
        buf_printf(page->out, " aria-invalid=\"true\" aria-describedby=\"%s-e\"", name);
}

static void put_label(const struct page *page, const char *name, struct str label, bool required)
{
    buf_printf(page->out, "<p><label for=\"%s\">", name);
    put_text(page->out, label);
    if (!required) {
        put(page->out, " <small>(");
        put_text(page->out, word(page->language, "optional"));
        put(page->out, ")</small>");
    }
    put(page->out, "</label>");
}

static void put_input(const struct page *page, const char *name, const char *more, struct str label,
                      bool required, struct str value, const char *wrong)
{
    put_label(page, name, label, required);
    put(page->out, "<input dir=\"auto\"");
    put_attributes(page, name, required, wrong);
    put(page->out, more);
    put(page->out, " value=\"");
    put_text(page->out, value);
    put(page->out, "\">");
    put_wrong(page, name, wrong);
    put(page->out, "</p>");
}

static void put_area(const struct page *page, const char *name, struct str label, bool required,
                     struct str value, const char *wrong)
{
    put_label(page, name, label, required);
    put(page->out, "<textarea dir=\"auto\" rows=\"6\" maxlength=\"10000\"");
    put_attributes(page, name, required, wrong);
    put(page->out, ">\n"); // browsers drop the first line end
    put_text(page->out, value);
    put(page->out, "</textarea>");
    put_wrong(page, name, wrong);
    put(page->out, "</p>");
}

static void put_choice(const struct page *page, const char *name, const struct json *question, bool required,
                       struct str value, const char *wrong)
{
    const struct json *choices = json_at(question, "choices");
    put_label(page, name, json_str(json_at(question, "label")), required);
    put(page->out, "<select");
    put_attributes(page, name, required, wrong);
    put(page->out, "><option value=\"\">");
    put_text(page->out, word(page->language, "choose"));
    put(page->out, "</option>");
    for (size_t i = 0; i < json_len(choices); i++) {
        struct str choice = json_str(json_item(choices, i));
        put(page->out, str_eq(choice, value) ? "<option selected>" : "<option>");
        put_text(page->out, choice);
        put(page->out, "</option>");
    }
    put(page->out, "</select>");
    put_wrong(page, name, wrong);
    put(page->out, "</p>");
}

static void put_questions(const struct page *page, const struct form_entry *entry)
{
    static const char *const names[] = {"q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8", "q9"};
    const struct json *list = json_at(page->channel->settings, "questions");
    for (size_t i = 0; i < json_len(list) && i < VISITOR_MAX_QUESTIONS; i++) {
        const struct json *question = json_item(list, i);
        struct str kind = json_str(json_at(question, "kind")), label = json_str(json_at(question, "label"));
        bool required = json_bool(json_at(question, "required"));
        if (str_eq(kind, S("choice")))
            put_choice(page, names[i], question, required, entry->answers[i], entry->wrong_answers[i]);
        else if (str_eq(kind, S("long")))
            put_area(page, names[i], label, required, entry->answers[i], entry->wrong_answers[i]);
        else
            put_input(page, names[i], " maxlength=\"1000\"", label, required, entry->answers[i],
                      entry->wrong_answers[i]);
    }
}

static void put_notice(const struct page *page, const struct form_entry *entry)
{
    struct str notice = visitor_setting(page->channel, "notice"),
               url = visitor_setting(page->channel, "privacy_url");
    bool consent = visitor_setting_on(page->channel, "consent");
    if (!notice.len && !url.len && !consent)
        return;
    put(page->out, "<p class=\"law\">");
    put_text(page->out, notice);
    if (str_starts(url, S("https://")) || str_starts(url, S("http://"))) {
        put(page->out, " <a href=\"");
        put_text(page->out, url);
        put(page->out, "\" rel=\"noopener noreferrer\">");
        put_text(page->out, word(page->language, "privacy"));
        put(page->out, "</a>");
    }
    put(page->out, "</p>");
    if (!consent)
        return;
    put(page->out, "<p><label class=\"check\"><input type=\"checkbox\" value=\"yes\"");
    put_attributes(page, "consent", true, entry->wrong_consent);
    put(page->out, str_eq(entry->consent, S("yes")) ? " checked> " : "> ");
    put_text(page->out, word(page->language, "consent"));
    put(page->out, "</label>");
    put_wrong(page, "consent", entry->wrong_consent);
    put(page->out, "</p>");
}

static bool any_wrong(const struct form_entry *entry)
{
    bool wrong = entry->wrong_name || entry->wrong_email || entry->wrong_subject || entry->wrong_message ||
                 entry->wrong_consent;
    for (size_t i = 0; i < VISITOR_MAX_QUESTIONS; i++)
        wrong |= entry->wrong_answers[i] != NULL;
    return wrong;
}

void form_page(struct reply *reply, const struct request *req, const struct visitor_channel *channel,
               struct str language, const struct form_entry *given, struct str token)
{
    static const struct form_entry empty;
    const struct form_entry *entry = given ? given : &empty;
    struct page page = {&reply->body, language, channel};
    struct buf *out = page.out;
    enum form_ask name = form_asks(channel, "ask_name"), email = form_asks(channel, "ask_email"),
                  subject = form_asks(channel, "ask_subject");
    put_head(&page, reply, req);
    struct str greeting = visitor_setting(channel, "greeting");
    if (greeting.len) {
        put(out, "<p class=\"hello\" dir=\"auto\">");
        put_text(out, greeting);
        put(out, "</p>");
    }
    bool wrong = any_wrong(entry);
    if (wrong || entry->again) {
        put(out, "<p class=\"tell\" role=\"alert\">");
        put_text(out, word(language, wrong ? "wrong" : "again"));
        put(out, "</p>");
    }
    put(out, "<form method=\"post\" action=\"/form/");
    put_text(out, channel->key);
    put(out, "\" novalidate><input type=\"hidden\" name=\"token\" value=\"");
    put_text(out, token);
    put(out, "\">");
    if (name != FORM_OFF)
        put_input(&page, "name", " autocomplete=\"name\" maxlength=\"60\"", word(language, "name"),
                  name == FORM_REQUIRED, entry->name, entry->wrong_name);
    if (email != FORM_OFF)
        put_input(&page, "email", " type=\"email\" autocomplete=\"email\" maxlength=\"200\"",
                  word(language, "email"), email == FORM_REQUIRED, entry->email, entry->wrong_email);
    if (subject != FORM_OFF)
        put_input(&page, "subject", " maxlength=\"200\"", word(language, "subject"), subject == FORM_REQUIRED,
                  entry->subject, entry->wrong_subject);
    put_questions(&page, entry);
    put_area(&page, "message", word(language, "message"), true, entry->message, entry->wrong_message);
    // Programs fill in whatever has a name; people do not see this one.
    put(out, "<p class=\"trap\" aria-hidden=\"true\"><label for=\"website\">");
    put_text(out, word(language, "empty_field"));
    put(out, "</label><input id=\"website\" name=\"website\" tabindex=\"-1\" autocomplete=\"off\"></p>");
    put_notice(&page, entry);
    put(out, "<p><button>");
    put_text(out, word(language, "send"));
    put(out, "</button></p></form></main></body></html>");
}

void form_thanks(struct reply *reply, const struct request *req, const struct visitor_channel *channel,
                 struct str language)
{
    struct page page = {&reply->body, language, channel};
    struct str thanks = visitor_setting(channel, "thanks");
    put_head(&page, reply, req);
    put(page.out, "<p class=\"hello\" role=\"status\" dir=\"auto\">");
    put_text(page.out, thanks.len ? thanks : word(language, "thanks"));
    put(page.out, "</p></main></body></html>");
}
