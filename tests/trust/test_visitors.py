# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who is who in live chat (A-WG1, A-WS1, A-TK1, A-RL1, R-WG1, R-WG3): nobody becomes a customer without the
shop's signature, nobody reads another's thread, no page uses a channel that does not name it."""
import base64
import hashlib
import json
import time
import uuid

import pytest
from lib.chat import Chat, b64, jwt
from lib.heed import Api, request, until

CANARY = "HISTORYCANARY my order is A-17"


@pytest.fixture
def shop(world):
    server = world()
    api = server.api()
    chat = Chat(api, allowed_origins="https://shop.example\nhttp://localhost:3000")
    real = chat.visitor(chat.identity("c-7", name="Kim", email="kim@example.com"))
    real.say(CANARY)
    until(lambda: real.messages())
    return server, api, chat, real


@pytest.mark.only("sqlite")
def test_a_forged_identity_is_nobody(shop):
    """A-WG1: every forged identity is 401, and no session that comes of one shows the real one's history."""
    server, api, chat, real = shop
    other = Chat(api)
    good, secret, now = chat.claims("c-7"), chat.secret, int(time.time())
    used = chat.identity("c-7")
    chat.visitor(used)
    head, body, mac = jwt(secret, chat.claims("c-7")).split(".")
    forged = {
        "alg none, no signature": f"{b64({'alg': 'none'})}.{b64(good)}.",
        "alg none, with one": jwt(secret, good, {"alg": "none"}),
        "alg None": jwt(secret, good, {"alg": "None", "typ": "JWT"}),
        "alg HS512": jwt(secret, good, {"alg": "HS512"}, hashlib.sha512),
        "alg RS256, signed as HS256": jwt(secret, good, {"alg": "RS256"}),
        "alg ES256": jwt(secret, good, {"alg": "ES256"}),
        "a key in the head": jwt(secret, good, {"alg": "HS256", "jwk": {"kty": "oct", "k": "AAAA"}}),
        "kid": jwt(secret, good, {"alg": "HS256", "kid": "../../dev/null"}),
        "empty secret": jwt("", good),
        "the public key as secret": jwt(chat.key, good),
        "another channel's secret": jwt(other.secret, good),
        "another channel's secret and audience": jwt(other.secret, {**good, "aud": other.key}),
        "another channel's audience": jwt(secret, {**good, "aud": other.key}),
        "an audience among several": jwt(secret, {**good, "aud": [chat.key]}),
        "no audience": jwt(secret, {k: v for k, v in good.items() if k != "aud"}),
        "over": jwt(secret, {**good, "exp": now - 1}),
        "a day long": jwt(secret, {**good, "exp": now + 86400}),
        "no end": jwt(secret, {k: v for k, v in good.items() if k != "exp"}),
        "an end as text": jwt(secret, {**good, "exp": str(now + 300)}),
        "not yet": jwt(secret, {**good, "nbf": now + 3600}),
        "no jti": jwt(secret, {k: v for k, v in good.items() if k != "jti"}),
        "used before": used,
        "no subject": jwt(secret, {k: v for k, v in good.items() if k != "sub"}),
        "a subject that is a number": jwt(secret, {**good, "sub": 7}),
        "a subject that is a list": jwt(secret, {**good, "sub": ["c-7"]}),
        "other claims under the signature": f"{head}.{b64({**good, 'sub': 'c-8'})}.{mac}",
        "standard base64": f"{head}.{body}.{base64.b64encode(base64.urlsafe_b64decode(mac + '=='))[:44].decode()}=",
        "half a signature": f"{head}.{body}.{mac[:20]}",
        "five parts": f"{head}.{body}.{mac}.x.y",
        "two parts": f"{head}.{body}",
        "only an address": "kim@example.com",
        "very long": "a" * 4000,
    }
    for n, (what, identity) in enumerate(forged.items()):
        answer = chat.call("POST", "session", {"identity": identity}, headers={"X-Forwarded-For": f"203.0.113.{n}"})
        assert answer.status == 401 and b'"token"' not in answer.body, (what, answer)
    for wrong in (7, True, ["x"], {"sub": "c-7"}):
        assert chat.call("POST", "session", {"identity": wrong}).status == 422, wrong


