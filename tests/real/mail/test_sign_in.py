# SPDX-License-Identifier: AGPL-3.0-or-later
"""Signing in at mail servers: encryption from the first byte or by STARTTLS, certificates, passwords and XOAUTH2."""
import contextlib
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))
from lib.fake_mail import Certificates, FakeMail  # noqa: E402
from lib.heed import Server, until  # noqa: E402
from lib.mail import Mail, letter  # noqa: E402
from lib.oauth import TokenEndpoint  # noqa: E402


@pytest.fixture(scope="module")
def certificates():
    return Certificates()


@pytest.fixture
def stage(certificates):
    """server(*fakes) -> Server that trusts the test authority and may talk to them."""
    with contextlib.ExitStack() as stack:
        class Stage:
            @staticmethod
            def fake(*args, **options):
                made = FakeMail(*args, **options)
                stack.callback(made.close)
                return made

            @staticmethod
            def tokens(answer=None):
                made = TokenEndpoint(answer)
                stack.callback(made.close)
                return made

            @staticmethod
            def server(*others, **options):
                hosts = [h for o in others for h in (o.hosts if hasattr(o, "hosts") else [o.host])]
                made = Server("sqlite", allow=hosts, env={"SSL_CERT_FILE": certificates.ca}, **options)
                stack.callback(made.destroy)
                return made
        yield Stage


def connect(api, settings):
    return api.post("channels", {"kind": "email", "name": f"mail {time.time_ns()}", "settings": settings})["id"]


def is_active(api, channel):
    until(lambda: api.get(f"channels/{channel}")["state"] == "active", 20, "the channel being active")


def answered(api, fake, text):
    """One mail in and an answer out."""
    fake.put(letter("Anna <anna@elsewhere.test>", "desk@fake.test", text, f"about {text}").as_bytes())
    conversation = until(lambda: [c for c in api.conversations() if text in c["preview"]], 75, "the mail")[0]
    api.post(f"conversations/{conversation['id']}/messages", {"kind": "reply", "text": f"answer to {text}"})
    until(lambda: api.messages(conversation["id"])[-1]["send_state"] == "sent", 20, "the answer being sent")
    return conversation


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize("bad", ["wrong_name", "expired", "self_signed"])
def test_a_certificate_that_does_not_hold_is_refused_and_nothing_is_said_to_its_server(stage, certificates, tls, bad):
    words = {"wrong_name": "ostname mismatch", "expired": "certificate has expired", "self_signed": "self-signed certificate"}[bad]
    good, fake = stage.fake(certificates.good, tls), stage.fake(getattr(certificates, bad), tls)
    api = stage.server(good, fake).api()
    incoming = connect(api, fake.settings())
    outgoing = connect(api, good.settings(smtp=fake.settings()["smtp"], address="other@fake.test"))
    for channel, what in ((incoming, "mailbox"), (outgoing, "outgoing server")):
        said = api.post(f"channels/{channel}/test", {}, expect=200)
        assert not said["ok"] and "certificate is not accepted" in said["detail"] and words in said["detail"] and what in said["detail"], said
        assert api.get(f"channels/{channel}")["state"] != "active"
    assert not any(c.startswith(("LOGIN", "AUTHENTICATE")) for c in fake.commands), "no password goes to a server that is not who it says it is"
    assert not fake.steps.get("auth")


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_mail_goes_both_ways_with_either_way_of_encryption(stage, certificates, tls):
    fake = stage.fake(certificates.good, tls)
    api = stage.server(fake).api()
    is_active(api, connect(api, fake.settings()))
    answered(api, fake, "cup")
    assert [m["to"] for m in fake.mails] == [["anna@elsewhere.test"]]
    until(lambda: len(fake.sent) == 1, 10, "the copy among the sent mail")
    assert fake.sent[0] == fake.mails[0]["raw"]


def test_real_servers_take_starttls_in_both_directions():
    system = Mail("desk:desk-pw", "customer:customer-pw")
    server = Server("sqlite", allow=system.hosts, env=system.env)
    try:
        api = server.api()
        system.connect(api, imap=f"imap://localhost:{system.net['imap']}", smtp=f"smtp://localhost:{system.net['submission']}", days_back="1")
        system.deliver(letter(system.address("customer"), system.address("desk"), "by starttls", "Hello there"), sender=system.address("customer"))
        conversation = until(lambda: api.conversations(), 75, "the mail")[0]
        api.post(f"conversations/{conversation['id']}/messages", {"kind": "reply", "text": "And back"})
        until(lambda: [m for m in system.mails("customer") if m["Subject"] == "Re: by starttls"], 20, "the answer")
    finally:
        server.destroy()
        system.close()


