# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who may what: generated from the route table, so that a new route is covered without a word here
(A-AZ1, A-AZ2, A-AZ4, A-XS2, A-XS3, A-SE1, A-TK1, A-CF1, A-IN1)."""
import http.client
import itertools
import json
import re
import threading
import time
import uuid

import pytest
from lib.heed import PASSWORD, Api, Channel, Events, request, until

ROLES = ["viewer", "collaborator", "agent", "lead", "admin", "owner"]
# The least role for each right of the route table; docs/rights.md says the same.
LEAST = {"read": "viewer", "note": "collaborator", "reply": "agent", "triage": "agent", "lead": "lead", "admin": "admin", "own": "owner"}


def operations(server):
    document = request(server.address, "GET", "/api/v1/openapi.json").json
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method in ("get", "post", "put", "patch", "delete"):
                yield method.upper(), path, operation, document


def example(schema, document, depth=0):
    """A body that fits a schema, with harmless values."""
    if "$ref" in schema:
        return example(document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], document, depth)
    if "enum" in schema:
        return next(v for v in schema["enum"] if v is not None)
    if schema.get("format") == "date-time":
        return "2027-01-01T00:00:00Z"
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next(k for k in kind if k != "null")
    if kind == "object":
        return {k: example(v, document, depth + 1) for k, v in schema.get("properties", {}).items() if k in schema.get("required", [])}
    return {"string": "x", "integer": 1, "number": 1, "boolean": True, "array": []}.get(kind)


def body_schema(operation, document):
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema")
    if schema and "$ref" in schema:
        return document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


class Town:
    """Two workspaces with everything in them, and ids of each kind of thing in both."""

    def __init__(self, world):
        self.server = world()
        self.ours, self.theirs = self.server.workspace("Ours"), self.server.workspace("Theirs")
        self.apis = {role: self.server.api(f"{role}@ours.example", role, self.ours) for role in ROLES}
        self.owner = self.apis["owner"]
        self.foreign = self.server.api("owner@theirs.example", "owner", self.theirs)
        self.ids = {"ours": self.fill(self.owner, "OURCANARY"), "theirs": self.fill(self.foreign, "THEIRCANARY")}
        self.apis["limited"] = self.server.api("limited@ours.example", "agent", self.ours)
        me = self.apis["limited"].get("me")
        self.owner.patch(f"agents/{me['id']}", {"all_channels": False, "channel_ids": []})

    def fill(self, api, canary):
        channel = Channel(api, f"{canary} shop")
        channel.customer(f"{canary} where is it", thread=canary, author=f"u{canary}", name=f"{canary} customer")
        conversation = until(lambda: api.conversations(f"channel:{channel.id}"), 10)[0]
        team = api.post("teams", {"name": f"{canary} team"})["id"]
        api.patch(f"conversations/{conversation['id']}", {"tags": [f"{canary} tag"]})
        tag = next(t["id"] for t in api.get("tags")["items"] if t["name"] == f"{canary} tag")
        token = api.post("tokens", {"name": f"{canary} token", "scopes": ["read"]})["id"]
        message = api.messages(conversation["id"])[0]["id"]
        channel.post(b'{"type":"message.created","text":7}')
        item = until(lambda: api.get(f"channels/{channel.id}/quarantine")["items"], 10)[0]["id"]
        api.post(f"conversations/{conversation['id']}/messages", {"kind": "note", "text": f"{canary} note"})
        folder = api.post("folders", {"name": f"{canary} folder", "q": f"is:open {canary}"})["id"]
        bulk = api.post("bulk", {"ids": [conversation["id"]], "priority": "normal"})["id"]
        return {"conversations": conversation["id"], "folders": folder, "bulk": bulk, "messages": message, "channels": channel.id, "contacts": conversation["contact"]["id"], "teams": team,
                "tags": tag, "tokens": token, "agents": api.get("me")["id"], "sessions": 1, "attachments": 1, "item_id": item, "secret": channel.secret}

    def path(self, template, whose):
        ids = self.ids[whose] if whose in self.ids else None

        def value(match):
            before = template[:match.start()].rstrip("/").rsplit("/", 1)[1]
            if match.group(1) == "kind":
                return "custom"
            if ids is None:
                return "987654321"
            if match.group(1) == "item_id":
                return str(ids["item_id"])
            if before == "custom" or match.group(1) == "channel_id":
                return str(ids["channels"])
            return str(ids.get(before, 1))
        return re.sub(r"\{(\w+)\}", value, template)


SKIP = {"/api/v1/events"}  # a stream: walked in its own test


@pytest.fixture(scope="module")
def town():
    import contextlib
    from lib import heed
    with contextlib.ExitStack() as stack:
        def make(**options):
            server = heed.Server("sqlite", **options)
            stack.callback(server.destroy)
            return server
        yield Town(make)


def test_every_route_says_its_right(town):
    count = 0
    for method, path, operation, _ in operations(town.server):
        assert operation.get("x-right") in {*LEAST, "anyone", "metrics", "visitor"}, f"{method} {path} declares no right"
        assert operation.get("operationId") and operation.get("summary"), f"{method} {path}"
        count += 1
    assert count > 40


def test_every_route_against_every_role(town):
    """A-AZ1: no session is 401; a role below the right is 403; enough is neither."""
    wrong = []
    for method, path, operation, document in operations(town.server):
        if path in SKIP or operation["x-right"] in ("anyone", "metrics", "visitor"):
            continue
        schema = body_schema(operation, document)
        body = example(schema, document) if schema else None
        # An id that does not exist: the right is looked at before the thing, and nothing is changed.
        concrete = town.path(path, "nobody")
        if not re.search(r"\{", path) and method != "GET":
            body = {"no_such_field": 1} if schema else body
        answer = request(town.server.address, method, concrete, body)
        if answer.status != 401:
            wrong.append((method, path, "no session", answer.status))
        for role in ROLES:
            if method == "DELETE" and path == "/api/v1/sessions":
                continue
            answer = town.apis[role].call(method, concrete, body)
            enough = ROLES.index(role) >= ROLES.index(LEAST[operation["x-right"]])
            if enough and answer.status in (401, 403) or not enough and answer.status not in (403, 404):
                wrong.append((method, path, role, answer.status))
    assert wrong == []


def test_what_is_anothers_looks_like_what_is_not_there(town):
    """A-AZ1: another workspace's ids, and what a limit hides, answer as ids that never were."""
    wrong = []
    for method, path, operation, document in operations(town.server):
        if path in SKIP or operation["x-right"] in ("anyone", "metrics", "visitor") or "{" not in path:
            continue
        schema = body_schema(operation, document)
        body = example(schema, document) if schema else None
        for who in ("owner", "limited"):
            if who == "limited" and not any(word in path for word in ("/conversations/", "/messages/", "/contacts/")):
                continue
            if who == "limited" and "/contacts/" in path:
                continue
            foreign = town.apis[who].call(method, town.path(path, "theirs" if who == "owner" else "ours"), body)
            nothing = town.apis[who].call(method, town.path(path, "nobody"), body)
            alike = re.sub(rb'"(instance|request_id)":"[^"]*"', b"", foreign.body) == re.sub(rb'"(instance|request_id)":"[^"]*"', b"", nothing.body)
            if foreign.status != nothing.status or not alike or 200 <= foreign.status < 300:
                wrong.append((method, path, who, foreign, nothing))
    assert wrong == []


