"""Opens the database, and runs transactions that survive cancellation."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, TypeVar, cast
from urllib.parse import parse_qsl, urlsplit

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.backends.base.config_generator import expand_db_url
from tortoise.context import TortoiseContext
from tortoise.exceptions import DBConnectionError

from bot.contract.errors import BotError, DatabaseAway, DatabaseBusy
from bot.refs import Lane
from bot.store.rows import Lease
from bot.store.work import Work
from storage import migrate
from storage.codec import instant, micros
from storage.sqlite import Client
from storage.work import POSTGRES, SQLITE, SqlWork

T = TypeVar("T")

DEADLOCKS_BORNE = 3
"""How often a transaction is begun again that PostgreSQL ended for another's sake."""

WAL_BYTES = 16 * 1024 * 1024
"""How long SQLite's log may stay on disk."""

BUSY_MS = 10_000
"""How long a writer waits for another process's transaction on SQLite."""


_AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what a connection says that was cut in the middle of an answer
    asyncpg.exceptions.OperatorInterventionError,
    DBConnectionError,
)
"""What says that the database is away, not that something is wrong with what it was asked."""


@contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except _AWAY as exc:
        raise DatabaseAway(f"the database does not answer: {exc!r}") from exc


_SECOND = 1_000_000

_CLAIMABLE = (
    "SELECT l.name FROM lane l JOIN ("
    "SELECT lane, MAX(urgent) AS urgent, MIN(id) AS oldest FROM outbox"
    " WHERE state = 'waiting' GROUP BY lane) w ON w.lane = l.name"
    f" WHERE (l.lease_us IS NULL OR l.lease_us < $2 OR l.lease_us > $2 + {60 * _SECOND})"
    f" AND (l.not_before_us IS NULL OR l.not_before_us <= $2"
    f" OR l.not_before_us > $2 + {2 * 3600 * _SECOND})"
)
"""The lanes with something to send that nobody holds and that are not put off.

A lease or a delay longer than any that is given was written before the clock jumped back.
"""


def _besides(adapters: Sequence[str], first: int) -> str:
    """Return what leaves out the lanes of adapters, whose names come as parameters."""
    return "".join(
        f" AND substr(l.name, 1, length(${n})) <> ${n}" for n in range(first, first + len(adapters))
    )


