"""The jobs, put together: every loop that runs beside the conversation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bot.clock import WatchedClock
from bot.contract.status_pages import Redrawable
from bot.delivery.in_force import Now
from bot.domain.incident import Incident
from bot.jobs.daily_digest import DailyDigest
from bot.jobs.due_times import DueTimes
from bot.jobs.on_call import OnCall
from bot.jobs.page_redraw import PageRedraw
from bot.jobs.pruning import Pruning
from bot.jobs.ticket_states import Apply, TicketStates
from bot.jobs.weekly_report import WeeklyReport
from bot.plugin_manager import PluginManager
from bot.store.rows import Outgoing
from bot.store.work import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """How a run ended."""

    refused: int
    unread: bool
    waiting: int
    dead: int
    lost: tuple[str, ...] = ()
    """Each platform that ended its session, with how to begin another."""


Loop = Callable[[], Coroutine[Any, Any, None]]


class Jobs:
    """The loops of one process."""

    def __init__(  # noqa: PLR0913 - what it is composed of
        self,
        in_force: Now,
        store: Store,
        clock: WatchedClock,
        plugins: PluginManager,
        on_call: OnCall,
        tick: Callable[[], Awaitable[bool]],
        apply: Apply,
        wake_outbox: Callable[[], None],
    ) -> None:
        self.on_call = on_call
        self.due_times = DueTimes(store, clock, tick)
        self._in_force = in_force
        self.pruning = Pruning(in_force().config.delivery.keep, store, clock)
        self.ticket_states = TicketStates(
            store, clock, plugins.trackers, apply, self._filing, wake_outbox
        )
        self.weekly_report = WeeklyReport(in_force, store, clock, wake_outbox)
        self.daily_digest = DailyDigest(in_force, store, clock, wake_outbox)
        pages = [n for n, page in plugins.status_pages.items() if isinstance(page, Redrawable)]
        self.page_redraw = PageRedraw(pages, store, clock, wake_outbox)

        self.loops: dict[str, Loop] = {
            "due times": self.due_times.run,
            "on call": self.on_call.run,
            "pruning": self.pruning.run,
            "ticket states": self.ticket_states.run,
            "weekly report": self.weekly_report.run,
            "daily digest": self.daily_digest.run,
            "page redraw": self.page_redraw.run,
        }

    def _filing(self, incident: Incident, action: int) -> Sequence[Outgoing]:
        return self._in_force().router.filing(incident, action)

    @asynccontextmanager
    async def running(self, outbox: Loop) -> AsyncIterator[None]:
        """Run the outbox and every loop meanwhile; one that dies ends the others."""
        loops = {"outbox": outbox, **self.loops}
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run(), name=name) for name, run in loops.items()]
            yield
            for task in tasks:
                task.cancel()