def test_typed_names_and_addresses_open_nothing(shop):
    """R-WG3: the real customer's name and address, typed by somebody, are labels of somebody else."""
    server, api, chat, real = shop
    stranger = chat.visitor()
    stranger.say("I am Kim, show me my order", name="Kim", email="kim@example.com")
    until(lambda: len(stranger.messages()) == 1)
    assert not any("CANARY" in m["text"] for m in stranger.messages())
    conversations = until(lambda: len(api.conversations()) == 2 and api.conversations())
    assert len({c["contact"]["id"] for c in conversations}) == 2, "they are two people until a colleague says otherwise"


def test_a_token_opens_its_own_thread_on_its_own_channel(shop):
    """R-WG1: other channels, other visitors, colleagues' tokens, rubbish: 401 or 404, nothing leaks, ever."""
    server, api, chat, real = shop
    second = Chat(api)
    stranger, elsewhere = chat.visitor(), second.visitor()
    for token in (elsewhere.token, api.token, "heedv_", "heedv_" + "A" * 43, "%", "", real.token[:-1], real.token + "x", chat.key):
        for method, path, body in (("GET", "messages", None), ("GET", "events", None), ("POST", "messages", {"id": "a", "text": "x"}),
                                   ("POST", "typing", {"typing": True}), ("POST", "receipts", {"state": "read", "ids": []}), ("DELETE", "session", None),
                                   ("PUT", "files?name=x", b"x"), ("GET", "files/1", None)):
            answer = chat.call(method, path, body, token=token)
            assert answer.status == 401 and b"CANARY" not in answer.body, (token, method, path, answer)
    # A visitor's token is nobody among colleagues.
    for path in ("me", "conversations", "channels", "events"):
        assert request(server.address, "GET", f"/api/v1/{path}", headers={"Authorization": f"Bearer {real.token}"}).status == 401
    assert chat.call("GET", f"events?token={real.token}").status in (400, 401), "no token in an address"
    assert stranger.messages() == []
    mine = real.messages()[0]["id"]
    assert stranger.call("POST", "receipts", {"state": "read", "ids": [mine, "../" + mine]}).status == 422
    # A thread is a thread whoever merges people above it.
    stranger.say("who am I")
    two = until(lambda: len(api.conversations()) == 2 and api.conversations())
    stream = stranger.stream()
    merge = api.call("POST", f"contacts/{two[0]['contact']['id']}/merge", {"contact_id": two[1]["contact"]["id"]})
    assert merge.status < 500
    real.say("CANARY again")
    until(lambda: any("CANARY again" in m["text"] for m in real.messages()))
    time.sleep(0.5)
    assert not any("CANARY" in f["data"] for f in stream.frames) and not any("CANARY" in m["text"] for m in stranger.messages())
    stream.close()
    assert real.call("DELETE", "session").status == 204
    assert real.call("GET", "messages").status == 401


@pytest.mark.only("sqlite")
def test_pages_that_are_not_named_may_not_use_the_channel(shop):
    """A-WS1: exact origins only; what is allowed gets the words a browser wants, what is not gets none."""
    server, api, chat, real = shop
    for origin in ("https://evil.example", "null", "https://shop.example.evil.example", "http://shop.example", "https://shop.example:444",
                   "https://sub.shop.example", "https://SHOP.example", "*", "https://shop.example/"):
        for method, path, body in (("GET", "config", None), ("POST", "session", {}), ("GET", "messages", None), ("GET", "events", None),
                                   ("POST", "messages", {"id": uuid.uuid4().hex, "text": "from evil"})):
            answer = chat.call(method, path, body, token=real.token, origin=origin)
            assert answer.status == 403 and "Access-Control-Allow-Origin" not in answer.headers, (origin, path, answer)
        preflight = chat.call("OPTIONS", "messages", origin=origin, headers={"Access-Control-Request-Method": "POST"})
        assert "Access-Control-Allow-Origin" not in preflight.headers, origin
    doubled = chat.call("GET", "config", headers={"Origin": "https://shop.example, https://evil.example"})
    assert doubled.status == 403
    fine = chat.call("GET", "config", origin="https://shop.example")
    assert fine.headers["Access-Control-Allow-Origin"] == "https://shop.example" and "Origin" in fine.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in fine.headers
    error = chat.call("GET", "messages", origin="https://shop.example")
    assert error.status == 401 and error.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    preflight = chat.call("OPTIONS", "messages", origin="http://localhost:3000")
    assert preflight.status == 204 and "authorization" in preflight.headers["Access-Control-Allow-Headers"]
    # What a form on a page can send without being asked is no JSON.
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        assert chat.call("POST", "session", b"{}", headers={"Content-Type": kind}).status == 415
    # The team's API stays closed to the shop's page.
    assert request(server.address, "POST", "/api/v1/session", {"email": "a@b", "password": "x"}, {"Origin": "https://shop.example"}).status == 403
    assert not any("from evil" in m["text"] for m in real.messages())


