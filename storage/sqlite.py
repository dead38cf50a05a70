"""A Tortoise backend for SQLite: a whole transaction is one trip to the connection's thread.

Plain BEGIN is deferred: a transaction that reads and then writes fails at once when another process
wrote in between, whatever `busy_timeout` says, since its snapshot cannot be upgraded. (Tortoise's
migrations know SQLite by the name of this module.)
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from contextvars import copy_context
from typing import Any, TypeVar

from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionWrapper
from tortoise.exceptions import IntegrityError, OperationalError

T = TypeVar("T")
Statement = tuple[str, Sequence[Any]]


class ImmediateTransaction(SqliteTransactionWrapper):
    """A transaction inside the connection's thread: its methods return without waiting.

    It begins with its first statement, as a writer from that moment; for one that only reads, with
    a snapshot of the database.
    """

    def __init__(self, client: SqliteClient, *, writes: bool) -> None:
        """`writes`: it takes the write lock."""
        super().__init__(client)
        self._begin = "BEGIN IMMEDIATE" if writes else "BEGIN"
        self._begun = False

    async def begin(self) -> None:
        """Begin with the first statement."""

    async def commit(self) -> None:
        """Commit what was begun."""
        if self._begun:
            self._run([("COMMIT", ())])
            self._begun = False
        self._finalized = True

    async def rollback(self) -> None:
        """Undo what was begun."""
        if self._begun and self._connection.in_transaction:
            self._run([("ROLLBACK", ())])
        self._begun, self._finalized = False, True

    async def run(self, statements: Sequence[Statement]) -> None:
        """Run statements whose rows nobody reads."""
        self._run(statements)

    async def fetch(self, statements: Sequence[Statement]) -> list[list[dict[str, Any]]]:
        """Run statements; return the rows of each."""
        return self._run(statements)

    def _run(self, statements: Sequence[Statement]) -> list[list[dict[str, Any]]]:
        database = self._connection._conn  # noqa: SLF001 - in its own thread
        try:
            if not self._begun:
                database.execute(self._begin)
                self._begun = True
            return [
                [dict(row) for row in database.execute(sql, values).fetchall()]
                for sql, values in statements
            ]
        except sqlite3.OperationalError as exc:
            raise OperationalError(exc) from exc
        except sqlite3.IntegrityError as exc:
            raise IntegrityError(exc) from exc

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


class Client(SqliteClient):
    """The connection."""

    async def within(
        self, body: Callable[[ImmediateTransaction], Coroutine[Any, Any, T]], *, writes: bool
    ) -> T:
        """Run `body` in a transaction in the connection's thread, from BEGIN to COMMIT.

        A trip there costs more than most statements do, and the lock is held from the first to the
        last (bench B3, B4). `body` waits for nothing but the transaction.
        """
        transaction = ImmediateTransaction(self, writes=writes)

        def whole() -> T:
            try:
                result = _driven(body(transaction))
                _driven(transaction.commit())
            except BaseException:
                _driven(transaction.rollback())
                raise
            return result

        connection = self._connection
        if connection is None:
            raise OperationalError("the database is closed")
        context = copy_context()
        async with self._lock:
            found: T = await connection._execute(lambda: context.run(whole))  # type: ignore[no-untyped-call]  # noqa: SLF001
            return found


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
