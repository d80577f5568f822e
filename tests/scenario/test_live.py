# SPDX-License-Identifier: AGPL-3.0-or-later
"""Open screens: nothing missing after a lost connection, whatever happened meanwhile."""
from lib.heed import Channel, Events, message, until


def batch(channel, begin, n, thread=None):
    for k in range(begin, begin + n, 100):
        assert channel.post([message(f"m{i}", thread or f"t{i}", f"number {i}", author=f"u{i}") for i in range(k, min(k + 100, begin + n))]).status == 202


def messages(screen):
    return {f["json"]["external_id"] for f in list(screen.frames) if f["event"] == "message"}


def test_a_screen_that_comes_back_gets_all_that_it_missed(world):
    server = world()
    api = server.api()
    channel = Channel(api)
    screen = Events(api)
    batch(channel, 0, 5)
    until(lambda: len(messages(screen)) == 5, 10)
    last, seen = screen.last_id, messages(screen)
    screen.close()
    batch(channel, 5, 1000)
    until(lambda: api.get("counts")["open"] == 1005, 60, "1,000 conversations")
    again = Events(api, last_event_id=last)
    until(lambda: again.frames and ([f for f in again.frames if f["event"] == "resync"] or len(messages(again) | seen) == 1005), 20,
          f"the gap being filled ({len(again.frames)} frames)")
    assert not [f for f in again.frames if f["event"] == "resync"], "1,000 missed messages are no reason to start anew"
    channel.customer("live again", id="live", thread="live")
    again.wait(lambda f: f["event"] == "message" and f["json"]["external_id"] == "live")
    again.close()


def test_a_screen_goes_on_across_a_restart(world):
    server = world()
    api = server.api()
    channel = Channel(api)
    screen = Events(api)
    batch(channel, 0, 3)
    until(lambda: len(messages(screen)) == 3, 10)
    last, seen = screen.last_id, messages(screen)
    for how in ("stop", "kill"):
        getattr(server, how)()
        assert screen.closed.wait(5)
        server.start()
        begin = 100 if how == "stop" else 200
        batch(channel, begin, 20)
        until(lambda: api.get("counts")["open"] == (23 if how == "stop" else 43), 30)
        screen = Events(api, last_event_id=last)
        assert not [f for f in screen.frames if f["event"] == "resync"]
        until(lambda: {f"m{i}" for i in range(begin, begin + 20)} <= messages(screen) | seen, 15, f"what came after the {how}")
        last, seen = screen.last_id, seen | messages(screen)
    screen.close()


def test_an_unknown_place_is_answered_with_resync(world):
    server = world()
    api = server.api()
    for id in ("nonsense", "1", "0-0-0", "9" * 200, "%00", "-1"):
        screen = Events(api, last_event_id=id)
        screen.wait(lambda f: f["event"] == "resync", 3)
        screen.close()
