# SPDX-License-Identifier: AGPL-3.0-or-later
"""The public form: as a browser without scripts sends it, as a program does, and as a flood does."""
import html
import re
import time
import urllib.parse
import uuid

import pytest
from lib.chat import Chat
from lib.heed import request, until


class Form(Chat):
    def __init__(self, api, **settings):
        super().__init__(api, kind="form", **settings)

    def get(self, query="", **headers):
        return request(self.server.address, "GET", f"/form/{self.key}{query}", headers=headers)

    def token(self):
        page = self.get()
        assert page.status == 200 and page.headers["Content-Type"].startswith("text/html"), page
        return re.search(r'name="token" value="([^"]+)"', page.body.decode()).group(1)

    def send(self, fields, peer=None, **headers):
        headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-For": peer or f"198.51.100.{uuid.uuid4().int % 250}", **headers}
        body = fields if isinstance(fields, (bytes, str)) else urllib.parse.urlencode(fields)
        return request(self.server.address, "POST", f"/form/{self.key}", body, headers)

    def json(self, body, **headers):
        return request(self.server.address, "POST", f"/form/{self.key}", body, {"X-Forwarded-For": f"198.51.100.{uuid.uuid4().int % 250}", **headers})


def test_a_form_without_scripts_becomes_a_conversation(world):
    server = world()
    api = server.api()
    form = Form(api, title="Ask <us>", greeting="Write & we answer", questions=[{"label": "Order", "required": True}, {"label": "Topic", "kind": "choice", "choices": ["Size", "Return"]}],
                consent=True, notice="We keep this for a year.", privacy_url="https://shop.example/privacy?a=1&b=2")
    page = form.get(**{"Accept-Language": "sv, et;q=0.8, en;q=0.5"}).body.decode()
    assert "Sinu sõnum" in page and "Ask &lt;us&gt;" in page and "<script" not in page and 'lang="et"' in page
    token = form.token()
    fields = {"token": token, "name": "Kadri", "email": "kadri@example.com", "subject": "Too small", "q0": "A-17", "q1": "Return", "message": "It is\r\ntoo small", "website": "", "consent": "yes"}
    early = form.send(fields)
    assert early.status == 200 and "once more" in early.body.decode() and "A-17" in early.body.decode(), "too quick: the form comes back, filled in"
    time.sleep(3.1)
    missing = form.send({**fields, "q0": "", "email": "kadri", "q1": "Elsewhere", "consent": ""})
    assert missing.status == 422 and missing.body.decode().count('aria-invalid="true"') == 4 and "Return" in missing.body.decode()
    done = form.send(fields)
    assert done.status == 303 and done.headers["Location"] == f"/form/{form.key}?sent=1", done
    assert form.send(fields).status == 303, "pressed twice"
    assert "Your message has arrived" in form.get("?sent=1").body.decode()
    found = until(lambda: api.conversations('"too small"'), 10)
    assert len(found) == 1 and found[0]["channel_kind"] == "form" and found[0]["contact"]["name"] == "Kadri"
    assert api.messages(found[0]["id"])[0]["text"] == "Too small\n\nOrder: A-17\nTopic: Return\n\nIt is\ntoo small\n\n[x] We keep this for a year."
    assert form.send({**fields, "message": "another thing"}).status == 303
    until(lambda: len(api.conversations("is:any")) == 2, 10)
    # Nobody can be answered here; notes are possible.
    refused = api.call("POST", f"conversations/{found[0]['id']}/messages", {"kind": "reply", "text": "hello"})
    assert refused.status == 409 and "e-mail channel" in refused.json["detail"]
    api.post(f"conversations/{found[0]['id']}/messages", {"kind": "note", "text": "called back"})


def test_programs_and_named_pages_post_directly(world):
    server = world()
    api = server.api()
    form = Form(api, allowed_origins="https://shop.example")
    assert form.json({"message": "by program", "email": "a@example.com"}).status == 202
    wrong = form.json({"message": "x", "email": "nobody"})
    assert wrong.status == 422 and wrong.json["errors"][0]["field"] == "email"
    assert form.json({"message": "x", "email": "a@example.com", "more": 1}).status == 422
    assert form.json({"message": "x", "email": "a@example.com"}, Origin="https://evil.example").status == 403
    named = form.json({"message": "from the shop", "email": "a@example.com"}, Origin="https://shop.example")
    assert named.status == 202 and named.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert form.send({"message": "plain form of the shop", "email": "a@example.com"}, Origin="https://shop.example").status == 303
    unnamed = form.send({"message": "plain form of somebody", "email": "a@example.com"}, Origin="https://other.example")
    assert unnamed.status == 200 and "once more" in unnamed.body.decode()
    until(lambda: len(api.conversations()) == 3, 10)


@pytest.mark.only("sqlite")
def test_what_is_in_doubt_comes_back_and_floods_are_slowed(world):
    server = world()
    api = server.api()
    form, other = Form(api), Form(api)
    fields = {"message": "hello there", "email": "a@example.com"}
    stolen = other.token()
    time.sleep(3.1)
    fresh = form.token()
    for token in ("", "x", "1.2.3", stolen, fresh[:-1] + "A", f"{int(time.time() * 1000) - 90000000}.{'0' * 32}.AAAA"):
        answer = form.send({**fields, "token": token})
        assert answer.status == 200 and "hello there" in answer.body.decode(), token
    time.sleep(3.1)
    assert form.send({**fields, "token": fresh, "website": "https://spam.example"}).status == 200, "the trap"
    assert api.conversations() == []
    assert form.send({**fields, "token": fresh, "extra": "1"}).status == 422
    for body in (b"message=%ff", b"message=%zz", b"message=a&message=b", b"message=%00", b"&".join(b"q%d=1" % n for n in range(60)), b"message"):
        assert form.send(body).status in (400, 422), body
    assert form.send("x", **{"Content-Type": "multipart/form-data"}).status == 415
    statuses = [form.send({**fields, "token": fresh, "message": f"flood {n}"}, peer="203.0.113.9").status for n in range(12)]
    assert statuses.count(303) == 6 and statuses[-1] == 429
    # A-XS1: whatever is written comes back as words, and the page runs nothing.
    for payload in ('"><script>alert(1)</script>', "</textarea><img src=x onerror=alert(1)>", "' autofocus onfocus=alert(1) x='", "javascript:alert(1)"):
        answer = form.send({"message": payload, "email": payload, "name": payload, "subject": payload})
        body = answer.body.decode()
        assert answer.status == 422 and payload not in body.replace("javascript:alert(1)", "") and html.escape(payload) in body.replace("&#39;", "&#x27;")
        assert "script-src" not in answer.headers["Content-Security-Policy"] and "default-src 'none'" in answer.headers["Content-Security-Policy"]
    # A-RD1: there is nowhere to be sent to but our own thanks.
    for extra in ("?next=https://evil.example", "?sent=//evil.example", "?sent=https:evil.example"):
        answer = form.get(extra)
        assert answer.status in (200, 400) and "Location" not in answer.headers and b"evil" not in answer.body
