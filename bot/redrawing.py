"""Status pages that show days are drawn anew at each start and each day, for no day is news."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import structlog

from bot.errors import DatabaseAway
from bot.ports import Clock, Outgoing, Redraw, Store
from bot.refs import page_lane

LOOK_EVERY = timedelta(minutes=1)

_log = structlog.stdlib.get_logger("sitrep.redrawing")


class Redrawing:
    """Asks for it through the queue: a page is one writer's at a time, in whatever process."""

    def __init__(
        self, pages: Sequence[str], store: Store, clock: Clock, told: Callable[[], None]
    ) -> None:
        """`told` hears when there is something to deliver."""
        self._pages, self._store, self._clock, self._told = pages, store, clock, told
        self._drawn: date | None = None

    async def run(self) -> None:
        """Look on and on whether a day has begun, where there is such a page."""
        while self._pages:
            try:
                await self.redraw()
            except DatabaseAway as exc:
                _log.warning("database away", error=str(exc))
            await self._clock.sleep(LOOK_EVERY)

    async def redraw(self) -> None:
        """Have the pages drawn, unless that was asked for today."""
        now = self._clock.now()
        if self._drawn == now.date():
            return
        rows = [
            Outgoing(target=page, lane=page_lane(page), body=Redraw(), slot=f"redraw/{page}")
            for page in self._pages
        ]
        await self._store.transact(lambda work: work.send(rows, now=now))
        self._drawn = now.date()
        self._told()
