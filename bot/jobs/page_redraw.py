"""Status pages that show days are drawn anew at each start and each hour, for no day is news."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bot.contract.context import Clock
from bot.jobs.every import every
from bot.refs import Lane
from bot.store.rows import Outgoing, Redraw
from bot.store.work import Store

LOOK_EVERY = timedelta(minutes=1)


class Redrawing:
    """Asks for it through the queue: a page is one writer's at a time, in whatever process."""

    def __init__(
        self, pages: Sequence[str], store: Store, clock: Clock, told: Callable[[], None]
    ) -> None:
        """`told` hears when there is something to deliver."""
        self._pages, self._store, self._clock, self._told = pages, store, clock, told
        self._asked: datetime | None = None

    async def run(self) -> None:
        """Look on and on whether an hour has begun, where there is such a page."""
        if self._pages:
            await every(LOOK_EVERY, self._clock, self.redraw)

    async def redraw(self) -> None:
        """Have the pages drawn, unless that was asked for within this hour."""
        now = self._clock.now()
        hour = now.replace(minute=0, second=0, microsecond=0)
        if self._asked == hour:
            return
        rows = [
            Outgoing(
                target=page, lane=Lane.of_status_page(page), body=Redraw(), slot=f"redraw/{page}"
            )
            for page in self._pages
        ]
        await self._store.transact(lambda work: work.send(rows, now=now))
        self._asked = hour
        self._told()
