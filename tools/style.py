#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the compiler does not say: banned calls, file heads, sizes, words that do not belong. Exits 1 with each line."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BANNED = re.compile(
    r"\b(strcpy|strncpy|strcat|strncat|sprintf|vsprintf|gets|strtok|atoi|atol|atof|sscanf|alloca|localtime|gmtime|"
    r"rand|srand|system|popen|execl|execlp|execv|execvp|execve|setjmp|longjmp|tmpnam|mktemp)\s*\(")
RAW_MEMORY = re.compile(r"\b(malloc|calloc|realloc|free|strdup|strndup)\s*\(")
SQL_IN_C = re.compile(r'"\s*(SELECT\s.*\sFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM)\b', re.I)
PAGE_BANNED = re.compile(r"\binnerHTML\b|\binsertAdjacentHTML\b|document\.write|\beval\(|new Function|postMessage\([^)]*['\"]\*['\"]|\{@html\b|style=\"")
STRANGERS = re.compile(r"/work/|\bdeb\.debian\.org\b|registry\.npmjs|\bLLM\b agent|Co-Authored-By", re.I)
MAX_LINES = 800


def tracked(*patterns):
    out = subprocess.run(["git", "ls-files", "--", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / line for line in out.stdout.splitlines() if (ROOT / line).is_file()]


def bare(text):
    """The text without comments and string contents, line numbers kept."""
    def blank(match):
        s = match.group(0)
        if s.startswith('"'):
            return '""'
        return "\n" * s.count("\n")
    return re.sub(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', blank, text, flags=re.S)


def main():
    found = []
    for path in tracked("*.c", "*.h"):
        name = path.relative_to(ROOT).as_posix()
        text = path.read_text()
        lines = text.split("\n")
        if not lines[0].startswith("// SPDX-License-Identifier:"):
            found.append(f"{name}:1: no SPDX line")
        elif len(lines) > 1 and not lines[1].startswith("//") and not name.startswith("tests/"):
            found.append(f"{name}:2: no comment that says what the file is for")
        if len(lines) > MAX_LINES:
            found.append(f"{name}: {len(lines)} lines, split by {MAX_LINES}")
        code = bare(text)
        for number, line in enumerate(code.split("\n"), 1):
            if match := BANNED.search(line):
                if not (name == "src/base/child.c" or name.startswith("tests/") or name.startswith("bench/")):
                    found.append(f"{name}:{number}: {match.group(1)} is banned")
            if (match := RAW_MEMORY.search(line)) and name.startswith("src/") and not name.startswith("src/base/"):
                found.append(f"{name}:{number}: {match.group(1)} outside base/ (use arena_ or mem_)")
        if name.startswith("src/") and not name.startswith(("src/store/", "src/query/")):
            for match in SQL_IN_C.finditer(text):
                found.append(f"{name}:{text.count(chr(10), 0, match.start()) + 1}: SQL belongs in store/sql")
        if name.startswith("src/") and not name.startswith("src/net/") and re.search(r"(?<!static )\bconnect\s*\([^)]*sockaddr", code):
            found.append(f"{name}: connect() outside the guarded fetcher")
    for path in tracked("web/src/**/*.ts", "web/src/**/*.svelte", "web/src/*.ts", "web/src/*.svelte"):
        text = path.read_text()
        for match in PAGE_BANNED.finditer(text):
            found.append(f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}: {match.group(0)} is banned")
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        if path.suffix in (".png", ".jpg", ".gif", ".webp", ".bin") or name in ("tools/style.py", "LICENSE"):
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for match in STRANGERS.finditer(text):
            found.append(f"{name}:{text.count(chr(10), 0, match.start()) + 1}: “{match.group(0)}” does not belong here")
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
