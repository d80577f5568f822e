// SPDX-License-Identifier: AGPL-3.0-or-later
// Private to mail/: what an attacker would do who took over the parser, for tests with the real program.
#pragma once
#include "base/str.h"

// Reads HEED_TEST_MAIL=hostile from the environment; without it hook_run does nothing.
void hook_prepare(void);
// In a child: does what the header "X-Heed-Test:" of the mail says: crash, hang, eat, open, socket, execve,
// ptrace, kill, lie. Behind the walls each ends the child; nothing of it works.
void hook_run(struct str raw);
