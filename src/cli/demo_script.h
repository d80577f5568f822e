// SPDX-License-Identifier: AGPL-3.0-or-later
// What the demo's customers say. Invented people, orders and numbers.
#pragma once
#include "base/str.h"

struct demo_person {
    const char *slug; // their id on the demo's networks
    const char *name, *handle, *language;
};
extern const struct demo_person demo_people[]; // ends with slug NULL
const struct demo_person *demo_person_find(struct str slug);

// What is there at the first start, told as it came over the last days.
struct demo_story {
    const char *slug;
    bool is_public;
    int minutes_ago;
    const char *text, *more;     // more: a second message some minutes later
    const char *answer;          // a colleague answered already
    const char *priority, *tags; // tags with commas
    const char *assignee;        // a colleague's e-mail
    const char *note;
};
extern const struct demo_story demo_stories[];

// What keeps coming.
struct demo_line {
    const char *language;
    bool is_public;
    const char *text;
};
extern const struct demo_line demo_lines[];
extern const size_t demo_n_lines;

// What somebody says when they were answered.
extern const struct demo_line demo_thanks[];
extern const size_t demo_n_thanks;
