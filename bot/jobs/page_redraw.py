"""Redraws status pages hourly: their 90-day bars move on even when nothing is published."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.contract.context import Clock
from bot.jobs.every import LOOK_EVERY, OncePerPeriod, every
from bot.refs import Lane
from bot.store.rows import Outgoing, Redraw
from bot.store.work import Store, Work


class PageRedraw:
    """Queues a redraw, since only one process writes a page at a time."""

    def __init__(
        self, pages: Sequence[str], store: Store, clock: Clock, wake_outbox: Callable[[], None]
    ) -> None:
        self._pages, self._clock = pages, clock
        self._once = OncePerPeriod(store, wake_outbox)

    async def run(self) -> None:
        """Check every minute whether the hour has changed, if a page shows days."""
        if self._pages:
            await every(LOOK_EVERY, self._clock, self.redraw)

    async def redraw(self) -> None:
        """Have the pages drawn once in this hour."""
        now = self._clock.now()
        hour = now.replace(minute=0, second=0, microsecond=0)
        rows = [
            Outgoing(
                target=page, lane=Lane.of_status_page(page), body=Redraw(), slot=f"redraw/{page}"
            )
            for page in self._pages
        ]

        async def send(work: Work) -> bool:
            await work.send(rows, now=now)
            return True

        await self._once.run(hour, send)
