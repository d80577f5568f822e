# SPDX-License-Identifier: AGPL-3.0-or-later
"""`heed serve --demo` is a living inbox: people in five languages, some waiting too long, who answer when answered."""
import subprocess

from lib.heed import BINARY, Api, Events, request, until


def enter(server):
    code = server.line("Sign in:").split("#", 1)[1]
    answer = request(server.address, "POST", "/api/v1/session", {"code": code})
    assert answer.status == 201, answer
    again = request(server.address, "POST", "/api/v1/session", {"code": code})
    assert again.status == 401, "a code works once"
    return Api(server, cookie=answer.headers["Set-Cookie"].split(";")[0])


def test_the_demo_is_a_living_inbox(world):
    server = world(args=["--demo"])
    api = enter(server)
    conversations = until(lambda: len(api.conversations()) >= 15 and any(c["tags"] for c in api.conversations()) and api.conversations(), 20)

    assert len({c["contact"]["name"] for c in conversations}) >= 12
    assert {"ko", "id", "fi", "et", "en"} <= {c["language"] for c in conversations}
    assert len(api.conversations("is:late")) >= 3
    assert api.get("agents")["items"][0]["online"] is False
    screen = Events(api)
    screen.wait(lambda f: f["event"] == "message" and f["json"]["direction"] == "in", 25)
    first = api.conversations("from:priya.r")[0]["id"]
    sent = api.post(f"conversations/{first}/messages", {"kind": "reply", "text": "We are asking the courier."})
    screen.wait(lambda f: f["event"] == "message" and f["json"]["id"] == sent["id"] and f["json"]["send_state"] == "read", 15)


def test_the_demo_goes_on_where_it_was_and_never_enters_another_database(world):
    server = world(args=["--demo"])
    api = enter(server)
    before = len(until(lambda: len(api.conversations()) >= 15 and api.conversations(), 20))
    server.stop()
    server.start()
    assert len(enter(server).conversations()) >= before
    server.stop()

    used = world(backend="sqlite")
    used.api()
    used.stop()
    done = subprocess.run([BINARY, "serve", *used.database_args(), "--listen", "127.0.0.1:0", "--demo"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "--demo needs an empty database" in done.stderr
