"""A Tortoise backend for SQLite: what waits to be written shares the wait for the disk.

A transaction runs in the connection's thread, from its first statement to its last. Those that came
while another was being made durable share the next COMMIT, each behind a savepoint of its own: each
is done whole or not at all, and nobody hears that it is done before it is on disk. Waiting for the
disk costs more than all else (bench B4).

Plain BEGIN is deferred: a transaction that reads and then writes fails at once when another process
wrote in between, whatever `busy_timeout` says, since its snapshot cannot be upgraded. (Tortoise's
migrations know SQLite by the name of this module.)
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from typing import Any, Generic, TypeVar, cast

import aiosqlite
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionWrapper
from tortoise.exceptions import IntegrityError, OperationalError

from bot.contract.errors import DatabaseAway, DatabaseDamaged

AT_ONCE = 64
"""How many transactions share a COMMIT at most."""

T = TypeVar("T")
Statement = tuple[str, Sequence[Any]]

_AWAY = {
    sqlite3.SQLITE_BUSY: "another program holds it locked; end that one",
    sqlite3.SQLITE_LOCKED: "another program holds it locked; end that one",
    sqlite3.SQLITE_PROTOCOL: "another program holds it locked; end that one",
    sqlite3.SQLITE_FULL: "the disk is full; make room",
    sqlite3.SQLITE_READONLY: "it cannot be written to; see who owns it and how it is mounted",
    sqlite3.SQLITE_PERM: "it cannot be written to; see who owns it and how it is mounted",
    sqlite3.SQLITE_CANTOPEN: "its files cannot be opened; see who owns them",
    sqlite3.SQLITE_IOERR: "the disk failed; see the system's log",
    sqlite3.SQLITE_NOMEM: "there is no memory left",
}
"""The primary result codes that say nothing of the statement, and what each means (D7)."""

_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

_SPOILT = re.compile(r"Could not decode to UTF-8|no such (table|column)|has no column named")
"""What is said without a code that would tell: bytes that are no text, tables that are not ours."""

MENDING = (
    "stop Sitrep, keep a copy of the file, and restore the last backup: sitrep restore <folder>"
)


def meaning(error: sqlite3.Error) -> Exception:
    """Return what an error of SQLite means here: away, damaged, or that the statement is wrong."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    name: str = getattr(error, "sqlite_errorname", "")
    if code & 0xFF in _DAMAGED or _SPOILT.search(str(error)):
        return DatabaseDamaged(f"the database is damaged ({error}); {MENDING}")
    if (why := _AWAY.get(code & 0xFF)) is not None:
        return DatabaseAway(f"the database cannot be used: {why} ({name})")
    if isinstance(error, sqlite3.IntegrityError):
        return IntegrityError(error)
    return OperationalError(error)


@contextmanager
def told() -> Iterator[None]:
    """Raise what an error of SQLite means, whoever wrapped it."""
    try:
        yield
    except sqlite3.Error as exc:
        raise meaning(exc) from exc
    except UnicodeDecodeError as exc:  # of a name in the schema
        raise DatabaseDamaged(f"the database is damaged ({exc}); {MENDING}") from exc
    except OperationalError as exc:
        cause = exc.args[0] if exc.args else None
        if isinstance(cause, sqlite3.Error):
            raise meaning(cause) from exc
        raise


class Direct(SqliteTransactionWrapper):
    """A transaction inside the connection's thread: its methods return without waiting."""

    async def begin(self) -> None:
        """Do nothing: it has begun."""

    async def commit(self) -> None:
        """Do nothing: it is committed with the others."""

    async def rollback(self) -> None:
        """Do nothing: rollback is the caller's."""

    async def run(self, statements: Sequence[Statement]) -> None:
        """Run statements whose rows nobody reads."""
        self._run(statements)

    async def fetch(self, statements: Sequence[Statement]) -> list[list[dict[str, Any]]]:
        """Run statements; return the rows of each."""
        return self._run(statements)

    def _run(self, statements: Sequence[Statement]) -> list[list[dict[str, Any]]]:
        database = self._connection._conn  # noqa: SLF001 - in its own thread
        with told():
            return [
                [dict(row) for row in database.execute(sql, values).fetchall()]
                for sql, values in statements
            ]

    async def execute_query_dict(
        self, query: str, values: list[Any] | None = None
    ) -> list[dict[str, Any]]:
        """Run one statement; return its rows."""
        (rows,) = self._run([(query, values or ())])
        return rows

    async def execute_query(
        self, query: str, values: list[Any] | None = None
    ) -> tuple[int, Sequence[dict[str, Any]]]:
        """Run one statement; return how many rows it has, and these."""
        rows = await self.execute_query_dict(query, values)
        return len(rows), rows


