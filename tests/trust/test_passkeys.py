# SPDX-License-Identifier: AGPL-3.0-or-later
"""Passkeys: a device's signature lets its owner in, once for each challenge, at this name only; everything that is not
quite right does not."""
import concurrent.futures
import hashlib
import os
import time

from lib.authenticator import EDDSA, ES256, PRESENT, RS256, VERIFIED, Passkey, b64, cbor, unb64
from lib.heed import PASSWORD, Api, request
from test_second_factor import cookie, enroll, step_one, step_two, totp

SITE, NAME = "https://desk.example", "desk.example"
ADA, EVE = "ada@example.com", "eve@example.com"


def desk(world, **options):
    server = world(args=["--public-url", options.pop("site", SITE)], **options)
    server.user(ADA, "owner")
    return server


def add(session, device, name="Laptop", password=PASSWORD, **wrong):
    ask = session.post("me/passkeys/begin", {"current_password": password} if password else {})
    return session.call("POST", "me/passkeys", device.make(ask, wrong.pop("origin", SITE), name=name, **wrong))


def having(server, email=ADA, algorithm=ES256, **more):
    """A session of somebody with one passkey, and the passkey."""
    session, device = server.sign_in(email), Passkey(algorithm)
    answer = add(session, device, **more)
    assert answer.status == 201, answer
    return session, device, answer.json


def begin(server, token=None, source=None):
    answer = request(server.address, "POST", "/api/v1/session/passkey/begin", {"token": token} if token else {}, {"Origin": server.url}, source=source)
    assert answer.status == 201, answer
    return answer.json


def enter(server, body, source=None):
    return request(server.address, "POST", "/api/v1/session/passkey", body, {"Origin": server.url}, source=source)


def sign_in(server, device, source=None, **how):
    ask = begin(server, source=source)
    return enter(server, device.prove(ask, how.pop("origin", SITE), **how), source=source)


def test_a_passkey_of_each_kind_signs_in(world):
    server = desk(world)
    for algorithm, email in ((EDDSA, EVE), (RS256, "kim@example.com")):
        server.user(email, "agent")
        _, device, _ = having(server, email, algorithm)
        assert sign_in(server, device).json["email"] == email


def test_a_passkey_signs_in_without_an_address(world):
    server = desk(world)
    other = server.sign_in(ADA)
    session, device, made = having(server)
    assert other.call("GET", "me").status == 401, "the first second factor ends other sessions"
    assert len(set(made["recovery_codes"])) == 10 and made["passkey"]["last_used_at"] is None
    ask = begin(server)
    assert ask["allow"] == [] and ask["user_verification"] == "required" and ask["rp_id"] == NAME
    answer = enter(server, device.prove(ask, SITE))
    assert answer.status == 201 and answer.json["email"] == ADA, answer
    inside = cookie(server, answer)
    kept = inside.get("me/passkeys")["items"]
    assert [k["name"] for k in kept] == ["Laptop"] and kept[0]["last_used_at"] and kept[0]["refused_at"] is None
    assert set(kept[0]) == {"id", "name", "created_at", "last_used_at", "refused_at"}
    assert inside.get("me/second-factor")["passkeys"] == 1


def test_what_a_device_gets_to_know_of_a_person_is_a_number_and_what_it_shows(world):
    server = desk(world)
    session, device, _ = having(server)
    ask = session.post("me/passkeys/begin", {"current_password": PASSWORD})
    assert ask["user_name"] == ADA and ask["rp_id"] == NAME and ask["exclude"] == [b64(device.id)]
    assert ask["algorithms"] == [-7, -8, -257] and len(unb64(ask["challenge"])) == 32 and len(unb64(ask["user_id"])) == 32
    server.user(EVE, "agent")
    assert server.sign_in(EVE).post("me/passkeys/begin", {"current_password": PASSWORD})["user_id"] != ask["user_id"]


