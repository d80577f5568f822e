// SPDX-License-Identifier: AGPL-3.0-or-later
// Commands that let people and programs in.
#pragma once
#include "cli/options.h"

int workspace_add(struct options *options, struct arena *arena);
int user_add(struct options *options, struct arena *arena);
int user_link(struct options *options, struct arena *arena);
int token_add(struct options *options, struct arena *arena);
