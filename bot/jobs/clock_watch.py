"""What follows when the clock of the machine is set: it is said, and due times are looked at (K6).

A sign of life is stored every minute, so that a jump between two runs is noticed as well. A long
stop looks like a jump ahead, and is treated alike: nothing is ended for its age in the first hour.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from bot.clock import LONG, WatchedClock
from bot.contract.errors import DatabaseAway
from bot.jobs.every import LOOK_EVERY
from bot.store.work import Store

LAST = "clock/last"
"""The reference that holds the last sign of life."""

AGAIN = timedelta(seconds=5)
"""When the due times are looked at again after the database was away."""

_log = structlog.stdlib.get_logger("sitrep.clock")


class ClockWatch:
    """Follows the clock."""

    def __init__(
        self, store: Store, clock: WatchedClock, follow: Callable[[timedelta], Awaitable[None]]
    ) -> None:
        """`follow` looks at what is due in every open incident, after a jump of a length."""
        self._store, self._clock, self._follow = store, clock, follow
        self._jumped = asyncio.Event()
        self._by = timedelta(0)
        clock.on_jump = self._noticed

    def _noticed(self, moved: timedelta) -> None:
        _log.warning("the clock was set", seconds=moved.total_seconds())
        self._by += moved
        self._jumped.set()

    async def begin(self) -> None:
        """Compare the clock with the last sign of life; called before anything is delivered."""
        now = self._clock.now()
        stored = await self._store.read(lambda work: work.ref(LAST))
        if stored is not None and abs(now - datetime.fromisoformat(stored)) >= LONG:
            _log.warning("a long stop, or the clock was set", last=stored)
            self._clock.doubt()
        await self._keep(now)
        self._jumped.set()

    async def run(self) -> None:
        """Follow each jump, and store signs of life, until cancelled."""
        while True:
            if self._jumped.is_set():
                self._jumped.clear()
                by, self._by = self._by, timedelta(0)
                try:
                    await self._follow(by)
                except DatabaseAway as exc:
                    _log.warning("database away", error=str(exc))
                    self._by += by
                    self._jumped.set()
                    await self._clock.sleep(AGAIN)
                    continue
            await self._until_next()

    async def _until_next(self) -> None:
        jumped = asyncio.create_task(self._jumped.wait())
        slept = asyncio.create_task(self._clock.sleep(LOOK_EVERY))
        try:
            await asyncio.wait((jumped, slept), return_when=asyncio.FIRST_COMPLETED)
        finally:
            jumped.cancel()
            slept.cancel()
        try:
            await self._keep(self._clock.now())
        except DatabaseAway as exc:
            _log.warning("database away", error=str(exc))

    async def _keep(self, now: datetime) -> None:
        await self._store.transact(lambda work: work.store_ref(LAST, now.isoformat()))