def test_several_are_named_and_removed_one_by_one(world):
    server = desk(world)
    session, first, _ = having(server)
    second = Passkey(EDDSA)
    answer = add(session, second, name="  Phone\u202e ")
    assert answer.status == 201 and answer.json["passkey"]["name"] == "Phone" and answer.json["recovery_codes"] == []
    assert add(session, second).status == 422, "the same device twice"
    ids = {k["name"]: k["id"] for k in session.get("me/passkeys")["items"]}
    assert session.patch(f"me/passkeys/{ids['Phone']}", {"name": "Old phone"})["name"] == "Old phone"
    assert session.call("PATCH", f"me/passkeys/{ids['Phone']}", {"name": "\u200b"}).json["errors"][0]["field"] == "name"
    path = f"me/passkeys/{ids['Phone']}/remove"
    assert session.call("POST", path, {"current_password": "wrong"}).json["errors"][0]["field"] == "current_password"
    assert session.call("POST", path, {}).status == 422
    assert session.call("POST", path, {"current_password": PASSWORD}).status == 204
    assert session.call("POST", path, {"current_password": PASSWORD}).status == 404
    assert sign_in(server, second).status == 401 and sign_in(server, first).status == 201
    assert step_one(server).status == 202
    assert session.call("POST", f"me/passkeys/{ids['Laptop']}/remove", {"current_password": PASSWORD}).status == 204
    assert step_one(server).status == 201, "nothing is left for a second step"
    assert session.get("me/second-factor") == {"totp": False, "passkeys": 0, "recovery_codes_left": 0, "created_at": None, "last_used_at": None}


def test_adding_one_takes_the_password_and_a_session(world):
    server = desk(world)
    session, token = server.sign_in(ADA), Api(server, server.token(ADA))
    assert session.call("POST", "me/passkeys/begin", {}).json["errors"][0]["field"] == "current_password"
    assert session.call("POST", "me/passkeys/begin", {"current_password": "wrong"}).status == 422
    assert token.call("POST", "me/passkeys/begin", {"current_password": PASSWORD}).status == 403
    ask = session.post("me/passkeys/begin", {"current_password": PASSWORD})
    body = Passkey().make(ask, SITE)
    assert token.call("POST", "me/passkeys", body).status == 403
    # Another session of the same person, and another person, cannot use what was asked of this one.
    assert server.sign_in(ADA).call("POST", "me/passkeys", body).status == 422
    server.user(EVE, "agent")
    ask = session.post("me/passkeys/begin", {"current_password": PASSWORD})
    assert server.sign_in(EVE).call("POST", "me/passkeys", Passkey().make(ask, SITE)).status == 422
    assert session.get("me/passkeys")["items"] == []


def test_whoever_came_by_a_link_has_ten_minutes_instead_of_a_password(world, backend):
    server = desk(world)
    server.user(EVE, "agent")
    agent = next(a for a in server.sign_in(ADA).get("agents")["items"] if a["email"] == EVE)
    code = server.sign_in(ADA).post(f"agents/{agent['id']}/sign-in-code")["sign_in_url"].split("#")[1]
    session = cookie(server, step_one(server, code=code))
    assert add(session, Passkey(), password=None).status == 201
    if backend == "sqlite":
        server.stop()
        import sqlite3
        with sqlite3.connect(f"{server.data}/heed.db") as db:
            db.execute("UPDATE session SET created_at = created_at - 700000")
        server.start()
        refused = session.call("POST", "me/passkeys/begin", {})
        assert refused.status == 422 and refused.json["errors"][0] | {"detail": ""} == {"field": "current_password", "code": "stale", "detail": ""}


def test_a_passkey_takes_the_second_step(world):
    server = desk(world)
    session, device, made = having(server)
    first = step_one(server)
    assert first.status == 202 and set(first.json["kinds"]) == {"passkey", "recovery_code"}, first
    token = first.json["token"]
    ask = begin(server, token)
    assert ask["allow"] == [b64(device.id)] and ask["user_verification"] == "discouraged"
    # The password was given, so touching the device is enough.
    answer = enter(server, device.prove(ask, SITE, flags=PRESENT, token=token))
    assert answer.status == 201 and cookie(server, answer).get("me")["email"] == ADA
    assert enter(server, device.prove(ask, SITE, token=token)).status == 401, "the step is over"
    # A recovery code instead, and beside an app.
    assert step_two(server, step_one(server).json["token"], made["recovery_codes"][3]).status == 201
    secret = session.post("me/second-factor", {"current_password": PASSWORD})["secret"]
    codes = session.post("me/second-factor/confirm", {"code": totp(secret, time.time() - 30)}, expect=200)["recovery_codes"]
    assert set(step_one(server).json["kinds"]) == {"passkey", "totp", "recovery_code"}
    session.post("me/second-factor/remove", {"code": codes[0]}, expect=204)
    assert set(step_one(server).json["kinds"]) == {"passkey", "recovery_code"}
    assert session.get("me/second-factor")["recovery_codes_left"] == 9, "the passkey still needs them"


