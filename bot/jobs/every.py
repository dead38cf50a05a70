"""Periodic work: a loop that looks again and again, and what happens once in a period."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from bot.contract.context import Clock
from bot.contract.errors import DatabaseAway
from bot.refs import ConversationRef
from bot.store.work import Store, Work

LOOK_EVERY = timedelta(minutes=1)
"""How often a loop checks whether its period has begun."""

_NOWHERE = ConversationRef("period", "all")
"""No conversation: the inbox asks for one."""

_log = structlog.stdlib.get_logger("sitrep.every")


async def every(length: timedelta, clock: Clock, look: Callable[[], Awaitable[object]]) -> None:
    """Run something now and after each length of time; skip a turn if the database is away."""
    while True:
        try:
            await look()
        except DatabaseAway as exc:
            _log.warning("database away", error=str(exc))
        await clock.sleep(length)


@dataclass(frozen=True, slots=True)
class Period:
    """One turn of something that happens once a day, once a week and the like."""

    name: str
    """The reference that holds the beginning of the last turn, such as `digest/last`."""
    begins: datetime


class OncePerPeriod:
    """Runs a transaction once in each period, in whichever process comes first.

    The inbox mark stops a second process at the same moment. The reference stops every later one,
    since marks are pruned. This process's memory spares the database a question a minute.
    """

    def __init__(self, store: Store, clock: Clock, wake_outbox: Callable[[], None]) -> None:
        self._store, self._clock, self._wake_outbox = store, clock, wake_outbox
        self._begun: dict[str, datetime] = {}

    async def run(
        self, period: Period, body: Callable[[Work, datetime | None], Awaitable[bool]]
    ) -> bool:
        """Run `body` unless it has run in this period or a later one.

        Args:
            period: The period.
            body: Gets the transaction and the beginning of the period it last ran in; returns
                whether it queued anything.

        Returns:
            Whether anything was queued.
        """
        if self._begun.get(period.name) == period.begins:
            return False

        async def turn(work: Work) -> bool:
            mark = f"{period.name}@{period.begins.isoformat()}"
            if await work.arrive("period", mark, _NOWHERE, at=self._clock.now()) is None:
                return False
            stored = await work.ref(period.name)
            last = _instant(stored) if stored is not None else None
            if last is not None and last > self._clock.now():
                last = None  # the clock was ahead then (K6)
            if last is not None and last >= period.begins:
                return False
            await work.store_ref(period.name, period.begins.isoformat())
            return await body(work, last)

        queued = await self._store.transact(turn)
        self._begun[period.name] = period.begins
        if queued:
            self._wake_outbox()
        return queued


def _instant(stored: str) -> datetime:
    """Return a stored beginning; those of days were once stored as dates."""
    instant = datetime.fromisoformat(stored)
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
