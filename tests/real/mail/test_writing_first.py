# SPDX-License-Identifier: AGPL-3.0-or-later
"""Writing first by e-mail: a form's submission is answered in the customer's mailbox, and a conversation begins with us."""
import contextlib
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))
from lib.chat import Chat  # noqa: E402
from lib.heed import Server, iso, request, until  # noqa: E402
from lib.mail import Mail, letter  # noqa: E402


@pytest.fixture(scope="module")
def mail():
    system = Mail("desk:desk-pw", "customer:customer-pw", "friend:friend-pw")
    yield system
    system.close()


@pytest.fixture
def house(mail, backend):
    with contextlib.ExitStack() as stack:
        server = Server(backend, allow=mail.hosts, env=mail.env)
        stack.callback(server.destroy)
        api = server.api()
        yield server, api, mail.connect(api, days_back="1")


def sent(api, id):
    return until(lambda: (m := api.messages(id)[-1])["send_state"] == "sent" and m, 20, f"being sent ({api.messages(id)[-1]})")


def arrived(mail, subject):
    return until(lambda: [m for m in mail.mails("customer") if str(m["Subject"]) == subject], 10, f"“{subject}” in the customer's mailbox")[-1]


def comes_back(mail, api, id, ours, text):
    time.sleep(1.1)  # mail servers write down when mail came to the second: not before what it answers
    mail.deliver(letter(f"Kadri <{mail.address('customer')}>", str(ours["Reply-To"]), f"Re: {ours['Subject']}", text), sender=mail.address("customer"),
                 address=ours["Reply-To"].addresses[0].addr_spec)
    until(lambda: any(text in m["text"] for m in api.messages(id)), 75, "the customer's reply in the same conversation")


def test_a_forms_submission_is_answered_by_mail_and_the_reply_comes_to_it(mail, house):
    server, api, box = house
    form = Chat(api, kind="form")
    mark = f"cup {time.time_ns()}"
    done = request(server.address, "POST", f"/form/{form.key}", {"name": "Kadri", "email": mail.address("customer"), "message": f"The {mark} is broken"},
                   {"X-Forwarded-For": "198.51.100.7"})
    assert done.status == 202, done
    conversation = until(lambda: api.conversations(f'"{mark}"'), 15)[0]
    id = conversation["id"]
    assert api.call("POST", f"conversations/{id}/messages", {"kind": "reply", "text": "hello"}).status == 409, "nobody can be answered by the form itself"
    assert conversation["contact"]["handle"] == f"{mail.address('customer')} (unverified)"
    way = api.post(f"conversations/{id}/ways", {"channel_id": box["id"], "address": mail.address("customer")})
    assert way["channel_kind"] == "email" and way["can_reply"]
    api.post(f"conversations/{id}/messages", {"kind": "reply", "text": f"We send another {mark}", "route_id": way["route_id"], "mail": {"subject": f"Your {mark}"}})
    sent(api, id)
    ours = arrived(mail, f"Your {mark}")
    assert f"We send another {mark}" in ours.get_body(("plain",)).get_content()
    comes_back(mail, api, id, ours, f"Thank you for the {mark}")
    now = api.get(f"conversations/{id}")
    assert now["status"] == "open" and now["waiting_since"] and now["title"] == f"Your {mark}"
    # The next answer goes the way the customer came, threaded below their mail.
    api.post(f"conversations/{id}/messages", {"kind": "reply", "text": "You are welcome", "route_id": -1})
    sent(api, id)
    assert str(arrived(mail, f"Re: Your {mark}")["In-Reply-To"])


def test_a_conversation_begins_with_us_and_its_first_line_is_the_subject(mail, house):
    _, api, box = house
    mark = f"invoice {time.time_ns()}"
    made = api.post("conversations", {"channel_id": box["id"], "address": mail.address("customer"), "name": "Kadri", "text": f"Your {mark}\nIt is attached nowhere."})
    assert made["contact"]["name"] == "Kadri" and made["kind"] == "email"
    sent(api, made["id"])
    ours = arrived(mail, f"Your {mark}")
    comes_back(mail, api, made["id"], ours, f"I have the {mark}")
    other = api.post("conversations", {"channel_id": box["id"], "address": mail.address("customer"), "subject": f"Second {mark}", "text": "Hello"})
    sent(api, other["id"])
    arrived(mail, f"Second {mark}")
    # Found by the subject alone.
    until(lambda: [c["id"] for c in api.conversations(f'"second {mark}"')] == [other["id"]], 10, "the search by subject")
    assert api.get(f"conversations/{other['id']}")["title"] == f"Second {mark}"


@pytest.mark.only("sqlite")
def test_what_cannot_be_written_to_is_refused_at_its_field(mail, house):
    _, api, box = house
    for address in ("nobody", "a@b@c", "x@y.test\r\nBcc: z@y.test", "Kadri <a@b.test>", mail.address("desk"), "größe@y.test"):
        refused = api.post("conversations", {"channel_id": box["id"], "address": address, "text": "Hello"}, expect=422)
        assert refused["errors"][0]["field"] == "address", (address, refused)


