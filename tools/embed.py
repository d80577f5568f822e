#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Compiles the page's files (web/dist) into the program: writes assets.c with each file as it is, with
gzip, and with brotli where FILE.br lies beside it. Without web/dist the table is empty and the program
says so. Writes only when something changed, so that nothing is compiled again for nothing."""
import gzip
import hashlib
import pathlib
import re
import sys

MIME = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
        ".svg": "image/svg+xml", ".json": "application/json", ".webmanifest": "application/manifest+json", ".png": "image/png",
        ".ico": "image/x-icon", ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8", ".wasm": "application/wasm", ".map": "application/json"}
PACKED = {".html", ".js", ".css", ".svg", ".json", ".webmanifest", ".txt"}
HASHED = re.compile(r"[-.][A-Za-z0-9_-]{8,}\.[a-z0-9]+$")
WORD = {i: f"{i}," for i in range(256)}


def array(name, data):
    lines = [f"static const unsigned char {name}[] = {{"]
    for at in range(0, len(data), 32):
        lines.append("".join(WORD[b] for b in data[at:at + 32]))
    lines.append("};")
    return "\n".join(lines)


def main():
    dist, target = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    arrays, rows = [], []
    files = sorted(p for p in dist.rglob("*") if p.is_file()) if (dist / "index.html").exists() else []
    for number, path in enumerate(f for f in files if f.suffix not in (".br", ".gz")):
        data = path.read_bytes()
        name = "/" + path.relative_to(dist).as_posix()
        forms = {"plain": data}
        if path.suffix in PACKED and len(data) > 512:
            forms["gzip"] = gzip.compress(data, 9, mtime=0)
            brotli = path.with_name(path.name + ".br")
            if brotli.exists() and brotli.stat().st_mtime >= path.stat().st_mtime:
                forms["brotli"] = brotli.read_bytes()
        cells = []
        for form in ("plain", "gzip", "brotli"):
            if form in forms and forms[form]:
                arrays.append(array(f"a{number}_{form}", forms[form]))
                cells.append(f"{{a{number}_{form}, sizeof(a{number}_{form})}}")
            else:
                cells.append("{0, 0}")
        immutable = "true" if name.startswith("/assets/") and HASHED.search(name) else "false"
        etag = hashlib.sha256(data).hexdigest()[:24]
        mime = MIME.get(path.suffix, "application/octet-stream")
        rows.append(f'    {{"{name}", "{mime}", "\\"{etag}\\"", {immutable}, {cells[0]}, {cells[1]}, {cells[2]}}},')
    text = "\n".join(["// Made by tools/embed.py from web/dist; do not edit.", '#include "api/pages.h"', "", *arrays, "",
                      "const struct asset assets[] = {", *(rows or ['    {"", "", "", false, {0, 0}, {0, 0}, {0, 0}},']), "};",
                      f"const size_t n_assets = {len(rows)};", ""])
    if not target.exists() or target.read_text() != text:
        target.write_text(text)


main()