def test_a_role_that_must_have_a_second_factor_has_one_with_a_passkey(world):
    server = desk(world)
    server.user(EVE, "admin")
    server.sign_in(ADA).patch("workspace", {"settings": {"second_factor_from": "admin"}})
    eve = server.sign_in(EVE)
    assert eve.get("me")["must_enroll"] and eve.call("GET", "conversations?q=is:any").status == 403
    device = Passkey()
    assert add(eve, device).status == 201
    assert not eve.get("me")["must_enroll"] and eve.call("GET", "conversations?q=is:any").status == 200
    answer = sign_in(server, device)
    assert answer.status == 201 and answer.json["must_enroll"] is False


def test_a_challenge_is_good_once_whatever_came_of_it(world):
    server = desk(world)
    _, device, _ = having(server)
    ask = begin(server)
    body = device.prove(ask, SITE)
    assert enter(server, body).status == 201
    assert enter(server, body).status == 401, "said again"
    ask = begin(server)
    assert enter(server, device.prove(ask, SITE, signature=os.urandom(70))).status == 401
    assert enter(server, device.prove(ask, SITE)).status == 401, "a wrong try uses it up too"
    assert enter(server, device.prove(ask, SITE, challenge=b64(os.urandom(32)))).status == 401
    asks = [begin(server, source="127.0.0.41") for _ in range(2)]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: enter(server, device.prove(asks[0], SITE), source=f"127.0.0.{50 + n}").status, range(6)))
    assert answers.count(201) == 1 and set(answers) <= {201, 401}, answers


def test_challenges_are_for_one_purpose(world):
    server = desk(world)
    session, device, _ = having(server)
    adding = session.post("me/passkeys/begin", {"current_password": PASSWORD})
    assert enter(server, device.prove(adding, SITE)).status == 401
    alone = begin(server)
    assert session.call("POST", "me/passkeys", Passkey().make({**adding, "challenge": alone["challenge"]}, SITE)).status == 422
    token = step_one(server).json["token"]
    assert enter(server, device.prove(begin(server), SITE, token=token)).status == 401
    assert enter(server, device.prove(begin(server, token), SITE)).status == 401
    other = step_one(server).json["token"]
    assert enter(server, device.prove(begin(server, token), SITE, token=other)).status == 401


def test_what_is_over_after_five_minutes(world, backend):
    server = desk(world)
    _, device, _ = having(server)
    if backend != "sqlite":
        return
    ask = begin(server)
    server.stop()
    import sqlite3
    with sqlite3.connect(f"{server.data}/heed.db") as db:
        held = db.execute("SELECT hash, expires_at FROM passkey_challenge").fetchall()
        assert held and all(h != unb64(ask["challenge"]) and h != ask["challenge"].encode() for h, _ in held)
        assert any(h == hashlib.sha256(ask["challenge"].encode()).digest() for h, _ in held)
        db.execute("UPDATE passkey_challenge SET expires_at = expires_at - 300000")
    server.start()
    assert enter(server, device.prove(ask, SITE)).status == 401


WRONG_ENTRIES = [
    {"origin": "https://evil.example"}, {"origin": "http://desk.example"}, {"origin": "https://desk.example:8443"},
    {"origin": "https://desk.example.evil.example"}, {"crossOrigin": True}, {"rp_id": "evil.example"}, {"kind": "webauthn.create"},
    {"flags": PRESENT}, {"flags": 0}, {"flags": VERIFIED}, {"user": b""}, {"user": bytes(32)}]


def test_signing_in_with_something_not_quite_right_fails(world):
    server = desk(world)
    _, device, _ = having(server)
    for n, wrong in enumerate(WRONG_ENTRIES):
        answer = sign_in(server, device, source=f"127.0.1.{n + 1}", **wrong)
        assert answer.status in (401, 422) and "Set-Cookie" not in answer.headers, (wrong, answer)
    assert sign_in(server, device).status == 201, "and the passkey is as good as before"


