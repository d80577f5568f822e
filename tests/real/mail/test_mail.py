# SPDX-License-Identifier: AGPL-3.0-or-later
"""E-mail against real servers: Dovecot over IMAPS with IDLE, submission over TLS."""
import contextlib
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))
from lib.heed import Server, until  # noqa: E402
from lib.mail import Mail, letter  # noqa: E402


@pytest.fixture(scope="module")
def mail():
    system = Mail("desk:desk-pw", "customer:customer-pw", "other:other-pw", "box:box-pw")
    yield system
    system.close()


@pytest.fixture
def world(mail):
    with contextlib.ExitStack() as stack:
        def make(backend="sqlite", **options):
            env = {**mail.env, **options.pop("env", {})}
            server = Server(backend, allow=[*mail.hosts, *options.pop("allow", [])], env=env, **options)
            stack.callback(server.destroy)
            return server
        yield make


def the_conversation(api, text, q="is:any", seconds=20):
    def find():
        return [c for c in api.conversations(q) if text in c["preview"] or any(text in m["text"] for m in api.messages(c["id"]))]
    return until(find, seconds, f"a conversation with {text!r}")[0]


def test_a_mail_comes_in_and_the_answer_arrives_in_the_customers_mailbox(mail, world):
    server = world()
    api = server.api()
    mail.connect(api)
    first = letter(f"Anna Ostrowska <{mail.address('customer')}>", mail.address("desk"), "Wo ist mein Paket? – größer", "Hallo, where is it?\n")
    time.sleep(1.5)
    sent = time.monotonic()
    mail.deliver(first, sender=mail.address("customer"))
    conversation = the_conversation(api, "Hallo, where is it?")
    print(f"shown after {time.monotonic() - sent:.2f} s")
    assert conversation["kind"] == "email" and conversation["contact"]["name"] == "Anna Ostrowska"
    message = api.messages(conversation["id"])[0]
    assert message["mail"]["subject"] == "Wo ist mein Paket? – größer"
    assert message["mail"]["verified"] == "unknown"
    answer = api.post(f"conversations/{conversation['id']}/messages", {"kind": "reply", "text": "It is on its way.\n.\nFrom us, größer"})
    until(lambda: api.get(f"conversations/{conversation['id']}/messages")["items"][-1]["send_state"] == "sent", 20, "the answer being sent")
    arrived = until(lambda: [m for m in mail.mails("customer") if m["In-Reply-To"] == first["Message-ID"]], 10, "the answer in the mailbox")[0]
    assert arrived["Subject"] == "Re: Wo ist mein Paket? – größer"
    assert arrived.get_body(("plain",)).get_content().replace("\r\n", "\n").strip() == "It is on its way.\n.\nFrom us, größer"
    assert "größer" in arrived.get_body(("html",)).get_content()
    assert arrived["From"] == f'Brand <{mail.address("desk")}>' or mail.address("desk") in arrived["From"]
    assert mail.address("desk").split("@")[0] + "+c" in arrived["Reply-To"]
    assert first["Message-ID"] in arrived["References"]
    assert answer["send_state"] == "queued"
    copies = [m for m in mail.mails("desk", "Sent") if m["Message-ID"] == arrived["Message-ID"]]
    assert len(copies) == 1, "one copy among the sent mail"
    assert all("\\Seen" not in m.flags for m in mail.mails("desk")), "nothing is changed in the mailbox"
    # The answer to the answer belongs to it, by the reply address alone.
    back = letter(f"Anna <{mail.address('customer')}>", str(arrived["Reply-To"]), "something else", "Thank you, it came!")
    mail.deliver(back, sender=mail.address("customer"), address=arrived["Reply-To"].addresses[0].addr_spec)
    until(lambda: any("Thank you, it came!" in m["text"] for m in api.messages(conversation["id"])), 20, "the reply in the conversation")
