// SPDX-License-Identifier: AGPL-3.0-or-later
// How long a text is, as each network counts it, and how large its files may be.
#include "channels/channel.h"
#include "text/words.h"

// UTF-16 code units: what JavaScript's length says.
static size_t utf16_units(struct str text)
{
    size_t units = 0;
    for (size_t pos = 0; pos < text.len;)
        units += utf8_next(text, &pos) > 0xFFFF ? 2 : 1;
    return units;
}

size_t text_length(struct text_limit limit, struct str text)
{
    switch (limit.unit) {
    case UNIT_CODE_POINTS:
        return utf8_count(text);
    case UNIT_GRAPHEMES:
        return text_graphemes(text);
    case UNIT_UTF16:
        return utf16_units(text);
    case UNIT_BYTES:
        return text.len;
    }
    return text.len;
}

bool text_fits(struct text_limit limit, struct str text)
{
    if (limit.max_bytes && text.len > limit.max_bytes)
        return false;
    return !limit.max || text_length(limit, text) <= limit.max;
}

size_t channel_file_limit(const struct channel_driver *driver, enum file_kind kind)
{
    size_t limit = driver->max_file_bytes ? driver->max_file_bytes : SNIFF_FILE_MAX;
    if (kind == FILE_PICTURE && driver->max_picture_bytes && driver->max_picture_bytes < limit)
        return driver->max_picture_bytes;
    return limit;
}

i64 channel_reply_window(const struct channel_driver *driver, const struct json *settings)
{
    i64 hours = json_i64(json_at(settings, "reply_window_hours"));
    return driver->reply_window_ms ? driver->reply_window_ms : hours > 0 ? hours * 3600000 : 0;
}

bool channel_signs(const struct channel_driver *driver, const struct json *settings)
{
    return driver->can & CAN_SIGNATURE || json_bool(json_at(settings, "signature"));
}
