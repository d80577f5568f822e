# SPDX-License-Identifier: AGPL-3.0-or-later
"""The digest of pings by e-mail, through a real submission server into a real mailbox."""
import contextlib
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))
from lib.heed import Api, Channel, Server, message, until  # noqa: E402
from lib.mail import Mail  # noqa: E402


@pytest.fixture(scope="module")
def mail():
    system = Mail("desk:desk-pw", "mina:mina-pw", "omar:omar-pw", "owner:owner-pw")
    yield system
    system.close()


@pytest.fixture
def house(mail, backend):
    """A workspace with a mailbox, an owner and two agents whose own mailboxes are real; another channel where customers write."""
    with contextlib.ExitStack() as stack:
        server = Server(backend, allow=mail.hosts, env=mail.env)
        stack.callback(server.destroy)
        api = server.api("owner@mail.test")
        for name in ("mina", "omar"):
            server.user(f"{name}@mail.test")
        box = mail.connect(api)
        yield server, api, box, Channel(api)


def agents(api):
    return {a["email"].split("@")[0]: a["id"] for a in api.get("agents")["items"]}


def later(server, minutes):
    server.stop()
    server.env["HEED_TEST_CLOCK_MS"] = str(int(server.env.get("HEED_TEST_CLOCK_MS", "0")) + minutes * 60000)
    server.start()


def given(api, shop, agent, text, thread):
    """A customer wrote, and the conversation is given to somebody: a ping that goes by mail when it stays unseen."""
    now = time.time() + int(api.server.env.get("HEED_TEST_CLOCK_MS", "0")) / 1000
    assert shop.post(message(f"m-{thread}", thread, text, author=thread, name=f"Kim {thread}", at=now), timestamp=now).status == 202
    id = until(lambda: [c for c in api.conversations() if c["contact"]["name"] == f"Kim {thread}"], 15)[0]["id"]
    api.patch(f"conversations/{id}", {"assignee_id": agent})
    return id


def digests(mail, name, since=0):
    return mail.mails(name)[since:]




def test_what_stays_unseen_comes_as_one_mail_and_what_was_seen_does_not(mail, house):
    server, api, box, shop = house
    assert api.patch("workspace", {"settings": {"mail_channel_id": box["id"]}})["settings"]["mail_channel_id"] == box["id"]
    people, before = agents(api), {n: len(mail.mails(n)) for n in ("mina", "omar")}
    omar = Api(server, server.token("omar@mail.test"))
    first = given(api, shop, people["mina"], "The cup is broken", "t1")
    second = given(api, shop, people["mina"], "Where is it?", "t2")
    seen = given(api, shop, people["omar"], "Thank you", "t3")
    time.sleep(1)
    omar.post(f"conversations/{seen}/read", {}, expect=204)
    later(server, 61)
    came = until(lambda: digests(mail, "mina", before["mina"]), 30, "the digest")
    assert len(came) == 1
    text = came[0].get_body(("plain",)).get_content()
    assert str(came[0]["Subject"]) == "Unseen pings: 2 (Workspace)" and "A conversation was assigned to you" in text
    assert f"/conversations/{first}" in text and f"/conversations/{second}" in text
    assert "cup" not in text and "Kim" not in text, "by default neither names nor words leave the house"
    assert came[0]["Auto-Submitted"] == "auto-generated" and str(came[0]["To"]) == "mina@mail.test" and mail.address("desk") in str(came[0]["From"])
    time.sleep(4)
    assert not digests(mail, "omar", before["omar"]), "what was seen needs no mail"
    assert len(digests(mail, "mina", before["mina"])) == 1
    # It does not come round: the mailbox's own digest is no customer.
    assert not any(c["channel_id"] == box["id"] for c in api.conversations())
    assert mail.mails("desk", "Sent") == [] or all("Unseen pings" not in str(m["Subject"]) for m in mail.mails("desk", "Sent"))


def test_it_speaks_the_readers_language_and_shows_names_to_those_who_want_them(mail, house):
    server, api, box, shop = house
    api.patch("workspace", {"settings": {"mail_channel_id": box["id"]}})
    before = len(mail.mails("mina"))
    mina = Api(server, server.token("mina@mail.test"))
    mina.patch("me", {"language": "et"})
    mina.patch("me/pings", {"push_text": True, "mail_minutes": 15})
    given(api, shop, agents(api)["mina"], "Tass on katki –\nkahju", "t1")
    time.sleep(1)
    later(server, 16)
    came = until(lambda: digests(mail, "mina", before), 30, "the digest")[0]
    text = came.get_body(("plain",)).get_content()
    assert "Nägemata pingid: 1" in str(came["Subject"]) and "Sulle määrati vestlus" in text
    assert "Kim t1" in text and "Tass on katki – kahju" in text


def test_without_a_chosen_mailbox_nothing_is_mailed_and_nothing_is_kept_for_later(mail, house):
    server, api, box, shop = house
    before = len(mail.mails("mina"))
    given(api, shop, agents(api)["mina"], "Hello", "t1")
    time.sleep(1)
    later(server, 61)
    time.sleep(4)
    api.patch("workspace", {"settings": {"mail_channel_id": box["id"]}})
    time.sleep(4)
    assert len(mail.mails("mina")) == before


@pytest.mark.only("sqlite")
def test_it_is_tried_again_and_needless_once_everything_was_seen(mail, house):
    server, api, box, shop = house
    api.patch("workspace", {"settings": {"mail_channel_id": box["id"]}})
    before = len(mail.mails("mina"))
    id = given(api, shop, agents(api)["mina"], "Hello", "t1")
    api.patch(f"channels/{box['id']}", {"enabled": False})
    time.sleep(1)
    later(server, 61)
    until(lambda: "does not work just now" in server.log(), 20, "the first try")
    api.patch(f"channels/{box['id']}", {"enabled": True})
    until(lambda: api.get(f"channels/{box['id']}")["state"] == "active", 20)
    Api(server, server.token("mina@mail.test")).post(f"conversations/{id}/read", {}, expect=204)
    time.sleep(1)
    later(server, 10)
    time.sleep(5)
    assert len(mail.mails("mina")) == before
    other = given(api, shop, agents(api)["mina"], "Hello again", "t2")
    api.patch(f"channels/{box['id']}", {"enabled": False})
    time.sleep(1)
    later(server, 61)
    until(lambda: server.log().count("does not work just now") == 2, 20)
    api.patch(f"channels/{box['id']}", {"enabled": True})
    until(lambda: api.get(f"channels/{box['id']}")["state"] == "active", 20)
    later(server, 10)
    came = until(lambda: digests(mail, "mina", before), 30, "the digest after all")
    assert f"/conversations/{other}" in came[0].get_body(("plain",)).get_content() and len(came) == 1


@pytest.mark.only("sqlite")
def test_only_a_mailbox_of_this_workspace_can_be_chosen(mail, house):
    server, api, box, shop = house
    elsewhere = server.workspace("Elsewhere")
    other = server.api("boss@elsewhere.test", workspace=elsewhere)
    for who, id in ((api, shop.id), (api, 999), (other, box["id"])):
        refused = who.patch("workspace", {"settings": {"mail_channel_id": id}}, expect=422)
        assert refused["errors"][0]["field"] == "settings.mail_channel_id", refused
    assert api.patch("workspace", {"settings": {"mail_channel_id": 0}})["settings"]["mail_channel_id"] == 0
