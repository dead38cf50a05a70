"""The weekly report of overdue action items: incidents likely to repeat (A3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from bot.contract.context import Clock
from bot.delivery.in_force import Now
from bot.jobs.every import LOOK_EVERY, OncePerPeriod, Period, every
from bot.presenter.privacy import masked_action
from bot.refs import Lane
from bot.store.rows import Outgoing, Post
from bot.store.work import Store, Work


class WeeklyReport:
    """Sends the report of each week, once, however often the process starts."""

    def __init__(
        self,
        in_force: Now,
        store: Store,
        clock: Clock,
        wake_outbox: Callable[[], None],
    ) -> None:
        self._in_force, self._clock = in_force, clock
        self._once = OncePerPeriod(store, clock, wake_outbox)

    async def run(self) -> None:
        """Check every minute whether the week's report is due."""
        await every(LOOK_EVERY, self._clock, self.report)

    async def report(self) -> bool:
        """Send this week's report if it is due and was not sent; return whether it was sent now."""
        now = self._clock.now()
        in_force = self._in_force()
        to = in_force.config.report_conversation
        if to is None:
            return False
        due = in_force.config.last_report(now)

        async def send(work: Work, _last: datetime | None) -> bool:
            today = now.date()
            overdue = await work.actions("overdue", today=today)
            done, in_time = await work.shares(today)
            if not overdue and not done:
                return False  # nothing was ever promised: nothing to report
            overdue = [masked_action(each) for each in overdue]
            message = in_force.presenter.actions.report(overdue, done, in_time, today)
            row = Outgoing(target=to.adapter, lane=Lane.of(to), body=Post(message=message))
            await work.send([row], now=now)
            return True

        return await self._once.run(Period(f"report/{due:%G-W%V}", due), send)
