// SPDX-License-Identifier: AGPL-3.0-or-later
// The tree of parts in one walk over the lines: no recursion, at most DEPTH_MAX boundaries open, an outer
// boundary ends whatever is inside it. Attached mails are leaves, so their depth costs nothing.
#include "mail/parts.h"
#include "mail/charset.h"
#include "mail/transfer.h"

enum { BOUNDARY_MAX = 256 };

struct walk {
    struct reading *reading;
    struct str raw;
    size_t pos;
    struct {
        struct str boundary;
        size_t part;
        size_t body_start;
    } open[DEPTH_MAX];
    size_t depth;
    i64 leaf; // the part whose body is being passed; -1: preamble or epilogue
    size_t leaf_start;
};

struct boundary_line {
    size_t start, next; // the line, and behind it
    size_t level;
    bool closing;
};

void reading_note(struct reading *reading, const char *sentence)
{
    struct str s = str_from(sentence);
    if (str_find(buf_str(&reading->defects), s) < 0) {
        buf_add(&reading->defects, reading->defects.len ? S(" ") : S(""));
        buf_add(&reading->defects, s);
    }
}

bool part_is(const struct part *part, const char *type)
{
    return str_eq(part->type.value, str_from(type));
}

i64 part_within(const struct part_list *parts, const struct part *part, const char *type)
{
    for (i64 i = part->parent; i >= 0; i = parts->items[i].parent) {
        if (part_is(&parts->items[i], type)) {
            return i;
        }
    }
    return -1;
}

struct str part_bytes(const struct part *part, struct arena *arena)
{
    return transfer_decode(part->encoding, part->raw, arena);
}

struct str part_text(const struct part *part, struct arena *arena, size_t max)
{
    struct str charset = params_find(&part->type, "charset", arena);
    return charset_text(arena, charset, part_bytes(part, arena), max);
}

// Whether the line [start, end) is a boundary of an open part, innermost first.
static bool match_boundary(const struct walk *walk, size_t start, size_t end, struct boundary_line *ret)
{
    struct str line = str_sub(walk->raw, start, end);
    if (line.len < 3 || line.ptr[0] != '-' || line.ptr[1] != '-') {
        return false;
    }
    line = str_sub(line, 2, line.len);
    while (line.len && ((u8)line.ptr[line.len - 1] <= 0x20)) {
        line.len--;
    }
    for (size_t level = walk->depth; level-- > 0;) {
        struct str boundary = walk->open[level].boundary;
        if (line.len == boundary.len && memcmp(line.ptr, boundary.ptr, line.len) == 0) {
            *ret = (struct boundary_line){.start = start, .level = level};
            return true;
        }
        if (line.len == boundary.len + 2 && line.ptr[line.len - 1] == '-' && line.ptr[line.len - 2] == '-' &&
            memcmp(line.ptr, boundary.ptr, boundary.len) == 0) {
            *ret = (struct boundary_line){.start = start, .level = level, .closing = true};
            return true;
        }
    }
    return false;
}

static size_t line_end(const struct walk *walk, size_t pos)
{
    const char *end = memchr(walk->raw.ptr + pos, '\n', walk->raw.len - pos);
    return end ? (size_t)(end - walk->raw.ptr) : walk->raw.len;
}

// The next boundary line from walk->pos on (which stands at the beginning of a line).
static bool next_boundary(const struct walk *walk, struct boundary_line *ret)
{
    size_t pos = walk->pos;
    while (walk->depth && pos < walk->raw.len) {
        size_t end = line_end(walk, pos);
        if (match_boundary(walk, pos, end, ret)) {
            ret->next = end < walk->raw.len ? end + 1 : end;
            return true;
        }
        pos = end + 1;
    }
    return false;
}

// Where the block of headers at pos ends: behind an empty line, or before a boundary.
static size_t block_end(const struct walk *walk, size_t pos)
{
    struct boundary_line line;
    while (pos < walk->raw.len) {
        size_t end = line_end(walk, pos);
        if (match_boundary(walk, pos, end, &line)) {
            return pos;
        }
        if (end == pos || (end == pos + 1 && walk->raw.ptr[pos] == '\r')) {
            return end < walk->raw.len ? end + 1 : end;
        }
        pos = end + 1;
    }
    return walk->raw.len;
}

static struct params read_type(struct walk *walk, struct str value, i64 parent)
{
    struct arena *arena = walk->reading->arena;
    struct params type = params_read(value, arena);
    const char *slash = type.value.len ? memchr(type.value.ptr, '/', type.value.len) : NULL;
    bool sound = slash && slash > type.value.ptr && slash + 1 < type.value.ptr + type.value.len &&
                 type.value.len <= 127;
    for (size_t i = 0; sound && i < type.value.len; i++) {
        sound = (u8)type.value.ptr[i] > 0x20 && (u8)type.value.ptr[i] < 0x7F &&
                !strchr("()<>@,;:\\\"[]?=", type.value.ptr[i]);
    }
    if (!sound) {
        bool digest = parent >= 0 && part_is(&walk->reading->parts.items[parent], "multipart/digest");
        type.value = digest && !value.len ? S("message/rfc822") : S("text/plain");
    }
    return type;
}

