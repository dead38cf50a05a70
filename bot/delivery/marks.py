"""Marks rows as sent, dropped, put off or dead, in one transaction with what follows from it.

Each mark checks the lease's fence: if another worker took the lane over, nothing is written.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from bot.clock import WatchedClock
from bot.config.sections import DeliverySection
from bot.delivery.delivered import Delivered
from bot.delivery.in_force import Now
from bot.delivery.outside import keep_told
from bot.domain import commands as cmd
from bot.presenter.trouble import described
from bot.store.rows import Board, Card, Lease, Offer, Open, Outgoing, Redraw, Waiting
from bot.store.work import Store, Work

LONGEST_WAIT = timedelta(hours=1)
"""The longest wait that a platform may ask for; the store takes more for a clock's jump."""

_log = structlog.stdlib.get_logger("sitrep.outbox")

Apply = Callable[[Work, str, cmd.Command], Awaitable[None]]
"""Applies a command to an incident, inside the transaction that it is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """The worker's next step after a row: deliver the next one, or leave the lane."""

    row: Waiting | None = None
    given_back: bool = False
    """The lane was empty, and was given back in the transaction of the mark."""


LEAVE = Next()
"""Leave a lane that is put off, or that another worker holds now."""


class Marks:
    """Stores what became of each row."""

    def __init__(
        self,
        settings: DeliverySection,
        store: Store,
        clock: WatchedClock,
        in_force: Now,
        apply: Apply,
    ) -> None:
        self._settings, self._store, self._clock = settings, store, clock
        self._in_force, self._apply = in_force, apply
        self.delivered = 0
        self.dead = 0
        self.retried = 0

    async def mark_sent(self, lease: Lease, row: Waiting, done: Delivered) -> Next:
        """Mark a row sent, store its result, and go on to the next row."""
        lane, incident = row.what.lane, row.what.incident
        resumed = row.incident is not None and lane in row.incident.unheard

        async def mark(work: Work) -> Next | None:
            about = done.told[0] if done.told is not None else None
            held = about or (incident if done.command is not None or resumed else None)
            if held is not None:
                await work.incident(held)  # locked first, as every command does it
            if not await work.sent(lease, row, now=self._clock.now()):
                return None
            for name, value in done.refs:
                await work.store_ref(name, value)
            if done.opened is not None:
                await work.opened(*done.opened)
            if done.command is not None and incident is not None:
                await self._apply(work, incident, done.command)
            if incident is not None and resumed:
                await self._apply(work, incident, cmd.NoteResumed(target=lane))
            gone: Sequence[Outgoing] = ()
            if done.told is not None:
                gone = await keep_told(work, *done.told, row, now=self._clock.now())
            await work.send(gone or done.send, now=self._clock.now())
            if done.news is not None:
                subscribers = self._in_force().subscribers
                rows = await subscribers.spread(work, done.news, self._clock.now())
                await work.send(rows, now=self._clock.now())
            if done.then is not None:
                await work.send(await done.then(work), now=self._clock.now())
            if done.rests is not None:
                await work.hold_off(lease, not_before=self._clock.now() + done.rests)
                return LEAVE
            return await _gone_on(work, lease)

        following = await self._store.transact(mark)
        if following is None:
            _log.warning("lease lost", lane=lease.lane, key=row.key)
            return LEAVE
        self.delivered += 1
        return following

    async def drop(self, lease: Lease, row: Waiting) -> Next:
        """Mark a row as dropped, and go on to the next row."""

        async def mark(work: Work) -> Next:
            dropped = await work.dropped(lease, row, now=self._clock.now())
            return await _gone_on(work, lease) if dropped else LEAVE

        return await self._store.transact(mark)

    async def hold_off(self, lease: Lease, wait: timedelta) -> None:
        """Put off a lane without counting a try."""
        again = self._clock.now() + wait
        await self._store.transact(lambda work: work.hold_off(lease, not_before=again))

    async def put_off(
        self,
        lease: Lease,
        row: Waiting,
        why: str,
        retry_after: timedelta | None = None,
        *,
        unsure: bool = False,
    ) -> None:
        """Put off a row and its lane, or give the row up after long enough (D2).

        The incident's other conversations are told of a row that has waited for long. `unsure`: it
        may have been delivered all the same.
        """
        now = self._clock.now()
        waited = now - row.created_at
        # A drawing that failed must not hold up news: the next hour draws it anyway.
        once = isinstance(row.what.body, Redraw)
        old = waited >= self._settings.give_up_after and not self._clock.is_doubtful
        if once or old:
            await self.bury(lease, row, why)
            return
        wait = self._wait(row, retry_after)
        _log.warning(
            "put off",
            target=row.what.target,
            lane=lease.lane,
            why=why,
            seconds=wait.total_seconds(),
        )
        self.retried += 1
        again, stalled = now + wait, waited >= self._settings.late_after

        async def mark(work: Work) -> None:
            incident = row.what.incident
            if incident is not None and stalled:
                await work.incident(incident)  # locked first, as every command does it
            held = await work.retry(lease, row, why, not_before=again, unsure=unsure)
            if held and stalled and incident is not None:
                waiting = await work.waiting_in(lease.lane)
                command = cmd.NoteStalled(
                    target=lease.lane, since=row.created_at, waiting=waiting, why=why
                )
                await self._apply(work, incident, command)

        await self._store.transact(mark)

    def _wait(self, row: Waiting, retry_after: timedelta | None) -> timedelta:
        """Return how long to wait before the next try: back-off with jitter."""
        longest = self._settings.retry_longest
        wait: timedelta = min(longest, self._settings.retry_first * 2 ** min(row.attempts, 20))
        wait *= random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
        return wait if retry_after is None else max(wait, min(retry_after, LONGEST_WAIT))

    async def bury(self, lease: Lease, row: Waiting, why: str) -> Next:
        """Make a row a dead letter, tell the incident of it, and go on to the next row (D2)."""
        what = row.what
        room = what.body if isinstance(what.body, Open) else None
        # A card that cannot be shown is shown with the next change; if its room is gone, the
        # room's other messages report it.
        silent = what.notice or isinstance(what.body, Card | Board | Offer)

        async def mark(work: Work) -> Next | None:
            if what.incident is not None:
                await work.incident(what.incident)  # locked first, as every command does it
            if not await work.dead(lease, row, why, now=self._clock.now()):
                return None
            if room is not None and room.fallback is not None:
                await work.opened(what.lane.conversation, room.fallback, own=False)
                if what.incident is not None:
                    await work.join(what.incident, room.fallback)
            if what.incident is not None and not silent:
                command = cmd.NoteUndelivered(
                    target=what.lane,
                    what=described(what.body),
                    why=why,
                    unopened=room is not None and room.fallback is None,
                    audience=what.audience,
                )
                await self._apply(work, what.incident, command)
            return await _gone_on(work, lease)

        _log.error("dead letter", target=what.target, lane=lease.lane, key=row.key, why=why)
        following = await self._store.transact(mark)
        self.dead += following is not None
        return following or LEAVE


async def _gone_on(work: Work, lease: Lease) -> Next:
    row = await work.go_on(lease)
    return Next(row=row) if row is not None else Next(given_back=True)
