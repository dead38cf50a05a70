"""Transactions that survive cancellation, and single statements."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from tortoise.backends.base.client import BaseDBAsyncClient

from bot.store.work import Work
from storage import postgres
from storage.sqlite import Client
from storage.statements import POSTGRES, SQLITE
from storage.work import SqlWork

T = TypeVar("T")


TRIED_AGAIN = 3
"""How often a transaction is run again that PostgreSQL undid for another's sake."""


class Transactions:
    """The connections of a database, and what runs on them."""

    def __init__(self, client: BaseDBAsyncClient, reader: BaseDBAsyncClient) -> None:
        """Use `open_database`."""
        self._client = cast("Client | postgres.Client", client)
        self._reader = cast("Client | postgres.Client", reader)
        self.is_sqlite = isinstance(client, Client)
        self._sql = SQLITE if self.is_sqlite else POSTGRES

    async def transact(self, body: Callable[[Work], Awaitable[T]]) -> T:
        """Run `body` in one transaction; a cancelled caller waits for its end (see `Store`).

        A cancellation inside a transaction would leave SQLite's lock held for ever, or a connection
        of PostgreSQL's pool lost; so the transaction runs in a task that nobody cancels.
        """
        task = asyncio.ensure_future(self._transact(body))
        task.add_done_callback(_seen)  # its error is told to nobody where the caller has gone
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
        with postgres.told():
            for _ in range(TRIED_AGAIN):
                try:
                    return await self._within(body)
                except Exception as exc:
                    if not postgres.again(exc):
                        raise
            return await self._within(body)

    async def _within(self, body: Callable[[Work], Awaitable[T]]) -> T:
        async def whole(connection: BaseDBAsyncClient) -> T:
            work = SqlWork(connection, self._sql)
            result = await body(work)
            await work.flush()
            return result

        if isinstance(self._client, Client):
            return await self._client.write(whole)
        async with self._client.transaction() as connection:
            return await whole(connection)

    async def read(self, body: Callable[[Work], Awaitable[T]]) -> T:
        """Run a reading `body`; on SQLite over a second connection, which waits for no writer."""

        async def whole(connection: BaseDBAsyncClient) -> T:
            return await body(SqlWork(connection, self._sql, locking=False))

        with postgres.told():
            if isinstance(self._reader, Client):
                return await self._reader.look(whole)
            async with self._reader.one() as connection:
                return await whole(connection)

    async def _ask(self, statement: str, *values: object) -> list[dict[str, Any]]:
        asked, given = self._sql.text(statement), list(values)
        with postgres.told():
            if not isinstance(self._client, Client):
                async with self._client.one() as connection:
                    rows: list[dict[str, Any]] = await connection.execute_query_dict(asked, given)
                    return rows
            if asked.startswith("SELECT") and isinstance(self._reader, Client):
                return await self._reader.look(lambda db: db.execute_query_dict(asked, given))
            return await self._client.write(lambda db: db.execute_query_dict(asked, given))


def _seen(task: asyncio.Future[Any]) -> None:
    if not task.cancelled():
        task.exception()
