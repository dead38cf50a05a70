"""Which of the bot's own events show that another process speaks for it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapters.matrix.homeserver import Homeserver
from adapters.matrix.twins import APART, SETTLED, Twins
from bot.testing import ManualClock

LATER = SETTLED + timedelta(seconds=1)


class Watch:
    """A session that began a while ago, and what the sync shows of it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.server = Homeserver("https://x", lambda: None)
        self.twins, self.began = Twins(self.server, self.clock), self.clock.now()

    async def sees(
        self, after: timedelta, name: str = "$e", key: str | None = None, kind="m.room.message"
    ):
        await self.clock.set(max(self.clock.now(), self.began + after))
        at = int((self.began + after).timestamp() * 1000)
        unsigned = {"transaction_id": key} if key is not None else {}
        return self.twins.shown_by(
            {"event_id": name, "type": kind, "origin_server_ts": at, "unsigned": unsigned}
        )


@pytest.mark.parametrize("key", [None, "another's"])
async def test_two_foreign_events_some_time_apart_show_a_twin_once(key):
    watch = Watch()
    assert not await watch.sees(LATER, key=key)
    assert not await watch.sees(LATER + APART / 2, key=key)
    assert await watch.sees(LATER + APART, key=key)
    assert not await watch.sees(LATER + APART * 2, key=key)


@pytest.mark.parametrize(
    ("name", "key", "kind", "before"),
    [
        ("$e", "ours", "m.room.message", False),
        ("$ours", None, "m.room.message", False),
        ("$e", None, "m.room.topic", False),
        ("$e", "another's", "m.room.message", True),
    ],
)
async def test_what_is_ours_or_no_message_or_from_before_shows_none(name, key, kind, before):
    watch = Watch()
    watch.server.sent.update({"ours": None, "$ours": None})
    for n in range(4):
        after = SETTLED / 10 * n if before else LATER + APART * n
        assert not await watch.sees(after, name, key, kind)


async def test_where_no_ids_come_back_what_is_being_sent_is_ours():
    watch = Watch()
    watch.server.sending = 1
    for n in range(3):
        assert not await watch.sees(LATER + APART * n)
    watch.server.sent["ours"] = None
    await watch.sees(LATER, key="ours")  # this homeserver gives them back
    assert not await watch.sees(LATER + APART * 3)
    assert await watch.sees(LATER + APART * 4)
