# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pictures from the net in mails (A-SF1 for them): fetched only when a colleague asks, only what the mail names, only from
outside, cleaned; the other side learns that somebody asked and nothing about whom."""
import base64
import contextlib
import email.message
import json
import sqlite3
import subprocess
import threading
import time

import pytest
from lib.fake_mail import Certificates, FakeMail
from lib.heed import ROOT, Server, until
from lib.mail import letter
from test_fetch import Canary

PICTURES = ROOT / "tests/fixtures/pictures"
PLACE, GIF = (PICTURES / "place.jpg").read_bytes(), (PICTURES / "moving.gif").read_bytes()
FILES = {
    "/place.jpg": (200, {"Content-Type": "image/jpeg", "Set-Cookie": "who=1"}, PLACE),
    "/a b.gif": (200, {"Content-Type": "text/html"}, GIF),
    "/pixel?a=1&copy=2": (200, {}, GIF),
    "/page.png": (200, {"Content-Type": "image/png"}, "<html><script>alert(1)</script></html>"),
    "/vector.svg": (200, {"Content-Type": "image/svg+xml"}, "<svg xmlns='http://www.w3.org/2000/svg'/>"),
    "/empty.png": (200, {}, ""),
    "/large.jpg": (200, {}, b"\xff\xd8" + b"x" * (5 << 20)),
    "/gone.png": (404, {}, ""),
    "/hang.png": "hang",
    "/cut.png": "cut",
    "/here.png": (302, {"Location": "/place.jpg", "Set-Cookie": "who=2"}, ""),
    "/round.png": (302, {"Location": "/round.png"}, ""),
}


@pytest.fixture(scope="module")
def certificates():
    return Certificates()


class Desk:
    """A server with one mailbox, a host with pictures, and a listener on inner addresses that nobody may reach."""

    def __init__(self, certificates, stack, backend, world):
        self.fake = FakeMail(certificates.good)
        stack.callback(self.fake.close)
        self.canary = Canary()
        stack.callback(self.canary.close)
        inner = f"http://127.0.0.1:{self.canary.port}/x.png"
        self.files = {**FILES, "/in.png": (302, {"Location": inner}, ""), "/meta.png": (302, {"Location": "http://169.254.169.254/latest"}, ""), "/file.png": (302, {"Location": "file:///etc/passwd"}, "")}
        self.host = world.receiver(lambda r: self.files.get(r["path"].replace("%20", " "), (404, {}, "")))
        self.other = world.receiver(lambda r: self.files.get(r["path"], (404, {}, "")))
        self.files["/over.png"] = (302, {"Location": f"http://{self.other.host}/place.jpg"}, "")
        self.server = Server(backend, allow=[*self.fake.hosts, self.host.host, self.other.host], env={"SSL_CERT_FILE": certificates.ca}, start=False)
        stack.callback(self.server.destroy)
        self.server.start()
        self.api = self.server.api()
        self.channel = self.api.post("channels", {"kind": "email", "name": "Mail", "settings": self.fake.settings()})["id"]
        until(lambda: self.api.get(f"channels/{self.channel}")["state"] == "active", 20, "the channel being active")
        self.outside, self.inner = f"http://{self.host.host}", inner

    def mail(self, html, text="The mail"):
        m = letter("Eve <eve@elsewhere.test>", "desk@fake.test", f"Offer {time.time_ns()}", text)
        if html is not None:
            m.add_alternative(html, subtype="html")
        before = {c["id"] for c in self.api.conversations()}
        self.fake.put(m.as_bytes(policy=email.policy.SMTP))
        conversation = until(lambda: [c for c in self.api.conversations() if c["id"] not in before], 75, "the mail")[0]["id"]
        return self.api.messages(conversation)[0]["id"]

    def ask(self, id, url, api=None):
        return (api or self.api).call("POST", f"messages/{id}/remote-pictures", {"url": url})

    def asked(self):
        return [r["path"] for r in self.host.requests if r["method"] == "GET"]

    def sql(self, statement):
        if self.server.backend == "sqlite":
            with contextlib.closing(sqlite3.connect(f"{self.server.data}/heed.db", timeout=10)) as db, db:
                db.execute(statement)
        else:
            subprocess.run(["psql", "-q", self.server.backend, "-c", statement], check=True)


@pytest.fixture
def desk(certificates, backend, world):
    with contextlib.ExitStack() as stack:
        yield Desk(certificates, stack, backend, world)


def refusal(answer, status=422):
    assert answer.status == status, answer
    errors = answer.json["errors"]
    assert [e["field"] for e in errors] == ["url"] and errors[0]["detail"], answer
    return errors[0]["code"]


def html(*urls):
    return "<html><body><p>Look</p>" + "".join(f'<img src="{u.replace("&", "&amp;")}" alt="a thing">' for u in urls) + "</body></html>"


def test_a_picture_that_the_mail_names_comes_cleaned_and_its_host_learns_nothing_of_who_asks(desk):
    o = desk.outside
    id = desk.mail(html(f"{o}/place.jpg", f"{o}/a b.gif", f"{o}/pixel?a=1&copy=2", f"{o}/here.png", f"{o}/over.png") + f"<img src='{o}/pixel?a=1&copy=2'>")
    assert desk.api.get(f"messages/{id}/html")["html"].count("<img") == 6
    time.sleep(0.3)
    assert desk.asked() == [], "nothing is fetched before somebody asks"
    sizes = {}
    for name in ("/place.jpg", "/a b.gif", "/pixel?a=1&copy=2", "/here.png", "/over.png"):
        answer = desk.ask(id, o + name)
        assert answer.status == 200, answer
        got = answer.json
        head, _, data = got["data_url"].partition(";base64,")
        bytes = sizes[name] = base64.b64decode(data)
        assert head == f"data:{got['mime']}" and got["mime"] in ("image/jpeg", "image/gif") and got["size"] == len(bytes)
        assert got["width"] > 0 and got["height"] > 0
        assert answer.headers["Content-Type"] == "application/json" and answer.headers["Cache-Control"] == "no-store"
    assert b"GPS" not in sizes["/place.jpg"] and len(sizes["/place.jpg"]) < len(PLACE) and b"Exif" in PLACE
    assert sizes["/here.png"] == sizes["/over.png"] == sizes["/place.jpg"], "a redirect outside is followed"
    assert desk.asked() == ["/place.jpg", "/a%20b.gif", "/pixel?a=1&copy=2", "/here.png", "/place.jpg", "/over.png"], "one request each, on the wire as browsers write it"
    assert [r["path"] for r in desk.other.requests] == ["/place.jpg"]
    for seen in desk.host.requests + desk.other.requests:
        names = {n.lower() for n in seen["headers"]}
        assert names <= {"host", "accept", "accept-encoding", "user-agent"}, names
        assert "heed" not in json.dumps(seen["headers"]).lower(), seen["headers"]
        assert seen["headers"]["User-Agent"] == "Mozilla/5.0 (compatible)"
    # What the route was asked leaves no trace that could be read later.
    assert o not in desk.server.log()


def test_it_is_no_open_proxy(desk):
    """Only what is the src of a picture in this very mail, whatever else of it is written there."""
    o = desk.outside
    body = (f'<p>{o}/place.jpg</p><a href="{o}/place.jpg">x</a><img alt="{o}/place.jpg" src="{o}/gone.png"><div background="{o}/place.jpg"></div>'
            f'<!-- <img src="{o}/place.jpg"> --><style>a{{background:url({o}/place.jpg)}}</style><img src="{o}/gone.png" src="{o}/place.jpg"><img srcset="{o}/place.jpg 1x">')
    id, other = desk.mail(body), desk.mail(html(f"{o}/place.jpg"))
    for url in (f"{o}/place.jpg", f"{o}/", f"{o}/gone.pn", f"{o}/gone.png2", f"{o}/GONE.png", f"{o}/gone.png#x", f"{o}/gone.png?x", o.replace("http", "https") + "/gone.png", f"{desk.server.url}/api/v1/me"):
        assert refusal(desk.ask(id, url)) == "not_named", url
    for url in ("x", "file:///etc/passwd", "ftp://127.0.0.1/x", "data:image/png;base64,AAAA", "javascript:1", "cid:x", "/place.jpg", "http:/x", " "):
        assert refusal(desk.ask(id, url)) == "not_allowed", url
    assert refusal(desk.ask(id, "")) == "required"
    assert refusal(desk.ask(id, f"{o}/" + "x" * 9000)) == "too_long"
    for body in ({}, {"url": 7}, {"url": None}, {"url": [o]}):
        assert refusal(desk.api.call("POST", f"messages/{id}/remote-pictures", body)) in ("required", "wrong_type"), body
    assert desk.api.call("POST", f"messages/{id}/remote-pictures", {"url": f"{o}/gone.png", "more": 1}).status == 422
    assert desk.asked() == []
    assert desk.ask(other, f"{o}/place.jpg").status == 200


def test_what_the_mail_names_within_our_network_is_never_dialled(desk):
    o, port = desk.outside, desk.canary.port
    inner = [desk.inner, f"http://localhost:{port}/a", f"http://[::1]:{port}/a", f"//127.0.0.1:{port}/a", f"http://2130706433:{port}/a", f"http://[::ffff:127.0.0.1]:{port}/a", "http://169.254.169.254/latest/meta-data", "http://10.0.0.1/a.png",
             f"http://user:pass@127.0.0.1:{port}/", f"http://{desk.host.host}@127.0.0.1:{port}/", f"{desk.server.url}/api/v1/me"]
    redirects = [f"{o}/in.png", f"{o}/meta.png", f"{o}/file.png", f"{o}/round.png"]
    id = desk.mail(html(*inner, *redirects))
    for url in inner + redirects:
        assert refusal(desk.ask(id, url)) == "no_answer", url
    assert desk.canary.seen == [], "nothing reached an inner address"
    assert desk.asked().count("/in.png") == 1 and desk.asked().count("/round.png") == 4


def test_what_is_no_picture_too_large_or_does_not_come_is_told_for_what_it_is(desk):
    o = desk.outside
    wanted = {"/page.png": "bad_picture", "/vector.svg": "bad_picture", "/empty.png": "bad_picture", "/large.jpg": "too_large", "/gone.png": "refused", "/cut.png": "no_answer"}
    id = desk.mail(html(*(o + name for name in wanted), f"{o}/hang.png", f"{o}/place.jpg"))
    for name, code in wanted.items():
        answer = desk.ask(id, o + name)
        assert refusal(answer) == code, (name, answer)
        assert "script" not in answer.body.decode() and len(answer.body) < 1000
    # A host that hangs is waited for ten seconds, and holds up nobody else: neither pictures nor uploads.
    begun, codes = time.monotonic(), []
    waiting = [threading.Thread(target=lambda: codes.append(refusal(desk.ask(id, f"{o}/hang.png")))) for _ in range(4)]
    for w in waiting:
        w.start()
    time.sleep(0.5)
    assert desk.ask(id, f"{o}/place.jpg").status == 200
    assert desk.api.call("PUT", "files?name=a.gif", GIF).status == 201
    assert time.monotonic() - begun < 6
    for w in waiting:
        w.join()
    assert codes == ["no_answer"] * 4 and 9 < time.monotonic() - begun < 16


def test_only_who_may_see_the_mail_and_only_while_it_is_there(desk):
    o = desk.outside
    id, plain = desk.mail(html(f"{o}/place.jpg")), desk.mail(None, "no HTML here")
    limited = desk.server.api("limited@example.com", "agent")
    desk.api.patch(f"agents/{limited.get('me')['id']}", {"all_channels": False, "channel_ids": []})
    viewer, agent = desk.server.api("viewer@example.com", "viewer"), desk.server.api("agent@example.com")
    elsewhere = desk.server.api("owner@theirs.example", "owner", desk.server.workspace("Theirs"))
    assert desk.ask(id, f"{o}/place.jpg", limited).status == 404
    assert desk.ask(id, f"{o}/place.jpg", elsewhere).status == 404
    assert desk.ask(plain, f"{o}/place.jpg").status == 404
    assert desk.ask(987654321, f"{o}/place.jpg").status == 404
    assert agent.call("GET", f"messages/{id}/remote-pictures").status == 405
    assert desk.asked() == []
    assert desk.ask(id, f"{o}/place.jpg", viewer).status == 200
    desk.sql(f"UPDATE message SET deleted_at = {int(time.time() * 1000)} WHERE id = {id}")
    assert desk.ask(id, f"{o}/place.jpg").status == 404
    assert desk.asked() == ["/place.jpg"]


@pytest.mark.only("sqlite")
def test_who_stops_the_server_does_not_wait_for_hosts_that_hang(desk):
    o = desk.outside
    id = desk.mail(html(f"{o}/hang.png"))
    for _ in range(12):
        threading.Thread(target=lambda: contextlib.suppress(Exception) and desk.ask(id, f"{o}/hang.png"), daemon=True).start()
    until(lambda: len(desk.asked()) >= 8, 10, "the hosts being asked")
    begun = time.monotonic()
    assert desk.server.stop() == 0
    assert time.monotonic() - begun < 8