def test_no_side_door_shows_anothers_words(town):
    """A-AZ2: everything one workspace can read never holds the other's canary; likewise hidden channels."""
    leaks = []
    gets = [(path, op) for method, path, op, _ in operations(town.server) if method == "GET" and path not in SKIP]
    for path, _ in gets:
        for q in ("", "?q=THEIRCANARY", "?q=is%3Aany", "?q=tag%3A%22THEIRCANARY%20tag%22", "?q=from%3AuTHEIRCANARY"):
            answer = town.owner.call("GET", town.path(path, "ours") + q)
            if b"THEIRCANARY" in answer.body.replace(b"q=THEIRCANARY", b""):
                leaks.append(("owner", path, q))
        for q in ("", "?q=OURCANARY", "?q=is%3Aany", "?q=OURCANARY%20OR%20is%3Aany"):
            if "conversation" in path or path.endswith("/counts"):
                answer = town.apis["limited"].call("GET", town.path(path, "ours") + q)
                if b"OURCANARY" in answer.body:
                    leaks.append(("limited", path, q))
    assert leaks == []
    assert town.apis["limited"].get("counts")["open"] == 0
    mine, limited = Events(town.owner), Events(town.apis["limited"])
    theirs = Channel(town.foreign, f"second {uuid.uuid4().hex[:4]}")
    theirs.customer("THEIRCANARY again", thread="x2")
    until(lambda: town.foreign.conversations("again"), 10)
    town.owner.patch(f"conversations/{town.ids['ours']['conversations']}", {"priority": "high"})
    mine.wait(lambda f: f["event"] == "conversation" and f["json"]["priority"] == "high")
    time.sleep(0.3)
    town.owner.patch(f"conversations/{town.ids['ours']['conversations']}", {"priority": "normal"})
    assert not [f for f in mine.frames if "THEIRCANARY" in f["data"]]
    assert not [f for f in limited.frames if "OURCANARY" in f["data"] or "THEIRCANARY" in f["data"]]
    mine.close()
    limited.close()


