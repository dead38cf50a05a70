"""The states of action items' tickets: trackers are asked every few minutes, and after a webhook.

A webhook only says which ticket to ask about; the state comes from the tracker's answer (A2).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import uuid4

import structlog

from bot.contract.context import Clock
from bot.contract.errors import DatabaseAway
from bot.contract.trackers import TicketTracker
from bot.domain import commands as cmd
from bot.domain.incident import Incident
from bot.jobs.every import OncePerPeriod, Period
from bot.refs import Lane
from bot.store.incidents import ActionLine
from bot.store.rows import Outgoing
from bot.store.work import Store, Work

ASK_EVERY = timedelta(minutes=5)
TRACKER_SECONDS = 60.0
"""How long a tracker may take to answer."""

AT_ONCE = 100
"""The most tickets in one question to a tracker."""

HELD = timedelta(minutes=6)
"""How long one process asks; another takes over after that."""

_log = structlog.stdlib.get_logger("sitrep.ticket_states")

Apply = Callable[[Work, str, cmd.Command], Awaitable[None]]


class TicketStates:
    """Brings the states of tickets into the workflow."""

    def __init__(  # noqa: PLR0913 - what it is composed of
        self,
        store: Store,
        clock: Clock,
        trackers: Mapping[str, TicketTracker],
        apply: Apply,
        filing: Callable[[Incident, int], Sequence[Outgoing]],
        wake_outbox: Callable[[], None],
    ) -> None:
        """Compose it.

        Args:
            store: The database.
            clock: The time.
            trackers: The trackers, by plugin.
            apply: Lets a result into the workflow, in the transaction that is given.
            filing: Returns the rows that file an action's ticket.
            wake_outbox: Called when there is something to deliver.
        """
        self._store, self._clock, self._trackers = store, clock, trackers
        self._apply, self._filing, self._wake_outbox = apply, filing, wake_outbox
        self._once = OncePerPeriod(store, clock, wake_outbox)
        self._hints: set[tuple[str, str]] = set()
        self._hinted = asyncio.Event()
        self._owner = uuid4().hex

    def hint(self, tracker: str, ticket: str) -> None:
        """Note that a ticket may have changed."""
        self._hints.add((tracker, ticket))
        self._hinted.set()

    async def run(self) -> None:
        """Ask every few minutes, and after hints, until cancelled."""
        while self._trackers:
            try:
                now = self._clock.now()
                if await self._store.hold("following", self._owner, now=now, until=now + HELD):
                    await self.refresh()
                await self._until_asked()
            except DatabaseAway as exc:
                _log.warning("database away", error=str(exc))
                await self._clock.sleep(timedelta(seconds=5))

    async def _until_asked(self) -> None:
        """Wait for the next round, asking about single tickets when hints come."""
        sleeping = asyncio.create_task(self._clock.sleep(ASK_EVERY))
        try:
            while not sleeping.done():
                hinted = asyncio.create_task(self._hinted.wait())
                await asyncio.wait((sleeping, hinted), return_when=asyncio.FIRST_COMPLETED)
                hinted.cancel()
                await self.heed()
        finally:
            sleeping.cancel()

    async def refresh(self) -> None:
        """Ask every tracker about every open action's ticket."""
        for name in self._trackers:
            lines = await self._store.read(partial(_ticketed, name, None))
            for first in range(0, len(lines), AT_ONCE):
                await self._ask(name, lines[first : first + AT_ONCE])

        await self._file_the_rest()

    async def _file_the_rest(self) -> None:
        """Have tickets filed for actions that have none: tried in vain, or older than the tracker.

        Once a day for each, since what was refused will be refused again.
        """
        today = self._clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        lines = await self._store.read(lambda work: work.actions("open", today=today.date()))
        for line in lines:
            if line.action.ticket is None:
                period = Period(f"filing/{line.incident}/{line.action.label}", today)
                await self._once.run(period, partial(self._file, line))

    async def _file(self, line: ActionLine, work: Work, _last: datetime | None) -> bool:
        incident = await work.incident(line.incident)
        action = incident.action(line.action.n) if incident is not None else None
        if incident is None or action is None or not action.open or action.ticket is not None:
            return False
        if await work.waiting_in(Lane.of_plugin(next(iter(self._trackers)), line.incident)):
            return False
        await work.send(self._filing(incident, action.n), now=self._clock.now())
        return True

    async def heed(self) -> None:
        """Ask about the tickets that were hinted at."""
        self._hinted.clear()
        hints, self._hints = self._hints, set()
        for name, ticket in sorted(hints):
            lines = await self._store.read(partial(_ticketed, name, ticket))
            await self._ask(name, lines)

    async def _ask(self, name: str, lines: Sequence[ActionLine]) -> None:
        tracker = self._trackers.get(name)
        refs = [line.action.ticket for line in lines if line.action.ticket is not None]
        if tracker is None or not refs:
            return
        try:
            async with asyncio.timeout(TRACKER_SECONDS):
                closed = await tracker.closed(refs)
        except (Exception, SystemExit) as exc:  # noqa: BLE001 - a plugin's fault is named
            _log.warning("tracker failed", plugin=name, error=repr(exc))
            return
        for line in lines:
            ticket = line.action.ticket
            if ticket is None or ticket.id not in closed:
                continue
            if closed[ticket.id] != line.action.closed_there:
                await self._store.transact(self._noting(line, closed=closed[ticket.id]))
                self._wake_outbox()

    def _noting(self, line: ActionLine, *, closed: bool) -> Callable[[Work], Awaitable[None]]:
        async def note(work: Work) -> None:
            incident = await work.incident(line.incident)
            if incident is None or incident.action(line.action.n) != line.action:
                return  # it has changed while the tracker was asked: it is asked again
            command = cmd.NoteTicketState(n=line.action.n, closed=closed)
            await self._apply(work, line.incident, command)

        return note


async def _ticketed(tracker: str, ticket: str | None, work: Work) -> Sequence[ActionLine]:
    return await work.ticketed(tracker, ticket)
