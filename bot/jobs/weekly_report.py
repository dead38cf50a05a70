"""The weekly report of overdue action items: incidents likely to repeat (A3)."""

from __future__ import annotations

from collections.abc import Callable

from bot.config.model import Config
from bot.contract.context import Clock
from bot.jobs.every import LOOK_EVERY, OncePerPeriod, every
from bot.presenter import Presenter
from bot.refs import Lane
from bot.store.rows import Outgoing, Post
from bot.store.work import Store, Work


class WeeklyReport:
    """Sends the report of each week, once, however often the process starts."""

    def __init__(
        self,
        config: Config,
        store: Store,
        clock: Clock,
        presenter: Presenter,
        wake_outbox: Callable[[], None],
    ) -> None:
        self._config, self._store, self._clock = config, store, clock
        self._presenter = presenter
        self._once = OncePerPeriod(store, wake_outbox)

    async def run(self) -> None:
        """Check every minute whether the week's report is due."""
        if self._config.report_conversation is not None:
            await every(LOOK_EVERY, self._clock, self.report)

    async def report(self) -> bool:
        """Send this week's report if it is due and was not sent; return whether it was sent now."""
        now = self._clock.now()
        due = self._config.last_report(now)
        to = self._config.report_conversation
        if to is None:
            return False
        name = f"report/{due:%G-W%V}"

        async def send(work: Work) -> bool:
            # The mark stops a second process, the reference every later start.
            arrival = await work.arrive("report", name, to, at=now)
            if arrival is None or await work.ref(name) is not None:
                return False
            today = now.date()
            overdue = await work.actions("overdue", today=today)
            done, in_time = await work.shares(today)
            await work.store_ref(name, now.isoformat())
            if not overdue and not done:
                return False  # nothing was ever promised: nothing to report
            message = self._presenter.actions.report(overdue, done, in_time, today)
            row = Outgoing(target=to.adapter, lane=Lane.of(to), body=Post(message=message))
            await work.send([row], now=now)
            return True

        return await self._once.run(due, send)
