"""A Tortoise backend for PostgreSQL: hosts tried in turn, and what its errors mean."""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.exceptions import BaseORMException

from bot.contract.errors import BotError, DatabaseAway, DatabaseDamaged
from storage.postgres_url import Target

_AWAY = {
    "08": "see whether it runs",
    "25006": "it is read-only, perhaps a standby: name the server that takes writes, or all of them"
    " with target_session_attrs=read-write, in storage.url",
    "25P03": "see its time limits",
    "25P04": "see its time limits",
    "26000": "behind PgBouncer add statement_cache_size=0 to storage.url",
    "28": "see storage.url, and the server's pg_hba.conf",
    "3D": "see storage.url",
    "40": "too many wanted the same at once",
    "42P05": "behind PgBouncer add statement_cache_size=0 to storage.url",
    "42501": "give its user what is missing",
    "53": "see its log",
    "53100": "its disk is full; make room there",
    "53200": "it has no memory left",
    "53300": "lower maxsize in storage.url, or raise its max_connections",
    "55P03": "something else holds it",
    "57": "see its log",
    "58": "its disk failed; see its log",
}
"""Beginnings of SQLSTATEs that say nothing of the statement, and what to do about each (D7)."""

_DAMAGED = frozenset({"XX001", "XX002"})

_AGAIN = (
    asyncpg.TransactionRollbackError,  # a deadlock's victim, or one that could not be put in order
    asyncpg.InvalidCachedStatementError,  # another process has upgraded the tables
)


def again(error: BaseException) -> bool:
    """Return whether a transaction was undone for no fault of its own, and can run again."""
    return isinstance(error, _AGAIN)


def meaning(error: BaseException) -> BotError | None:
    """Return what an error of PostgreSQL or on the way to it means; `None`: a wrong statement."""
    cause = _cause(error)
    if isinstance(cause, asyncpg.PostgresError):
        state: str = cause.sqlstate or ""
        said = str(cause.args[0] if cause.args else cause).split("\n", 1)[0]
        if state in _DAMAGED:
            return DatabaseDamaged(
                f"the database is damaged ({said}); see PostgreSQL's log, and restore a backup"
            )
        if not any(state.startswith(begin) for begin in _AWAY):
            return None
        advice = _AWAY[max(filter(state.startswith, _AWAY), key=len)]
        return DatabaseAway(f"the database cannot be used: {said} ({state}); {advice}")
    if isinstance(cause, asyncpg.ClientConfigurationError):
        return BotError(f"storage.url: {cause.args[0]}")
    if isinstance(cause, (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)) and not (
        isinstance(cause, ValueError)  # a value that does not fit the statement
    ):
        return DatabaseAway(f"the database cannot be used: {_reason(cause)}; see storage.url")
    return None


def _is_spent(error: BaseException) -> bool:
    """Return whether a connection is better made anew: it is lost, or leads to the wrong server."""
    return isinstance(meaning(error), DatabaseAway) and not again(error)


@contextmanager
def told() -> Iterator[None]:
    """Raise what an error of PostgreSQL means, whoever wrapped it."""
    try:
        yield
    except Exception as exc:
        meant = meaning(exc)
        if meant is None:
            raise
        raise meant from exc


def _cause(error: BaseException) -> BaseException:
    """Return the error that Tortoise has wrapped."""
    inner = error.args[0] if isinstance(error, BaseORMException) and error.args else None
    if not isinstance(inner, BaseException):
        inner = error.__cause__ if isinstance(error, BaseORMException) else None
    return error if inner is None else inner


def _reason(error: BaseException) -> str:
    """Return why a host was not reached, without the address: that is named already."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not to be trusted: {error.verify_message.rstrip('.')}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason}"
    if isinstance(error, OSError) and error.errno and error.errno > 0 and error.filename is None:
        return os.strerror(error.errno)
    if isinstance(error, OSError) and error.strerror and "\n" not in error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__


class Client(AsyncpgDBClient):
    """The connections."""

    def __init__(self, *, target: Target, **rest: Any) -> None:  # noqa: ANN401 - Tortoise's own
        """Take what the URL means."""
        super().__init__(database=target.options.get("database"), **rest)
        self._target = target

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[BaseDBAsyncClient]:
        """Open a transaction, passed as a value so that no task inherits it."""
        async with self.one() as wrapper:
            # The statements are written for this one, whatever the server's default is.
            transaction = wrapper._connection.transaction(isolation="read_committed")  # noqa: SLF001
            await transaction.start()
            try:
                yield wrapper
            except BaseException as exc:
                if not _is_spent(exc):
                    await transaction.rollback()
                raise
            else:
                await transaction.commit()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[TransactionWrapper]:
        """Take a connection; close it if it is of no more use, and wait for no answer to that."""
        if self._pool is None:
            raise BotError("the database connection is closed")
        async with self._pool.acquire() as connection:
            wrapper = TransactionWrapper(self)
            wrapper._connection = cast("asyncpg.Connection", connection)  # noqa: SLF001
            try:
                yield wrapper
            except BaseException as exc:
                if _is_spent(exc):
                    connection.terminate()
                raise

    async def create_pool(self, **given: Any) -> asyncpg.Pool:  # noqa: ANN401 - Tortoise's own
        """Connect, to the first of the hosts that will do."""
        options = {"connection_class": given["connection_class"], **self._target.options}
        return await asyncpg.create_pool(connect=self._connect, **options)

    async def _connect(self, *dsn: object, **options: Any) -> asyncpg.Connection:  # noqa: ANN401
        """Try each host with a time limit of its own; asyncpg has one for all of them."""
        failures = []
        for host, port in self._target.hosts:
            where = f"{host or 'the usual place'}{f':{port}' if port else ''}"
            try:
                return await asyncpg.connect(*dsn, host=host, port=port, **options)
            except (OSError, asyncpg.TargetServerAttributeNotMatched) as exc:
                failures.append(f"{where}: {_reason(exc)}")
            except asyncpg.CannotConnectNowError as exc:
                failures.append(f"{where}: {exc.args[0]}")
        raise DatabaseAway(f"the database cannot be used: {'; '.join(failures)}; see storage.url")


client_class = Client
