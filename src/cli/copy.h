// SPDX-License-Identifier: AGPL-3.0-or-later
// Commands about the data as a whole.
#pragma once
#include "cli/options.h"

int backup_run(struct options *options, struct arena *arena);
int restore_run(struct options *options, struct arena *arena);
int doctor_command(struct options *options, struct arena *arena);
