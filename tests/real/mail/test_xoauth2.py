# SPDX-License-Identifier: AGPL-3.0-or-later
"""XOAUTH2 at real servers: Dovecot asks the provider whose token it was shown, and so does the outgoing server."""
import contextlib
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))
from lib.heed import Server, until  # noqa: E402
from lib.mail import Mail, letter  # noqa: E402
from lib.oauth import Provider  # noqa: E402

DESK = "desk@mail.test"


@pytest.fixture
def house(backend):
    """A provider, the mail servers that ask it, and a channel that has nothing but a refresh token."""
    with contextlib.ExitStack() as stack:
        provider = Provider({"refresh-0": DESK})
        stack.callback(provider.close)
        mail = Mail("desk:desk-pw", "customer:customer-pw", oauth=provider.url)
        stack.callback(mail.close)
        server = Server(backend, allow=[provider.host, *mail.hosts], env=mail.env)
        stack.callback(server.destroy)
        api = server.api()
        channel = mail.connect(api, login=DESK, password="", oauth="google", client_id="client", client_secret="hush", refresh_token="refresh-0",
                               token_url=f"{provider.url}/token", days_back="1")["id"]
        yield provider, mail, server, api, channel


def comes(mail, api, text, seconds=30):
    mail.deliver(letter(f"Anna <{mail.address('customer')}>", DESK, text, f"about {text}"), sender=mail.address("customer"))
    return until(lambda: [c for c in api.conversations() if f"about {text}" in c["preview"]], seconds, f"the mail about {text}")[0]["id"]


def goes(mail, api, id, text, seconds=30):
    api.post(f"conversations/{id}/messages", {"kind": "reply", "text": text})
    until(lambda: api.messages(id)[-1]["send_state"] == "sent", seconds, f"“{text}” being sent ({api.messages(id)[-1]})")
    assert arrived(mail, text) == 1


def arrived(mail, text):
    return sum(text in m.get_body(("plain",)).get_content() for m in mail.mails("customer"))


def test_tokens_open_both_servers_and_are_renewed_when_they_hold_no_more(house):
    provider, mail, server, api, channel = house
    id = comes(mail, api, "cup")
    goes(mail, api, id, "the first answer")
    assert len(provider.asked) == 1 and provider.asked[0]["refresh_token"] == "refresh-0"
    assert {(who, token, holds) for who, token, holds in provider.looked} >= {("dovecot-oauth2-passdb", "access-1", True), ("Python-urllib", "access-1", True)}
    # The provider takes it back before its time: Dovecot refuses it, a new one is fetched, and the mail is read.
    provider.take_back()
    other = comes(mail, api, "bowl")
    assert ("dovecot-oauth2-passdb", "access-1", False) in provider.looked and ("dovecot-oauth2-passdb", "access-2", True) in provider.looked
    # The same on the way out, where the old one is met first.
    provider.take_back()
    goes(mail, api, other, "the second answer")
    asked = len(provider.asked)
    assert asked == 3, provider.asked
    # Its time is over: renewed before it is shown to anybody.
    server.stop()
    provider.take_back()
    looked = len(provider.looked)
    server.env["HEED_TEST_CLOCK_MS"] = str(3600 * 1000)
    server.start()
    comes(mail, api, "plate")
    assert len(provider.asked) == asked + 1 and all(holds for _, _, holds in provider.looked[looked:]), provider.looked[looked:]
    assert api.get(f"channels/{channel}")["state"] == "active"
    texts = sorted(m["text"].strip() for c in api.conversations() for m in api.messages(c["id"]))
    assert texts == sorted(["about cup", "the first answer", "about bowl", "the second answer", "about plate"])
    for secret in ("access-1", "access-2", "access-3", "refresh-0", "hush"):
        assert secret not in server.log() and secret not in str(api.get(f"channels/{channel}"))


def test_a_renewal_that_is_refused_asks_for_a_person_and_nothing_is_lost(house):
    provider, mail, server, api, channel = house
    id = comes(mail, api, "cup")
    del provider.refresh["refresh-0"]
    provider.take_back()
    waiting = letter(f"Anna <{mail.address('customer')}>", DESK, "bowl", "about bowl")
    mail.deliver(waiting, sender=mail.address("customer"))
    until(lambda: api.get(f"channels/{channel}")["state"] == "reauth", 75, "a person being asked")
    assert "revoked" in api.get(f"channels/{channel}")["state_reason"]
    asked = len(provider.asked)
    api.post(f"conversations/{id}/messages", {"kind": "reply", "text": "the answer that waits"})
    mail.deliver(letter(f"Anna <{mail.address('customer')}>", DESK, "plate", "about plate"), sender=mail.address("customer"))
    time.sleep(4)
    assert len(provider.asked) <= asked + 1, "who was refused is not asked over and over"
    assert api.messages(id)[-1]["send_state"] == "queued" and not arrived(mail, "the answer that waits")
    assert len(api.conversations()) == 1
    provider.refresh["refresh-9"] = DESK
    api.patch(f"channels/{channel}", {"settings": {"refresh_token": "refresh-9"}})
    until(lambda: api.get(f"channels/{channel}")["state"] == "active", 30, "the channel being active again")
    until(lambda: len(api.conversations()) == 3, 75, "the mail that came meanwhile")
    until(lambda: api.messages(id)[-1]["send_state"] == "sent", 75, "the answer that waited")
    time.sleep(2)
    assert arrived(mail, "the answer that waits") == 1
    texts = sorted(m["text"].strip() for c in api.conversations() for m in api.messages(c["id"]))
    assert texts == sorted(["about cup", "the answer that waits", "about bowl", "about plate"])


@pytest.mark.only("sqlite")
def test_another_ones_token_opens_nothing(house):
    """What the provider says of a token is believed by the servers, not by us: they refuse, and a person is asked."""
    provider, mail, server, api, channel = house
    provider.refresh["refresh-7"] = "customer@mail.test"
    api.patch(f"channels/{channel}", {"settings": {"refresh_token": "refresh-7"}})
    until(lambda: api.get(f"channels/{channel}")["state"] == "reauth", 75, "the refusal")
    assert "refuses login" in api.get(f"channels/{channel}")["state_reason"], api.get(f"channels/{channel}")
    assert not mail.mails("desk", "Sent") and not api.conversations()
