// SPDX-License-Identifier: AGPL-3.0-or-later
// The tables of routes, one per resource, in the order of the documents made from them.
#pragma once
#include "api/route.h"

extern const struct route bulk_routes[], call_routes[], brand_routes[];
extern const struct route folder_routes[], chat_routes[], form_routes[];
extern const struct route webhook_routes[];
extern const struct route factor_routes[], passkey_routes[];
extern const struct route session_routes[], me_routes[], workspace_routes[], agent_routes[], team_routes[],
    tag_routes[], channel_routes[], token_routes[], conversation_routes[], message_routes[], mail_routes[],
    compose_routes[], contact_routes[], file_routes[], live_routes[], ping_routes[], push_routes[],
    about_routes[], hook_routes[], health_routes[];
