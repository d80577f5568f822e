// SPDX-License-Identifier: AGPL-3.0-or-later
// Shared by the channels whose network is Heed itself: live chat (chat.c) and the public form (form.c).
// The bodies they store raw are written by api/ and read back here, so both sides are in one place.
#pragma once
#include "base/buf.h"
#include "channels/channel.h"

enum {
    VISITOR_MAX_ID = 64,        // of a message, chosen by the widget
    VISITOR_MAX_THREAD = 64,    // hex
    VISITOR_MAX_NAME = 200,     // bytes of a name or an address
    VISITOR_MAX_TEXT = 20000,   // bytes; what people type
    VISITOR_MAX_FILES = 5,      // with one message
    VISITOR_MAX_RECEIPTS = 100, // in one body
    VISITOR_MAX_QUESTIONS = 10, // before a chat, or of a form
};

struct visitor_file {
    struct str sha256, mime, name;
    i64 size, width, height;
};
struct visitor_said { // one message as it is stored raw
    struct str thread, author, name, handle, id, text, language;
    i64 at;
    struct {
        struct visitor_file *items;
        size_t len, cap;
    } files;
};
void visitor_put_message(struct json_writer *w, const struct visitor_said *said);
// Letters, digits, "-" and "_", 1 to VISITOR_MAX_ID of them.
bool visitor_id_valid(struct str id);
// Reads what visitor_put_message wrote. False with a reason when it is none.
bool visitor_read_message(const struct json *body, struct arena *arena, struct inbound *out,
                          char reason[160]);
// A list of {label, required?, kind? text|long|choice, choices?} as the settings of both channels hold it.
bool visitor_check_questions(const struct json *list, const char *setting, struct err *err);
// One origin per line ("https://shop.example", "http://localhost:3000"): scheme, host, port, nothing else.
bool visitor_check_origins(struct str lines, const char *setting, struct err *err);
// Is this Origin header one of the lines?
bool visitor_origin_allowed(struct str lines, struct str origin);
// "#rrggbb"
bool visitor_check_colour(struct str colour, const char *setting, struct err *err);