WRONG_KEYS = [
    {"origin": "https://evil.example"}, {"rp_id": "evil.example"}, {"kind": "webauthn.get"}, {"flags": 0}, {"flags": VERIFIED},
    {"challenge": b64(bytes(32))}, {"statement": {"x": 1}}, {"cose": {1: 2, 3: -7, -1: 1, -2: bytes(32), -3: bytes(32)}},
    {"cose": {1: 2, 3: -36, -1: 1, -2: bytes(32), -3: bytes(32)}}, {"cose": {1: 1, 3: -8, -1: 6, -2: bytes(31)}},
    {"cose": {1: 3, 3: -257, -1: b"\xff" * 128, -2: b"\1\0\1"}}, {"cose": {}}, {"crossOrigin": True}]


def test_adding_something_not_quite_right_fails(world):
    server = desk(world)
    session = server.sign_in(ADA)
    for wrong in WRONG_KEYS:
        answer = add(session, Passkey(), **wrong)
        assert answer.status == 422 and answer.json["errors"][0]["field"] in ("client_data", "attestation_object"), (wrong, answer)
    assert session.get("me/passkeys")["items"] == [] and step_one(server).status == 201


def test_statements_about_the_device_are_not_looked_at(world):
    server = desk(world)
    assert add(server.sign_in(ADA), Passkey(), format="packed", statement={"alg": -7, "sig": b"whatever"}).status == 201


def test_a_device_that_cannot_check_who_is_there_takes_the_second_step_only(world):
    server = desk(world)
    session, device, _ = having(server, flags=PRESENT)
    assert sign_in(server, device, flags=PRESENT).status == 422
    token = step_one(server).json["token"]
    assert enter(server, device.prove(begin(server, token), SITE, flags=PRESENT, token=token, user=b"")).status in (401, 422)
    token = step_one(server).json["token"]
    body = device.prove(begin(server, token), SITE, flags=PRESENT, token=token)
    del body["user_handle"]  # as devices that keep no account do
    assert enter(server, body).status == 201


def test_broken_bytes_are_refused_by_name(world):
    server = desk(world)
    session, device, _ = having(server)
    good = device.prove(begin(server), SITE)
    for field in ("client_data", "authenticator_data", "signature", "id"):
        for bad in ("%%%", "A", "é"):
            answer = enter(server, {**good, field: bad}, source="127.0.0.42")
            assert answer.status in (422, 429) and (answer.status == 429 or answer.json["errors"][0]["field"] == field), (field, bad, answer)
    raw = unb64(good["authenticator_data"])
    for n, bad in enumerate((b"", raw[:36], raw + b"\0", raw[:32] + b"\xff" + raw[33:], raw[:32] + b"\x85" + raw[33:] + b"\xbf")):
        answer = enter(server, {**good, "authenticator_data": b64(bad)}, source=f"127.0.0.{60 + n}")
        assert answer.status == 422 and answer.json["errors"][0]["field"] == "authenticator_data", answer
    assert enter(server, good).status == 201
    ask = session.post("me/passkeys/begin", {"current_password": PASSWORD})
    body = Passkey().make(ask, SITE)
    whole = unb64(body["attestation_object"])
    for cut in range(0, len(whole), 7):
        answer = session.call("POST", "me/passkeys", {**body, "attestation_object": b64(whole[:cut])})
        assert answer.status == 422 and answer.json["errors"][0]["field"] == "attestation_object", (cut, answer)
    deep = b"\x81" * 4000 + b"\x00"
    endless = b"\x9b" + b"\xff" * 8
    for bad in (whole + b"\0", deep, endless, b"\xbf\xff", cbor([1]), cbor({"fmt": "none"}), b"\xc0" + whole):
        answer = session.call("POST", "me/passkeys", {**body, "attestation_object": b64(bad)})
        assert answer.status == 422 and answer.json["errors"][0]["field"] == "attestation_object", (bad[:20], answer)
    assert session.call("POST", "me/passkeys", body).status == 201, "nothing that could not be read used up the challenge"


