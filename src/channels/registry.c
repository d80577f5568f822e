// SPDX-License-Identifier: AGPL-3.0-or-later
// The networks this program knows. A new one is a file that ends in a struct channel_driver and a line here.
#include "channels/channel.h"

const struct channel_driver *const channel_drivers[] = {
    &channel_custom, &channel_bluesky, &channel_chat, &channel_form, &channel_email, &channel_phone, NULL};

const struct channel_driver *channel_driver_find(struct str kind)
{
    for (size_t i = 0; channel_drivers[i]; i++)
        if (str_eq(kind, str_from(channel_drivers[i]->kind)))
            return channel_drivers[i];
    return NULL;
}
