// SPDX-License-Identifier: AGPL-3.0-or-later
// Shared by the two halves of the custom driver: custom.c (in) and custom_send.c (out).
#pragma once
#include "channels/channel.h"
#include "channels/standard_webhooks.h"

enum { CUSTOM_MAX_EVENTS = 1000 };

// The secrets of a channel: the current one, and the one before until its last moment.
struct webhook_secrets custom_secrets(const struct channel_view *channel);
enum step_result custom_send(struct step *step, const struct outbound *out);
enum step_result custom_confirm(struct step *step, const struct outbound *out);
enum step_result custom_health(struct step *step);
