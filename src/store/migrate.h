// SPDX-License-Identifier: AGPL-3.0-or-later
// Schema files, embedded, and the tables as data: for migration, backup, restore and doctor.
#pragma once
#include "store/db.h"

struct migration {
    int version;
    const char *name;
    const char *sha256;  // of the file
    const char *text[2]; // by enum db_kind
};
extern const struct migration migrations[]; // ends with version 0
extern const int migration_count;

struct store_column {
    const char *name;
    enum db_arg_kind kind;
};
struct store_table {
    const char *name;
    const struct store_column *columns;
    int n_columns;
    const struct sql *read;
    const struct sql *write; // SQLite: an INSERT; PostgreSQL: COPY FROM STDIN (event: epoch and xid first)
    const struct sql *count, *clear;
    const struct sql *identity; // PostgreSQL: moves the sequence behind the largest id; NULL: none
};
extern const struct store_table store_tables[]; // in the order of references, ends with name NULL

// Brings the schema up to date, or (apply false) only checks that it is. conn must be able to write.
bool migrate_run(struct conn *conn, bool apply, struct err *err) MUST_CHECK;
// A PostgreSQL database that came from another cluster (dump, copy) begins a new epoch: transaction
// numbers there start anew, and the order of the log must not.
bool migrate_note_cluster(struct conn *conn, struct err *err) MUST_CHECK;
