#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Runs every fuzz target over its kept corpus and then for a while: --seconds N or --runs N a target."""
import argparse
import concurrent.futures
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def run(target, options):
    corpus = ROOT / "tests" / "fuzz" / "corpus" / target.name.removeprefix("fuzz_")
    with tempfile.TemporaryDirectory() as grown:
        command = [str(target), grown] + ([str(corpus)] if corpus.is_dir() else []) + [
            "-timeout=5", "-rss_limit_mb=2048", "-print_final_stats=1", "-max_len=8192", "-close_fd_mask=3",
            f"-artifact_prefix={ROOT}/build/logs/{target.name}-"]
        command += [f"-max_total_time={options.seconds}"] if options.seconds else [f"-runs={options.runs}"]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    inputs = next((line.split()[-1] for line in done.stderr.splitlines() if "number_of_executed_units" in line), "?")
    return target.name, done.returncode, inputs, done.stderr


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=0)
    parser.add_argument("--runs", type=int, default=0)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    targets = sorted(p for p in (ROOT / "build" / "fuzz" / "tests" / "fuzz").glob("fuzz_*") if p.is_file() and p.suffix == "")
    if options.names:
        targets = [t for t in targets if t.name.removeprefix("fuzz_") in options.names]
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for name, code, inputs, text in pool.map(lambda t: run(t, options), targets):
            print(f"{'ok  ' if code == 0 else 'FAIL'} {name}: {inputs} inputs", flush=True)
            if code:
                bad += 1
                print("\n".join(text.splitlines()[-40:]))
    print(f"{len(targets) - bad} passed, {bad} failed")
    return 1 if bad or not targets else 0


if __name__ == "__main__":
    sys.exit(main())
