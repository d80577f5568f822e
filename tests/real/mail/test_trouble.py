# SPDX-License-Identifier: AGPL-3.0-or-later
"""Mail servers that are busy, slow, cut off or started anew: A-RE8 (reading) and A-RE9 (sending), short forms."""
import contextlib
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))
from lib.fake_mail import Certificates, FakeMail, Wire  # noqa: E402
from lib.heed import Server, until  # noqa: E402
from lib.mail import Mail, letter  # noqa: E402


@pytest.fixture(scope="module")
def certificates():
    return Certificates()


class Desk:
    """A server with one fake mailbox, and a conversation to answer in."""

    def __init__(self, certificates, stack, backend="sqlite", **more):
        self.fake = FakeMail(certificates.good)
        stack.callback(self.fake.close)
        self.server = Server(backend, allow=self.fake.hosts, env={"SSL_CERT_FILE": certificates.ca}, start=False)
        stack.callback(self.server.destroy)
        self.server.start()
        self.api = self.server.api()
        self.channel = self.api.post("channels", {"kind": "email", "name": "Mail", "settings": self.fake.settings(**more)})["id"]
        until(lambda: self.api.get(f"channels/{self.channel}")["state"] == "active", 20, "the channel being active")
        self.fake.put(letter("Anna <anna@elsewhere.test>", "desk@fake.test", "cup", "It is broken").as_bytes())
        self.id = until(lambda: self.api.conversations(), 75, "the mail")[0]["id"]

    def reply(self, text="We send another", **more):
        return self.api.post(f"conversations/{self.id}/messages", {"kind": "reply", "text": text, **more})["id"]

    def message(self, id):
        return next(m for m in self.api.messages(self.id) if m["id"] == id)

    def error(self, id):
        return self.message(id)["error"] or ""

    def state(self, id, *states, seconds=30):
        return until(lambda: (m := self.message(id))["send_state"] in states and m, seconds, f"{states} (it is {self.message(id)['send_state']})")

    def later(self, minutes):
        """The server as it is some time on."""
        self.server.stop()
        self.server.env["HEED_TEST_CLOCK_MS"] = str(int(self.server.env.get("HEED_TEST_CLOCK_MS", "0")) + int(minutes * 60000))
        self.server.start()


@pytest.fixture
def desk(certificates, backend):
    with contextlib.ExitStack() as stack:
        yield Desk(certificates, stack, backend)


def only(fake, step, reply, times=1):
    """The first `times` times at this step the reply is that."""
    fake.smtp = lambda at, n: reply if at == step and n <= times else None
    fake.steps = {}


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("step", ["greeting", "ehlo", "auth", "mail", "rcpt", "data", "body"])
def test_a_not_yet_at_any_step_is_tried_again_later(desk, step):
    """A-RE9: 421 and 451; the mail is there once in the end, and the channel stays."""
    only(desk.fake, step, "421 4.3.2 closing now" if step in ("greeting", "ehlo") else "451 4.7.1 not yet")
    id = desk.reply()
    waiting = until(lambda: (m := desk.message(id))["error"] and m, 20, "the reason")
    assert waiting["send_state"] in ("queued", "sending") and ("not yet" in waiting["error"] or "closing now" in waiting["error"]), waiting
    assert desk.api.get(f"channels/{desk.channel}")["state"] == "active"
    assert not desk.fake.mails
    desk.later(3)
    desk.state(id, "sent")
    assert len(desk.fake.mails) == 1


@pytest.mark.only("sqlite")
def test_greylisting_for_a_quarter_of_an_hour_ends_with_one_mail(desk):
    """A-RE9: one minute, five, fifteen apart, until it is taken."""
    begun = {}
    desk.fake.smtp = lambda at, n: "451 4.7.1 greylisted, come again" if at == "rcpt" and not begun.get("over") else None
    id = desk.reply()
    until(lambda: desk.fake.steps.get("rcpt") == 1, 20)
    for minutes in (2, 6):
        until(lambda: "greylisted" in desk.error(id), 10)
        time.sleep(1.5)
        before = desk.fake.steps["rcpt"]
        desk.later(minutes)
        until(lambda b=before: desk.fake.steps["rcpt"] == b + 1, 20, "the next try")
    assert not desk.fake.mails
    begun["over"] = True
    until(lambda: "greylisted" in desk.error(id), 10)
    desk.later(16)
    desk.state(id, "sent")
    assert len(desk.fake.mails) == 1


