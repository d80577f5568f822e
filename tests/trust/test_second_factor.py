# SPDX-License-Identifier: AGPL-3.0-or-later
"""The second step of signing in: a code is good once, tries run out whatever the parallelism, and what
changes here ends every other session."""
import base64
import concurrent.futures
import hashlib
import hmac
import struct
import time

from lib.heed import PASSWORD, Api, Events, request, until

MAIL = "ada@example.com"


def totp(secret, at=None):
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    mac = hmac.new(key, struct.pack(">Q", int((time.time() if at is None else at) // 30)), hashlib.sha1).digest()
    at = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[at:at + 4])[0] & 0x7fffffff) % 1000000:06d}"


def step_one(server, email=MAIL, password=PASSWORD, **body):
    return request(server.address, "POST", "/api/v1/session", body or {"email": email, "password": password}, {"Origin": server.url})


def step_two(server, token, code):
    return request(server.address, "POST", "/api/v1/session/second", {"token": token, "code": code}, {"Origin": server.url})


def enroll(server, email=MAIL):
    """A session that has a second factor now, its key and its recovery codes. Uses up the code of a minute ago."""
    session = server.sign_in(email)
    secret = session.post("me/second-factor", {"current_password": PASSWORD})["secret"]
    codes = session.post("me/second-factor/confirm", {"code": totp(secret, time.time() - 30)}, expect=200)["recovery_codes"]
    return session, secret, codes


def cookie(server, answer):
    return Api(server, cookie=answer.headers["Set-Cookie"].split(";")[0])


def test_signing_in_takes_two_steps_and_a_code_is_good_once(world):
    server = world()
    server.user(MAIL, "owner")
    other = server.sign_in(MAIL)
    stream = Events(other)
    assert server.sign_in(MAIL).call("POST", "me/second-factor", {"current_password": "wrong"}).status == 422
    session, secret, codes = enroll(server)
    assert other.call("GET", "me").status == 401, "other sessions end when the factor changes"
    assert stream.closed.wait(3)
    assert len(set(codes)) == 10
    state = session.get("me/second-factor")
    assert state["totp"] and state["recovery_codes_left"] == 10
    first = step_one(server)
    assert first.status == 202 and "Set-Cookie" not in first.headers and set(first.json["kinds"]) == {"totp", "recovery_code"}, first
    token = first.json["token"]
    assert request(server.address, "GET", "/api/v1/me", headers={"Authorization": f"Bearer {token}"}).status == 401
    assert request(server.address, "GET", "/api/v1/me", headers={"Cookie": f"heed={token}"}).status == 401
    assert step_two(server, token, "000000").status in (422, 201)
    code = totp(secret)
    entered = step_two(server, token, code)
    assert entered.status == 201 and cookie(server, entered).get("me")["email"] == MAIL
    assert step_two(server, token, code).status == 401, "the step is over"
    assert step_two(server, step_one(server).json["token"], code).status == 422, "a code is good once"
    # A recovery code too, written as a person would.
    used = step_two(server, step_one(server).json["token"], codes[0].lower().replace("-", " "))
    assert used.status == 201 and cookie(server, used).get("me/second-factor")["recovery_codes_left"] == 9
    assert step_two(server, step_one(server).json["token"], codes[0]).status == 422


def test_what_is_no_code_is_refused(world):
    server = world()
    server.user(MAIL, "owner")
    enroll(server)
    token = step_one(server).json["token"]
    for bad in ("", "12345", "AAAA-AAAA-AAAA-AAAA", "١٢٣٤٥٦"):
        assert step_two(server, token, bad).status == 422, bad
    for bad in ({}, [], None, 123456):
        assert step_two(server, token, bad).status == 422, bad
    for wrong in ("", "x", "%", token[:-1], token + "A", "A" * 43):
        assert step_two(server, wrong, "123456").status in (401, 422, 429), wrong


def test_of_the_same_code_at_once_one_gets_in(world):
    server = world()
    server.user(MAIL, "owner")
    _, secret, _ = enroll(server)
    tokens = [step_one(server).json["token"] for _ in range(6)]
    code = totp(secret)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda token: step_two(server, token, code).status, tokens))
    assert answers.count(201) == 1 and set(answers) <= {201, 422, 429, 409}, answers


def test_tries_run_out_however_many_come_at_once(world):
    server = world()
    server.user(MAIL, "owner")
    _, secret, _ = enroll(server)
    token = step_one(server).json["token"]
    wrong = next(c for c in ("000000", "111111", "222222", "333333") if c not in {totp(secret, time.time() + d) for d in (-60, -30, 0, 30, 60)})
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: step_two(server, token, wrong).status, range(16)))
    assert answers.count(422) <= 5 and set(answers) <= {422, 401, 429}, answers
    assert step_two(server, token, totp(secret)).status in (401, 429), "and then not even the right one"


