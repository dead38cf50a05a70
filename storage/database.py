"""Opening a database, upgraded; and questions about the whole of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from typing import cast
from uuid import uuid4

import asyncpg
from tortoise.context import TortoiseContext

from bot.contract.errors import DatabaseAway
from storage import migrate, postgres, sqlite
from storage.codec import instant, micros
from storage.lanes import Lanes
from storage.sqlite_file import held, look_for_damage, prepare, refuse_other
from storage.urls import connection_config, is_writable, sqlite_path

ALIVE = "alive"
"""The reference that is written to see whether the database takes a write."""


class Database(Lanes):
    """The store (see `bot.store.work.Store`)."""

    async def next_due(self) -> datetime | None:
        """Return the next due time of any incident."""
        rows = await self._ask(
            "SELECT due_us FROM incident WHERE due_us IS NOT NULL ORDER BY due_us LIMIT 1"
        )
        return instant(rows[0]["due_us"]) if rows else None

    async def backlog(self) -> Mapping[str, int]:
        """Return how many outbox rows wait and how many are dead letters."""
        rows = await self._ask(
            "SELECT state, COUNT(*) AS n FROM outbox"
            " WHERE state IN ('waiting', 'dead') GROUP BY state"
        )
        return {"waiting": 0, "dead": 0} | {row["state"]: row["n"] for row in rows}

    async def awaited(self) -> Mapping[str, int]:
        """Return how many rows wait for each adapter and plugin."""
        rows = await self._ask(
            "SELECT target, COUNT(*) AS n FROM outbox WHERE state = 'waiting' GROUP BY target"
        )
        return {row["target"]: row["n"] for row in rows}

    async def prune(self, before: datetime) -> int:
        """Delete delivered rows, inbox marks and kept references before an instant; count them."""
        gone = 0
        for statement in (
            "DELETE FROM outbox WHERE state IN ('sent', 'dropped') AND done_us < $1 RETURNING id",
            "DELETE FROM inbox WHERE received_us < $1 RETURNING id",
            "DELETE FROM reference WHERE kept_us < $1 RETURNING name",
            "DELETE FROM news WHERE at_us < $1 RETURNING id",
            "DELETE FROM reader WHERE since_us < $1 AND held IS NULL RETURNING address",
        ):
            gone += len(await self._ask(statement, micros(before)))
        return gone

    async def ping(self) -> None:
        """Write something: a disk that is full or read-only still answers questions.

        Raises:
            DatabaseAway: The database does not take it.
        """
        value = uuid4().hex  # what does not change is not written
        await self.transact(lambda work: work.store_ref(ALIVE, value))

    async def ahead(self, now: datetime) -> timedelta:
        """Return how far `now` is ahead of the database's own clock; SQLite has none."""
        if self.is_sqlite:
            return timedelta(0)
        (row,) = await self._ask("SELECT clock_timestamp() AS instant")
        return now - cast("datetime", row["instant"])


@asynccontextmanager
async def open_database(
    url: str, *, exclusive: bool = True, upgrade: bool = True, tell: Callable[[str], None] = print
) -> AsyncIterator[Database]:
    """Open a database, upgraded to this program's schema.

    Args:
        url: `sqlite://…` or `postgres://…`.
        exclusive: Whether this is the running bot; an SQLite file has one.
        upgrade: Whether to run pending migrations on a database that has data.
        tell: Called with a line for the operator at each step of an upgrade.

    Raises:
        DatabaseBusy: Another Sitrep runs on this SQLite file.
        DatabaseTooNew: A newer Sitrep wrote the database.
        DatabaseAway: The database cannot be reached, or refuses the login.
        DatabaseDamaged: The SQLite file is not whole.
        BotError: Migrations are pending and `upgrade` is off, or the URL is not a database URL.
    """
    async with AsyncExitStack() as stack:
        with starting():
            database = await _opened(stack, url, exclusive=exclusive, upgrade=upgrade, tell=tell)
        yield database


async def _opened(
    stack: AsyncExitStack, url: str, *, exclusive: bool, upgrade: bool, tell: Callable[[str], None]
) -> Database:
    path = sqlite_path(url)
    if path is not None:
        refuse_other(path)
    read_only = path is not None and not exclusive and path.exists() and not is_writable(path)
    if path is not None and not read_only:
        prepare(path)
        if exclusive:
            stack.enter_context(held(path))
            await asyncio.to_thread(look_for_damage, path)
    await migrate.upgrade(url, apply=upgrade, read_only=read_only, tell=tell)
    connections = {"default": connection_config(url, read_only=read_only)}
    if path is not None:
        connections["reader"] = connection_config(url, read_only=read_only, query_only=1)
    context = await stack.enter_async_context(TortoiseContext())
    await context.init(migrate.tortoise_config(connections))
    client = context.connections.get("default")
    reader = context.connections.get("reader") if path is not None else client
    for each in {id(client): client, id(reader): reader}.values():
        await each.create_connection(with_db=True)
    database = Database(client, reader)
    if path is not None and exclusive:
        await database.end_leases()
    elif exclusive:
        await database.ping()  # a standby answers every question
    return database


@contextmanager
def starting() -> Iterator[None]:
    """Turn what keeps a database from being opened into an error that says what to do."""
    try:
        with postgres.told(), sqlite.told():
            yield
    except asyncpg.PostgresError as exc:
        raise DatabaseAway(f"cannot use the database: {exc}; see storage.url") from exc


async def pending_migrations(url: str) -> list[str]:
    """Return the migrations that an upgrade would run.

    Raises:
        BotError: As `open_database` does.
    """
    path = sqlite_path(url)
    if path is not None:
        refuse_other(path)
    with starting():
        return await migrate.pending(url)
