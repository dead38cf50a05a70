"""Brings a database to this program's schema; a migration and its record land together."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.context import TortoiseContext
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.graph import MigrationKey
from tortoise.migrations.migration import Migration
from tortoise.migrations.recorder import MigrationRecorder
from tortoise.migrations.schema_editor import BaseSchemaEditor
from tortoise.migrations.schema_generator.state import State

from bot.contract.errors import BotError, DatabaseTooNew
from bot.files import open_own
from storage.sqlite import Client
from storage.urls import connection_config, is_writable, sqlite_path

_ADVISORY_LOCK = 7_748_737  # "sitrep" on a phone's keys: one migrating process at a time


def tortoise_config(
    connections: Mapping[str, Any], migrations: str = "storage.migrations"
) -> dict[str, Any]:
    """Return Tortoise's configuration."""
    return {
        "connections": dict(connections),
        "apps": {
            "models": {
                "models": ["storage.models"],
                "migrations": migrations,
                "default_connection": "default",
            }
        },
        "use_tz": True,
        "timezone": "UTC",
    }


TORTOISE_ORM = tortoise_config({"default": "sqlite://:memory:"})
"""The configuration that `make migration` uses."""


async def pending(url: str) -> list[str]:
    """Return the migrations that are not applied yet.

    Raises:
        DatabaseTooNew: Some are applied that this program does not have.
    """
    path = sqlite_path(url)
    if path is not None and not path.exists():
        return ["a new database"]
    read_only = path is not None and not is_writable(path)
    async with _executor(url, "storage.migrations", read_only=read_only) as executor:
        await _refuse_newer(executor)
        return [step.migration.name for step in await executor.plan()]


async def upgrade(
    url: str,
    *,
    apply: bool = True,
    read_only: bool = False,
    tell: Callable[[str], None] = print,
    migrations: str = "storage.migrations",
) -> list[str]:
    """Run what is pending; return its names.

    Args:
        url: The database.
        apply: Whether to run it on a database that has data.
        read_only: Whether the SQLite file cannot be written to.
        tell: Called with a line for the operator at each step.
        migrations: The package of the migrations.

    Raises:
        DatabaseTooNew: The database was written by a newer Sitrep.
        BotError: A migration lost something, and was rolled back; or is pending and `apply` is off.
    """
    async with _executor(url, migrations, read_only=read_only) as executor:
        await _refuse_newer(executor)
        plan = await executor.plan()
        if not plan:
            return []
        names = [step.migration.name for step in plan]
        applied = await executor.recorder.applied_migrations()
        if applied and not apply:
            raise BotError(f"the database needs an upgrade ({', '.join(names)}): sitrep migrate")
        path = sqlite_path(url)
        if applied and path is not None:
            tell(f"upgrading {path}; a copy of it as it was: {await _copy(executor, path)}")
        state = await executor._project_state(set(applied))  # noqa: SLF001 - its own runner does
        done = []
        for step in plan:
            if not await _apply(executor, step.migration, state):
                continue  # another process was first
            done.append(step.migration.name)
            if applied:
                tell(f"upgraded: {step.migration.name}")
        await _refuse_newer(executor)  # the other may have been of a newer version
        return done


@asynccontextmanager
async def _executor(
    url: str, migrations: str, *, read_only: bool = False
) -> AsyncIterator[MigrationExecutor]:
    """Connect for migrating: on SQLite without foreign keys, which a remade table would cascade."""
    connection = connection_config(url, read_only=read_only, unlimited=True)
    if sqlite_path(url) is not None:
        connection["credentials"]["foreign_keys"] = "OFF"
    config = tortoise_config({"default": connection}, migrations)
    async with TortoiseContext() as context:
        await context.init(config)
        client = context.connections.get("default")
        await client.create_connection(with_db=True)
        executor = MigrationExecutor(client, config["apps"])
        executor.recorder = executor.loader.recorder = _Recorder(client)
        if isinstance(client, Client) and not read_only:
            await executor.recorder.ensure_schema(_editor(executor, client))
        await executor.loader.build_graph()
        yield executor


class _Recorder(MigrationRecorder):
    """What is applied; Tortoise's own takes a database that does not answer for an empty one."""

    async def applied_migrations(self) -> list[MigrationKey]:
        """Return what is applied; nothing if there is no table of it yet."""
        sqlite = self.connection.capabilities.dialect == "sqlite"
        (table,) = await self.connection.execute_query_dict(
            "SELECT COUNT(*) AS n FROM sqlite_master WHERE name = 'tortoise_migrations'"
            if sqlite
            else "SELECT COUNT(to_regclass('tortoise_migrations')) AS n"
        )
        if not table["n"]:
            return []
        rows = await self.connection.execute_query_dict(
            "SELECT app, name FROM tortoise_migrations ORDER BY applied_at, app, name"
        )
        return [MigrationKey(app_label=row["app"], name=row["name"]) for row in rows]