def test_unknown_members_of_a_body_are_refused_by_name(town):
    """A-AZ4 and A-IN1: mass assignment and type confusion change nothing."""
    wrong = []
    for method, path, operation, document in operations(town.server):
        schema = body_schema(operation, document)
        if not schema or operation["x-right"] in ("anyone", "visitor") or path.startswith("/hooks"):
            continue
        concrete = town.path(path, "ours")
        good = example(schema, document)
        for name in ("workspace_id", "account_id", "role_", "__proto__", "constructor", "id", "created_at", "password_hash", "token_hash"):
            if name in schema.get("properties", {}):
                continue
            answer = town.owner.call(method, concrete, {**good, name: 1})
            errors = answer.json.get("errors", [{}]) if answer.body else [{}]
            if answer.status != 422 or errors[0].get("field") != name:
                wrong.append((method, path, name, answer))
        for name, inner in schema.get("properties", {}).items():
            kind = inner.get("type")
            kinds = kind if isinstance(kind, list) else [kind]
            values = {"string": "x", "integer": 1, "boolean": True, "array": [], "object": {"$ne": None}}
            for other, value in values.items():
                if other in kinds or not kind or "$ref" in inner:
                    continue
                answer = town.owner.call(method, concrete, {**good, name: value})
                if answer.status not in (400, 422):
                    wrong.append((method, path, name, value, answer))
    assert wrong == []


@pytest.mark.parametrize("id", ["1e3", "01", "+1", "18446744073709551616", "-1", "0", "1.0", "%31%00", "1;2", "null", "__proto__", "9007199254740993"])
def test_ids_have_one_form(town, id):
    for path in (f"/api/v1/conversations/{id}", f"/api/v1/messages/{id}/like", f"/api/v1/channels/{id}"):
        answer = town.owner.call("POST" if path.endswith("like") else "GET", path, {} if path.endswith("like") else None)
        assert answer.status in (400, 404), answer


def test_a_doubled_parameter_is_refused(town):
    for query in ("q=is:open&q=is:any", "limit=1&limit=2", "cursor=a&cursor=b", "sort=newest&sort=urgent"):
        assert town.owner.call("GET", f"/api/v1/conversations?{query}").status == 400


