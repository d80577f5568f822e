# SPDX-License-Identifier: AGPL-3.0-or-later
"""A-IS1: a hundred kinds of poison stand first in a mailbox; the mail behind them comes in as if they were not there."""
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))
from lib.heed import FULL, Server, until  # noqa: E402
from lib.mail import Mail, letter  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "fixtures" / "mail"))
import poison  # noqa: E402


@pytest.fixture
def mail():
    system = Mail("desk:desk-pw")
    yield system
    system.close()


def test_poison_costs_itself_only(mail, backend):
    good = 1000 if FULL else 300
    kinds = [(name, raw, hostile) for name, raw, hostile in poison.kinds(big=False)]
    hostile = sum(1 for _, _, h in kinds if h)
    assert len(kinds) >= 100 and hostile >= 5
    mail.append("desk", [raw for _, raw, _ in kinds])
    mail.append("desk", [letter("anna@elsewhere.test", mail.address("desk"), f"good {i}", f"good mail {i}").as_bytes() for i in range(good)])
    server = Server(backend, allow=mail.hosts, env={**mail.env, "HEED_TEST_MAIL": "hostile"})
    try:
        api = server.api()
        channel = mail.connect(api, days_back="all", wait=False)["id"]

        def read():
            return sum("good mail" in c["preview"] for c in api.conversations())
        began = time.monotonic()
        until(lambda: read() == good, 240, "the good mail")
        took = time.monotonic() - began
        until(lambda: api.get(f"channels/{channel}")["counts"]["waiting_in"] == 0, 60, "the poison being done with")
        counts = api.get(f"channels/{channel}")["counts"]
        print(f"{good} good ones behind {len(kinds)} poisoned ones in {took:.1f} s, {counts['quarantined']} in quarantine")
        items = api.get(f"channels/{channel}/quarantine?limit=100")["items"]
        assert counts["quarantined"] >= hostile, counts
        assert all(i["reason"] and i["size"] > 0 and i["attempts"] <= 3 for i in items), items
        # What was no attack on the reader is a conversation or told in quarantine: nothing is lost. Seven of the kinds have no
        # Message-ID and say the very same (a@b.example, no subject, "x"): one mail.
        assert len(api.conversations()) + counts["quarantined"] >= good + len(kinds) - 6
        assert api.get(f"channels/{channel}")["state"] == "active" and server.process.poll() is None
        # And what comes now is not held up by any of it.
        mail.deliver(letter("anna@elsewhere.test", mail.address("desk"), "late", "good mail at last"))
        sent = time.monotonic()
        until(lambda: read() == good + 1, 75, "the next one")
        print(f"the next one after {time.monotonic() - sent:.1f} s")
        assert not any(api.post(f"channels/{channel}/quarantine/{items[0]['id']}/retry", expect=202) or [])
    finally:
        server.destroy()
