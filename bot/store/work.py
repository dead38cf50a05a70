"""One transaction, and the database that runs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from bot.store.inbox import Inbox
from bot.store.incidents import Incidents
from bot.store.places import Places
from bot.store.queue import Queue
from bot.store.readers import Readers
from bot.store.rows import Lease
from bot.store.subscriptions import Subscriptions

T = TypeVar("T")


class Work(Inbox, Incidents, Subscriptions, Readers, Places, Queue, Protocol):
    """One transaction. Whatever it writes is there after it, or nothing is (D1)."""


class Store(Protocol):
    """The database."""

    async def transact(self, body: Callable[[Work], Awaitable[T]]) -> T:
        """Run `body` in one transaction, which ends whole or not at all, even when cancelled.

        `body` awaits nothing but the work's own methods, starts no tasks, and may be run again from
        its beginning, after all it did was undone.
        """

    async def read(self, body: Callable[[Work], Awaitable[T]]) -> T:
        """Run a reading `body`, which never waits for a writer where the database can do that."""

    async def claim(
        self,
        owner: str,
        *,
        now: datetime,
        until: datetime,
        limit: int,
        without: Sequence[str] = (),
    ) -> list[Lease]:
        """Take lanes that have something to send and no sender; leave out the targets `without`."""

    async def renew(self, owner: str, leases: Sequence[Lease], *, until: datetime) -> None:
        """Hold lanes for longer."""

    async def release(self, owner: str, lease: Lease) -> None:
        """Give a lane back."""

    async def claimable(self, now: datetime, without: Sequence[str] = ()) -> bool:
        """Return whether there is a lane to take, of other adapters than `without`."""

    async def hold(self, name: str, owner: str, *, now: datetime, until: datetime) -> bool:
        """Take, or keep, what one process has at a time; whether it is this owner's now."""

    async def let_go(self, name: str, owner: str) -> None:
        """Give back what `hold` took."""

    async def next_due(self) -> datetime | None:
        """Return when something falls due next."""

    async def hasten(self, target: str, now: datetime) -> None:
        """Let every lane of a target be taken up at once that was put off: it is back."""

    async def end_delays(self, now: datetime) -> None:
        """Let every lane be taken up at once that was put off: until when is not known any more."""

    async def next_retry(self, now: datetime) -> datetime | None:
        """Return when a lane that was put off may be tried again."""

    async def backlog(self) -> Mapping[str, int]:
        """Return how many rows wait and how many are dead letters."""

    async def awaited(self) -> Mapping[str, int]:
        """Return how many rows wait for each adapter and plugin."""

    async def prune(self, before: datetime) -> int:
        """Delete delivered rows, inbox marks and what was kept for a while; return how many."""

    async def ping(self) -> None:
        """Write something that means nothing; raise `DatabaseAway` if it is not taken."""

    async def ahead(self, now: datetime) -> timedelta:
        """Return how far `now` is ahead of the database's clock; an embedded one has no other."""
