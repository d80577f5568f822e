// SPDX-License-Identifier: AGPL-3.0-or-later
// A coarse timer wheel: one deadline per connection, moved in constant time. A deadline moved later costs
// one store; the node is put right when its old slot comes round.
#pragma once
#include "base/str.h"

#define WHEEL_TICK_MS 100
#define WHEEL_SLOTS   1024
#define WHEEL_NEVER   INT64_MAX

struct wheel_node { // zero: in no wheel
    struct wheel_node *next, **prev;
    i64 due;  // clock_mono
    i64 tick; // the slot it sits in
};

struct wheel {
    struct wheel_node *slots[WHEEL_SLOTS];
    i64 tick; // last one done
};

void wheel_init(struct wheel *wheel, i64 now);
// due may be WHEEL_NEVER.
void wheel_set(struct wheel *wheel, struct wheel_node *node, i64 due);
void wheel_remove(struct wheel_node *node);
// Calls fire for every node that is due; fire may set and remove any node.
void wheel_advance(struct wheel *wheel, i64 now, void (*fire)(struct wheel_node *node));