// Everything from here on as one part, when there are too many.
static void take_rest(struct walk *walk, i64 parent)
{
    struct reading *reading = walk->reading;
    *list_push(&reading->parts, reading->arena) = (struct part){
        .type = {.value = S("application/octet-stream")},
        .disposition = {.value = S("attachment")},
        .raw = str_sub(walk->raw, walk->pos, walk->raw.len),
        .parent = parent,
    };
    walk->pos = walk->raw.len;
    walk->leaf = -1;
    reading_note(reading,
                 "The mail has more than 500 parts; the last attachment is the rest of it as it came.");
}

static void begin_part(struct walk *walk, i64 parent)
{
    struct reading *reading = walk->reading;
    struct arena *arena = reading->arena;
    if (reading->parts.len + 1 >= PARTS_MAX) {
        take_rest(walk, parent);
        return;
    }
    struct part part = {.parent = parent, .raw = S("")};
    struct str block = str_sub(walk->raw, walk->pos, block_end(walk, walk->pos));
    size_t start = walk->pos + headers_read(block, arena, &part.headers);
    if (part.headers.cut) {
        reading_note(reading,
                     "The mail has more than 1,000 headers or 256 KiB of them; the rest was passed over.");
    }
    part.type = read_type(walk, headers_find(&part.headers, "Content-Type"), parent);
    part.disposition = params_read(headers_find(&part.headers, "Content-Disposition"), arena);
    part.encoding = headers_find(&part.headers, "Content-Transfer-Encoding");
    struct str boundary = STR_NONE;
    if (str_starts(part.type.value, S("multipart/"))) {
        boundary = params_find(&part.type, "boundary", arena);
        if (walk->depth == DEPTH_MAX) {
            reading_note(reading, "The mail is nested more than 32 deep; what is deeper was not opened.");
        }
    }
    size_t index = reading->parts.len;
    walk->pos = start;
    if (boundary.len > 0 && boundary.len <= BOUNDARY_MAX && walk->depth < DEPTH_MAX) {
        part.container = true;
        walk->open[walk->depth].boundary = boundary;
        walk->open[walk->depth].part = index;
        walk->open[walk->depth].body_start = start;
        walk->depth++;
        walk->leaf = -1;
    } else {
        walk->leaf = (i64)index;
        walk->leaf_start = start;
    }
    if (parent >= 0) {
        reading->parts.items[parent].children++;
    }
    *list_push(&reading->parts, arena) = part;
}

// The body from `start` up to the line at `end`, without the line break that belongs to the boundary.
static struct str body_between(const struct walk *walk, size_t start, size_t end, bool at_boundary)
{
    if (at_boundary && end > start && walk->raw.ptr[end - 1] == '\n') {
        end--;
        if (end > start && walk->raw.ptr[end - 1] == '\r') {
            end--;
        }
    }
    return str_sub(walk->raw, start, end > start ? end : start);
}

// Ends the leaf at hand and all multiparts deeper than `depth`. One in which no boundary came is a leaf.
static void end_parts(struct walk *walk, size_t depth, size_t end, bool at_boundary)
{
    struct part_list *parts = &walk->reading->parts;
    if (walk->leaf >= 0) {
        parts->items[walk->leaf].raw = body_between(walk, walk->leaf_start, end, at_boundary);
        walk->leaf = -1;
    }
    while (walk->depth > depth) {
        walk->depth--;
        struct part *part = &parts->items[walk->open[walk->depth].part];
        if (part->children == 0) {
            part->container = false;
            part->raw = body_between(walk, walk->open[walk->depth].body_start, end, at_boundary);
            reading_note(walk->reading, "A part announces parts of its own but has none.");
        }
    }
}

void parts_read(struct reading *reading, struct str raw)
{
    struct walk walk = {.reading = reading, .raw = raw, .leaf = -1};
    struct boundary_line line;
    begin_part(&walk, -1);
    while (walk.pos < raw.len && next_boundary(&walk, &line)) {
        i64 parent = (i64)walk.open[line.level].part;
        end_parts(&walk, line.level + 1, line.start, true);
        walk.pos = line.next;
        if (line.closing) {
            end_parts(&walk, line.level, line.start, true);
        } else {
            begin_part(&walk, parent);
        }
    }
    end_parts(&walk, 0, raw.len, false);
}
