# SPDX-License-Identifier: AGPL-3.0-or-later
"""The commands, and what they say when something is wrong: one sentence that names it, and 1 or 2."""
import os
import socket
import subprocess

import pytest
from lib.heed import BINARY, PASSWORD, until


def run(*args, input=None, env=None):
    return subprocess.run([BINARY, *args], capture_output=True, text=True, input=input, timeout=30, stdin=None if input else subprocess.DEVNULL,
                          env={**{k: v for k, v in os.environ.items() if not k.startswith("HEED_")}, **(env or {})})


@pytest.mark.parametrize("args, word", [
    (("nothing",), "nothing"), (("serve", "--nothing"), "--nothing"), (("serve", "--listen"), "--listen"), (("serve", "--listen", "nonsense", "--data", "@"), "--listen"),
    (("serve", "--listen", "127.0.0.1:99999", "--data", "@"), "--listen"), (("serve", "--role", "cook", "--data", "@"), "role"), (("serve", "--role", "web", "--data", "@"), "postgres"),
    (("serve", "--public-url", "desk.example", "--data", "@"), "public-url"), (("serve", "--public-url", "https://desk.example/path", "--data", "@"), "public-url"),
    (("serve", "--allow-host", "http://x:1", "--data", "@"), "allow-host"), (("serve", "--rate-limit", "-1", "--data", "@"), "rate-limit"), (("serve", "--keep-log-days", "0", "--data", "@"), "keep-log-days"), (("serve", "--keep-raw-days", "x", "--data", "@"), "keep-raw-days"), (("serve", "--log", "loud", "--data", "@"), "log"),
    (("serve", "--database", "mysql://x", "--data", "@"), "postgres"), (("serve", "--database", "postgres://postgres@/none?host=/nowhere", "--data", "@"), "/nowhere"),
    (("serve", "--data", "/proc/none"), "/proc/none"), (("serve", "extra", "--data", "@"), "extra"), (("user", "add", "--data", "@"), "email"), (("user", "link", "--data", "@"), "email"), (("user", "link", "--data", "@", "--email", "nobody@example.com"), "nobody@example.com"), (("user",), "user"), (("user", "add", "--data", "@", "--email", "x", "--name", "X"), "mail"),
    (("user", "add", "--data", "@", "--email", "a@b.example", "--name", "X", "--role", "king"), "role"), (("token", "add", "--data", "@", "--email", "nobody@example.com"), "nobody@example.com"), (("backup", "--data", "@"), "FILE"),
    (("restore", "--data", "@", "/nowhere/file"), "/nowhere/file"), (("workspace", "add", "--data", "@"), "name"), (("doctor", "--data", "/nowhere"), "/nowhere"),
])
def test_what_is_wrong_is_said_in_a_sentence(tmp_path, args, word):
    done = run(*[str(tmp_path / "data") if a == "@" else a for a in args])
    assert done.returncode in (1, 2), done
    assert word.lower() in done.stderr.lower(), done.stderr
    assert 10 < len(done.stderr) < 2500 and "Sanitizer" not in done.stderr and done.stdout == "", done


def test_help_and_version_go_to_stdout(tmp_path):
    for args in (("help",), ("--help",), ("version",), ("--version",), ("serve", "--help"), ("user", "add", "--help"), ("user", "link", "--help"), ("openapi",), ("rights",), ("metrics-list",)):
        done = run(*args)
        assert done.returncode == 0 and len(done.stdout) > 5 and done.stderr == "", (args, done)
    assert not (tmp_path / "data").exists()


def test_help_tells_about_one_command():
    for args in (("serve",), ("user", "add"), ("doctor",)):
        asked, given = run("help", *args), run(*args, "--help")
        assert asked.returncode == 0 and asked.stdout == given.stdout and "SYNOPSIS" in asked.stdout, asked
    assert run("help", "cook").returncode == 2


def test_a_refused_restore_leaves_nothing_behind(tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    done = run("restore", "--data", str(target), "/nowhere/file")
    assert done.returncode == 1 and os.listdir(target) == [], (done, os.listdir(target))


@pytest.mark.only("postgres")
def test_the_doctor_says_of_an_empty_database_only_that_it_is_empty(tmp_path):
    from lib import postgres
    done = run("doctor", "--data", str(tmp_path), "--database", postgres.shared().database())
    assert done.returncode == 1 and done.stdout.count("DAMAGE") == 1, done.stdout


@pytest.mark.only("sqlite")
def test_the_doctor_looks_at_the_index_and_a_backup_counts_in_words(world, tmp_path):
    server = world()
    server.workspace("Shop")
    until(lambda: os.path.exists(server.data + "/search.db"), 10)
    backup = server.command("backup", str(tmp_path / "backup"))
    assert "1 workspace, 0 conversations" in backup.stdout, backup
    server.stop()
    assert run("doctor", "--data", server.data).returncode == 0
    with open(server.data + "/search.db", "r+b") as f:
        f.seek(4096)
        f.write(b"rubbish" * 2000)
    done = run("doctor", "--data", server.data)
    assert done.returncode == 1 and "search index" in done.stdout, done.stdout


def test_a_port_in_use_and_a_locked_folder_are_named(world):
    server = world()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        other = world(start=False)
        done = run("serve", "--data", other.data, "--listen", f"127.0.0.1:{s.getsockname()[1]}")
    assert done.returncode == 1 and "use" in done.stderr.lower(), done.stderr
    if server.backend == "sqlite":
        done = run("serve", "--data", server.data, "--listen", "127.0.0.1:0")
        assert done.returncode == 1 and server.data in done.stderr, done.stderr
    done = run("restore", "--data", server.data, *(("--database", server.backend) if server.backend != "sqlite" else ()), "/nowhere")
    assert done.returncode == 1


def test_people_are_made_and_refused_in_words(world):
    server = world()
    workspace = server.workspace("Shop")
    server.user("ada@example.com", "owner", workspace)
    again = server.command("user", "add", "--email", "ada@example.com", "--name", "Ada", "--role", "agent", check=False)
    assert again.returncode == 1 and "already" in again.stderr.lower(), again
    missing = server.command("user", "add", "--email", "ben@example.com", "--name", "Ben", "--role", "agent", "--workspace", "9999", check=False)
    assert missing.returncode in (1, 2) and "workspace" in missing.stderr.lower(), missing
    short = server.command("user", "add", "--email", "cy@example.com", "--name", "Cy", "--role", "agent", "--password-stdin", input="x\n", check=False)
    assert short.returncode in (1, 2) and "password" in short.stderr.lower(), short
    scope = server.command("token", "add", "--email", "ada@example.com", "--scope", "everything", check=False)
    assert scope.returncode in (1, 2) and "scope" in scope.stderr.lower(), scope
    token = server.command("token", "add", "--email", "ada@example.com", "--scope", "read").stdout
    assert len(token.split()) == 1 and len(token.strip()) >= 40
    assert server.sign_in("ada@example.com", PASSWORD).get("me")["role"] == "owner"
    until(lambda: not [line for line in server.first_lines if line.startswith("Error")], 1)
