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


@pytest.fixture
def mail():
    system = Mail("desk:desk-pw", "customer:customer-pw", "other:other-pw", "box:box-pw")
    yield system
    system.close()


@pytest.fixture
def world(mail, backend):
    with contextlib.ExitStack() as stack:
        def make():
            server = Server(backend, allow=mail.hosts, env=mail.env)
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


def test_strangers_robots_and_forged_senders_gain_nothing(mail, world):
    """A-EM1, a part of it, and A-EM2: who joins a conversation, and what opens or times nothing."""
    server = world()
    api = server.api()
    mail.connect(api, "other")
    desk, anna, eve = mail.address("other"), mail.address("customer"), "eve@evil.test"
    first = letter(f"Anna <{anna}>", desk, "Contract", "The first mail")
    time.sleep(1)
    mail.deliver(first, "other", anna)
    conversation = the_conversation(api, "The first mail")
    # By subject, by number, by a guessed Message-ID or a made-up reply address nobody gets in.
    guesses = [letter(eve, desk, "Re: Contract", "by subject alone"),
               letter(eve, desk, "Re: Contract", "by reference, no part in it", In_Reply_To=first["Message-ID"], References=first["Message-ID"]),
               letter(eve, desk.replace("@", "+cb.aaaaaaaaaaaaaaaaaaaaaaaaaa@"), "x", "by a made-up token"),
               letter(eve, desk, f"Re: [#{conversation['id']}] Contract", "by number")]
    for g in guesses:
        mail.deliver(g, "other", eve)
    for g in guesses:
        other = the_conversation(api, g.get_content().strip())
        assert other["id"] != conversation["id"]
    # Whoever has a part in it gets in by reference.
    mail.deliver(letter(f"Anna <{anna}>", desk, "quite another subject", "one more thing", In_Reply_To=first["Message-ID"]), "other", anna)
    until(lambda: any("one more thing" in m["text"] for m in api.messages(conversation["id"])), 20)
    # The mailbox's own address, and an agent's, as the sender: a customer's mail, flagged, never an answer of ours.
    for sender in (desk, "owner@example.com"):
        mail.deliver(letter(sender, desk, "order", f"close it all, says {sender}"), "other", eve)
        forged = the_conversation(api, f"close it all, says {sender}")
        message = next(m for m in api.messages(forged["id"]) if "close it all" in m["text"])
        assert message["direction"] == "in" and message["origin"] == "customer" and message["mail"]["verified"] == "unknown"
        assert message["mail"]["from_us"] == (sender == desk)
        assert forged["id"] != conversation["id"]
    # A forged Authentication-Results is no proof.
    m = letter(f"Anna <{anna}>", desk, "pay", "forged proof")
    m["Authentication-Results"] = "mail.test; dmarc=pass header.from=mail.test"
    mail.deliver(m, "other", eve)
    forged = the_conversation(api, "forged proof")
    assert next(x for x in api.messages(forged["id"]) if "forged proof" in x["text"])["mail"]["verified"] == "unknown"
    # An answer while away neither reopens nor waits.
    api.post(f"conversations/{conversation['id']}/messages", {"kind": "reply", "text": "Done."})
    ours = until(lambda: [x for x in mail.mails("customer") if str(x["Subject"]) == "Re: quite another subject"], 20, "the answer")[0]
    until(lambda: api.messages(conversation["id"])[-1]["send_state"] == "sent", 20)
    api.patch(f"conversations/{conversation['id']}", {"status": "closed"})
    away = letter(f"Anna <{anna}>", str(ours["Reply-To"]), "Automatic reply: Contract", "I am away", Auto_Submitted="auto-replied")
    mail.deliver(away, "other", anna, address=ours["Reply-To"].addresses[0].addr_spec)
    until(lambda: any("I am away" in x["text"] for x in api.messages(conversation["id"])), 20)
    now = api.get(f"conversations/{conversation['id']}")
    assert now["status"] == "closed" and not now["waiting_since"]
    # With the reply address from another sender: joins, and is told.
    mail.deliver(letter(eve, str(ours["Reply-To"]), "hello", "I have the address"), "other", eve, address=ours["Reply-To"].addresses[0].addr_spec)
    stranger = until(lambda: [x for x in api.messages(conversation["id"]) if "I have the address" in x["text"]], 20)[0]
    assert stranger["mail"]["stranger"]
    # A bounce belongs to the answer it is about, which failed after all.
    bounce = (f"From: MAILER-DAEMON@elsewhere.test\r\nTo: {desk}\r\nSubject: Undelivered\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
              'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n'
              "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; elsewhere.test\r\n\r\n"
              f"Final-Recipient: rfc822; {anna}\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 unknown user\r\n\r\n"
              f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {ours['Message-ID']}\r\nSubject: x\r\n\r\n--b--\r\n").encode()
    mail.deliver(bounce, "other", "")
    answer = until(lambda: [x for x in api.messages(conversation["id"]) if x["send_state"] == "failed"], 20, "the bounced answer")[0]
    assert answer["text"] == "Done." and "550 5.1.1 unknown user" in answer["error"]


def address_of(message):
    return [p["address"] for p in message["mail"]["to"]]


def test_a_forged_sender_neither_redirects_nor_renames_nor_brings_others_in(mail, world):
    """A-EM1: From, Reply-To and Cc of a mail that nothing proves are claims."""
    server = world()
    api = server.api()
    mail.connect(api, "other", authserv_id="mail.test")
    desk, anna, eve = mail.address("other"), mail.address("customer"), "eve@evil.test"
    proof = {"Authentication_Results": "mail.test; dmarc=pass header.from=mail.test"}

    def receive(m, sender=anna, address=None):
        mail.deliver(m, "other", sender, address=address)
        conversation = the_conversation(api, m.get_content().strip())
        return conversation, next(x for x in api.messages(conversation["id"]) if m.get_content().strip() in x["text"])

    def answer(conversation, **more):
        return api.post(f"conversations/{conversation['id']}/messages", {"kind": "reply", "text": "Here you are.", **more})

    who = f"Anna {time.time_ns()}"
    time.sleep(1.5)  # what came before the channel is not taken, and times are whole seconds
    conversation, message = receive(letter(f"{who} <{anna}>", desk, "Parcel", f"Where is it? {who}", **proof))
    assert message["mail"]["verified"] == "pass" and conversation["contact"]["name"] == who
    # Claimed: another name, answers to somewhere else, somebody in copy.
    claim = letter(f"Zed <{anna}>", desk, "Refund", f"Send it there {who}", Reply_To="x@evil.test", Cc=eve)
    forged, message = receive(claim)
    assert message["mail"]["verified"] == "unknown"
    assert api.get(f"contacts/{forged['contact']['id']}")["name"] == who, "a claim renames nobody"
    assert address_of(answer(forged)) == [anna], "the answer goes to who is named as the sender"
    apart, _ = receive(letter(eve, desk, "Re: Refund", f"I was in copy {who}", In_Reply_To=claim["Message-ID"]), eve)
    assert apart["id"] != forged["id"], "who is in copy of a claim has no part"
    # Within the sender's own domain it is believed, and so is everything that is proven.
    own, _ = receive(letter(anna, desk, "Own", f"To our office {who}", Reply_To="Office@Mail.test"))
    assert address_of(answer(own)) == ["Office@mail.test"]
    proven = letter(anna, desk, "Invoice", f"To my bookkeeper {who}", Reply_To="books@elsewhere.test", Cc="bob@elsewhere.test", **proof)
    invoice, _ = receive(proven)
    assert address_of(answer(invoice)) == ["books@elsewhere.test"]
    joined, _ = receive(letter("bob@elsewhere.test", desk, "Re: Invoice", f"Bob here {who}", In_Reply_To=proven["Message-ID"]), "bob@elsewhere.test")
    assert joined["id"] == invoice["id"]
    # A stranger with the reply address is shown, gets no lasting part, and is answered only when picked.
    ours = until(lambda: [m for m in mail.mails("customer") if m["In-Reply-To"] == claim["Message-ID"]], 20, "the answer")[0]
    way_in = ours["Reply-To"].addresses[0].addr_spec
    strange = letter(eve, way_in, "hello", f"I have the address {who}", Cc="mate@evil.test")
    there, stranger = receive(strange, eve, way_in)
    assert there["id"] == forged["id"] and stranger["mail"]["stranger"]
    for sender in (eve, "mate@evil.test"):
        apart, _ = receive(letter(sender, desk, "more", f"once more {sender} {who}", In_Reply_To=strange["Message-ID"], References=claim["Message-ID"]), sender)
        assert apart["id"] != forged["id"], f"{sender} has a part"
    assert address_of(answer(forged)) == [anna], "not the stranger, though theirs is the newest mail"
    assert address_of(answer(forged, reply_to=stranger["id"])) == [eve]


def test_where_no_checks_are_believed_a_sender_with_a_part_brings_others_in(mail, world):
    server = world()
    api = server.api()
    mail.connect(api, "other")
    desk, anna, bob = mail.address("other"), mail.address("customer"), "bob@elsewhere.test"
    mark = f"{time.time_ns()}"
    first = letter(anna, desk, "Parcel", f"one {mark}", Cc=bob)
    time.sleep(1.5)
    mail.deliver(first, "other", anna)
    conversation = the_conversation(api, f"one {mark}")
    mail.deliver(letter(bob, desk, "Re: Parcel", f"two {mark}", In_Reply_To=first["Message-ID"]), "other", bob)
    assert the_conversation(api, f"two {mark}")["id"] != conversation["id"], "a first mail brings in its sender alone"
    mail.deliver(letter(anna, desk, "Re: Parcel", f"three {mark}", Cc=bob, In_Reply_To=first["Message-ID"]), "other", anna)
    assert the_conversation(api, f"three {mark}")["id"] == conversation["id"]
    mail.deliver(letter(bob, desk, "Re: Parcel", f"four {mark}", In_Reply_To=first["Message-ID"]), "other", bob)
    assert the_conversation(api, f"four {mark}")["id"] == conversation["id"]


def test_every_mail_is_taken_exactly_once(mail, world):
    """A-RE8, short: mail read elsewhere, two folders, a used Message-ID with another body, a new UIDVALIDITY, a restart."""
    server = world()
    api = server.api()
    desk, anna = mail.address("box"), mail.address("customer")
    old = [letter(anna, desk, f"old {i}", f"old mail {i}").as_bytes() for i in range(3)]
    mail.append("box", old)
    channel = mail.connect(api, "box", folders="INBOX, Archive", days_back="1")
    until(lambda: len(api.conversations()) == 3, 20, "the mail of the last days")
    same = letter(anna, desk, "twice", "the same mail in two folders").as_bytes()
    mail.append("box", [same], flags="(\\Seen)")
    mail.append("box", [same], folder="Archive")
    mail.append("box", [letter(anna, desk, "twice", "another body", message_id=letter_id(same)).as_bytes()])
    mail.look_now(api, channel["id"])  # the second folder is not listened to
    until(lambda: len(api.conversations()) == 5, 70, "both bodies")
    server.kill()
    box = mail.imap("box")
    box.delete("Archive"), box.create("Archive")  # another UIDVALIDITY
    box.logout()
    mail.append("box", [same], folder="Archive")
    mail.append("box", [letter(anna, desk, "new", "after the restart").as_bytes()])
    server.start()

    until(lambda: len(api.conversations()) == 6, 70, "the mail that came meanwhile")
    time.sleep(3)
    texts = sorted(m["text"].strip() for c in api.conversations() for m in api.messages(c["id"]))
    assert texts == sorted(["old mail 0", "old mail 1", "old mail 2", "the same mail in two folders", "another body", "after the restart"])
    assert [m.flags for m in mail.mails("box") if "Seen" in m.flags] and len(mail.mails("box")) == 6, "nothing changed in the mailbox"
    assert api.get(f"channels/{channel['id']}")["state"] == "active"


def test_a_mail_is_answered_to_everybody_and_passed_on_without_answering(mail, world):
    server = world()
    api = server.api()
    mail.connect(api, "desk", days_back="1", sent_folder="")
    desk, anna, other = mail.address("desk"), mail.address("customer"), mail.address("other")
    mark = f"plan {time.time_ns()}"
    m = letter(f"Anna <{anna}>", desk, f"The {mark}", f"See the {mark}")
    m["Cc"] = other
    m.add_attachment(b"%PDF-1.4 x", maintype="application", subtype="pdf", filename="plan.pdf")
    mail.deliver(m, "desk", anna)
    conversation = the_conversation(api, f"See the {mark}", seconds=75)
    id = conversation["id"]
    first = api.messages(id)[0]
    until(lambda: api.messages(id)[0]["attachments"][0]["state"] == "ready", 10)
    # Passed on: with its files, to nobody else, and the customer waits as before.
    for wrong, field in (({"forward": first["id"]}, "mail.to"), ({"to": [other], "forward": 10**6}, "mail.forward"), ({"to": ["nobody"], "forward": first["id"]}, "mail.to.0")):
        refused = api.post(f"conversations/{id}/messages", {"kind": "reply", "mail": wrong}, expect=422)
        assert refused["errors"][0]["field"] == field, refused
    note = api.post(f"conversations/{id}/messages", {"kind": "note", "text": "for us alone"})
    refused = api.post(f"conversations/{id}/messages", {"kind": "reply", "mail": {"to": [other], "forward": note["id"]}}, expect=422)
    assert refused["errors"][0]["field"] == "mail.forward", "a note never leaves the house"
    before = len(mail.mails("customer"))
    passed = api.post(f"conversations/{id}/messages", {"kind": "reply", "text": "Can you look?", "mail": {"to": [other], "forward": first["id"]}})
    assert passed["forward_of"] == first["id"]
    there = until(lambda: [x for x in mail.mails("other") if str(x["Subject"]) == f"Fwd: The {mark}"], 20, "the forwarded mail")[0]
    text = there.get_body(("plain",)).get_content()
    assert "Can you look?" in text and "Forwarded message" in text and anna in text and f"See the {mark}" in text and "for us alone" not in text
    assert [a.get_filename() for a in there.iter_attachments()] == ["plan.pdf"]
    now = api.get(f"conversations/{id}")
    assert now["waiting_since"] and now["waiting_since"] == conversation["waiting_since"] and len(mail.mails("customer")) == before
    # Everybody gets the answer, under the subject that was written.
    api.post(f"conversations/{id}/messages", {"kind": "reply", "text": "Here it is", "mail": {"to": [anna], "cc": [other], "subject": f"New {mark}"}})
    for box in ("customer", "other"):
        got = until(lambda b=box: [x for x in mail.mails(b) if str(x["Subject"]) == f"New {mark}"], 20, f"the answer at {box}")[0]
        assert anna in str(got["To"]) and other in str(got["Cc"])
    assert not api.get(f"conversations/{id}")["waiting_since"]
    server.stop()
    server.command("doctor")  # whoever waits is who the rule says


def letter_id(raw):
    return next(line.split(b": ", 1)[1].decode() for line in raw.splitlines() if line.lower().startswith(b"message-id"))
