// SPDX-License-Identifier: AGPL-3.0-or-later
// Which Heed this is; the build gives it.
#pragma once
#ifndef HEED_VERSION
#define HEED_VERSION "0.1.0"
#endif
