#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Turns src/store/sql/*.sql and src/store/schema/NNNN_*.sql into sql_gen.h and sql_gen.c.

Each statement is prepared here against the migrated schema in SQLite, its plan is looked at, and a
bad column, a lost index or a forgotten workspace breaks the build instead of a customer's day. The
format is described in src/store/README.md. SQLGEN_WARN=1 turns errors in statements into warnings, for
working on one file while another is half written; a release is never built so.
"""
import argparse
import glob
import hashlib
import os
import re
import sqlite3
import sys

DIALECTS = ("sqlite", "postgres")
TOKEN = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?\*/)
      |(?P<string>'(?:[^']|'')*')
      |(?P<quoted>"(?:[^"]|"")*")
      |(?P<dollar>\$\$.*?\$\$)
      |(?P<cast>::)
      |(?P<param>:[a-z_][a-z0-9_]*)
      |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
      |(?P<space>\s+)
      |(?P<other>.)""",
    re.X | re.S,
)


# The table that remembers which schema files were applied; made by the block schema_migration_make.
MIGRATION_TABLE = "CREATE TABLE schema_migration (version BIGINT PRIMARY KEY, name TEXT, sha256 TEXT, applied_at BIGINT)"


class Bad(Exception):
    """An error a person can act on: file, statement, sentence."""


def tokens(text):
    return [(m.lastgroup, m.group()) for m in TOKEN.finditer(text)]


def sections(lines):
    """The text of both dialects: `-- only: sqlite|postgres|both` lines switch between them."""
    out = {d: [] for d in DIALECTS}
    only = "both"
    switched = set()
    for line in lines:
        m = re.match(r"\s*--\s*only:\s*(\w+)\s*$", line)
        if m:
            only = m.group(1)
            if only not in ("sqlite", "postgres", "both"):
                raise Bad(f"'-- only: {only}' is neither sqlite, postgres nor both")
            switched.add(only)
            continue
        for d in DIALECTS:
            if only in (d, "both"):
                out[d].append(line)
    return {d: "\n".join(out[d]) for d in DIALECTS}


# ---- statements ---------------------------------------------------------------------------------


class Statement:
    def __init__(self, path, line, name, kind):
        self.path, self.line, self.name, self.kind = path, line, name, kind
        self.lines = []
        self.marks = {}
        self.text = {}
        self.params = []

    def fail(self, why):
        raise Bad(f"{self.path}:{self.line}: {self.name}: {why}")


def strip_comments(text):
    parts = [(k, " " if k == "comment" else t) for k, t in tokens(text)]
    out = []
    for kind, t in parts:
        if kind in ("space", "comment"):
            t = " "
        if t == " " and (not out or out[-1] == " "):
            continue
        out.append(t)
    return "".join(out).strip().rstrip(";").strip()


def number_params(text, order, mark):
    """Replaces :name by ?1 or $1 in the order of first appearance."""
    out = []
    for kind, t in tokens(text):
        if kind == "param":
            name = t[1:]
            if name not in order:
                order.append(name)
            out.append(f"{mark}{order.index(name) + 1}")
        else:
            out.append(t)
    return "".join(out)


def finish(st):
    for line in st.lines:
        m = re.match(r"\s*--\s*(scan|workspace|schema|args):\s*(.*?)\s*$", line)
        if m:
            if m.group(1) in st.marks:
                st.fail(f"says '-- {m.group(1)}:' twice")
            st.marks[m.group(1)] = m.group(2)
    for mark, word in (("scan", "ok"), ("workspace", "any")):
        if mark in st.marks and not re.match(word + r",\s*\S+", st.marks[mark]):
            st.fail(f"'-- {mark}:' must read '{word}, <reason>'")
    if st.marks.get("schema", "main") not in ("main", "search"):
        st.fail("'-- schema:' must be main or search")
    given = [a.strip() for a in st.marks["args"].split(",")] if "args" in st.marks else None
    try:
        texts = sections(st.lines)
    except Bad as e:
        st.fail(str(e))
    orders = {}
    for d in DIALECTS:
        text = strip_comments(texts[d])
        if not text:
            st.text[d] = None
            continue
        if any(k == "other" and t == ";" for k, t in tokens(text)):
            st.fail(f"holds more than one statement ({d})")
        if d == "postgres":
            # The words of SQLite for the same types; INTEGER would have 32 bits.
            text = re.sub(r"\bAS\s+INTEGER\b", "AS BIGINT", re.sub(r"\bAS\s+BLOB\b", "AS BYTEA", text))
        order = list(given) if given else []
        st.text[d] = number_params(text, order, "?" if d == "sqlite" else "$")
        if given and len(order) != len(given):
            st.fail(f"'-- args:' lacks {', '.join(order[len(given):])}")
        if given:
            used = {t[1:] for k, t in tokens(text) if k == "param"}
            unused = [a for a in given if a not in used]
            if unused:
                st.fail(f"'-- args:' names {', '.join(unused)}, which the {d} text does not use")
        orders[d] = order
    if not orders:
        st.fail("is empty")
    if len(orders) == 2 and orders["sqlite"] != orders["postgres"]:
        st.fail(
            "arguments come in another order in the two dialects: sqlite "
            f"({', '.join(orders['sqlite'])}), postgres ({', '.join(orders['postgres'])}); "
            "'-- args: a, b' in the block fixes an order"
        )
    st.params = next(iter(orders.values()))
    if len(st.params) > 64:
        st.fail("has more than 64 arguments")