class Database:
    """The store (see `bot.store.work.Store`)."""

    def __init__(self, client: BaseDBAsyncClient, reader: BaseDBAsyncClient) -> None:
        """Use `open_database`."""
        self._client, self._reader = client, reader
        self.is_sqlite = isinstance(client, Client)
        self._sql = SQLITE if self.is_sqlite else POSTGRES

    # --- transactions -----------------------------------------------------------------------------

    async def transact(self, body: Callable[[Work], Awaitable[T]]) -> T:
        """Run `body` in one transaction; a cancelled caller waits for its end (see `ports`).

        A cancellation inside a transaction would leave SQLite's lock held for ever, or a connection
        of PostgreSQL's pool lost; so the transaction runs in a task that nobody cancels.
        """
        task = asyncio.ensure_future(self._transact(body))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            while not task.done():
                try:
                    await asyncio.wait([task])
                except asyncio.CancelledError:
                    continue
            raise

    async def _transact(self, body: Callable[[Work], Awaitable[T]]) -> T:
        with _reaching():
            for _ in range(DEADLOCKS_BORNE):
                try:
                    return await self._within(body)
                except asyncpg.DeadlockDetectedError:
                    continue  # it was undone whole, so that the other could go on: now ours
            return await self._within(body)

    async def _within(self, body: Callable[[Work], Awaitable[T]]) -> T:
        async def whole(connection: BaseDBAsyncClient) -> T:
            work = SqlWork(connection, self._sql)
            result = await body(work)
            await work.flush()
            return result

        if isinstance(self._client, Client):
            return await self._client.write(whole)
        async with self._transaction() as connection:
            return await whole(connection)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[BaseDBAsyncClient]:
        """A transaction of PostgreSQL's that is handed on by name only: no task inherits it."""
        client = cast("AsyncpgDBClient", self._client)
        pool = client._pool  # noqa: SLF001 - Tortoise offers no other way to it
        if pool is None:
            raise BotError("the database connection is closed")
        async with pool.acquire() as connection:
            wrapper = TransactionWrapper(client)
            wrapper._connection = cast("asyncpg.Connection", connection)  # noqa: SLF001
            async with _ended(wrapper) as transaction:
                yield transaction

    async def read(self, body: Callable[[Work], Awaitable[T]]) -> T:
        """Run a reading `body`, on SQLite over a connection of its own."""

        async def whole(connection: BaseDBAsyncClient) -> T:
            return await body(SqlWork(connection, self._sql, locking=False))

        with _reaching():
            if isinstance(self._reader, Client):
                return await self._reader.look(whole)
            return await whole(self._reader)

    async def _ask(self, statement: str, *values: object) -> list[dict[str, Any]]:
        asked, given = self._sql.text(statement), list(values)
        with _reaching():
            if not isinstance(self._client, Client):
                return await self._client.execute_query_dict(asked, given)
            if asked.startswith("SELECT") and isinstance(self._reader, Client):
                return await self._reader.look(lambda db: db.execute_query_dict(asked, given))
            return await self._client.write(lambda db: db.execute_query_dict(asked, given))

    # --- lanes ------------------------------------------------------------------------------------

    async def claim(
        self,
        owner: str,
        *,
        now: datetime,
        until: datetime,
        limit: int,
        without: Sequence[str] = (),
    ) -> list[Lease]:
        """Take lanes with something to send that nobody holds (see `ports`)."""
        rows = await self._ask(
            "UPDATE lane SET doubt = owner IS NOT NULL, owner = $1, lease_us = $3,"
            " fence = fence + 1 WHERE name IN ("
            f"{_CLAIMABLE}{_besides(without, 4)} ORDER BY w.urgent DESC, w.oldest LIMIT {limit:d}"
            f"{self._sql.skip_locked(' OF l')}) RETURNING name, fence, doubt,"
            " (SELECT MAX(urgent) FROM outbox WHERE lane = name AND state = 'waiting') AS urgent,"
            " (SELECT MIN(id) FROM outbox WHERE lane = name AND state = 'waiting') AS oldest",
            owner,
            micros(now),
            micros(until),
            *(Lane.prefix(adapter) for adapter in without),
        )
        # An UPDATE returns its rows in any order; what was queued first is begun first.
        for row in rows:
            if row["doubt"]:
                # Whoever had it may have been sending: of each urgency, what stood first.
                await self._ask(
                    "UPDATE outbox SET doubt = TRUE WHERE id IN (SELECT MIN(id) FROM outbox"
                    " WHERE lane = $1 AND state = 'waiting' GROUP BY urgent) RETURNING id",
                    row["name"],
                )
        rows.sort(key=lambda row: (-(row["urgent"] or 0), row["oldest"] or 0))
        return [Lease(lane=Lane(row["name"]), fence=row["fence"]) for row in rows]

    async def claimable(self, now: datetime, without: Sequence[str] = ()) -> bool:
        """Return whether there is a lane to take."""
        asked = f"{_CLAIMABLE.replace('$2', '$1')}{_besides(without, 2)} LIMIT 1"
        return bool(await self._ask(asked, micros(now), *(Lane.prefix(name) for name in without)))

    async def hold(self, name: str, owner: str, *, now: datetime, until: datetime) -> bool:
        """See `ports`."""
        await self._ask(
            "INSERT INTO lane (name, fence, doubt) VALUES ($1, 0, FALSE)"
            " ON CONFLICT (name) DO NOTHING RETURNING name",
            name,
        )
        rows = await self._ask(
            "UPDATE lane SET owner = $1, lease_us = $4, fence = fence + 1 WHERE name = $2 AND ("
            "owner IS NULL OR owner = $1 OR lease_us IS NULL OR lease_us < $3"
            f" OR lease_us > $3 + {60 * _SECOND}) RETURNING name",
            owner,
            name,
            micros(now),
            micros(until),
        )
        return bool(rows)

    async def let_go(self, name: str, owner: str) -> None:
        """See `ports`."""
        await self._ask(
            "UPDATE lane SET owner = NULL, lease_us = NULL WHERE name = $1 AND owner = $2"
            " RETURNING name",
            name,
            owner,
        )

    async def renew(self, owner: str, leases: Sequence[Lease], *, until: datetime) -> None:
        """Hold lanes for longer."""
        for lease in leases:
            await self._ask(
                "UPDATE lane SET lease_us = $1 WHERE name = $2 AND owner = $3 AND fence = $4"
                " RETURNING name",
                micros(until),
                lease.lane,
                owner,
                lease.fence,
            )

    async def release(self, owner: str, lease: Lease) -> None:
        """Give a lane back."""
        await self._ask(
            "UPDATE lane SET owner = NULL, lease_us = NULL"
            " WHERE name = $1 AND owner = $2 AND fence = $3 RETURNING name",
            lease.lane,
            owner,
            lease.fence,
        )

    async def hasten(self, target: str, now: datetime) -> None:
        """See `ports`."""
        await self._ask(
            "UPDATE lane SET not_before_us = NULL WHERE substr(name, 1, length($1)) = $1"
            " AND not_before_us > $2 RETURNING name",
            Lane.prefix(target),
            micros(now),
        )

    async def next_retry(self, now: datetime) -> datetime | None:
        """Return when a lane that was put off, or whose holder is gone, may be claimed."""
        (row,) = await self._ask(
            "SELECT MIN(CASE WHEN COALESCE(not_before_us, 0) > COALESCE(lease_us, 0)"
            " THEN not_before_us ELSE lease_us END) AS soonest FROM lane"
            " WHERE (not_before_us > $1 OR lease_us IS NOT NULL)"
            " AND name IN (SELECT DISTINCT lane FROM outbox WHERE state = 'waiting')",
            micros(now),
        )
        return instant(row["soonest"]) if row["soonest"] is not None else None

    # --- looking around ---------------------------------------------------------------------------

    async def next_due(self) -> datetime | None:
        """Return when something falls due next."""
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
        """Delete delivered rows and inbox marks older than that; return how many."""
        gone = 0
        for statement in (
            "DELETE FROM outbox WHERE state IN ('sent', 'dropped') AND done_us < $1 RETURNING id",
            "DELETE FROM inbox WHERE received_us < $1 RETURNING id",
            "DELETE FROM reference WHERE kept_us < $1 RETURNING name",
        ):
            gone += len(await self._ask(statement, micros(before)))
        return gone

    async def ping(self) -> None:
        """Ask the database for a sign of life.

        Raises:
            DatabaseAway: It gives none.
        """
        await self._ask("SELECT 1 AS alive")

    async def ahead(self, now: datetime) -> timedelta:
        """See `ports`."""
        if self.is_sqlite:
            return timedelta(0)
        (row,) = await self._ask("SELECT clock_timestamp() AS instant")
        return now - cast("datetime", row["instant"])