def test_a_wrong_password_is_told_and_a_right_one_mends_the_channel(stage, certificates):
    fake = stage.fake(certificates.good)
    api = stage.server(fake).api()
    channel = connect(api, fake.settings(password="wrong"))
    until(lambda: api.get(f"channels/{channel}")["state"] == "reauth", 20, "the refusal")
    assert "refuses login and password: wrong password" in api.get(f"channels/{channel}")["state_reason"]
    api.patch(f"channels/{channel}", {"settings": {"password": "desk-pw"}})
    is_active(api, channel)


def test_a_server_that_cannot_sign_in_just_now_is_no_verdict_on_the_password(stage, certificates):
    fake = stage.fake(certificates.good)
    fake.imap_auth = "NO [UNAVAILABLE] the directory sleeps"
    api = stage.server(fake).api()
    channel = connect(api, fake.settings())
    said = api.post(f"channels/{channel}/test", {}, expect=200)
    assert not said["ok"] and "the directory sleeps" in said["detail"]
    assert api.get(f"channels/{channel}")["state"] != "reauth"
    fake.imap_auth = None
    is_active(api, channel)


def oauth(fake, tokens, **more):
    return fake.settings(oauth="google", client_id="client", client_secret="hush", refresh_token="refresh-0", token_url=tokens.url, password="", **more)


def test_tokens_are_fetched_used_on_both_servers_and_renewed(stage, certificates):
    fake = stage.fake(certificates.good, bearers=["access-1"])
    tokens = stage.tokens()
    server = stage.server(fake, tokens)
    api = server.api()
    channel = connect(api, oauth(fake, tokens))
    is_active(api, channel)
    answered(api, fake, "first")
    assert len(tokens.asked) == 1, "one token serves everything while it holds"
    assert tokens.asked[0] == {"grant_type": "refresh_token", "refresh_token": "refresh-0", "client_id": "client", "client_secret": "hush"}
    assert {user for user, _ in fake.signed_in} == {"desk"} and {token for _, token in fake.signed_in} == {"access-1"}
    # The provider withdraws it before its time: it is refused, renewed, and what was to be done is done.
    fake.bearers = {"access-2"}
    assert api.post(f"channels/{channel}/test", {}, expect=200)["ok"]
    answered(api, fake, "second")
    assert len(tokens.asked) == 2, "everybody who was refused shares one renewal"
    # An hour later it is renewed before it is used.
    server.stop()
    last = f"access-{len(tokens.asked) + 1}"
    fake.bearers, before = {last}, len(fake.signed_in)
    server.env["HEED_TEST_CLOCK_MS"] = str(3600 * 1000)
    server.start()
    answered(api, fake, "third")
    assert {token for _, token in fake.signed_in[before:]} == {last}
    for secret in ("access-1", "access-2", "access-3", "refresh-0", "hush"):
        assert secret not in server.log()
        assert secret not in str(api.get(f"channels/{channel}"))


def test_a_refresh_token_that_the_provider_replaces_is_kept(stage, certificates):
    valid = {"refresh": "refresh-0"}

    def answer(form, n):
        if form["refresh_token"] != valid["refresh"]:
            return 400, {"error": "invalid_grant", "error_description": "used before"}
        valid["refresh"] = f"refresh-{n}"
        return 200, {"access_token": f"access-{n}", "expires_in": 3600, "refresh_token": valid["refresh"]}
    fake, tokens = stage.fake(certificates.good, bearers=["access-1", "access-2"]), stage.tokens(answer)
    server = stage.server(fake, tokens)
    api = server.api()
    channel = connect(api, {**oauth(fake, tokens), "oauth": "microsoft"})
    is_active(api, channel)
    server.kill()
    server.env["HEED_TEST_CLOCK_MS"] = str(3600 * 1000)
    server.start()
    assert api.post(f"channels/{channel}/test", {}, expect=200)["ok"]
    assert [f["refresh_token"] for f in tokens.asked] == ["refresh-0", "refresh-1"]
    assert "offline_access" in tokens.asked[0]["scope"]


def test_a_refused_refresh_token_asks_for_a_person_and_a_resting_endpoint_does_not(stage, certificates):
    trouble = {"answer": (503, {"error": "temporarily_unavailable"})}
    fake, tokens = stage.fake(certificates.good, bearers=["access"]), stage.tokens(lambda form, n: trouble["answer"])
    api = stage.server(fake, tokens).api()
    channel = connect(api, oauth(fake, tokens))
    until(lambda: tokens.asked, 10)
    said = api.post(f"channels/{channel}/test", {}, expect=200)
    assert not said["ok"]
    assert api.get(f"channels/{channel}")["state"] not in ("reauth", "active"), "an endpoint that rests is no verdict"
    trouble["answer"] = (400, {"error": "invalid_grant", "error_description": "Token has been revoked."})
    until(lambda: api.get(f"channels/{channel}")["state"] == "reauth", 60, "the verdict")
    assert "revoked" in api.get(f"channels/{channel}")["state_reason"]
    assert not fake.signed_in, "without a token nobody is bothered"
