"""A Tortoise backend for SQLite that takes the write lock at BEGIN.

Plain BEGIN is deferred: a transaction that reads and then writes fails at once when another process
wrote in between, whatever `busy_timeout` says, since its snapshot cannot be upgraded. (Tortoise's
migrations know SQLite by the name of this module.)
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionWrapper
from tortoise.exceptions import IntegrityError, OperationalError

Statement = tuple[str, Sequence[Any]]


class ImmediateTransaction(SqliteTransactionWrapper):
    """A transaction that is a writer from its first moment.

    It begins with its first statement, and ends with its last writes, in the same trip to the
    connection's thread: a trip costs more than most statements do (bench B3).
    """

    _begun = False

    async def begin(self) -> None:
        """Begin with the first statement, which takes the write lock."""

    async def commit(self) -> None:
        """Commit what was begun."""
        await self.finish(())

    async def finish(self, statements: Sequence[Statement]) -> None:
        """Run the last statements, and commit."""
        if self._begun or statements:
            await self.run((*statements, ("COMMIT", ())))
        self._finalized = True

    async def rollback(self) -> None:
        """Undo what was begun."""
        if self._begun:
            await super().rollback()
        self._finalized = True

    async def run(self, statements: Sequence[Statement]) -> None:
        """Run statements whose rows nobody reads, in one trip."""
        await self.fetch(statements)

    async def fetch(self, statements: Sequence[Statement]) -> list[list[dict[str, Any]]]:
        """Run statements in one trip; return the rows of each."""
        connection, begun = self._connection, self._begun
        self._begun = True

        def in_thread() -> list[list[dict[str, Any]]]:
            database = connection._conn  # noqa: SLF001 - in its own thread
            if not begun:
                database.execute("BEGIN IMMEDIATE")
            return [
                [dict(row) for row in database.execute(sql, values).fetchall()]
                for sql, values in statements
            ]

        try:
            found: list[list[dict[str, Any]]] = await connection._execute(in_thread)  # type: ignore[no-untyped-call]  # noqa: SLF001
        except sqlite3.OperationalError as exc:
            raise OperationalError(exc) from exc
        except sqlite3.IntegrityError as exc:
            raise IntegrityError(exc) from exc
        return found

    async def execute_query_dict(
        self, query: str, values: list[Any] | None = None
    ) -> list[dict[str, Any]]:
        """Run one statement; return its rows."""
        (rows,) = await self.fetch([(query, values or ())])
        return rows

    async def execute_query(
        self, query: str, values: list[Any] | None = None
    ) -> tuple[int, Sequence[dict[str, Any]]]:
        """Run one statement; return how many rows it has, and these."""
        rows = await self.execute_query_dict(query, values)
        return len(rows), rows


class Client(SqliteClient):
    """The connection."""

    def transaction(self) -> ImmediateTransaction:
        """Return a transaction that has not begun; `lock` is held while it runs."""
        return ImmediateTransaction(self)

    @property
    def lock(self) -> Any:  # noqa: ANN401 - Tortoise's
        """What keeps two transactions apart on the one connection."""
        return self._lock


client_class = Client
