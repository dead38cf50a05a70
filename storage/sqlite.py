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
from tortoise.exceptions import IntegrityError, OperationalError, TransactionManagementError

Statement = tuple[str, Sequence[Any]]


class ImmediateTransaction(SqliteTransactionWrapper):
    """A transaction that is a writer from its first moment."""

    async def begin(self) -> None:
        """Take the write lock, waiting for it as long as `busy_timeout` allows."""
        try:
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as exc:
            raise TransactionManagementError(exc) from exc

    async def run(self, statements: Sequence[Statement]) -> None:
        """Run statements in one trip to the connection's thread.

        A trip costs more than most statements do: one for the whole of a command's writes makes it
        several times as fast as one for each (bench B3).
        """
        connection = self._connection

        def in_thread() -> None:
            for sql, values in statements:
                connection._conn.execute(sql, values).close()  # noqa: SLF001 - its own thread

        try:
            await connection._execute(in_thread)  # type: ignore[no-untyped-call]  # noqa: SLF001
        except sqlite3.OperationalError as exc:
            raise OperationalError(exc) from exc
        except sqlite3.IntegrityError as exc:
            raise IntegrityError(exc) from exc


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