def test_headers_are_on_every_answer(town):
    """A-XS2, errors included."""
    urls = [("GET", town.path(path, "ours")) for method, path, _, _ in operations(town.server) if method == "GET" and path not in SKIP]
    urls += [("GET", "/"), ("GET", "/inbox/unanswered"), ("GET", "/api/v1/none"), ("POST", "/api/v1/session"), ("GET", "/nothing/here.js"), ("DELETE", "/healthz")]
    wrong = []
    for method, url in urls:
        for api in (town.owner, Api(town.server)):
            headers = api.call(method, url).headers
            if headers["X-Content-Type-Options"] != "nosniff" or "frame-ancestors 'none'" not in (headers["Content-Security-Policy"] or "") \
                    or not headers["Referrer-Policy"] or not headers["Cross-Origin-Opener-Policy"] or not headers["Cross-Origin-Resource-Policy"]:
                wrong.append((method, url, dict(headers)))
            if url.startswith("/api/") and "no-store" not in (headers["Cache-Control"] or "") and "openapi" not in url:
                wrong.append((method, url, "may be stored", headers["Cache-Control"]))
            if "unsafe" in (headers["Content-Security-Policy"] or ""):
                wrong.append((method, url, headers["Content-Security-Policy"]))
    assert wrong == []


def test_no_state_changes_from_another_origin(town):
    """A-XS3"""
    town.server.user("csrf@ours.example", "owner", town.ours)
    session = town.server.sign_in("csrf@ours.example")
    cookie = session.cookie
    changed = []
    for method, path, operation, document in operations(town.server):
        if method == "GET" or operation["x-right"] in ("anyone", "visitor"):
            continue
        concrete = town.path(path, "ours")
        schema = body_schema(operation, document)
        body = json.dumps(example(schema, document) if schema else {})
        cases = [{}, {"Origin": "null"}, {"Origin": "https://evil.example"}, {"Origin": town.server.url + ".evil.example"}, {"Origin": "http://sub.127.0.0.1"}]
        for extra in cases:
            answer = request(town.server.address, method, concrete, body, {"Cookie": cookie, "Content-Type": "application/json", **extra})
            if answer.status != 403:
                changed.append((method, path, extra, answer.status))
        if schema:
            for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
                answer = request(town.server.address, method, concrete, body, {"Cookie": cookie, "Origin": town.server.url, "Content-Type": kind})
                if answer.status not in (403, 415):
                    changed.append((method, path, kind, answer.status))
        answer = request(town.server.address, "GET", concrete + ("&" if "?" in concrete else "?") + f"_method={method}", None, {"Cookie": cookie})
        if answer.status in (201, 204):
            changed.append((method, path, "_method", answer.status))
    assert changed == []
    assert session.get("me")["email"] == "csrf@ours.example"


def test_a_session_ends_everywhere_at_once(town):
    """A-SE1: sign-out, password change, disabling: old cookies, tokens and streams are refused within 2 s."""
    server, owner = town.server, town.owner
    server.user("eve@ours.example", "agent", town.ours)
    first, second = server.sign_in("eve@ours.example"), server.sign_in("eve@ours.example")
    assert first.cookie != second.cookie
    stream = Events(second)
    first.patch("me", {"password": "another fine password", "current_password": PASSWORD})
    until(lambda: second.call("GET", "me").status == 401, 2, "the other session ending")
    assert stream.closed.wait(2.5), "its stream too"
    assert first.get("me"), "one's own session stays"
    third = server.sign_in("eve@ours.example", "another fine password")
    third.delete("session")
    assert third.call("GET", "me").status == 401
    token = Api(server, server.token("eve@ours.example"))
    stream = Events(token)
    owner.patch(f"agents/{first.get('me')['id']}", {"disabled": True})
    until(lambda: token.call("GET", "me").status == 401 and first.call("GET", "me").status == 401, 2, "the disabled agent being refused")
    assert stream.closed.wait(2.5)
    assert request(server.address, "POST", "/api/v1/session", {"email": "eve@ours.example", "password": "another fine password"}, {"Origin": server.url}).status == 401


