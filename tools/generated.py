#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Writes what is generated from the code's own tables: docs/openapi.json, docs/rights.md, docs/metrics.md,
the page's API types and the shortcuts sheet. With --check it writes nothing and exits 1 where a file
differs from what the code says."""
import difflib
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEED = ROOT / "build" / "release" / "heed"
NODE = ROOT / ".tools" / "node" if (ROOT / ".tools" / "node").exists() else pathlib.Path("node")


def out(*command, stdin=None):
    return subprocess.run([str(c) for c in command], cwd=ROOT, capture_output=True, text=True, check=True, input=stdin).stdout


COMMANDS = ["serve", "workspace add", "user add", "user link", "token add", "backup", "restore", "doctor", "openapi", "rights", "metrics-list"]

FILES = [
    ("heed.db", 'Everything, unless it is in PostgreSQL. Copy it with "heed backup": a plain copy of one in use may be damaged.'),
    ("key", "What the channels' credentials are sealed with. Keep a copy, apart from the backups."),
    ("search.db", "The search index. It is made anew when it is missing."),
]


def man_page():
    """heed(1) out of each command's own --help."""
    def roff(line):
        return line.replace("\\", "\\e").replace("-", "\\-")

    page = ['.TH HEED 1 "" "Heed" "User commands"', ".SH NAME", "heed \\- social customer care server", ".SH SYNOPSIS", ".B heed", ".I command", "[\\fIoption\\fR]..."]
    for command in COMMANDS:
        page.append(f'.SH "{("heed " + command).upper()}"')
        for line in out(HEED, *command.split(), "--help").splitlines():
            if not line.strip():
                page.append(".PP")
            elif not line.startswith(" "):
                page.append(f".SS {line.capitalize()}")
            elif line.startswith("    --"):
                page += [".TP", f"\\fB{roff(line.strip())}\\fR"]
            else:
                text = roff(line.strip())
                if text.startswith("Variable:"):
                    page.append(".br")
                page.append(("\\&" if text[0] in ".'" else "") + text + ("" if line.startswith("        ") else ""))
                if line.startswith("    heed "):
                    page.append(".br")
    page += [".SH FILES"]
    for name, what in FILES:
        page += [".TP", f"\\fIDIR\\fR/{name}", what]
    return "\n".join(page) + "\n"


def generated():
    openapi = json.dumps(json.loads(out(HEED, "openapi")), indent=1, ensure_ascii=False) + "\n"
    yield "docs/openapi.json", openapi
    yield "docs/rights.md", out(HEED, "rights")
    yield "docs/metrics.md", out(HEED, "metrics-list")
    yield "docs/heed.1", man_page()
    yield "web/src/api/types.ts", out(NODE, "web/tools/types.mjs", "--stdout", stdin=openapi)
    yield "clients/javascript/operations.js", out(NODE, "tools/client.mjs", "operations", stdin=openapi)
    yield "clients/javascript/index.d.ts", out(NODE, "tools/client.mjs", "types", stdin=openapi)
    yield "docs/shortcuts.md", out(NODE, "web/tools/shortcuts.mjs")


def main():
    check = "--check" in sys.argv
    differs = 0
    count = 0
    for name, text in generated():
        path = ROOT / name
        count += 1
        old = path.read_text() if path.exists() else ""
        if old == text:
            continue
        if not check:
            os.makedirs(path.parent, exist_ok=True)
            path.write_text(text)
            print(f"wrote {name}")
            continue
        differs += 1
        print(f"{name} is not what the code says (run tools/generated.py):")
        print("\n".join(list(difflib.unified_diff(old.splitlines(), text.splitlines(), "kept", "generated", lineterm="", n=1))[:30]))
    if check:
        print(f"{count - differs} passed, {differs} failed")
    return 1 if differs else 0


if __name__ == "__main__":
    sys.exit(main())
