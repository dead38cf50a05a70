"""A Sitrep that files tickets and is killed each time one has been made, before that is stored.

    python -m tests.players.filing HOME CONFIG STARTED KILL

STARTED is when its clock begins, so that what a dead one held has lapsed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot import log
from bot.app import composed
from bot.clock import FastClock
from bot.config.load import load
from bot.config.sections import LogSection
from bot.delivery import outbox
from bot.testing import RecordingAdapter


class Later(FastClock):
    """The wall clock, set to an instant."""

    def __init__(self, started: datetime) -> None:
        super().__init__(1)
        self._ahead = started - datetime.now(UTC)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def real(self, when: datetime) -> datetime:
        return when - self._ahead


async def main(home: str, config: str, started: str, kill: str) -> None:
    log.configure(LogSection(level="error"))
    outbox.LANES_AT_ONCE = 1  # so that each kill falls between one POST and its commit
    chat = RecordingAdapter()
    clock = Later(datetime.fromisoformat(started))
    given = {"chat": chat.plugin()}
    async with composed(
        load(Path(config)), Path(home), clock, given=given, tell=lambda _line: None
    ) as app:
        (tracker,) = app.plugins.trackers.values()
        create = tracker.create

        async def created(*args):
            issue = await create(*args)
            if kill == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            return issue

        tracker.create = created
        async with app.working():
            await app.outbox.drain(timedelta(0))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