def read_statements(path):
    out = []
    current = None
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f.read().split("\n"), 1):
            m = re.match(r"--\s*name:\s*(.*)$", line)
            if m:
                h = re.match(r"([a-z][a-z0-9_]*)\s+:(one|many|exec)\s*$", m.group(1))
                if not h:
                    raise Bad(f"{path}:{number}: must read '-- name: noun_verb :one|:many|:exec', not '{line}'")
                current = Statement(path, number, h.group(1), h.group(2))
                out.append(current)
            elif current:
                current.lines.append(line)
            elif line.strip() and not line.lstrip().startswith(("--", "#")):
                raise Bad(f"{path}:{number}: SQL before the first '-- name:'")
    for st in out:
        finish(st)
    return out


# ---- schema -------------------------------------------------------------------------------------


def to_postgres(text):
    """The translation described in the head of 0001_first.sql."""
    text = re.sub(r"\bINTEGER\s+PRIMARY\s+KEY\s+AUTOINCREMENT\b", "BIGINT_IDENTITY_KEY", strip_only_comments(text))
    out = []
    last_word = ""
    for kind, t in tokens(text):
        if kind == "word":
            word = t.upper()
            if t == "BIGINT_IDENTITY_KEY":
                t = "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"
            elif t == "INTEGER":
                t = "BIGINT"
            elif t == "BLOB":
                t = "BYTEA"
            elif t == "STRICT":
                t = ""
            elif t == "TEXT" and last_word != "AS":
                t = 'TEXT COLLATE "C"'  # sorts by bytes as SQLite does, and no libc upgrade breaks an index
            last_word = word
        out.append(t)
    return "".join(out)


def strip_only_comments(text):
    return "".join("" if k == "comment" else t for k, t in tokens(text))


def spell_out_checks(text):
    """SQLite fills a temporary table at each INSERT for CHECK (x IN (three or more)); x = a OR x = b is free."""

    def spell_out(m):
        values = re.findall(r"'(?:[^']|'')*'", m.group(2))
        return "CHECK (" + " OR ".join(f"{m.group(1)} = {v}" for v in values) + ")"

    return re.sub(r"CHECK \((\w+) IN \(((?:'(?:[^']|'')*'(?:,\s*)?)+)\)\)", spell_out, text)


class Migration:
    def __init__(self, path):
        self.path = path
        base = os.path.basename(path)
        m = re.match(r"(\d{4})_([a-z0-9_]+)\.sql$", base)
        if not m:
            raise Bad(f"{path}: a schema file is named NNNN_word.sql")
        self.version, self.name = int(m.group(1)), m.group(2)
        with open(path, "rb") as f:
            raw = f.read()
        self.sha256 = hashlib.sha256(raw).hexdigest()
        lines = [l for l in raw.decode("utf-8").split("\n") if not l.startswith("#")]
        try:
            texts = sections(lines)
        except Bad as e:
            raise Bad(f"{path}: {e}")
        self.sqlite = squeeze(spell_out_checks(strip_only_comments(texts["sqlite"])))
        self.postgres = squeeze(to_postgres(texts["postgres"]))


def squeeze(text):
    return re.sub(r"\n\s*\n+", "\n", re.sub(r"[ \t]+\n", "\n", text)).strip() + "\n"


