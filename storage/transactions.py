"""Transactions that survive cancellation, and single statements."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar, cast

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.exceptions import DBConnectionError

from bot.contract.errors import BotError, DatabaseAway
from bot.store.work import Work
from storage.sqlite import Client
from storage.statements import POSTGRES, SQLITE
from storage.work import SqlWork

T = TypeVar("T")


DEADLOCKS_BORNE = 3
"""How often a transaction is run again that PostgreSQL ended as a deadlock's victim."""


AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # raised when a connection is cut in the middle of an answer
    asyncpg.exceptions.OperatorInterventionError,
    DBConnectionError,
)
"""Exceptions that mean “unreachable”, as opposed to “bad query”."""


@contextmanager
def reaching() -> Iterator[None]:
    """Turn an unreachable database into `DatabaseAway`."""
    try:
        yield
    except AWAY as exc:
        raise DatabaseAway(f"the database does not answer: {exc!r}") from exc


class Transactions:
    """The connections of a database, and what runs on them."""

    def __init__(self, client: BaseDBAsyncClient, reader: BaseDBAsyncClient) -> None:
        """Use `open_database`."""
        self._client, self._reader = client, reader
        self.is_sqlite = isinstance(client, Client)
        self._sql = SQLITE if self.is_sqlite else POSTGRES

    async def transact(self, body: Callable[[Work], Awaitable[T]]) -> T:
        """Run `body` in one transaction; a cancelled caller waits for its end (see `Store`).

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
        with reaching():
            for _ in range(DEADLOCKS_BORNE):
                try:
                    return await self._within(body)
                except asyncpg.DeadlockDetectedError:
                    continue  # deadlock victim: rolled back, so it can run again
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
        """Open a transaction on PostgreSQL, passed as a value so that no task inherits it."""
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
        """Run a reading `body`; on SQLite over a second connection, which waits for no writer."""

        async def whole(connection: BaseDBAsyncClient) -> T:
            return await body(SqlWork(connection, self._sql, locking=False))

        with reaching():
            if isinstance(self._reader, Client):
                return await self._reader.look(whole)
            return await whole(self._reader)

    async def _ask(self, statement: str, *values: object) -> list[dict[str, Any]]:
        asked, given = self._sql.text(statement), list(values)
        with reaching():
            if not isinstance(self._client, Client):
                return await self._client.execute_query_dict(asked, given)
            if asked.startswith("SELECT") and isinstance(self._reader, Client):
                return await self._reader.look(lambda db: db.execute_query_dict(asked, given))
            return await self._client.write(lambda db: db.execute_query_dict(asked, given))


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