def test_to_whom_it_goes_stays_with_the_draft_with_an_answer_for_later_and_when_it_is_taken_back(mail, house):
    server, api, box = house
    mark = f"bench {time.time_ns()}"
    customer, friend = mail.address("customer"), "friend@elsewhere.test"
    id = api.post("conversations", {"channel_id": box["id"], "address": customer, "subject": mark, "text": "Hello"})["id"]
    sent(api, id)
    to = {"to": [customer], "cc": [mail.address("friend")], "subject": f"Later {mark}"}
    whole = {**to, "forward": None}

    def put(who, body):
        return who.call("PUT", f"conversations/{id}/drafts/reply", body, expect=200)

    # What is begun, on the other device and with the colleague who takes it over.
    begun = put(api, {"text": "Soon", "mail": to, "shared": True})
    assert begun["mail"] == whole and begun["version"] == 1
    assert put(api, {"text": "Soon", "mail": to, "shared": True})["version"] == 1, "nothing changed"
    assert put(api, {"text": "Soon", "mail": {**to, "subject": "other"}, "shared": True})["version"] == 2
    assert put(api, {"text": "Soon", "mail": to, "shared": True})["version"] == 3
    other = server.api("other@example.org", "agent")
    taken = other.post(f"conversations/{id}/drafts/reply/take", {"agent_id": begun["agent"]["id"]}, expect=200)
    assert taken["mail"] == whole and taken["agent"]["id"] != begun["agent"]["id"]
    assert put(other, {"text": "Soon"})["mail"] == {"to": [], "cc": [], "subject": None, "forward": None}
    refused = api.call("PUT", f"conversations/{id}/drafts/reply", {"text": "Soon", "mail": {"too": [customer]}})
    assert refused.status in (400, 422) and refused.json["errors"][0]["field"] == "mail.too", refused

    # For later: looked at now, kept, and sent to exactly these.
    at = iso(time.time() + 3600)
    for wrong in ({"to": ["nobody"]}, {"cc": ["a@b.test\r\nBcc: c@d.test"]}):
        refused = api.post(f"conversations/{id}/scheduled", {"text": "Tomorrow", "send_at": at, "mail": wrong}, expect=422)
        assert refused["errors"][0]["field"].startswith("mail."), refused
    later = api.post(f"conversations/{id}/scheduled", {"text": "Tomorrow", "send_at": at, "mail": to})
    assert later["mail"] == whole and api.get(f"conversations/{id}/scheduled")["items"][0]["mail"] == whole
    assert api.patch(f"scheduled/{later['id']}", {"text": "Tomorrow, surely"})["mail"] == whole
    refused = api.call("PATCH", f"scheduled/{later['id']}", {"mail": {"to": [friend]}})
    assert refused.status == 422 and refused.json["errors"][0]["field"] == "mail"
    api.post(f"scheduled/{later['id']}/send")
    assert sent(api, id)["text"] == "Tomorrow, surely"
    ours = arrived(mail, f"Later {mark}")
    assert str(ours["To"]) == customer and str(ours["Cc"]) == mail.address("friend")

    # Taken back: as it was written; what was passed on comes back as that, never as an answer to the customer.
    file = api.call("PUT", "files?name=mine.pdf", b"%PDF-1.4 mine", raw=True).json
    back = api.post(f"conversations/{id}/messages", {"kind": "reply", "text": "Oh", "mail": to, "undo_s": 30, "attachments": [{"sha256": file["sha256"], "name": "mine.pdf"}]})
    undone = api.post(f"messages/{back['id']}/undo", expect=200)
    assert undone["text"] == "Oh" and undone["mail"] == whole and [f["name"] for f in undone["attachments"]] == ["mine.pdf"]
    mail.deliver(with_file(mail, ours, customer, mark), sender=customer, address=ours["Reply-To"].addresses[0].addr_spec)
    first = until(lambda: [m for m in api.messages(id) if m["direction"] == "in" and m["attachments"] and m["attachments"][0]["state"] == "ready"], 75, "the customer's mail")[0]
    on = api.post(f"conversations/{id}/messages", {"kind": "reply", "text": "Please look", "mail": {"to": [friend], "forward": first["id"]}, "undo_s": 30,
                                                   "attachments": [{"sha256": file["sha256"], "name": "mine.pdf"}]})
    assert [a["name"] for a in on["attachments"]] == ["mine.pdf", "theirs.pdf"]
    undone = api.post(f"messages/{on['id']}/undo", expect=200)
    assert undone["text"] == "Please look" and undone["mail"]["forward"] == first["id"] and undone["mail"]["to"] == [friend]
    assert [f["name"] for f in undone["attachments"]] == ["mine.pdf"], "what was passed on comes again by itself"
    time.sleep(1)
    assert not [m for m in mail.mails("customer") if "Oh" in str(m.get_body(("plain",)) and m.get_body(("plain",)).get_content())], "what was taken back did not leave"


def with_file(mail, ours, customer, mark):
    m = letter(f"Kadri <{customer}>", str(ours["Reply-To"]), f"Re: {ours['Subject']}", f"Here is the {mark}")
    m.add_attachment(b"%PDF-1.4 theirs", maintype="application", subtype="pdf", filename="theirs.pdf")
    time.sleep(1.1)  # mail servers write down when mail came to the second: not before what it answers
    return m