@pytest.mark.only("sqlite")
def test_bodies_are_strict(shop):
    server, api, chat, real = shop
    for body in ({}, {"id": "a"}, {"id": "a", "text": ""}, {"id": "a", "text": " \n"}, {"id": "", "text": "x"}, {"id": "a/b", "text": "x"}, {"id": "é", "text": "x"},
                 {"id": "a" * 65, "text": "x"}, {"id": 7, "text": "x"}, {"id": "a", "text": ["x"]}, {"id": "a", "text": "x", "direction": "out"},
                 {"id": "a", "text": "x" * 20001}, {"id": "a", "text": "x", "files": ["x"]}, {"id": "a", "text": "x", "files": [{"sha256": "0" * 64}]},
                 {"id": "a", "text": "x", "email": "no address"}, {"id": "a", "text": "x", "email": "a@b.c\r\nBcc: d@e.f"}, {"id": "a", "text": "x", "at": 1}):
        answer = real.call("POST", "messages", body)
        assert answer.status == 422 and answer.json["errors"][0]["field"], (body, answer)
    assert real.call("POST", "messages", b'{"id":"a","text":"\\ud800"}', headers={"Content-Type": "application/json"}).status in (400, 422)
    assert real.call("POST", "messages", b"{", headers={"Content-Type": "application/json"}).status == 400
    assert [m["text"] for m in real.messages()] == [CANARY]


@pytest.mark.only("sqlite")
def test_floods_are_slowed_down_and_files_have_a_measure(shop):
    """A-RL1: by visitor and by address; the limits say when to come back."""
    server, api, chat, real = shop
    answers = [real.call("POST", "messages", {"id": f"f{n}", "text": "flood"}).status for n in range(60)]
    assert 30 <= answers.count(202) <= 45 and 429 in answers
    late = real.call("POST", "messages", {"id": "again", "text": "x"})
    assert late.status == 429 and int(late.headers["Retry-After"]) >= 1
    peer = {"X-Forwarded-For": "203.0.113.7"}
    starts = [chat.call("POST", "session", {}, headers=peer).status for _ in range(60)]
    assert 201 in starts and 429 in starts and starts.count(201) < 45
    assert chat.call("POST", "session", {}, headers={"X-Forwarded-For": "203.0.113.8"}).status == 201, "others are not locked out"
    office = [chat.call("GET", "config", headers={"X-Forwarded-For": "203.0.113.9"}) for _ in range(170)]
    slowed = next(a for a in office if a.status == 429)
    assert slowed.headers["Access-Control-Allow-Origin"] == "*" and int(slowed.headers["Retry-After"]) >= 1, "a page may read that it shall wait"
    assert real.call("PUT", "files?name=big", b"x" * (10 * 1024 * 1024 + 1)).status == 413
    statuses = [chat_put(real) for _ in range(14)]
    assert statuses.count(201) <= 12 and statuses[-1] == 429


def chat_put(visitor):
    return visitor.call("PUT", "files?name=x", uuid.uuid4().bytes).status


@pytest.mark.only("sqlite")
def test_tokens_are_random_and_kept_as_hashes(world, tmp_path):
    """A-TK1 and A-CF1: 256 bits each, none in the database, the log or a backup; the channel's secret neither."""
    server = world()
    api = server.api()
    chat = Chat(api)
    visitors = []
    for n in range(40):
        answer = chat.call("POST", "session", {}, headers={"X-Forwarded-For": f"203.0.113.{n}"})
        visitors.append(answer.json["token"])
    assert len(set(visitors)) == 40 and all(len(t) >= 6 + 43 for t in visitors)
    server.command("backup", str(tmp_path / "b.db"))
    stored = (tmp_path / "b.db").read_bytes()
    log = json.dumps(server.log()) if not isinstance(server.log(), str) else server.log()
    for secret in [*visitors, chat.secret]:
        assert secret.encode() not in stored and secret[6:].encode() not in stored and secret not in log
    shown = api.get(f"channels/{chat.id}")
    assert "secret" not in shown and chat.secret not in json.dumps(shown)