def test_anothers_passkey_opens_nothing_of_mine(world):
    server = desk(world)
    server.user(EVE, "agent")
    elsewhere = server.workspace("Elsewhere")
    server.user("kim@example.com", "owner", elsewhere)
    _, mine, _ = having(server)
    _, eves, _ = having(server, EVE)
    kim_session, kims, _ = having(server, "kim@example.com")
    # The second step of one person, with the passkey of another: a colleague, somebody of another workspace.
    for device in (eves, kims):
        token = step_one(server).json["token"]
        assert enter(server, device.prove(begin(server, token), SITE, token=token)).status == 401
    # Saying to be somebody else, and signing with one's own key under another's name.
    assert sign_in(server, eves, user=mine.user).status == 401
    own_id, eves.id = eves.id, mine.id
    assert sign_in(server, eves, user=mine.user, source="127.0.0.43").status == 401
    eves.id = own_id
    assert sign_in(server, eves).json["email"] == EVE and sign_in(server, kims).json["workspace"]["id"] == elsewhere
    # What is another's is not there.
    ids = [k["id"] for k in server_list(server, mine)]
    for id in ids:
        for session in (kim_session, cookie(server, sign_in(server, eves, source="127.0.0.44"))):
            assert session.call("PATCH", f"me/passkeys/{id}", {"name": "x"}).status == 404
            assert session.call("POST", f"me/passkeys/{id}/remove", {"current_password": PASSWORD}).status == 404
    # A device that is registered already is nobody else's.
    eves_session = cookie(server, sign_in(server, eves, source="127.0.0.45"))
    stolen = Passkey()
    stolen.id = mine.id
    assert add(eves_session, stolen).status == 422


def server_list(server, device):
    return cookie(server, sign_in(server, device, source="127.0.0.46")).get("me/passkeys")["items"]


def test_a_counter_that_goes_backwards_is_refused_and_told(world):
    server = desk(world)
    owner = server.sign_in(ADA)
    server.user(EVE, "agent")
    session, device, _ = having(server, EVE)
    device.counter = 7
    assert sign_in(server, device).status == 201  # 8
    for counter in (8, 3, 0):
        answer = sign_in(server, device, counter=counter)
        assert answer.status == 401 and answer.json["errors"][0]["code"] == "counter" and "copy" in answer.json["errors"][0]["detail"], answer
    kept = session.get("me/passkeys")["items"][0]
    assert kept["refused_at"]
    assert sign_in(server, device, counter=4000000000).status == 201
    assert owner.get("me/passkeys")["items"] == []


def test_an_administrator_takes_lost_ones_away(world):
    server = desk(world)
    owner = server.sign_in(ADA)
    server.user(EVE, "agent")
    session, device, _ = having(server, EVE)
    agents = {a["email"]: a["id"] for a in owner.get("agents")["items"]}
    assert owner.call("POST", f"agents/{agents[EVE]}/reset-second-factor", {}).status == 204
    assert session.call("GET", "me").status == 401 and sign_in(server, device).status == 401
    assert step_one(server, EVE).status == 201
    # Who is disabled comes in by no door.
    _, device, _ = having(server, EVE)
    owner.patch(f"agents/{agents[EVE]}", {"disabled": True})
    assert sign_in(server, device).status == 401


def test_trying_is_slowed_like_passwords(world):
    server = desk(world)
    _, device, _ = having(server)
    ask = begin(server)
    answers = [enter(server, device.prove(ask, SITE, challenge=b64(os.urandom(32))), source="127.0.0.47").status for _ in range(14)]
    assert answers[0] == 401 and answers[-1] == 429, answers
    assert sign_in(server, device).status == 201, "from elsewhere its owner still comes in"
    begun = [request(server.address, "POST", "/api/v1/session/passkey/begin", {}, {"Origin": server.url}, source="127.0.0.48").status for _ in range(64)]
    assert begun[0] == 201 and begun[-1] == 429


def test_without_a_name_there_are_no_passkeys(world):
    server = world()
    server.user(ADA, "owner")
    answer = request(server.address, "POST", "/api/v1/session/passkey/begin", {}, {"Origin": server.url})
    assert answer.status == 409 and "--public-url" in answer.json["detail"], answer
    assert server.sign_in(ADA).call("POST", "me/passkeys/begin", {"current_password": PASSWORD}).status == 409


def test_the_port_that_goes_without_saying_is_left_out(world):
    server = desk(world, site="https://Desk.Example:443/")
    _, device, _ = having(server)
    assert sign_in(server, device).status == 201


def test_twenty_are_enough(world):
    server = desk(world)
    session, _, _ = having(server)
    for n in range(19):
        assert add(session, Passkey(EDDSA), name=f"Key {n}").status == 201
    refused = session.call("POST", "me/passkeys/begin", {"current_password": PASSWORD})
    assert refused.status == 409, refused
