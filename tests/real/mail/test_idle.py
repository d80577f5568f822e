# SPDX-License-Identifier: AGPL-3.0-or-later
"""A-RE8: a mailbox in which nothing happens for 35 minutes, longer than servers let a connection wait (29 minutes), and then
mail comes: it is there within seconds, and it was the waiting connection that told of it. In check the silence is short."""
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))
from lib.heed import FULL, Server, until  # noqa: E402
from lib.mail import Mail, letter  # noqa: E402

SILENCE = 35 * 60 if FULL else 4


@pytest.fixture
def mail():
    system = Mail("desk:desk-pw", rawlog=True)
    yield system
    system.close()


def waiting_talk(mail):
    """The connection that waits: what was said on it, and when IDLE began each time."""
    talks = [t for t in mail.talks("desk") if any(who == "C" and "IDLE" in words for _, who, words in t)]
    assert len(talks) == 1, f"{len(talks)} connections have waited"
    return talks[0], [at for at, who, words in talks[0] if who == "C" and "IDLE" in words]


def send(mail, text):
    mail.deliver(letter("anna@elsewhere.test", mail.address("desk"), text, f"about {text}"))
    return time.time()


@pytest.mark.only("sqlite")
def test_after_a_long_silence_mail_is_there_within_seconds(mail, backend):
    server = Server(backend, allow=mail.hosts, env=mail.env)
    try:
        api = server.api()
        mail.connect(api)

        def shown():
            return sorted(c["preview"].strip() for c in api.conversations())
        until(lambda: [t for t in mail.talks("desk") if any(words.endswith("IDLE") for _, _, words in t)], 20, "waiting for news")
        began = time.time()
        time.sleep(SILENCE)
        expected = []

        def comes_within_seconds(*texts):
            for text in texts:
                at = send(mail, text)
                expected.append(f"about {text}")
            until(lambda: shown() == sorted(expected), 10, f"{texts}; there are {shown()}")
            took = time.time() - at
            talk, _ = waiting_talk(mail)
            told = [t for t, who, words in talk if who == "S" and "EXISTS" in words and t > at - 0.05]
            assert told and told[0] < at + 3, f"the waiting connection did not tell: {talk[-12:]}"
            print(f"{len(texts)} after {time.time() - began:.0f} s: told after {told[0] - at:.2f} s, shown after {took:.2f} s")
        comes_within_seconds("the end of silence")
        comes_within_seconds("one more")
        talk, begun = waiting_talk(mail)
        gaps = [b - a for a, b in zip(begun, begun[1:])]
        print(f"one connection for {time.time() - talk[0][0]:.0f} s, IDLE begun {len(begun)} times, at most {max(gaps):.0f} s apart")
        assert max(gaps) < 29 * 60
        if FULL:
            # Around a renewal, when nobody waits for a moment: mail just before, in the middle and just after.
            assert len(begun) >= 4
            renewals = [b for a, b in zip(begun, begun[1:]) if b - a > 60]
            every = renewals[1] - renewals[0]
            time.sleep(max(0, begun[-1] + every - time.time() - 0.4))
            for i in range(12):
                send(mail, f"renewal {i}")
                expected.append(f"about renewal {i}")
                time.sleep(0.05)
            until(lambda: shown() == sorted(expected), 10, f"the mail around a renewal; there are {shown()}")
            comes_within_seconds("the last")
        time.sleep(2)
        assert shown() == sorted(expected), "each exactly once"
        assert all(len(api.messages(c["id"])) == 1 for c in api.conversations())
    finally:
        server.destroy()
