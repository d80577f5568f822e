// SPDX-License-Identifier: AGPL-3.0-or-later
// What a digest says, in the reader's language. Without the person's wish it holds neither name nor words of
// a customer: mail lies about in places that nobody here knows.
#include "base/buf.h"
#include "base/utf8.h"
#include "desk/digest.h"

enum { WORDS_MAX = 240, TEXT_MAX = 256 << 10 };

struct words {
    const char *language;
    const char *subject, *top, *end;
    const char *kind[PING_KINDS];
};
static const struct words all_words[] = {
    {"en",
     "Unseen pings",
     "This happened, and you have not seen it yet:",
     "You get this mail because of what you chose in Settings, Pings. Nobody reads answers to it.",
     {"A customer wrote", "A customer wrote to your team", "A customer wrote to you",
      "A conversation was assigned to you", "A conversation was handed over to you",
      "A colleague mentions you", "A customer will soon have waited too long",
      "A ping did not reach a colleague", "A call-back"}},
    {"id",
     "Ping yang belum dilihat",
     "Ini terjadi, dan Anda belum melihatnya:",
     "Anda menerima e-mail ini karena pilihan Anda di Pengaturan, Ping. Tidak ada yang membaca balasannya.",
     {"Pelanggan menulis", "Pelanggan menulis ke tim Anda", "Pelanggan menulis kepada Anda",
      "Percakapan ditugaskan kepada Anda", "Percakapan diserahkan kepada Anda", "Rekan menyebut Anda",
      "Pelanggan sebentar lagi menunggu terlalu lama", "Ping tidak sampai ke rekan", "Telepon balik"}},
    {"et",
     "Nägemata pingid",
     "See juhtus ja sa pole seda veel näinud:",
     "Saad selle kirja, sest nii valisid sa seadetes jaotises Pingid. Vastuseid sellele keegi ei loe.",
     {"Klient kirjutas", "Klient kirjutas sinu tiimile", "Klient kirjutas sulle", "Sulle määrati vestlus",
      "Sulle anti vestlus üle", "Kolleeg mainib sind", "Klient on varsti liiga kaua oodanud",
      "Ping ei jõudnud kolleegini", "Tagasihelistamine"}},
    {"fi",
     "Näkemättömät pingit",
     "Tämä tapahtui, etkä ole vielä nähnyt sitä:",
     "Saat tämän viestin, koska valitsit niin asetusten kohdassa Pingit. Kukaan ei lue vastauksia siihen.",
     {"Asiakas kirjoitti", "Asiakas kirjoitti tiimillesi", "Asiakas kirjoitti sinulle",
      "Sinulle annettiin keskustelu", "Sinulle luovutettiin keskustelu", "Kollega mainitsee sinut",
      "Asiakas on pian odottanut liian kauan", "Ping ei tavoittanut kollegaa", "Takaisinsoitto"}},
    {"ko",
     "확인하지 않은 핑",
     "다음 일이 있었고 아직 확인하지 않았습니다:",
     "설정의 핑에서 선택한 대로 이 메일이 발송되었습니다. 이 메일에 답장해도 아무도 읽지 않습니다.",
     {"고객이 썼습니다", "고객이 팀에 썼습니다", "고객이 나에게 썼습니다", "대화가 배정되었습니다",
      "대화를 넘겨받았습니다", "동료가 나를 언급했습니다", "고객이 곧 너무 오래 기다리게 됩니다",
      "핑이 동료에게 닿지 않았습니다", "회신 전화"}},
};

static const struct words *words_of(struct str language)
{
    for (size_t i = 0; i < ARRAY_LEN(all_words); i++) {
        if (str_eq(language, str_from(all_words[i].language))) {
            return &all_words[i];
        }
    }
    return &all_words[0];
}

static struct str kind_words(const struct words *words, struct str kind)
{
    for (size_t i = 0; i < PING_KINDS; i++) {
        if (str_eq(kind, str_from(ping_kind_names[i]))) {
            return str_from(words->kind[i]);
        }
    }
    return str_from(words->kind[PING_ALL]);
}

struct str digest_subject(const struct digest *digest, struct arena *arena)
{
    return str_printf(arena, "%s: %zu (" STR_FMT ")", words_of(digest->language)->subject, digest->len,
                      STR_ARG(digest->workspace));
}

// On one line, at most so many bytes, never half a character.
static void add_line(struct buf *out, struct str text)
{
    size_t pos = 0;
    while (pos < text.len) {
        size_t from = pos;
        u32 c = utf8_next(text, &pos);
        if (pos > WORDS_MAX) {
            buf_add(out, S("…"));
            break;
        }
        if (c < ' ' || c == 0x7F) {
            buf_add_char(out, ' ');
        } else {
            buf_add(out, str_sub(text, from, pos));
        }
    }
    buf_add_char(out, '\n');
}

static void add_ping(struct buf *out, const struct digest *digest, const struct words *words,
                     const struct digest_line *line)
{
    buf_add(out, S("- "));
    buf_add(out, kind_words(words, line->kind));
    if (line->n > 1) {
        buf_printf(out, " (%lld)", (long long)line->n);
    }
    buf_add_char(out, '\n');
    if (digest->with_text) {
        struct str name = line->title.len ? str_printf(out->arena, STR_FMT " – " STR_FMT,
                                                       STR_ARG(line->contact_name), STR_ARG(line->title))
                                          : line->contact_name;
        buf_add(out, S("  "));
        add_line(out, name);
        if (line->preview.len) {
            buf_add(out, S("  "));
            add_line(out, line->preview);
        }
    }
    buf_printf(out, "  " STR_FMT "/conversations/%lld\n\n", STR_ARG(digest->public_url),
               (long long)line->conversation_id);
}

struct str digest_text(const struct digest *digest, struct arena *arena)
{
    const struct words *words = words_of(digest->language);
    struct buf out;
    buf_init(&out, arena, TEXT_MAX);
    buf_printf(&out, "%s\n\n", words->top);
    for (size_t i = 0; i < digest->len; i++) {
        add_ping(&out, digest, words, &digest->items[i]);
    }
    buf_printf(&out, "-- \n%s\n", words->end);
    return buf_str(&out);
}