@pytest.mark.only("sqlite")
def test_five_days_of_not_yet_are_the_end(desk):
    only(desk.fake, "mail", "451 4.3.0 still not", 10**6)
    id = desk.reply()
    until(lambda: "still not" in desk.error(id), 20)
    desk.later(5 * 24 * 60 + 5)
    failed = desk.state(id, "failed")
    assert "five days" in failed["error"] and "still not" in failed["error"]


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "body"])
def test_a_no_at_any_step_is_told_with_its_words_and_nothing_goes_out(desk, step):
    """A-RE9: 552 and its like."""
    only(desk.fake, step, "552 5.3.4 this is too much", 10**6)
    failed = desk.state(desk.reply(), "failed")
    assert "552" in failed["error"] and "this is too much" in failed["error"]
    assert not desk.fake.mails and desk.fake.steps[step] == 1
    assert desk.api.get(f"channels/{desk.channel}")["state"] == "active"


@pytest.mark.only("sqlite")
def test_one_recipient_who_is_refused_stops_the_mail_for_all(desk):
    desk.fake.smtp = lambda at, n: "550 5.1.1 nobody there" if at == "rcpt" and n == 2 else None
    failed = desk.state(desk.reply(mail={"to": ["anna@elsewhere.test"], "cc": ["bo@elsewhere.test"]}), "failed")
    assert "bo@elsewhere.test" in failed["error"] and not desk.fake.mails


def test_cut_behind_the_last_dot_it_is_sent_at_most_once_more_with_the_same_id(desk):
    """A-RE9: nobody knows whether it was taken, the folder of sent mail knows nothing of it."""
    only(desk.fake, "body", "cut")
    id = desk.reply()
    desk.state(id, "in_doubt", "sent")
    desk.state(id, "sent", seconds=60)
    ids = [line for m in desk.fake.mails for line in m["raw"].split(b"\r\n") if line.startswith(b"Message-ID:")]
    assert len(desk.fake.mails) == 2 and len(set(ids)) == 1, ids


@pytest.mark.only("sqlite")
def test_cut_twice_behind_the_last_dot_a_person_decides(desk):
    only(desk.fake, "body", "cut", 10**6)
    id = desk.reply()
    until(lambda: len(desk.fake.mails) == 2, 40, "the one repeat")
    desk.state(id, "in_doubt")
    desk.later(12)
    until(lambda: "mark it as sent" in desk.error(id), 40, "it being held for a person")
    assert len(desk.fake.mails) == 2 and desk.message(id)["send_state"] == "in_doubt"
    desk.api.post(f"messages/{id}/resolve", {"decision": "sent"}, expect=200)
    assert desk.message(id)["send_state"] == "sent"


def test_cut_behind_the_last_dot_and_found_among_the_sent_it_is_not_sent_again(desk):
    """A-RE9, where the mail house keeps its own copies."""
    only(desk.fake, "body", "cut")
    id = desk.reply()
    until(lambda: desk.fake.mails, 20)
    desk.fake.put(desk.fake.mails[0]["raw"])
    desk.state(id, "sent", seconds=60)
    time.sleep(2)
    assert len(desk.fake.mails) == 1


@pytest.mark.only("sqlite")
def test_cut_before_the_mail_was_there_it_is_sent_again(desk):
    only(desk.fake, "data", "cut")
    id = desk.reply()
    until(lambda: desk.message(id)["error"], 20)
    assert desk.message(id)["send_state"] != "in_doubt", "nothing of it had left"
    desk.later(3)
    desk.state(id, "sent")
    assert len(desk.fake.mails) == 1


@pytest.mark.only("sqlite")
def test_a_slow_server_is_waited_for(desk):
    desk.fake.smtp = (lambda slow: lambda at, n: (time.sleep(slow) if at in ("mail", "rcpt") else slow if at == "body" else None))(2.5)
    desk.state(desk.reply(), "sent", seconds=40)
    assert len(desk.fake.mails) == 1