def read_migrations(folder):
    out = [Migration(p) for p in sorted(glob.glob(os.path.join(folder, "[0-9]*.sql")))]
    for n, m in enumerate(out, 1):
        if m.version != n:
            raise Bad(f"{m.path}: schema files are numbered without gaps, here {n:04d} was expected")
    return out


def make_databases(migrations, search_path):
    main = sqlite3.connect(":memory:")
    main.execute(MIGRATION_TABLE)
    for m in migrations:
        try:
            main.executescript(m.sqlite)
        except sqlite3.Error as e:
            raise Bad(f"{m.path}: {e}")
    search = sqlite3.connect(":memory:")
    if os.path.exists(search_path):
        with open(search_path, encoding="utf-8") as f:
            text = f.read()
        lines = [l for l in text.split("\n") if not l.startswith("#")]
        text = strip_only_comments(sections(lines)["sqlite"])
        # Our own tokenizer is not there while building; any will do to prepare a statement.
        text = re.sub(r"tokenize\s*=\s*('[^']*'|\"[^\"]*\")", "tokenize='unicode61'", text)
        main.execute("ATTACH ':memory:' AS search")
        attached = re.sub(
            r"(CREATE\s+(?:UNIQUE\s+)?(?:VIRTUAL\s+)?(?:TABLE|INDEX)\s+(?:IF\s+NOT\s+EXISTS\s+)?)(\w+)",
            r"\1search.\2",
            text,
        )
        try:
            search.executescript(text)
            main.executescript(attached)
        except sqlite3.Error as e:
            raise Bad(f"{search_path}: {e}")
    return {"main": main, "search": search}


def tables_of(db):
    """{table: [(column, kind, is_key)]} in the order of making, which is that of the references.

    Without the search index (search…), which is made anew from the rest.
    """
    out = {}
    names = db.execute(
        "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'schema_migration' "
        "AND name NOT LIKE 'search%' ORDER BY rowid"
    )
    for (name,) in names.fetchall():
        out[name] = [(r[1], r[2].upper(), r[5]) for r in db.execute(f'PRAGMA main.table_info("{name}")')]
    return out


# ---- checks -------------------------------------------------------------------------------------


def check_statement(st, dbs, tenant_tables):
    text = st.text["sqlite"]
    if text is not None:
        db = dbs[st.marks.get("schema", "main")]
        args = [None] * len(st.params)
        try:
            plan = db.execute("EXPLAIN QUERY PLAN " + text, args).fetchall()
        except sqlite3.Error as e:
            st.fail(f"SQLite refuses it: {e}")
        problems = []
        for _, _, _, detail in plan:
            # Virtual tables and the rows of VALUES, json_each or a CTE have no index to miss.
            if re.match(r"SCAN (?!CONSTANT|\d)", detail) and "VIRTUAL TABLE" not in detail:
                name = re.match(r"SCAN (?:TABLE )?(\w+)", detail)
                if name and scans_a_table(text, name.group(1), dbs):
                    problems.append(detail)
            elif "USE TEMP B-TREE" in detail:
                problems.append(detail)
        if problems and "scan" not in st.marks:
            st.fail(
                "its plan has " + "; ".join(problems) + ". Give it an index, or say '-- scan: ok, <reason>' in the block"
            )
    for d in DIALECTS:
        if st.text[d] is None or "workspace" in st.marks or "workspace" in st.params:
            continue
        words = [t for k, t in tokens(st.text[d]) if k == "word"]
        touched = []
        for before, word in zip(words, words[1:]):
            if before.upper() in ("FROM", "JOIN", "INTO", "UPDATE") and word in tenant_tables:
                touched.append(word)
        if touched:
            st.fail(
                f"touches {touched[0]} without :workspace. Add it, or say '-- workspace: any, <reason>' in the block"
            )


def scans_a_table(text, alias, dbs):
    """EXPLAIN names the alias; only real tables count (not subqueries, CTEs, json_each)."""
    real = set(tables_of(dbs["main"])) | set(tables_of(dbs["search"]))
    if alias in real:
        return True
    for m in re.finditer(r"\b(?:FROM|JOIN|UPDATE|INTO)\s+(?:search\.)?(\w+)\s+(?:AS\s+)?(\w+)", text, re.I):
        if m.group(2) == alias and m.group(1) in real:
            return True
    for m in re.finditer(r",\s*(\w+)\s+(?:AS\s+)?(\w+)", text):
        if m.group(2) == alias and m.group(1) in real:
            return True
    return False


# ---- output -------------------------------------------------------------------------------------


