"""The weekly report of action items: what is likely to happen again (A3). Once a week, always."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from bot.config.model import Config
from bot.contract.context import Clock
from bot.jobs.every import every
from bot.presenter import Presenter
from bot.refs import Lane
from bot.store.rows import Outgoing, Post
from bot.store.work import Store, Work

LOOK_EVERY = timedelta(minutes=1)


class Reporting:
    """Sends the report of each week, once, however often the process starts."""

    def __init__(
        self,
        config: Config,
        store: Store,
        clock: Clock,
        presenter: Presenter,
        told: Callable[[], None],
    ) -> None:
        """`told` hears when there is something to deliver."""
        self._config, self._store, self._clock = config, store, clock
        self._presenter, self._told = presenter, told
        self._sent: datetime | None = None

    async def run(self) -> None:
        """Look on and on whether the week's report is due."""
        if self._config.report_conversation is not None:
            await every(LOOK_EVERY, self._clock, self.report)

    async def report(self) -> bool:
        """Send this week's report if its time has come and it was not sent; whether it was now."""
        now = self._clock.now()
        due = self._config.last_report(now)
        to = self._config.report_conversation
        if to is None or self._sent == due:
            return False
        name = f"report/{due:%G-W%V}"

        async def send(work: Work) -> bool:
            # The mark keeps two processes from sending it at once, the reference from ever again.
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

        sent = await self._store.transact(send)
        self._sent = due
        if sent:
            self._told()
        return sent
