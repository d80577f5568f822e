// SPDX-License-Identifier: AGPL-3.0-or-later
// Timer wheel, see wheel.h. Deadlines beyond the horizon (102 s) wait in the last slot and are put again.
#include "net/wheel.h"

void wheel_init(struct wheel *wheel, i64 now)
{
    *wheel = (struct wheel){.tick = now / WHEEL_TICK_MS};
}

void wheel_remove(struct wheel_node *node)
{
    if (!node->prev) {
        return;
    }
    *node->prev = node->next;
    if (node->next) {
        node->next->prev = node->prev;
    }
    node->next = NULL;
    node->prev = NULL;
}

static void link_node(struct wheel_node **list, struct wheel_node *node)
{
    node->next = *list;
    node->prev = list;
    if (node->next) {
        node->next->prev = &node->next;
    }
    *list = node;
}

void wheel_set(struct wheel *wheel, struct wheel_node *node, i64 due)
{
    node->due = due;
    if (due == WHEEL_NEVER) {
        return;
    }
    i64 tick = due / WHEEL_TICK_MS + 1;
    i64 last = wheel->tick + WHEEL_SLOTS - 1;

    if (tick <= wheel->tick) {
        tick = wheel->tick + 1;
    }
    if (tick > last) {
        tick = last;
    }
    if (node->prev && node->tick <= tick) {
        return;
    }
    wheel_remove(node);
    node->tick = tick;
    link_node(&wheel->slots[tick % WHEEL_SLOTS], node);
}

void wheel_advance(struct wheel *wheel, i64 now, void (*fire)(struct wheel_node *node))
{
    i64 until = now / WHEEL_TICK_MS;

    // After a long sleep one round visits every slot.
    if (until - wheel->tick > WHEEL_SLOTS) {
        wheel->tick = until - WHEEL_SLOTS;
    }
    while (wheel->tick < until) {
        wheel->tick++;
        struct wheel_node **slot = &wheel->slots[wheel->tick % WHEEL_SLOTS];
        struct wheel_node *due = *slot;

        // The list gets a head of its own, so that fire may remove any of its nodes or set new ones.
        *slot = NULL;
        if (due) {
            due->prev = &due;
        }
        while (due) {
            struct wheel_node *node = due;

            wheel_remove(node);
            if (node->due <= now) {
                fire(node);
            } else if (node->due != WHEEL_NEVER) {
                wheel_set(wheel, node, node->due);
            }
        }
    }
}
