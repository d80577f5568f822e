#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Holds the table of layers: who may include whose headers. Exits 1 with each breach named."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# A folder may include its own headers and those of the folders named here, nothing else.
MAY = {
    "base": [],
    "json": ["base"],
    "text": ["base", "json"],
    "mail": ["base", "json", "text"],
    "net": ["base", "json", "channels/channel.h"],
    "store": ["base", "json"],
    "query": ["base", "json", "text", "store"],
    "channels": ["base", "json", "text", "mail"],
    "desk": ["base", "json", "text", "store", "query", "channels"],
    "live": ["base", "json", "store", "query", "desk", "net"],
    "jobs": ["base", "json", "text", "mail", "store", "query", "channels", "desk", "net"],
    "api": ["base", "json", "text", "mail", "store", "query", "channels", "desk", "net", "live", "jobs"],
    "cli": ["base", "json", "text", "store", "query", "channels", "desk", "net", "live", "jobs", "api"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
# No network is named above channels/; no HTTP word below net/.
NETWORK_NAMES = re.compile(r"\b(bluesky|mastodon|telegram|instagram|facebook|whatsapp|bsky|atproto)\b", re.I)


def allowed(folder, include):
    if "/" not in include:
        return include in ("sql_gen.h", "assets_gen.h", "version.h")
    top = include.split("/")[0]
    if top == folder:
        return True
    return any(include == m or ("/" not in m and top == m) for m in MAY[folder])


def strip_comments(text):
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.S)


def main():
    breaches = []
    for path in sorted((ROOT / "src").rglob("*.[ch]")):
        relative = path.relative_to(ROOT / "src")
        folder = relative.parts[0]
        text = path.read_text()
        if len(relative.parts) == 1:
            continue  # main.c may use all
        if folder not in MAY:
            breaches.append(f"src/{relative}: folder {folder} is not in the table of tools/layers.py")
            continue
        for include in INCLUDE.findall(text):
            if not allowed(folder, include):
                breaches.append(f"src/{relative}: {folder} may not include {include}")
        if folder in ("desk", "query", "store", "live") and NETWORK_NAMES.search(strip_comments(text)):
            breaches.append(f"src/{relative}: names a network; that belongs to channels/")
        if folder == "channels" and re.search(r"\b(socket|connect|curl_\w+|clock_now|clock_mono)\s*\(", strip_comments(text)):
            breaches.append(f"src/{relative}: a driver touches no socket and no clock")
        if relative.name != "child.c" and re.search(r"\bv?fork\s*\(", strip_comments(text)):
            breaches.append(f"src/{relative}: only base/child.c may fork")
        if "db_query_text" in strip_comments(text) and folder not in ("query", "store"):
            breaches.append(f"src/{relative}: only the query compiler runs SQL text of its own")
    for line in breaches:
        print(line)
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
