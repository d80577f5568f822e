#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads the release binary with readelf and nm: PIE, full RELRO, canary, FORTIFY, NX, CET, no RPATH (A-CO4)."""
import subprocess
import sys


def out(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def main():
    binary = sys.argv[1]
    header, dynamic, segments, symbols, notes = (out("readelf", "-W", flag, binary) for flag in ("-h", "-d", "-l", "--dyn-syms", "-n"))
    fortified = symbols.count("_chk@")
    plain = [name for name in ("memcpy", "memmove", "memset", "snprintf", "vsnprintf", "read", "recv", "fprintf")
             if f" {name}@" in symbols]
    checks = {
        "position independent": "DYN (Position-Independent Executable file)" in header or "DYN (" in header,
        "bound at start": "BIND_NOW" in dynamic or "NOW" in dynamic,
        "relocations read-only": "GNU_RELRO" in segments,
        "stack not executable": any("GNU_STACK" in line and "RWE" not in line for line in segments.splitlines()),
        "no segment both writable and executable": not any(" RWE " in line for line in segments.splitlines()),
        "stack canary": "__stack_chk_fail" in symbols,
        f"fortified calls ({fortified})": fortified >= 5,
        "no RPATH or RUNPATH": "RPATH" not in dynamic and "RUNPATH" not in dynamic,
    }
    if "X86-64" in header:
        checks["CET notes (IBT, SHSTK)"] = "IBT" in notes and "SHSTK" in notes
    for name, ok in checks.items():
        print(("ok   " if ok else "FAIL ") + name)
    print("calls left plain because their size is not known at compile time:", ", ".join(plain) or "none")
    bad = sum(not ok for ok in checks.values())
    print(f"{len(checks) - bad} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
