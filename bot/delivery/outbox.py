"""Delivery: each send comes from the stored queue, in order within its lane.

One worker at a time, in any process, holds a lane under a lease. It sends a row under the row's
key, and marks it in a transaction that checks the lease's fence and stores the result. A crash
between the two sends the row again, under the same key (D1, D2).
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from uuid import uuid4

import structlog

from bot.clock import WatchedClock
from bot.config.sections import DeliverySection
from bot.contract.errors import DatabaseAway, PermanentFailure, RateLimited, TemporaryFailure
from bot.delivery.delivered import Delivered
from bot.delivery.gathered import Gathering
from bot.delivery.in_force import Now
from bot.delivery.marks import LEAVE, Apply, Marks, Next
from bot.delivery.on_chat import ChatDelivery
from bot.delivery.on_plugins import PluginDelivery
from bot.delivery.outside import is_outside
from bot.plugin_manager import PluginManager
from bot.refs import PLUGIN, Lane
from bot.store.rows import ChatBody, Lease, Waiting
from bot.store.work import Store

LEASE = timedelta(seconds=6)
"""How long a lane is held without a sign of life; after that another worker takes it over."""

POLL = timedelta(seconds=1)
"""How often the queue is checked without a wake-up: another process may have filled it."""

LANE_AGAIN = timedelta(minutes=1)
"""How long a lane is left alone after an internal error."""

LANES_AT_ONCE = 128
"""How many lanes one process works on: one that hangs must not hold up the others (D4)."""

LANES_TAKEN_AT_ONCE = 64
"""How many lanes are taken in one go."""

OUTSIDE_AT_ONCE = 48
"""How many plugin lanes are worked on before no more are taken: rooms come first (H2)."""

PATIENCE = timedelta(seconds=30)
"""How soon the next try must be for the end of a run to wait for it."""

_log = structlog.stdlib.get_logger("sitrep.outbox")


class Outbox:
    """The delivery workers of one process.

    Attributes:
        without: The adapters that another process speaks for; their lanes are left alone.
    """

    def __init__(  # noqa: PLR0913 - what it is composed of
        self,
        settings: DeliverySection,
        store: Store,
        clock: WatchedClock,
        plugins: PluginManager,
        in_force: Now,
        apply: Apply,
    ) -> None:
        self._settings, self._store, self._clock = settings, store, clock
        self._plugins = plugins
        self._chat = ChatDelivery(settings, store, clock, plugins.adapters, in_force)
        gathering = Gathering(store, clock, in_force)
        self._outside = PluginDelivery(store, plugins, in_force, gathering)
        self._marks = Marks(settings, store, clock, in_force, apply)
        self._owner = uuid4().hex
        self._wake = asyncio.Event()
        self._held: dict[Lane, Lease] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._claiming = False
        self._jumps = clock.jumps
        self.without: set[str] = set()

    @property
    def delivered(self) -> int:
        """How many rows were delivered."""
        return self._marks.delivered

    @property
    def dead(self) -> int:
        """How many rows became dead letters."""
        return self._marks.dead

    @property
    def retried(self) -> int:
        """How many tries were put off."""
        return self._marks.retried

    def wake(self) -> None:
        """Look at the queue now."""
        self._wake.set()

    # --- the loop ---------------------------------------------------------------------------------

    async def run(self) -> None:
        """Deliver until cancelled; a send that is cut short is repeated later, under its key."""
        renewing = asyncio.create_task(self._renew())
        try:
            while True:
                self._wake.clear()
                if renewing.done():
                    renewing.result()  # it never ends by itself: its failure ends the process
                await self._claim()
                await self._rest()
        finally:
            renewing.cancel()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(renewing, *self._tasks, return_exceptions=True)

    async def _claim(self) -> None:
        """Take the lanes that have something to send, up to the limit, and start on them."""
        room = min(LANES_AT_ONCE - len(self._held), LANES_TAKEN_AT_ONCE)
        if room <= 0:
            return
        # Plugin lanes may not use up the places that rooms need.
        outside = sum(lane.is_plugin for lane in self._held)
        without = {*self.without, *((PLUGIN,) if outside >= OUTSIDE_AT_ONCE else ())}
        now = self._clock.now()
        self._claiming = True
        try:
            if self._clock.jumps != self._jumps:
                # By the time that is shown now, the lanes that are held would seem to be free.
                await self._store.renew(self._owner, list(self._held.values()), until=now + LEASE)
                await self._store.end_delays(now)  # until when a lane waits is not known any more
                self._jumps = self._clock.jumps
            leases = await self._store.claim(
                self._owner, now=now, until=now + LEASE, limit=room, without=sorted(without)
            )
            self._held.update((lease.lane, lease) for lease in leases)
        except DatabaseAway as exc:
            _log.warning("database away", error=str(exc))
            return
        finally:
            self._claiming = False
        if len(leases) == room:
            self._wake.set()  # there may be more
        for lease in leases:
            task = asyncio.create_task(self._work_off(lease), name=f"lane {lease.lane}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _rest(self) -> None:
        """Wait to be woken, for `POLL` at most."""
        waited = asyncio.create_task(self._wake.wait())
        slept = asyncio.create_task(self._clock.sleep(POLL))
        try:
            await asyncio.wait((waited, slept), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waited.cancel()
            slept.cancel()

    async def _renew(self) -> None:
        """Renew the leases that are held, on and on."""
        while True:
            await self._clock.sleep(LEASE / 3)
            if self._held:
                until = self._clock.now() + LEASE
                try:
                    await self._store.renew(self._owner, list(self._held.values()), until=until)
                except DatabaseAway as exc:
                    _log.warning("database away", error=str(exc))

    async def drain(self, patience: timedelta = PATIENCE) -> int:
        """Deliver what can be delivered; return how many rows still wait then.

        A try that is due within `patience` is waited for.
        """
        while True:
            self.wake()
            now = self._clock.now()
            taken = not await self._store.claimable(now, sorted(self.without))
            idle = taken and not self._held and not self._claiming
            waiting = (await self._store.backlog())["waiting"]
            if not waiting or (idle and not await self._retry_within(now, patience)):
                return waiting
            await asyncio.sleep(0.01)  # noqa: TID251 - real time: the workers need it

    async def _retry_within(self, now: datetime, patience: timedelta) -> bool:
        retry = await self._store.next_retry(now)
        return retry is not None and retry - now < patience

    # --- one lane ---------------------------------------------------------------------------------

    async def _work_off(self, lease: Lease) -> None:
        """Deliver a lane's rows one after the other until it is empty, put off, or lost."""
        cut_short, given_back = False, False
        full = len(self._held) >= LANES_AT_ONCE
        try:
            row = await self._store.read(lambda work: work.waiting(lease))
            while row is not None:
                following = await self._attempt(lease, row)
                row, given_back = following.row, following.given_back
        except asyncio.CancelledError:
            cut_short = True
            raise
        except DatabaseAway as exc:
            _log.warning("database away", lane=lease.lane, error=str(exc))
        except Exception as exc:  # noqa: BLE001 - one lane's fault must not be the others'
            _log.exception("lane broke down", lane=lease.lane, error=repr(exc))
            await self._marks.hold_off(lease, LANE_AGAIN)
        finally:
            # After a send that was cut short and may not be repeated, the lease is left to run
            # out: who takes the lane over sees that, and knows that its first row is in doubt.
            doubtful = cut_short and not self._repeats(lease.lane.target)
            await self._leave(lease, give_back=not given_back and not doubtful)
            if full or not given_back:
                self._wake.set()  # there is room now, or something came meanwhile

    async def _leave(self, lease: Lease, *, give_back: bool) -> None:
        try:
            if give_back:
                await self._store.release(self._owner, lease)
        except DatabaseAway as exc:
            _log.warning("database away", lane=lease.lane, error=str(exc))
        if self._held.get(lease.lane) is lease:
            del self._held[lease.lane]

    def _repeats(self, target: str) -> bool:
        """Return whether a repeated send under its key is harmless; trackers take no key."""
        if target in self._plugins.trackers:
            return False
        adapter = self._plugins.adapters.get(target)
        return adapter is None or adapter.features.repeats

    async def _attempt(self, lease: Lease, row: Waiting) -> Next:
        """Deliver one row, and return what to do next."""
        if _pointless(row) or self._silenced(row):
            return await self._marks.drop(lease, row)
        try:
            async with asyncio.timeout(self._settings.timeout.total_seconds()):
                done = await self._deliver(row)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            await self._marks.put_off(lease, row, "the plugin cancelled itself", unsure=True)
            return LEAVE
        except (Exception, SystemExit) as exc:  # noqa: BLE001 - where a plugin's fault is named
            return await self._failed(lease, row, exc)
        following = await self._marks.mark_sent(lease, row, done)
        if done.send or done.news is not None or done.then is not None:
            self._wake.set()  # the new rows may be in other lanes
        if row.attempts:
            # The target works again: try its other lanes now.
            await self._store.hasten(row.what.target, self._clock.now())
            self._wake.set()
        return following

    def _silenced(self, row: Waiting) -> bool:
        """Return whether a row was queued for others before its incident became private (F17)."""
        private = row.incident is not None and row.incident.private
        return private and is_outside(row, self._plugins.confidants)

    async def _deliver(self, row: Waiting) -> Delivered:
        body = row.what.body
        if isinstance(body, ChatBody):
            return await self._chat.deliver(row, body)
        return await self._outside.deliver(row, body)

    async def _failed(self, lease: Lease, row: Waiting, exc: BaseException) -> Next:
        """Decide by the kind of failure: give up, or try again later."""
        match exc:
            case PermanentFailure():
                return await self._marks.bury(lease, row, str(exc) or "it was refused")
            case RateLimited():
                wait = exc.retry_after or self._settings.retry_first
                await self._marks.hold_off(lease, wait)
            case TemporaryFailure():
                await self._marks.put_off(lease, row, str(exc), exc.retry_after, unsure=exc.unsure)
            case TimeoutError():
                seconds = self._settings.timeout.total_seconds()
                why = f"no answer within {seconds:g} s"
                await self._marks.put_off(lease, row, why, unsure=True)
            case _:
                _log.warning("failed", target=row.what.target, error=repr(exc), exc_info=True)
                await self._marks.put_off(lease, row, repr(exc), unsure=True)
        return LEAVE


def _pointless(row: Waiting) -> bool:
    """Return whether a prompt's promise has ended meanwhile."""
    guard = row.what.guard
    if guard is None or row.incident is None:
        return False
    state = row.incident.clocks.get(guard.clock)
    return state is None or state.promise is None or state.promise.n != guard.n
