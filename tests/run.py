#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Runs the stages of `make check` and `make trust`, says how long each took, and ends with a line
"N passed, N failed". `tests/run.py check lint unit` runs only those stages."""
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOGS = ROOT / "build" / "logs"
COUNT = re.compile(r"(\d+) passed|(\d+) failed|(\d+) error", re.I)
MESON_OK = re.compile(r"^Ok:\s+(\d+)", re.M)
MESON_FAIL = re.compile(r"^(?:Fail|Timeout|Unexpected Pass):\s+(\d+)", re.M)


RUNNING = set()  # process groups, for stopping


def stop_all():
    for group in list(RUNNING):
        try:
            os.killpg(group, signal.SIGTERM)
        except ProcessLookupError:
            pass


def sh(command, log, env=None, timeout=3600):
    """Runs one shell command, output into the log; returns (exit code, output)."""
    process = subprocess.Popen(["bash", "-c", "set -o pipefail; " + command], cwd=ROOT, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                               env={**os.environ, **(env or {})}, start_new_session=True)
    RUNNING.add(process.pid)
    output = []
    deadline = time.monotonic() + timeout
    for line in process.stdout:
        output.append(line)
        log.write(line)
        log.flush()
        if VERBOSE:
            sys.stdout.write(line)
        if time.monotonic() > deadline:
            os.killpg(process.pid, signal.SIGKILL)
    code = process.wait()
    RUNNING.discard(process.pid)
    return code, "".join(output)


class Stage:
    def __init__(self, name, about, *commands, env=None, keep_going=False):
        self.name, self.about, self.commands, self.env, self.keep_going = name, about, commands, env, keep_going

    def run(self):
        """Returns (passed, failed, tail of the output when it failed)."""
        passed = failed = 0
        tail = ""
        LOGS.mkdir(parents=True, exist_ok=True)
        with open(LOGS / f"{self.name}.log", "w") as log:
            for command in self.commands:
                code, output = sh(command, log, self.env)
                p, f = count(output)
                if code and not f:
                    f = 1
                if not code and not f and not p:
                    p = 1  # a command without counts, such as a build or a lint, is one test
                passed, failed = passed + p, failed + f
                if f:
                    tail += f"$ {command}\n" + "".join(output.splitlines(True)[-60:])
                    if code and not self.keep_going:
                        break  # what follows needs this
        return passed, failed, tail


def count(output):
    if MESON_OK.search(output):
        return (sum(map(int, MESON_OK.findall(output))), sum(map(int, MESON_FAIL.findall(output))))
    passed = failed = 0
    for line in output.splitlines()[-400:]:
        bare = re.sub(r"\x1b\[[0-9;]*m", "", line).strip("= ")
        if re.match(r"^(?:\w+: )?\d+ (passed|failed|error)", bare):
            for p, f, e in COUNT.findall(bare):
                passed += int(p or 0)
                failed += int(f or 0) + int(e or 0)
    return passed, failed


def meson(folder, *options, env=""):
    build = f"build/{folder}"
    return (f"[ -f {build}/build.ninja ] || {env} meson setup {shlex.join(options)} {build} >build/logs/{folder}.setup 2>&1 "
            f"|| {{ cat build/logs/{folder}.setup; rm -rf {build}; exit 1; }}")


# ccache, where it is there, spares what another build folder compiled already.
CLANG = f"CC='{shutil.which('ccache') and 'ccache ' or ''}clang' CC_LD=bfd"
RELEASE = meson("release", "--buildtype=debugoptimized", "-Dhardened=true", "--werror")
ASAN = meson("asan", "--buildtype=debugoptimized", "-Db_sanitize=address,undefined", "-Db_lundef=false", "--werror", env=CLANG)
TSAN = meson("tsan", "--buildtype=debugoptimized", "-Db_sanitize=thread", "-Db_lundef=false", env=CLANG)
TIDY = meson("tidy", "--buildtype=debugoptimized", env=CLANG)
FUZZ = meson("fuzz", "--buildtype=debugoptimized", "-Dfuzz=true", "-Db_sanitize=address,undefined", "-Db_lundef=false", env=CLANG)
SAN_ENV = {"ASAN_OPTIONS": "abort_on_error=0:detect_leaks=1:allocator_may_return_null=1", "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
           "TSAN_OPTIONS": f"suppressions={ROOT}/tests/tsan.supp:halt_on_error=0:exitcode=66"}
PYTEST = "/usr/bin/python3 -m pytest -q -x --no-header -p no:cacheprovider" if os.environ.get("FAIL_FAST") else "/usr/bin/python3 -m pytest -q --no-header -p no:cacheprovider"

# Most tests wait for a server of their own, so three at a time keep two processors busy; a file stays in one process.
PARALLEL = f"{PYTEST} -n 3 --dist loadfile"
# Where few files hold long tests, which share nothing but the mail system of their process.
SPREAD = f"{PYTEST} -n 3 --dist load"

CHECK = [
    Stage("lint", "layers, style, formatting, cppcheck",
          "tools/layers.py", "tools/style.py",
          "git ls-files -- '*.c' '*.h' | xargs clang-format --dry-run -Werror",
          "cppcheck -q -j2 --std=c11 --enable=warning,portability --error-exitcode=1 --suppressions-list=tests/cppcheck.supp --inline-suppr -I src src", keep_going=True),
    Stage("build", "gcc hardened and clang with ASan and UBSan, warnings are errors",
          RELEASE, "ninja -C build/release heed", ASAN, "ninja -C build/asan"),
    Stage("tidy", "clang-tidy, the list in .clang-tidy", TIDY, "ninja -C build/tidy src/store/sql_gen.h",
          "git ls-files 'src/*.c' | xargs -P2 -n6 clang-tidy -p build/tidy --quiet"),
    Stage("page", "types, lint and texts of the page", "cd web && npm run --silent check"),
    Stage("unit", "unit tests under ASan and UBSan, SQLite and PostgreSQL",
          "meson test -C build/asan --suite unit --num-processes 2 --print-errorlogs", env=SAN_ENV),
    Stage("threads", "the threaded parts under TSan",
          TSAN, "meson test -C build/tsan --num-processes 2 --print-errorlogs http http_life http_stream client store event_log base child live jobs intake deliver network", env=SAN_ENV),
    Stage("generated", "generated documents and the binary's hardening",
          "/usr/bin/python3 tools/generated.py --check", "/usr/bin/python3 tests/hardening.py build/release/heed"),
    Stage("scenario", "the product from outside, on SQLite and PostgreSQL", f"{PARALLEL} tests/scenario"),
    Stage("trust", "kills, full disks, hostile input (short form)", f"{PARALLEL} tests/trust"),
    # These mostly wait for servers, so they wait together.
    (Stage("bluesky", "against the real Bluesky network", "node tests/real/bluesky/test.mjs"),
     Stage("mail", "against real mail servers", f"{SPREAD} tests/real/mail")),
    Stage("browser", "the page in a real browser, with axe; the manuals' pictures", "node tests/browser/run.mjs", "node tests/browser/pictures.mjs --check", keep_going=True),
    Stage("fuzz", "20 seconds a target", FUZZ, "ninja -C build/fuzz", "/usr/bin/python3 tests/fuzz/run.py --seconds 20"),
]
TRUST = [
    Stage("build", "gcc hardened", RELEASE, "ninja -C build/release heed"),
    Stage("trust", "kills, full disks, hostile input (in full)", f"{PYTEST} tests/trust", env={"HEED_TRUST": "full"}),
    Stage("browser", "hostile HTML in a real browser, 1,000,000 mutations", "node tests/browser/run.mjs --only 'foreign HTML'", env={"HEED_TRUST": "full"}),
    Stage("mail", "a mailbox of 100,000 mails, 35 silent minutes, poison (in full)",
          f"{SPREAD} tests/real/mail/test_many.py tests/real/mail/test_idle.py tests/real/mail/test_poison.py", env={"HEED_TRUST": "full"}),
    Stage("fuzz", "1,000,000 inputs a target", FUZZ, "ninja -C build/fuzz", "/usr/bin/python3 tests/fuzz/run.py --runs 1000000"),
]

VERBOSE = bool(os.environ.get("VERBOSE"))


def run_stage(stage, named, times):
    start = time.monotonic()
    passed, failed, tail = stage.run()
    seconds = time.monotonic() - start
    times.append((stage.name, seconds, passed, failed))
    print((tail and tail + "\n") + f"   {stage.name + ': ' if named else ''}{passed} ok, {failed} not, {seconds:.0f} s" + (failed and f"  (build/logs/{stage.name}.log)" or ""), flush=True)


def main():
    stages = {"check": CHECK, "trust": TRUST}.get(sys.argv[1] if len(sys.argv) > 1 else "")
    if stages is None:
        print(__doc__)
        return 2
    LOGS.mkdir(parents=True, exist_ok=True)
    only = sys.argv[2:]
    times = []
    start = time.monotonic()
    for together in stages:
        asked = [s for s in (together if isinstance(together, tuple) else (together,)) if not only or s.name in only]
        for stage in asked:
            print(f"── {stage.name}: {stage.about}", flush=True)
        threads = [threading.Thread(target=run_stage, args=(stage, len(asked) > 1, times), daemon=True) for stage in asked]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        done = {name for name, *_ in times}
        times += [(stage.name, 0, 0, 1) for stage in asked if stage.name not in done]  # it fell
    passed, failed = sum(t[2] for t in times), sum(t[3] for t in times)
    print()
    for name, seconds, p, f in times:
        print(f"{name:10} {seconds:6.0f} s  {p:5} ok {f:4} not")
    print(f"{'in all':10} {time.monotonic() - start:6.0f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        stop_all()
        print("\nstopped")
        sys.exit(130)