def test_tokens_are_random_single_and_not_stored_in_clear(town):
    """A-TK1"""
    server = town.server
    tokens = [town.owner.post("tokens", {"name": f"t{i}", "scopes": ["read"]})["token"] for i in range(20)]
    assert len(set(tokens)) == 20 and all(len(t) >= 40 for t in tokens)
    secrets = [*tokens, town.owner.token, town.ids["ours"]["secret"], town.ids["ours"]["secret"].removeprefix("whsec_")]
    import glob
    for path in glob.glob(server.data + "/*"):
        data = open(path, "rb").read()
        assert not [s for s in secrets if s.encode() in data], f"{path} holds a secret in clear"
    good = tokens[0]
    for bad in ("", "null", "%", good[:-1], good + "x", good.upper(), "[]", "{}", "heed_", "ü" * 20, "a" * 5000):
        headers = {"Authorization": b"Bearer " + bad.encode()}
        assert request(server.address, "GET", "/api/v1/me", None, headers, source="127.0.0.3").status in (400, 401, 431)
    assert Api(server, good).call("POST", "teams", {"name": "x"}).status == 403, "a read token does not write"
    assert request(server.address, "GET", f"/api/v1/me?token={good}", source="127.0.0.3").status in (400, 401), "no token in the URL"
    for code in ("", None, [], {}, 7, "x" * 10000, "%00"):
        assert request(server.address, "POST", "/api/v1/session", {"code": code}, {"Origin": server.url}, source="127.0.0.3").status in (400, 401, 422)