def c_string(text):
    if text is None:
        return "NULL"
    out = []
    for line in text.split("\n"):
        line = line.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t").replace("??", "?\\?")
        out.append('"' + line)
    return '\\n"\n        '.join(out) + '"'


def copy_statements(tables):
    """How backup and restore read and write each table: columns by name, no SQL text in C.

    Where the two databases differ: the log of PostgreSQL is in the order (epoch, xid, id); in a backup
    it is numbered in that order, and readers stand at the number of their last event.
    """
    out = []
    for name, columns in tables.items():
        cols = ", ".join(c for c, _, _ in columns)
        keys = ", ".join(c for c, _, k in sorted(columns, key=lambda c: c[2]) if k)
        marks = ", ".join(f"?{n + 1}" for n in range(len(columns)))
        texts = {
            "read": {d: f"SELECT {cols} FROM {name} ORDER BY {keys}" for d in DIALECTS},
            "write": {
                "sqlite": f"INSERT INTO {name} ({cols}) VALUES ({marks})",
                "postgres": f"COPY {name} ({cols}) FROM STDIN",
            },
            "count": {d: f"SELECT count(*) FROM {name}" for d in DIALECTS},
            "clear": {d: f"DELETE FROM {name}" for d in DIALECTS},
            "identity": None,
        }
        if name == "event":
            rest = ", ".join(c for c, _, _ in columns[1:])
            texts["read"]["postgres"] = (
                f"SELECT row_number() OVER (ORDER BY epoch, xid, id) AS id, {rest} FROM event ORDER BY epoch, xid, id"
            )
            texts["write"]["postgres"] = f"COPY event (epoch, xid, {cols}) FROM STDIN"
        if name == "reader":
            mine = {
                "epoch": "CAST((SELECT value FROM meta WHERE key = 'epoch') AS BIGINT) AS epoch",
                "xid": "0 AS xid",
                "position": "(SELECT count(*) FROM event e WHERE (e.epoch, e.xid, e.id) <= "
                "(reader.epoch, CAST(CAST(reader.xid AS TEXT) AS xid8), reader.position)) AS position",
            }
            texts["read"]["postgres"] = f"SELECT {', '.join(mine.get(c, c) for c, _, _ in columns)} FROM reader ORDER BY name"
        if columns[0][0] == "id" and columns[0][2] == 1:
            texts["identity"] = {
                "sqlite": None,
                "postgres": f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), "
                f"(SELECT coalesce(max(id), 0) + 1 FROM {name}), false)",
            }
        out.append((name, columns, texts))
    return out


def without_returning(text, tables):
    """RETURNING opens a temporary table at each run in SQLite (5 us, twice the insert itself). A plain
    INSERT … RETURNING id goes without: the connection knows the last rowid."""
    lite = text["sqlite"]
    m = lite and re.match(r"INSERT INTO (\w+) ?\([^()]*\) ?VALUES .*( RETURNING id)$", lite, re.S | re.I)
    if not m or re.search(r"\bDO UPDATE\b|\bSELECT\b", lite, re.I):
        return text, "false"
    columns = tables.get(m.group(1), [])
    if not columns or columns[0] != ("id", "INTEGER", 1):
        return text, "false"
    return {**text, "sqlite": lite[: m.start(2)]}, "true"