@asynccontextmanager
async def _ended(transaction: TransactionWrapper) -> AsyncIterator[BaseDBAsyncClient]:
    await transaction.begin()
    try:
        yield transaction
    except BaseException:
        await transaction.rollback()
        raise
    else:
        await transaction.commit()


# --- opening --------------------------------------------------------------------------------------


def sqlite_path(url: str) -> Path | None:
    """Return the file that a URL names; none where it is no SQLite URL."""
    if not url.startswith("sqlite:"):
        return None
    return Path(url.removeprefix("sqlite://").partition("?")[0])


def connection_config(url: str, **pragmas: str | int) -> dict[str, Any]:
    """Return Tortoise's configuration of a connection.

    Raises:
        BotError: The URL names no database that Sitrep knows.
    """
    path = sqlite_path(url)
    if path is not None:
        given = dict(parse_qsl(urlsplit(url).query))
        settings = {
            "synchronous": "FULL",
            "busy_timeout": BUSY_MS,
            "secure_delete": "ON",
            # Tortoise's 16 KiB would cut the log at each checkpoint, and have it grown anew.
            "journal_size_limit": WAL_BYTES,
        }
        credentials = {"file_path": str(path), **settings, **given, **pragmas}
        return {"engine": "storage.sqlite", "credentials": credentials}
    if url.startswith(("asyncpg://", "postgres://", "postgresql://")):
        config = expand_db_url("asyncpg://" + url.split("://", 1)[1])
        config["credentials"].setdefault("minsize", 1)
        config["credentials"].setdefault("maxsize", 10)
        return config
    raise BotError(
        f"storage.url: {url.partition('://')[0]}:// is no database Sitrep knows; "
        "write sqlite:///path/to/sitrep.db or postgres://user@host/name"
    )


@asynccontextmanager
async def open_database(
    url: str, *, exclusive: bool = True, upgrade: bool = True, tell: Callable[[str], None] = print
) -> AsyncIterator[Database]:
    """Open a database, upgraded to this program's schema.

    `exclusive`: this is the running bot; on SQLite there is one. `tell` hears what an upgrade does.

    Raises:
        DatabaseBusy: Another Sitrep runs on this SQLite file.
        DatabaseTooNew: It was written by a newer Sitrep.
        DatabaseAway: It cannot be reached, or does not let Sitrep in.
        BotError: It is not upgraded and should not be, or the URL is none.
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
    except (*_AWAY, asyncpg.PostgresError) as exc:
        raise DatabaseAway(f"cannot use the database: {exc}; see storage.url") from exc
    finally:
        if held is not None:
            held.close()


async def copy_database(url: str, to: Path) -> str:
    """Copy an SQLite database whole, beside a bot that may be writing; return where it is.

    Raises:
        DatabaseAway: There is none yet, or it cannot be read.
    """
    path = sqlite_path(url)
    if path is None or not path.exists():
        raise DatabaseAway(f"there is no database {url.removeprefix('sqlite://')} yet")

    def copy() -> None:
        os.close(os.open(to, os.O_CREAT | os.O_RDWR, 0o600))
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
    """Make the folder and the file, for the owner's eyes only: the record is confidential."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as exc:
        raise BotError(
            f"cannot use {path}: {exc.strerror}; set SITREP_HOME to a folder that can be written"
        ) from exc


def _hold(path: Path) -> IO[bytes]:
    lock = path.with_name(path.name + ".lock").open("ab")
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