async def _refuse_newer(executor: MigrationExecutor) -> None:
    known = set(executor.loader.graph.nodes)
    newer = [key.name for key in await executor.recorder.applied_migrations() if key not in known]
    if newer:
        raise DatabaseTooNew(
            f"the database was written by a newer Sitrep (it has {', '.join(newer)}); "
            "install that version, or point storage.url at another database. Nothing was changed."
        )


async def _apply(executor: MigrationExecutor, migration: Migration, state: State) -> bool:
    """Run a migration and write its record in one transaction, and see that nothing was lost.

    Return whether it was this process that did it.
    """
    key = MigrationKey(app_label=migration.app_label, name=migration.name)
    client = executor.connection
    async with client._in_transaction() as transaction:  # noqa: SLF001
        recorder, editor = _Recorder(transaction), _editor(executor, transaction)
        if not isinstance(client, Client):
            await _alone(transaction)
            await recorder.ensure_schema(editor)
        if key in await recorder.applied_migrations():
            await migration.apply(state, dry_run=True)
            return False
        before = await _census(transaction)
        await migration.apply(state, dry_run=False, schema_editor=editor)
        if isinstance(client, Client):
            await _mend_indexes(transaction, before.indexes)
            await _check_whole(transaction, before, migration.name)
        await recorder.record_applied(key.app_label, key.name)
    return True


def _editor(executor: MigrationExecutor, client: BaseDBAsyncClient) -> BaseSchemaEditor:
    """Return what writes the schema's statements, on a connection or in a transaction."""
    editor = executor._schema_editor()  # noqa: SLF001
    editor.client = client
    return editor


async def _alone(transaction: BaseDBAsyncClient) -> None:
    """Keep other processes from migrating PostgreSQL until this transaction ends.

    A lock of the session would be nobody's behind a pooler, which gives each transaction another.
    What others did meanwhile is seen only where each statement sees what is committed.
    """
    await transaction.execute_script("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
    await transaction.execute_query("SELECT pg_advisory_xact_lock($1)", [_ADVISORY_LOCK])


class _Census:
    """The number of rows of each table, and the indexes (SQLite)."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.indexes: dict[str, tuple[str, str]] = {}


async def _census(client: BaseDBAsyncClient) -> _Census:
    census = _Census()
    if client.capabilities.dialect != "sqlite":
        return census
    for row in await client.execute_query_dict(
        "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
    ):
        if row["type"] == "table":
            counting = f'SELECT COUNT(*) AS n FROM "{row["name"]}"'
            (count,) = await client.execute_query_dict(counting)
            census.rows[row["name"]] = count["n"]
        elif row["type"] == "index" and row["sql"]:
            census.indexes[row["name"]] = (row["tbl_name"], row["sql"])
    return census


async def _mend_indexes(client: BaseDBAsyncClient, before: Mapping[str, tuple[str, str]]) -> None:
    """Make the indexes again that went with a table remade to alter a column."""
    now = await _census(client)
    for name, (table, sql) in before.items():
        if name not in now.indexes and table in now.rows:
            await client.execute_script(sql)


async def _check_whole(client: BaseDBAsyncClient, before: _Census, name: str) -> None:
    after = await _census(client)
    lost = [t for t, n in before.rows.items() if t in after.rows and after.rows[t] < n]
    dangling = await client.execute_query_dict("PRAGMA foreign_key_check")
    if lost or dangling:
        tables = sorted({*lost, *(row["table"] for row in dangling)})
        raise BotError(
            f"the upgrade {name} would lose rows of {', '.join(tables)}; it was rolled back, "
            "nothing was changed. Keep the older Sitrep, and report this."
        )


async def _copy(executor: MigrationExecutor, path: Path) -> Path:
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"  # noqa: TID251 - a file's name, not a decision
    copy = path.with_name(f"{path.name}.before-{stamp}")
    os.close(open_own(copy))  # SQLite fills an empty file, and would follow a link
    await executor.connection.execute_query(
        f"VACUUM INTO '{str(copy).replace(chr(39), chr(39) * 2)}'"
    )
    return copy
