"""Periodic work: a loop that looks again and again, and what happens once in a period."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from bot.contract.context import Clock
from bot.contract.errors import DatabaseAway
from bot.store.work import Store, Work

LOOK_EVERY = timedelta(minutes=1)
"""How often a loop checks whether its period has begun."""

_log = structlog.stdlib.get_logger("sitrep.every")


async def every(length: timedelta, clock: Clock, look: Callable[[], Awaitable[object]]) -> None:
    """Run something now and after each length of time; skip a turn if the database is away."""
    while True:
        try:
            await look()
        except DatabaseAway as exc:
            _log.warning("database away", error=str(exc))
        await clock.sleep(length)


class OncePerPeriod:
    """Runs a transaction once in each period.

    This process remembers the last period, so that it asks the database once; the transaction
    itself sees to it that no other process, and no later start, does it again.
    """

    def __init__(self, store: Store, wake_outbox: Callable[[], None]) -> None:
        self._store, self._wake_outbox = store, wake_outbox
        self._done: datetime | None = None

    async def run(self, period: datetime, body: Callable[[Work], Awaitable[bool]]) -> bool:
        """Run `body` unless it has run in this period; return whether it queued anything."""
        if self._done == period:
            return False
        queued = await self._store.transact(body)
        self._done = period
        if queued:
            self._wake_outbox()
        return queued
