// SPDX-License-Identifier: AGPL-3.0-or-later
// A real PostgreSQL for tests: a cluster of its own in a temporary folder, on a unix socket, started at
// the first use and gone when the test ends, however it ends. HEED_TEST_POSTGRES=URL uses a running
// server instead (each test still gets a database of its own there).
#pragma once

// The URL of a fresh, empty database. NULL when there is no PostgreSQL on this machine (never when
// HEED_TEST_POSTGRES_REQUIRED is set: then the test fails).
const char *pg_fresh_database(void);
// Drops it again; connections to it are cut.
void pg_drop_database(const char *url);
// Runs statements as the superuser in the database of the URL; aborts on an error.
void pg_run(const char *url, const char *sql);
// First column of the first row as a number.
long long pg_number(const char *url, const char *sql);
// Stops the server at once, as a crash would, and starts it again. Not with HEED_TEST_POSTGRES.
void pg_crash(void);
void pg_start_again(void);