def test_a_sign_in_code_works_once(town):
    agent = town.owner.post("agents", {"name": "New", "email": f"new-{uuid.uuid4().hex[:6]}@ours.example", "role": "agent"})
    code = agent["sign_in_url"].split("#")[1]
    answers = []
    headers = {"Origin": town.server.url}
    threads = [threading.Thread(target=lambda: answers.append(request(town.server.address, "POST", "/api/v1/session", {"code": code}, headers, source="127.0.0.4").status))
               for _ in range(30)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert answers.count(201) == 1 and set(answers) <= {201, 401, 429}, answers


@pytest.mark.only("sqlite")
def test_guessing_is_slowed_without_locking_anybody_out(world):
    server = world()
    server.user("ada@example.com", "owner")
    answers = [request(server.address, "POST", "/api/v1/session", {"email": "ada@example.com", "password": f"wrong {i}"}, {"Origin": server.url}) for i in range(40)]
    assert {a.status for a in answers} <= {401, 429}
    limited = [a for a in answers if a.status == 429]
    assert limited and all(int(a.headers["Retry-After"]) > 0 for a in limited)
    unknown = request(server.address, "POST", "/api/v1/session", {"email": "nobody@example.com", "password": "x"}, {"Origin": server.url})
    assert unknown.status in (401, 429)


def test_a_fresh_installation_has_no_way_in_but_its_code(world):
    """A-CF1"""
    server = world()
    url = server.line("Set up: ")
    code = url.split("#")[1]
    assert url.startswith(server.url + "/setup#") and len(code) >= 20
    body = {"code": code, "workspace": "Shop", "name": "Ada", "email": "ada@example.com", "password": PASSWORD}
    for wrong in ("", "0" * len(code), code[:-1], code + "0", None, []):
        assert request(server.address, "POST", "/api/v1/setup", {**body, "code": wrong}, {"Origin": server.url}).status in (401, 403, 404, 422, 429)
    answers = []
    threads = [threading.Thread(target=lambda i=i: answers.append(request(server.address, "POST", "/api/v1/setup", {**body, "email": f"a{i}@example.com"}, {"Origin": server.url}).status)) for i in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert answers.count(201) == 1, answers
    assert request(server.address, "POST", "/api/v1/setup", body, {"Origin": server.url}).status in (401, 403, 404, 409, 429)
    server.stop()
    server.start()
    time.sleep(0.3)
    assert not [line for line in server.first_lines if line.startswith("Set up")]
    assert request(server.address, "POST", "/api/v1/setup", body, {"Origin": server.url}).status in (401, 403, 404, 409)


def test_only_the_public_host_is_answered(town):
    for host in ("evil.example", "127.0.0.1.evil.example", "evil.example:80"):
        assert request(town.server.address, "GET", "/api/v1/me", None, {"Host": host}, source="127.0.0.5").status in (400, 421)


def test_an_owner_remains(town):
    me = town.owner.get("me")["id"]
    others = [a for a in town.owner.get("agents")["items"] if a["role"] == "owner" and a["id"] != me and not a["disabled"]]
    for other in others:
        town.owner.patch(f"agents/{other['id']}", {"role": "agent"})
    assert town.owner.call("PATCH", f"agents/{me}", {"role": "agent"}).status in (409, 422)
    assert town.owner.call("PATCH", f"agents/{me}", {"disabled": True}).status in (409, 422)
    assert town.apis["admin"].call("PATCH", f"agents/{me}", {"role": "viewer"}).status in (403, 404)
    admin = town.apis["admin"].get("me")["id"]
    assert town.apis["admin"].call("PATCH", f"agents/{admin}", {"role": "owner"}).status == 403


def test_limits_follow_a_change_while_a_stream_is_open(town):
    """A-AZ3"""
    api = town.server.api(f"cut-{uuid.uuid4().hex[:6]}@ours.example", "agent", town.ours)
    me = api.get("me")["id"]
    stream = Events(api)
    town.owner.patch(f"agents/{me}", {"all_channels": False, "channel_ids": []})
    assert stream.closed.wait(2.5), "the stream with the old rights is closed"
    stream = Events(api)
    town.owner.patch(f"conversations/{town.ids['ours']['conversations']}", {"priority": "urgent"})
    time.sleep(0.5)
    assert not [f for f in stream.frames if f["event"] in ("conversation", "message")]
    stream.close()
    assert list(itertools.islice(api.conversations(), 1)) == []


def from_proxy(server, path, *forwarded):
    """As a proxy on this machine passes it on, each header on a line of its own."""
    connection = http.client.HTTPConnection(*server.address, timeout=10)
    connection.putrequest("GET", path)
    for value in forwarded:
        connection.putheader("X-Forwarded-For", value)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


def test_no_header_makes_a_stranger_this_machine(town):
    assert from_proxy(town.server, "/metrics") == 200, "this machine itself"
    for forwarded in (["198.51.100.7"], ["198.51.100.7", "198.51.100.7"], ["127.0.0.1", "198.51.100.7"], ["127.0.0.1, 198.51.100.7"], ["somebody"], [""],
                      ["198.51.100.7", "not an address"], ["a" * 60], ["127.0.0.1", ""]):
        assert from_proxy(town.server, "/metrics", *forwarded) in (401, 403), forwarded


def test_counts_tell_limited_colleagues_only_of_what_they_see(world):
    server = world()
    owner, by_channel, by_team = server.api(), server.api("channel@example.com"), server.api("team@example.com")
    shop, hidden = Channel(owner, "Shop"), Channel(owner, "Hidden")
    theirs, others = owner.post("teams", {"name": "Theirs"})["id"], owner.post("teams", {"name": "Others"})["id"]
    owner.patch(f"agents/{by_channel.get('me')['id']}", {"all_channels": False, "channel_ids": [shop.id]})
    owner.patch(f"agents/{by_team.get('me')['id']}", {"all_teams": False, "team_ids": [theirs]})
    teams = {"one": None, "two": theirs, "three": others, "four": others}
    for thread, channel in (("one", shop), ("two", hidden), ("three", hidden), ("four", shop)):
        channel.customer(f"number {thread}", thread=thread, author=thread)
        conversation = until(lambda thread=thread: owner.conversations(f'"number {thread}"'), 10)[0]["id"]
        owner.patch(f"conversations/{conversation}", {"tags": ["late"], **({"team_id": teams[thread]} if teams[thread] else {})})
        owner.post(f"conversations/{conversation}/messages", {"kind": "reply", "text": "Soon."})
    count = lambda api: next(t for t in api.get("tags")["items"] if t["name"] == "late")["open_count"]  # noqa: E731
    until(lambda: owner.get("status")["answered"] == 4 and count(owner) == 4, 10, f"all four being counted ({owner.get('status')})")
    assert count(by_channel) == 2 and by_channel.get("status")["answered"] == 2, "the shop's two"
    assert count(by_team) == 2 and by_team.get("status")["answered"] == 2, "their team's, and nobody's"
    tag = next(t["id"] for t in owner.get("tags")["items"] if t["name"] == "late")
    assert owner.patch(f"tags/{tag}", {"name": "Late"})["open_count"] == 4
