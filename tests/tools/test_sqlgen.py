#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What tools/sqlgen.py accepts, refuses and makes."""
import os
import subprocess
import sys
import tempfile
import unittest

TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "sqlgen.py")
SCHEMA = """# comment
CREATE TABLE thing (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- the id
    workspace_id INTEGER NOT NULL, name TEXT NOT NULL CHECK (name <> '-- INTEGER'), bytes BLOB
) STRICT;
CREATE INDEX thing_by_name ON thing (workspace_id, name);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
-- only: sqlite
CREATE TABLE event (id INTEGER PRIMARY KEY AUTOINCREMENT, workspace_id INTEGER NOT NULL) STRICT;
-- only: postgres
CREATE TABLE event (epoch BIGINT, xid xid8 DEFAULT pg_current_xact_id(), id BIGINT, workspace_id BIGINT);
"""


class Sqlgen(unittest.TestCase):
    def run_tool(self, sql, schema=SCHEMA, extra_files=()):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in [("sql/a.sql", sql), ("schema/0001_first.sql", schema), *extra_files]:
                path = os.path.join(folder, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as f:
                    f.write(text)
            env = {k: v for k, v in os.environ.items() if k != "SQLGEN_WARN"}
            done = subprocess.run(
                [sys.executable, TOOL, "--sql", folder + "/sql", "--schema", folder + "/schema", "--header",
                 folder + "/g.h", "--source", folder + "/g.c", "--list", folder + "/l", "--depfile", folder + "/d"],
                capture_output=True, text=True, env=env, check=False,
            )
            if done.returncode:
                return None, done.stderr
            out = {}
            for name in ("g.h", "g.c", "l", "d"):
                with open(os.path.join(folder, name), encoding="utf-8") as f:
                    out[name] = f.read()
            return out, ""

    def refused(self, sql, *words, **more):
        out, err = self.run_tool(sql, **more)
        self.assertIsNone(out, "was accepted")
        for word in words:
            self.assertIn(word, err)

    def accepted(self, sql, **more):
        out, err = self.run_tool(sql, **more)
        self.assertIsNotNone(out, err)
        return out

    def test_names_become_numbers_in_order_of_appearance(self):
        out = self.accepted(
            "-- name: thing_find :many\n-- It's: a :comment.\nSELECT id, ':no' AS a, name FROM thing -- :no\n"
            "WHERE workspace_id = :workspace AND name = :name AND name <> :workspace\n/* :no */ LIMIT :limit;"
        )
        self.assertIn("workspace_id = ?1 AND name = ?2 AND name <> ?1 LIMIT ?3", out["g.c"])
        self.assertIn("workspace_id = $1 AND name = $2 AND name <> $1 LIMIT $3", out["g.c"])
        self.assertIn("':no'", out["g.c"])
        self.assertIn("extern const struct sql SQL_thing_find;", out["g.h"])
        self.assertIn("thing_find many workspace,name,limit", out["l"])

    def test_casts_of_postgresql_are_no_parameters(self):
        out = self.accepted(
            "-- name: thing_cast :one\n-- only: sqlite\nSELECT :a + 0;\n-- only: postgres\nSELECT :a::bigint, 'x'::text;"
        )
        self.assertIn("SELECT $1::bigint, 'x'::text", out["g.c"])

    def test_a_plain_insert_needs_no_returning_on_sqlite(self):
        insert = "INSERT INTO thing (workspace_id, name) VALUES (:workspace, :name)"
        out = self.accepted(f"-- name: thing_add :one\n{insert} RETURNING id;")
        self.assertIn('(?1, ?2)"', out["g.c"])
        self.assertIn('($1, $2) RETURNING id"}, true', out["g.c"])
        for more in ("RETURNING id, name", "ON CONFLICT (id) DO UPDATE SET name = 'x' RETURNING id"):
            out = self.accepted(f"-- name: thing_add :one\n{insert} {more};")
            self.assertIn('"thing_add", 0, 2', out["g.c"])
            self.assertEqual(out["g.c"].count("RETURNING"), 2)

    def test_a_section_may_switch_in_the_middle(self):
        out = self.accepted(
            "-- name: thing_lock :one\nSELECT id FROM thing WHERE workspace_id = :workspace AND id = :id\n"
            "-- only: postgres\nFOR UPDATE\n-- only: both\n;"
        )
        self.assertIn('"SELECT id FROM thing WHERE workspace_id = ?1 AND id = ?2"', out["g.c"])
        self.assertIn("id = $2 FOR UPDATE", out["g.c"])

    def test_types_have_their_words(self):
        out = self.accepted("-- name: x :one\nSELECT CAST(:a AS INTEGER), CAST(:b AS BLOB);")
        self.assertIn("CAST($1 AS BIGINT), CAST($2 AS BYTEA)", out["g.c"])
        self.assertIn("CAST(?1 AS INTEGER), CAST(?2 AS BLOB)", out["g.c"])

    def test_a_scan_needs_a_reason(self):
        scan = "SELECT bytes FROM thing WHERE bytes = :b"
        self.refused(f"-- name: a :many\n-- workspace: any, all\n{scan};", "a.sql:1: a:", "SCAN")
        self.refused(f"-- name: a :many\n-- scan: ok\n-- workspace: any, all\n{scan};", "ok, <reason>")
        self.accepted(f"-- name: a :many\n-- scan: ok, it is small\n-- workspace: any, all\n{scan};")

    def test_an_alias_does_not_hide_a_scan(self):
        self.refused("-- name: a :many\n-- workspace: any, x\nSELECT t.bytes FROM thing t WHERE t.bytes = :b;", "SCAN t")

    def test_a_sort_needs_a_reason(self):
        self.refused(
            "-- name: a :many\nSELECT id FROM thing WHERE workspace_id = :workspace ORDER BY bytes;", "USE TEMP B-TREE"
        )
        self.accepted("-- name: a :many\nSELECT id FROM thing WHERE workspace_id = :workspace ORDER BY name;")

    def test_tenant_tables_need_their_workspace(self):
        self.refused("-- name: a :one\nSELECT name FROM thing WHERE id = :id;", "touches thing without :workspace")
        self.refused("-- name: a :exec\nDELETE FROM thing WHERE id = :id;", "touches thing without :workspace")
        self.accepted("-- name: a :one\n-- workspace: any, by id\nSELECT name FROM thing WHERE id = :id;")

    def test_a_wrong_column_is_named_with_its_file(self):
        self.refused(
            "\n\n-- name: a :one\nSELECT nothing FROM thing WHERE workspace_id = :workspace;", "a.sql:3: a:", "nothing"
        )

    def test_dialects_must_agree_on_arguments(self):
        both = "-- only: sqlite\nSELECT :a + :b;\n-- only: postgres\nSELECT :b + :a;"
        self.refused(f"-- name: x :one\n{both}", "another order")
        out = self.accepted(f"-- name: x :one\n-- args: b, a\n{both}")
        self.assertIn("?2 + ?1", out["g.c"])
        self.assertIn("$1 + $2", out["g.c"])
        self.refused(f"-- name: x :one\n-- args: a, b, c\n{both}", "does not use")
        self.refused(f"-- name: x :one\n-- args: a\n{both}", "lacks b")

    def test_slips_are_refused(self):
        self.refused("-- name: Bad :one\nSELECT 1;", "must read")
        self.refused("-- name: a :some\nSELECT 1;", "must read")
        self.refused("SELECT 1;\n-- name: a :one\nSELECT 1;", "before the first")
        self.refused("-- name: a :one\nSELECT 1; SELECT 2;", "more than one statement")
        self.refused("-- name: a :one\n-- nothing\n", "is empty")
        self.refused("-- name: a :one\nSELECT 1;\n-- name: a :one\nSELECT 2;", "the name is taken by")
        self.refused("-- name: a :one\n-- only: oracle\nSELECT 1;", "oracle")

    def test_the_schema_is_translated(self):
        out = self.accepted("")
        postgres = out["g.c"].split("const struct migration migrations[]")[1]
        self.assertIn("id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", postgres)
        self.assertIn('name TEXT COLLATE \\"C\\" NOT NULL CHECK (name <> \'-- INTEGER\'), bytes BYTEA', postgres)
        self.assertIn("xid xid8", postgres)
        self.assertIn(") STRICT;", postgres)  # SQLite's text keeps it
        self.assertNotIn("the id", postgres)

    def test_checks_of_a_list_are_spelled_out_for_sqlite(self):
        out = self.accepted("", schema="CREATE TABLE t (s TEXT CHECK (s IN ('a', 'it''s', 'c'))) STRICT;")
        self.assertIn("CHECK (s = 'a' OR s = 'it''s' OR s = 'c')", out["g.c"])
        self.assertIn("CHECK (s IN ('a', 'it''s', 'c'))", out["g.c"])  # PostgreSQL's

    def test_schema_files_have_no_gaps(self):
        self.refused("", "0002 was expected", extra_files=[("schema/0003_x.sql", "CREATE TABLE x (a TEXT) STRICT;")])

    def test_search_statements_see_their_own_schema(self):
        search = [("schema/search.sql", "CREATE VIRTUAL TABLE doc USING fts5 (words, content='', tokenize='heed');")]
        self.accepted("-- name: a :exec\n-- schema: search\nINSERT INTO doc (rowid, words) VALUES (:id, :words);",
                      extra_files=search)
        self.accepted("-- name: a :many\nSELECT rowid FROM search.doc WHERE doc MATCH :q;", extra_files=search)

    def test_a_changed_file_rebuilds(self):
        out = self.accepted("-- name: a :one\nSELECT 1;")
        for part in ("sql/a.sql", "schema/0001_first.sql", "sqlgen.py"):
            self.assertIn(part, out["d"])


if __name__ == "__main__":
    unittest.main()