def test_a_crash_between_the_mark_and_the_copy_never_sends_again(certificates, backend):
    """The 250 is on record before anything else is done; the copy among the sent mail is a step behind it."""
    with contextlib.ExitStack() as stack:
        desk = Desk(certificates, stack, backend)
        desk.server.stop()
        desk.server.env["HEED_TEST_CRASH"] = "after_mark"
        desk.server.start()
        id = desk.reply()
        desk.server.process.wait(30)
        del desk.server.env["HEED_TEST_CRASH"]
        desk.server.start()
        assert desk.message(id)["send_state"] == "sent"
        desk.state(desk.reply("And one more"), "sent")
        time.sleep(4)
        assert len(desk.fake.mails) == 2, "the first one and the second one, each once"
        until(lambda: len(desk.fake.sent) == 1, 10, "the copy of the second")


@pytest.mark.only("sqlite")
def test_a_copy_that_cannot_be_kept_changes_nothing(certificates):
    with contextlib.ExitStack() as stack:
        desk = Desk(certificates, stack, sent_folder="Sent")
        desk.fake.imap_auth = "NO [UNAVAILABLE] not now"
        id = desk.reply()
        desk.state(id, "sent")
        until(lambda: "deliver.after_failed" in desk.server.log(), 10)
        assert "not now" in desk.server.log() and desk.message(id)["send_state"] == "sent" and len(desk.fake.mails) == 1


# -- Reading ------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def mail():
    system = Mail("desk:desk-pw", "customer:customer-pw")
    yield system
    system.close()


def test_cut_in_the_middle_of_a_mail_every_mail_comes_exactly_once(mail, backend):
    """A-RE8: the wire breaks inside the literal, several times; then UIDVALIDITY changes under it all."""
    wire = Wire(mail.net["imaps"])
    server = Server(backend, allow=[wire.host, *mail.hosts], env=mail.env)
    box = mail.imap("desk")
    folder = f"Case{time.time_ns()}"
    box.create(folder)
    box.logout()
    try:
        api = server.api()
        raws = [letter("anna@elsewhere.test", mail.address("desk"), f"long {i}", f"mail number {i}\n" + ("lorem ipsum " * 6 + "\n") * 2500).as_bytes() for i in range(12)]
        mail.append("desk", raws, folder=folder)
        mail.append("desk", [letter("anna@elsewhere.test", mail.address("desk"), "seen", "read elsewhere already").as_bytes()], folder=folder, flags="(\\Seen)")
        # The first connection is for the sign-in and the test of the channel; those behind it read.
        wire.cuts = [None, 60_000, 400_000, 900_000, 1_300_000, 2_000_000]
        channel = api.post("channels", {"kind": "email", "name": "Mail", "settings": mail.settings(imap=f"imaps://{wire.host}", folders=folder, days_back="all")})["id"]
        until(lambda: len(api.conversations()) == 13, 150, "all mail")
        assert wire.done >= 2, "the wire was cut in the middle"
        texts = sorted(m["text"].split("\n")[0] for c in api.conversations() for m in api.messages(c["id"]))
        assert texts == sorted([f"mail number {i}" for i in range(12)] + ["read elsewhere already"])
        assert all(len(m["text"]) > 100_000 for c in api.conversations() for m in api.messages(c["id"]) if m["text"].startswith("mail number"))
        # Another UIDVALIDITY with the same mails, and one more.
        box = mail.imap("desk")
        box.delete(folder), box.create(folder)
        box.logout()
        mail.append("desk", [*raws, letter("anna@elsewhere.test", mail.address("desk"), "new", "after the change").as_bytes()], folder=folder)
        mail.look_now(api, channel)
        until(lambda: len(api.conversations()) == 14, 150, "the new one")
        time.sleep(2)
        assert len(api.conversations()) == 14 and sum(len(api.messages(c["id"])) for c in api.conversations()) == 14
        assert api.get(f"channels/{channel}")["counts"]["quarantined"] == 0
    finally:
        server.destroy()
        wire.close()
