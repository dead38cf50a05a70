"""Opening a database, upgraded; and questions about the whole of it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, cast

import asyncpg
from tortoise.context import TortoiseContext

from bot.contract.errors import BotError, DatabaseAway, DatabaseBusy
from bot.files import FileRefused, make_folder, open_own, refuse_link
from storage import migrate
from storage.codec import instant, micros
from storage.lanes import Lanes
from storage.transactions import AWAY
from storage.urls import connection_config, sqlite_path


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
        """Run an empty query.

        Raises:
            DatabaseAway: The database does not answer.
        """
        await self._ask("SELECT 1 AS alive")

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
        BotError: Migrations are pending and `upgrade` is off, or the URL is not a database URL.
    """
    path = sqlite_path(url)
    held: IO[bytes] | None = None
    try:
        if path is not None:
            _prepare_file(path)
            held = _hold(path) if exclusive else None
        await migrate.upgrade(url, apply=upgrade, tell=tell)
        connections = {"default": connection_config(url)}
        if path is not None:
            connections["reader"] = connection_config(url, query_only=1)
        async with TortoiseContext() as context:
            await context.init(migrate.tortoise_config(connections))
            client = context.connections.get("default")
            reader = context.connections.get("reader") if path is not None else client
            for each in {id(client): client, id(reader): reader}.values():
                await each.create_connection(with_db=True)
            yield Database(client, reader)
    except (*AWAY, asyncpg.PostgresError) as exc:
        raise DatabaseAway(f"cannot use the database: {exc}; see storage.url") from exc
    finally:
        if held is not None:
            held.close()


async def copy_database(url: str, to: Path) -> str:
    """Copy a whole SQLite database while a bot may be writing to it; return the path of the copy.

    Raises:
        DatabaseAway: There is no database yet, or it cannot be read.
    """
    path = sqlite_path(url)
    if path is None or not path.exists():
        raise DatabaseAway(f"there is no database {url.removeprefix('sqlite://')} yet")

    def copy() -> None:
        os.close(open_own(to))
        with (
            closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(to)) as target,
        ):
            source.backup(target)

    try:
        await asyncio.to_thread(copy)
    except sqlite3.Error as exc:
        raise DatabaseAway(f"cannot copy {path}: {exc}") from exc
    return str(to)


def _prepare_file(path: Path) -> None:
    """Make the folder and the file, readable by the owner only: the record is confidential."""
    try:
        make_folder(path.parent)
        refuse_link(path)
        if not path.exists():
            os.close(open_own(path))
    except FileRefused:
        raise
    except OSError as exc:
        raise BotError(
            f"cannot use {path}: {exc.strerror}; set SITREP_HOME to a folder that can be written"
        ) from exc


def _hold(path: Path) -> IO[bytes]:
    lock = os.fdopen(open_own(path.with_name(path.name + ".lock"), os.O_WRONLY | os.O_APPEND), "ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        lock.close()
        raise DatabaseBusy(
            f"another Sitrep runs on {path}; stop it, or set SITREP_HOME to another folder. "
            "Reading commands (incidents, export, check) work beside it."
        ) from exc
    return lock


async def pending_migrations(url: str) -> list[str]:
    """Return the migrations that an upgrade would run."""
    return await migrate.pending(url)
