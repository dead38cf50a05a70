"""The timer loop: due times are rows, and APScheduler is only the alarm clock (K6)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.contract.context import Clock
from bot.contract.errors import DatabaseAway
from bot.store.work import Store

LOOK_AGAIN = timedelta(seconds=5)
"""How often the rows are asked without an alarm: it bounds what a clock jump, a resumed laptop or
another process's death can delay. It is no job of the scheduler, whose next turn is an instant on
the wall clock: set back, it would not come for as long as the clock was ahead."""

HELD_ELSEWHERE = timedelta(milliseconds=250)
"""When to look again at something due that another process is just doing."""

_ALARM = "due"
_log = structlog.stdlib.get_logger("sitrep.due_times")


class DueTimes:
    """Does what is due, when it is due."""

    def __init__(self, store: Store, clock: Clock, tick: Callable[[], Awaitable[bool]]) -> None:
        """`tick` does what is due for one incident, and returns whether there was one."""
        self._store, self._clock, self._tick = store, clock, tick
        self._wake = asyncio.Event()
        self._armed: datetime | None = None
        self._failed: BaseException | None = None
        self.fired = 0
        self.started = False

    def hint(self, due_at: datetime | None) -> None:
        """Hear that something falls due then; only what comes before the alarm matters."""
        if due_at is not None and (self._armed is None or due_at < self._armed):
            self._wake.set()

    async def run_due(self) -> None:
        """Do everything that is due."""
        while await self._tick():
            self.fired += 1

    async def run(self) -> None:
        """Do what is due, when it is due, until cancelled."""
        scheduler = AsyncIOScheduler(
            timezone=UTC,
            # The default drops a job that is a second late: 55 % of a burst.
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        scheduler.add_listener(self._on_error, EVENT_JOB_ERROR)
        scheduler.start()
        try:
            while True:
                self._wake.clear()
                if self._failed is not None:
                    raise self._failed
                try:
                    await self.run_due()
                    await self._arm(scheduler)
                    self.started = True
                except DatabaseAway as exc:
                    _log.warning("database away", error=str(exc))
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_AGAIN.total_seconds()):
                        await self._wake.wait()
        finally:
            scheduler.shutdown(wait=False)
            await asyncio.sleep(0)  # noqa: TID251 - its shut-down is itself put on the loop

    async def _arm(self, scheduler: AsyncIOScheduler) -> None:
        self._armed = await self._store.next_due()
        if self._armed is None:
            return
        now = self._clock.now()
        when = self._clock.real(self._armed if self._armed > now else now + HELD_ELSEWHERE)
        scheduler.add_job(self._ring, "date", run_date=when, id=_ALARM, replace_existing=True)

    async def _ring(self) -> None:
        self._wake.set()

    def _on_error(self, event: JobExecutionEvent) -> None:
        self._failed = event.exception
        self._wake.set()