def test_a_link_needs_the_second_step_too_and_ends_what_was_open(world):
    server = world()
    owner = server.api()
    server.user(MAIL, "agent")
    session, _, codes = enroll(server)
    agent = next(a for a in owner.get("agents")["items"] if a["email"] == MAIL)
    url = owner.post(f"agents/{agent['id']}/sign-in-code")["sign_in_url"]
    answer = step_one(server, code=url.split("#")[1])
    assert answer.status == 202
    until(lambda: session.call("GET", "me").status == 401, 2)
    assert step_two(server, answer.json["token"], codes[1]).status == 201


def test_a_new_password_ends_unused_links(world):
    server = world()
    owner = server.api()
    server.user(MAIL, "agent")
    agent = next(a for a in owner.get("agents")["items"] if a["email"] == MAIL)
    url = owner.post(f"agents/{agent['id']}/sign-in-code")["sign_in_url"]
    session = server.sign_in(MAIL)
    assert session.call("PATCH", "me", {"password": "123456789", "current_password": PASSWORD}).status == 422, "shorter than ten"
    session.patch("me", {"password": "a longer one, please", "current_password": PASSWORD})
    assert step_one(server, code=url.split("#")[1]).status == 401


def test_a_role_that_must_have_one_can_do_nothing_before(world):
    server = world()
    owner = server.api()
    server.user(MAIL, "admin")
    server.user("eve@example.com", "agent")
    session, eve = server.sign_in(MAIL), server.sign_in("eve@example.com")
    owner.patch("workspace", {"settings": {"second_factor_from": "admin"}})
    refused = session.call("GET", "conversations?q=is:any")
    assert refused.status == 403 and refused.json["errors"][0]["field"] == "second_factor", refused
    assert session.call("GET", "events").status == 403 and session.call("POST", "tags", {"name": "x"}).status == 403
    assert session.get("me")["must_enroll"] is True
    assert eve.get("me")["must_enroll"] is False and eve.call("GET", "conversations?q=is:any").status == 200
    secret = session.post("me/second-factor", {"current_password": PASSWORD})["secret"]
    session.post("me/second-factor/confirm", {"code": totp(secret)}, expect=200)
    assert session.get("me")["must_enroll"] is False and session.call("GET", "conversations?q=is:any").status == 200
    assert owner.call("PATCH", "workspace", {"settings": {"second_factor_from": "boss"}}).status == 422


def test_an_administrator_resets_a_lost_one_on_record(world):
    server = world()
    owner, admin, lead = server.api(), server.api("admin@example.com", "admin"), server.api("lead@example.com", "lead")
    server.user(MAIL, "agent")
    session, _, _ = enroll(server)
    agents = {a["email"]: a["id"] for a in owner.get("agents")["items"]}
    assert lead.call("POST", f"agents/{agents[MAIL]}/reset-second-factor", {}).status == 403
    assert admin.call("POST", f"agents/{agents['owner@example.com']}/reset-second-factor", {}).status == 403
    other = server.api("other@example.com", "owner", server.workspace("Other"))
    assert other.call("POST", f"agents/{agents[MAIL]}/reset-second-factor", {}).status == 404
    assert admin.call("POST", f"agents/{agents[MAIL]}/reset-second-factor", {}).status == 204
    assert session.call("GET", "me").status == 401
    assert step_one(server).status == 201


def test_keys_and_codes_are_not_in_the_database_in_clear(world, backend):
    if backend != "sqlite":
        return
    server = world()
    server.user(MAIL, "owner")
    _, secret, codes = enroll(server)
    server.stop()
    with open(f"{server.data}/heed.db", "rb") as file:
        held = file.read()
    raw = base64.b32decode(secret + "=" * (-len(secret) % 8))
    assert secret.encode() not in held and raw not in held
    for code in codes:
        assert code.encode() not in held and code.replace("-", "").encode() not in held


def test_no_token_and_no_open_session_tries_passwords_at_will(world):
    server = world()
    server.user(MAIL, "owner")
    token, session = Api(server, server.token(MAIL)), server.sign_in(MAIL)
    for guess in ("wrong", PASSWORD):
        for method, path, body in (("POST", "me/second-factor", {"current_password": guess}),
                                   ("PATCH", "me", {"password": "another fine password", "current_password": guess})):
            assert token.call(method, path, body).status == 403, f"{method} {path} tells a token about {guess}"
    tries = [session.call("POST", "me/second-factor", {"current_password": f"wrong {i}"}) for i in range(8)]
    tries += [session.call("PATCH", "me", {"password": "another fine password", "current_password": f"wrong {i}"}) for i in range(8)]
    statuses = [answer.status for answer in tries]
    assert 8 <= statuses.count(422) <= 11 and set(statuses) == {422, 429} and int(tries[-1].headers["Retry-After"]) > 0, statuses
    assert session.call("POST", "me/second-factor", {"current_password": PASSWORD}).status == 429, "then not even the right one"
    assert server.sign_in(MAIL).get("me")["email"] == MAIL, "signing in is another matter"
