"""Supervision of the chat adapters: sessions held under a lease, restarts with back-off (D4)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

import structlog

from bot.contract.chat import ChatAdapter, NeedsLogin, Receive
from bot.contract.context import Clock
from bot.contract.errors import DatabaseAway, SessionEnded, TemporaryFailure
from bot.delivery.outbox import Outbox
from bot.domain.durations import within
from bot.store.work import Store

RESTART_FIRST, RESTART_LONGEST = timedelta(seconds=1), timedelta(minutes=1)
"""How long an adapter that died is left alone before it is started again."""

SESSION = timedelta(seconds=9)
"""How long a process holds a session without a sign of life; another one takes it after that."""

LOOK_FOR_LOGIN = timedelta(seconds=2)
"""How often it is looked whether somebody has logged an adapter in."""

_log = structlog.stdlib.get_logger("sitrep.adapters")


class Adapters:
    """Keeps the chat adapters running."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        outbox: Outbox,
        receive: Receive,
        tell_lost: Callable[[str, str], Awaitable[None]],
    ) -> None:
        self._store, self._clock, self._outbox = store, clock, outbox
        self._receive, self._tell_lost = receive, tell_lost
        self._owner = uuid4().hex
        self.lost: list[str] = []
        """Each platform that ended its session, with how to begin another."""
        self._waiting: dict[str, str] = {}
        self._begun: set[str] = set()

    def lacking(self) -> tuple[str, ...]:
        """Return each adapter that has not run yet for want of a login, with how to log it in.

        One whose session has ended later is not among them: what else is served goes on.
        """
        waiting = self._waiting.items()
        return tuple(f"{name}: {why}" for name, why in waiting if name not in self._begun)

    async def run(self, adapters: Mapping[str, ChatAdapter]) -> bool:
        """Run every adapter until it has nothing more to hear; return whether all was readable."""
        heard = await asyncio.gather(*(self.listen(name, each) for name, each in adapters.items()))
        return all(heard)

    async def listen(self, name: str, adapter: ChatAdapter) -> bool:
        """Keep an adapter running whenever somebody has logged it in."""
        while True:
            await self._logged_in(name, adapter)
            self._begun.add(name)
            single = adapter.features.single
            heard = await (self._alone if single else self._kept_running)(name, adapter)
            if _lacking(adapter) is None:
                return heard

    async def _logged_in(self, name: str, adapter: ChatAdapter) -> None:
        """Wait until nothing is lacking; meanwhile no session is held that another could use."""
        while (why := _lacking(adapter)) is not None:
            self._outbox.without.add(name)
            if self._waiting.get(name) != why:
                self._waiting[name] = why
                _log.error("waiting for a login", adapter=name, why=why)
            await self._clock.sleep(LOOK_FOR_LOGIN)
        if self._waiting.pop(name, None) is not None:
            _log.info("logged in", adapter=name)
            self.lost = [each for each in self.lost if not each.startswith(f"{name}: ")]
            self._outbox.without.discard(name)

    async def _alone(self, name: str, adapter: ChatAdapter) -> bool:
        """Keep an adapter running while no other process does."""
        session = f"session/{name}"
        self._outbox.without.add(name)
        while True:
            if await self._holds(session):
                try:
                    ended = await self._while_held(session, name, adapter)
                    if ended is not None:
                        return ended
                finally:
                    self._outbox.without.add(name)
                    with suppress(DatabaseAway):
                        await self._store.let_go(session, self._owner)
            await self._clock.sleep(SESSION / 3)

    async def _while_held(self, session: str, name: str, adapter: ChatAdapter) -> bool | None:
        """Run an adapter until it ends; `None` if another process takes its session before that."""
        self._outbox.without.discard(name)
        self._outbox.wake()
        running = asyncio.create_task(self._kept_running(name, adapter), name=f"adapter {name}")
        try:
            held_at = self._clock.now()
            while not running.done():
                sleeping = asyncio.create_task(self._clock.sleep(SESSION / 3))
                await asyncio.wait((running, sleeping), return_when=asyncio.FIRST_COMPLETED)
                sleeping.cancel()
                if running.done():
                    break
                if await self._holds(session):
                    held_at = self._clock.now()
                elif not within(SESSION, held_at, self._clock.now()):
                    _log.warning("another process has the session", adapter=name)
                    return None
            return await running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _holds(self, session: str) -> bool:
        now = self._clock.now()
        try:
            return await self._store.hold(session, self._owner, now=now, until=now + SESSION)
        except DatabaseAway as exc:
            _log.warning("database away", error=str(exc))
            return False

    async def _kept_running(self, name: str, adapter: ChatAdapter) -> bool:
        """Keep an adapter running; restart one that dies, with back-off (D4)."""
        wait = RESTART_FIRST
        while True:
            try:
                return await adapter.run(self._receive)
            except SessionEnded as exc:
                _log.error("session ended", adapter=name, why=str(exc))
                self.lost.append(f"{name}: {exc}")
                await self._tell_lost(name, str(exc))
                return False
            except TemporaryFailure as exc:
                _log.warning("adapter away", adapter=name, why=str(exc))
            except (Exception, SystemExit) as exc:
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    # Its end failed, as on a terminal that is closed: it is not begun again.
                    raise asyncio.CancelledError from exc
                _log.exception("adapter died", adapter=name, restart_in=wait.total_seconds())
            await self._clock.sleep(wait)
            wait = min(wait * 2, RESTART_LONGEST)


def logins_lacking(adapters: Mapping[str, ChatAdapter]) -> list[str]:
    """Return what a person has to do before each of some adapters can run."""
    return [why for each in adapters.values() if (why := _lacking(each)) is not None]


def _lacking(adapter: ChatAdapter) -> str | None:
    return adapter.lacking() if isinstance(adapter, NeedsLogin) else None
