"""The jobs, put together: every loop that runs beside the conversation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bot.clock import WatchedClock
from bot.config.model import Config
from bot.contract.status_pages import Redrawable
from bot.delivery.plan import Router
from bot.delivery.subscriptions import Subscribers
from bot.jobs.daily_digest import DailyDigest
from bot.jobs.due_times import DueTimes
from bot.jobs.on_call import OnCall
from bot.jobs.page_redraw import PageRedraw
from bot.jobs.pruning import Pruning
from bot.jobs.ticket_states import Apply, TicketStates
from bot.jobs.weekly_report import WeeklyReport
from bot.plugin_manager import PluginManager
from bot.presenter import Presenter
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
        config: Config,
        store: Store,
        clock: WatchedClock,
        plugins: PluginManager,
        presenter: Presenter,
        router: Router,
        subscribers: Subscribers,
        on_call: OnCall,
        tick: Callable[[], Awaitable[bool]],
        apply: Apply,
        wake_outbox: Callable[[], None],
    ) -> None:
        self.on_call = on_call
        self.due_times = DueTimes(store, clock, tick)
        self.pruning = Pruning(config.delivery.keep, store, clock)
        self.ticket_states = TicketStates(
            store, clock, plugins.trackers, apply, router.filing, wake_outbox
        )
        self.weekly_report = WeeklyReport(config, store, clock, presenter, wake_outbox)
        self.daily_digest = DailyDigest(config, store, clock, presenter, subscribers, wake_outbox)
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

    @asynccontextmanager
    async def running(self, outbox: Loop) -> AsyncIterator[None]:
        """Run the outbox and every loop meanwhile; one that dies ends the others."""
        loops = {"outbox": outbox, **self.loops}
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run(), name=name) for name, run in loops.items()]
            yield
            for task in tasks:
                task.cancel()