Body = Callable[[Direct], Coroutine[Any, Any, T]]
"""The body of a transaction; it awaits only the transaction's own methods."""


class _Asked(Generic[T]):
    """Something that waits for its turn in the connection's thread."""

    def __init__(self, body: Body[T]) -> None:
        self._body, self._context = body, copy_context()
        self.future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._result: T | None = None
        self._error: BaseException | None = None

    def run(self, client: Client, database: sqlite3.Connection) -> None:
        """Do it, or leave no trace of it.

        Raises:
            DatabaseAway: SQLite has undone all that came before it (the disk is full).
        """
        _still_open(database)
        database.execute("SAVEPOINT one")
        try:
            self._result = self._context.run(_driven, self._body(Direct(client)))
        except BaseException as exc:  # noqa: BLE001 - handed to whoever asked
            self._error = exc
            if database.in_transaction:
                database.execute("ROLLBACK TO one")
        if database.in_transaction:
            database.execute("RELEASE one")

    def fail(self, error: BaseException) -> None:
        """Take it for undone with the others."""
        self._error = self._error or error

    def tell(self) -> None:
        """Tell whoever asked, in their thread."""
        if self.future.done():
            return
        if self._error is not None:
            self.future.set_exception(self._error)
        else:
            self.future.set_result(cast("T", self._result))


class Client(SqliteClient):
    """The connection."""

    _asked: tuple[_Asked[Any], ...] = ()
    _working: asyncio.Task[None] | None = None

    async def create_connection(self, with_db: bool) -> None:  # noqa: FBT001 - Tortoise's own
        """Connect; to a `file:` URI as it says, and with no settings that would be written."""
        if self.filename.startswith("file:") and self._connection is None:
            opened = await aiosqlite.connect(self.filename, uri=True, isolation_level=None)
            opened._conn.row_factory = sqlite3.Row  # noqa: SLF001 - as Tortoise does
            self._connection = opened
            return
        await super().create_connection(with_db)

    async def write(self, body: Body[T]) -> T:
        """Run `body` in a transaction, a writer from its beginning; return once it is on disk."""
        asked = _Asked(body)
        self._asked = (*self._asked, asked)
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work_off())
        return await asked.future

    async def _work_off(self) -> None:
        """Do what is asked for, as much at a time as there is."""
        while self._asked:
            batch, self._asked = self._asked[:AT_ONCE], self._asked[AT_ONCE:]
            try:
                await self._in_thread(partial(self._together, batch))
            except BaseException as exc:
                for each in batch:
                    each.fail(exc)
                if not isinstance(exc, Exception):
                    raise
            finally:
                for each in batch:
                    each.tell()

    def _together(self, batch: Sequence[_Asked[Any]]) -> None:
        database = self._database()
        with told():
            try:
                database.execute("BEGIN IMMEDIATE")
                for each in batch:
                    each.run(self, database)
                _still_open(database)
                database.execute("COMMIT")
            finally:
                if database.in_transaction:
                    database.execute("ROLLBACK")

    async def look(self, body: Body[T]) -> T:
        """Run a reading `body`, over one state of the database."""
        context = copy_context()

        def whole() -> T:
            database = self._database()
            with told():
                database.execute("BEGIN")
                try:
                    return context.run(_driven, body(Direct(self)))
                finally:
                    if database.in_transaction:
                        database.execute("COMMIT")

        return await self._in_thread(whole)

    def _database(self) -> sqlite3.Connection:
        """Return the connection, in its own thread."""
        connection: Any = self._connection
        database: sqlite3.Connection = connection._conn  # noqa: SLF001 - aiosqlite's
        return database

    async def _in_thread(self, work: Callable[[], T]) -> T:
        async with self._lock:
            connection: Any = self._connection
            if connection is None:
                raise OperationalError("the database is closed")
            found: T = await connection._execute(work)  # noqa: SLF001 - aiosqlite's thread
            return found


def _still_open(database: sqlite3.Connection) -> None:
    """Raise `DatabaseAway` if SQLite has undone the transaction by itself (the disk is full)."""
    if not database.in_transaction:
        raise DatabaseAway("the database cannot be used: the transaction was undone")


def _driven(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that has nothing to wait for."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    work.close()
    raise RuntimeError("a transaction waits for nothing but its own statements")


client_class = Client
