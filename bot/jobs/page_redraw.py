"""Redraws status pages hourly: their 90-day bars move on even when nothing is published."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from bot.contract.context import Clock
from bot.jobs.every import LOOK_EVERY, every
from bot.refs import Lane
from bot.store.rows import Outgoing, Redraw
from bot.store.work import Store


class PageRedraw:
    """Queues a redraw, since only one process writes a page at a time."""

    def __init__(
        self, pages: Sequence[str], store: Store, clock: Clock, wake_outbox: Callable[[], None]
    ) -> None:
        self._pages, self._store, self._clock = pages, store, clock
        self._wake_outbox = wake_outbox
        self._hour: datetime | None = None

    async def run(self) -> None:
        """Check every minute whether the hour has changed, if a page shows days."""
        if self._pages:
            await every(LOOK_EVERY, self._clock, self.redraw)

    async def redraw(self) -> None:
        """Have the pages drawn, at the start and once in each hour.

        Each process asks, since a start may mean another configuration; what is queued twice is
        drawn once.
        """
        now = self._clock.now()
        hour = now.replace(minute=0, second=0, microsecond=0)
        if hour == self._hour:
            return
        rows = [
            Outgoing(
                target=page, lane=Lane.of_status_page(page), body=Redraw(), slot=f"redraw/{page}"
            )
            for page in self._pages
        ]
        await self._store.transact(lambda work: work.send(rows, now=now))
        self._hour = hour
        self._wake_outbox()