def write_if_changed(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def generate(args):
    sql_files = sorted(glob.glob(os.path.join(args.sql, "*.sql")))
    schema_files = sorted(glob.glob(os.path.join(args.schema, "*.sql")))
    migrations = read_migrations(args.schema)
    search_path = os.path.join(args.schema, "search.sql")
    dbs = make_databases(migrations, search_path)
    tables = tables_of(dbs["main"])
    tenant = {t for t, cols in tables.items() if any(c == "workspace_id" for c, _, _ in cols)}
    errors = []
    statements = {}
    for path in sql_files:
        try:
            for st in read_statements(path):
                if st.name in statements:
                    st.fail(f"the name is taken by {statements[st.name].path}:{statements[st.name].line}")
                statements[st.name] = st
        except Bad as e:
            errors.append(str(e))
    for st in statements.values():
        try:
            check_statement(st, dbs, tenant)
        except Bad as e:
            errors.append(str(e))
    if errors and os.environ.get("SQLGEN_WARN") == "1":
        print("\n".join("sqlgen: warning: " + e for e in errors), file=sys.stderr)
    elif errors:
        raise Bad("\n".join(errors))

    everything = [(s.name, len(s.params), s.text) for s in statements.values()]
    copies = copy_statements(tables)
    h = [
        "// SPDX-License-Identifier: AGPL-3.0-or-later",
        "// Made by tools/sqlgen.py; change src/store/sql/*.sql instead.",
        "#pragma once",
        '#include "store/db.h"',
        "",
    ]
    c = [
        "// SPDX-License-Identifier: AGPL-3.0-or-later",
        "// Made by tools/sqlgen.py; change src/store/sql/*.sql and src/store/schema/*.sql instead.",
        '#include "sql_gen.h"',
        '#include "store/migrate.h"',
        "",
    ]

    def emit(public, name, n_args, text):
        text, rowid = without_returning(text, tables)
        index = emit.index
        emit.index += 1
        emit.names.append(name)
        if public:
            h.append(f"extern const struct sql SQL_{name};")
        c.append(
            f'{"" if public else "static "}const struct sql SQL_{name} = {{\n    "{name}", {index}, {n_args},\n'
            f'    {{{c_string(text["sqlite"])},\n     {c_string(text["postgres"])}}}, {rowid}}};'
        )

    emit.index = 0
    emit.names = []
    for name, n_args, text in everything:
        emit(True, name, n_args, text)
    for name, columns, texts in copies:
        for what, text in texts.items():
            if text:
                emit(False, f"copy_{what}_{name}", len(columns) if what == "write" else 0, text)
    c.append("const struct sql *const sql_all[] = {")
    c += [f"    &SQL_{name}," for name in emit.names]
    c += ["    NULL,", "};", f"const int sql_count = {emit.index};", ""]
    h += [
        "",
        "// Every statement, ends with NULL; sql_all[i]->index == i.",
        "extern const struct sql *const sql_all[];",
        "extern const int sql_count;",
    ]
    kinds = {"INTEGER": "DB_ARG_I64", "TEXT": "DB_ARG_STR", "BLOB": "DB_ARG_BLOB"}
    for name, columns, *_ in copies:
        items = ", ".join(f'{{"{col}", {kinds[kind]}}}' for col, kind, _ in columns)
        c.append(f"static const struct store_column columns_{name}[] = {{{items}}};")
    c.append("const struct store_table store_tables[] = {")
    for name, columns, texts in copies:
        parts = ", ".join(f"&SQL_copy_{what}_{name}" if text else "NULL" for what, text in texts.items())
        c.append(f'    {{"{name}", columns_{name}, {len(columns)}, {parts}}},')
    c += ["    {0},", "};", ""]
    c.append("const struct migration migrations[] = {")
    for m in migrations:
        c.append(
            f'    {{{m.version}, "{m.name}", "{m.sha256}",\n     {{{c_string(m.sqlite)},\n      {c_string(m.postgres)}}}}},'
        )
    c += ["    {0},", "};", f"const int migration_count = {len(migrations)};", ""]
    if os.path.exists(search_path):
        with open(search_path, encoding="utf-8") as f:
            lines = [l for l in f.read().split("\n") if not l.startswith("#")]
        h += ["// schema/search.sql, for DATA/search.db.", "extern const char search_schema[];"]
        c += [f"const char search_schema[] =\n        {c_string(squeeze(strip_only_comments(sections(lines)['sqlite'])))};"]
    write_if_changed(args.header, "\n".join(h) + "\n")
    write_if_changed(args.source, "\n".join(c) + "\n")
    if args.list:
        rows = [f"{s.name} {s.kind} {','.join(s.params) or '-'}" for s in statements.values()]
        write_if_changed(args.list, "\n".join(rows) + "\n")
    if args.depfile:
        # The folders too: a new file changes them, and so the list is made anew.
        deps = sql_files + schema_files + [args.sql, args.schema, os.path.abspath(__file__)]
        write_if_changed(args.depfile, f"{args.header}: " + " ".join(d.replace(" ", "\\ ") for d in deps) + "\n")


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--sql", required=True, help="folder of the statements")
    p.add_argument("--schema", required=True, help="folder of the schema files")
    p.add_argument("--header", required=True)
    p.add_argument("--source", required=True)
    p.add_argument("--list", help="also write the names, kinds and arguments of all statements")
    p.add_argument("--depfile")
    try:
        generate(p.parse_args())
    except Bad as e:
        sys.exit(f"sqlgen: {e}")


if __name__ == "__main__":
    main()
