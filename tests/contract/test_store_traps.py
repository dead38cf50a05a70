"""Traps of the libraries that lose data or stop the bot, each sprung."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import random
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from functools import partial
from pathlib import Path

import pytest
from tortoise import fields
from tortoise.migrations import operations as ops
from tortoise.migrations.migration import Migration

from bot.contract.errors import BotError, DatabaseAway, DatabaseBusy, DatabaseTooNew
from storage import migrate, open_database, pending_migrations
from tests.harness.waiting import PATIENCE
from tests.worlds.store import declared, post, send


def quiet(url: str, **options: object):
    return open_database(url, tell=lambda _line: None, **options)


async def test_cancelling_inside_a_transaction_neither_hangs_nor_half_writes(url):
    """Trap 1: a cancel left SQLite's lock held for ever, and PostgreSQL's pool leaking."""
    chance = random.Random(7)
    async with quiet(url) as db:

        async def two(work):
            await work.number("A")
            await pause(url, 0)
            await work.number("B")

        for _ in range(400):
            task = asyncio.create_task(db.transact(two))
            await asyncio.sleep(chance.random() * 0.003)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        async with asyncio.timeout(PATIENCE):
            last = [await db.transact(lambda w, s=s: w.number(s)) for s in "AB"]
        assert last[0] == last[1]


async def test_a_timeout_around_a_transaction_waits_for_its_end(url):
    """Trap 1: what was begun is whole when the caller goes on."""
    loop, begun, may_end = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    async def slow(work):
        await work.number("A")
        loop.call_soon_threadsafe(begun.set)
        while not may_end.is_set():
            await pause(url, 0.01)
        await work.number("B")

    async with quiet(url) as db:
        transaction = asyncio.create_task(db.transact(slow))
        await begun.wait()
        # Both timers may be late, and never in another order.
        loop.call_later(0.2, may_end.set)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await transaction
        assert may_end.is_set()
        assert [await db.transact(lambda w, s=s: w.number(s)) for s in "AB"] == [2, 2]


class _Altered(Migration):
    """A migration that remakes the incident table on SQLite."""

    app_label = "models"
    name = "9001_alter"
    dependencies = (("models", "0006_confirmations"),)
    operations = (ops.AlterField("IncidentRow", "title", fields.CharField(max_length=5000)),)


class _Losing(Migration):
    """A migration that loses rows."""

    app_label = "models"
    name = "9002_lose"
    dependencies = (("models", "0006_confirmations"),)
    operations = (ops.RunSQL("DELETE FROM member"),)


async def filled(url: str) -> None:
    async with quiet(url) as db:
        await declared(db)
        await send(db, post())


async def migrated(url: str, step: type[Migration]) -> None:
    async with migrate._executor(url, "storage.migrations") as executor:
        applied = await executor.recorder.applied_migrations()
        state = await executor._project_state(set(applied))
        await migrate._apply(executor, step(step.name, step.app_label), state)


async def test_altering_a_column_keeps_the_rows_that_refer_to_it_and_the_indexes(tmp_path):
    """Trap 2: SQLite remakes the table, and the drop emptied the tables that refer to it."""
    url = f"sqlite://{tmp_path / 'a.db'}"
    await filled(url)
    before = shape(tmp_path / "a.db")
    assert before["rows"]["event"] > 0
    await migrated(url, _Altered)
    after = shape(tmp_path / "a.db")
    assert after["rows"] == before["rows"] | {"tortoise_migrations": 7}
    assert before["indexes"] <= after["indexes"]


async def test_an_upgrade_that_would_lose_rows_is_rolled_back(tmp_path):
    """Trap 2"""
    url = f"sqlite://{tmp_path / 'a.db'}"
    await filled(url)
    before = shape(tmp_path / "a.db")
    with pytest.raises(BotError, match="would lose rows of member"):
        await migrated(url, _Losing)
    assert shape(tmp_path / "a.db") == before


def shape(path: Path) -> dict:
    with sqlite3.connect(path) as db:
        names = [r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        rows = {
            n: db.execute(f'SELECT COUNT(*) FROM "{n}"').fetchone()[0]
            for n in names
            if not n.startswith("sqlite_")
        }
        sql = "SELECT tbl_name, sql FROM sqlite_master WHERE type='index' AND sql IS NOT NULL"
        indexes = {(t, s.partition(" ON ")[2].replace('"', "")) for t, s in db.execute(sql)}
    db.close()
    return {"rows": rows, "indexes": indexes}


def test_reading_and_then_writing_beside_other_processes_never_fails(tmp_path):
    """Trap 3: a deferred BEGIN made 40 % of such transactions fail with "database is locked"."""
    program = textwrap.dedent(
        """
        import asyncio, sys
        from storage import open_database

        async def main():
            async with open_database(sys.argv[1], exclusive=False) as db:
                async def add(work):
                    served = await work.served()
                    await work.number("A")
                for _ in range(100):
                    await db.transact(add)

        asyncio.run(main())
        """
    )
    url = f"sqlite://{tmp_path / 'a.db'}"
    asyncio.run(_touch(url))
    running = [
        subprocess.Popen([sys.executable, "-c", program, url], cwd=Path(__file__).parents[2])
        for _ in range(3)
    ]
    assert [p.wait(PATIENCE) for p in running] == [0, 0, 0]
    with sqlite3.connect(tmp_path / "a.db") as db:
        assert db.execute("SELECT value FROM counter").fetchone() == (300,)
    db.close()


async def pause(url: str, seconds: float) -> None:
    """Take a while inside a transaction: on SQLite it runs in a thread of its own."""
    if url.startswith("sqlite"):
        time.sleep(seconds)  # noqa: ASYNC251 - in that thread
    else:
        await asyncio.sleep(seconds)


async def _touch(url: str) -> None:
    async with quiet(url):
        pass


async def test_a_task_started_inside_a_transaction_does_not_inherit_it(postgres):
    """Trap 4: its writes went into whoever's transaction was open."""
    async with quiet(postgres.database()) as db:
        started = []

        async def outside():
            return await db.transact(lambda w: w.number("B"))

        async def body(work):
            started.append(asyncio.create_task(outside()))
            await work.number("A")
            await asyncio.sleep(0.05)
            raise RuntimeError("rolled back")

        with pytest.raises(RuntimeError):
            await db.transact(body)
        assert await started[0] == 1
        assert await db.transact(lambda w: w.number("A")) == 1
        assert await db.transact(lambda w: w.number("B")) == 2


async def test_a_transaction_that_waits_for_something_else_is_undone_on_sqlite(tmp_path):
    """It is one trip to the connection's thread, where there is no loop to wait on."""
    async with quiet(f"sqlite://{tmp_path / 'a.db'}") as db:

        async def waits(work):
            await work.number("A")
            await asyncio.get_running_loop().create_future()

        async def yields(work):
            await work.number("A")
            await _Yield()

        for body in (waits, yields):
            with pytest.raises(RuntimeError):
                await db.transact(body)
        assert await db.transact(lambda w: w.number("A")) == 1


async def test_transactions_that_share_a_commit_are_each_whole_or_not_at_all(url):
    """D1: what one of them raises undoes that one alone"""
    async with quiet(url) as db:

        async def one(work, n: int) -> int:
            found = await work.number("A")
            await work.number(f"B{n}")
            if n % 3 == 0:
                raise ValueError(n)
            return found

        asked = [db.transact(partial(one, n=n)) for n in range(150)]
        outcomes = await asyncio.gather(*(_given(each) for each in asked))
        done = [found for found in outcomes if isinstance(found, int)]
        assert sorted(done) == list(range(1, 101))
        assert [n for n, found in enumerate(outcomes) if isinstance(found, ValueError)] == list(
            range(0, 150, 3)
        )
        assert await db.transact(lambda w: w.number("A")) == 101
        assert await db.transact(lambda w: w.number("B3")) == 1
        assert await db.transact(lambda w: w.number("B4")) == 2


async def test_a_disk_that_is_full_undoes_all_that_share_a_commit(tmp_path):
    """D1: nobody is told that something is done which is not on disk"""
    async with quiet(f"sqlite://{tmp_path / 'a.db'}") as db:
        await db.transact(lambda w: w.number("A"))
        database = db._client._database()

        async def last(work):
            await work.number("A")
            database.execute("ROLLBACK")  # as SQLite itself does when a page cannot be written

        asked = [db.transact(lambda w: w.number("A")) for _ in range(3)]
        asked += [db.transact(last), *(db.transact(lambda w: w.number("A")) for _ in range(3))]
        outcomes = await asyncio.gather(*(_given(each) for each in asked))
        assert not any(isinstance(found, int) for found in outcomes)
        assert await db.transact(lambda w: w.number("A")) == 2


async def _given(what):
    try:
        return await what
    except Exception as exc:  # noqa: BLE001 - whatever it is
        return exc


class _Yield:
    def __await__(self):
        yield


async def test_sqlite_runs_as_the_record_needs_it(tmp_path):
    async with quiet(f"sqlite://{tmp_path / 'a.db'}") as db:
        pragmas = {
            name: (await db._ask(f"PRAGMA {name}"))[0][name]
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
        assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
        assert (tmp_path / "a.db").stat().st_mode & 0o777 == 0o600


async def test_a_second_bot_on_one_file_is_refused_and_reading_beside_it_is_not(tmp_path):
    """Trap 3"""
    url = f"sqlite://{tmp_path / 'a.db'}"
    async with quiet(url):
        with pytest.raises(DatabaseBusy, match="another Sitrep runs"):
            async with quiet(url):
                pass
        async with quiet(url, exclusive=False) as reading:
            assert await reading.read(lambda w: w.list("all", 1)) == []


def test_models_and_migrations_agree(tmp_path):
    root = Path(__file__).parents[2]
    shutil.copytree(root / "storage/migrations", tmp_path / "copied_migrations")
    config = migrate.tortoise_config({"default": "sqlite://:memory:"}, "copied_migrations")
    (tmp_path / "settings_for_test.py").write_text(f"TORTOISE_ORM = {config!r}\n")
    tool = Path(sys.executable).with_name("tortoise")
    made = subprocess.run(
        [tool, "-c", "settings_for_test.TORTOISE_ORM", "makemigrations"],
        cwd=root,
        env={"PYTHONPATH": f"{tmp_path}:{root}", "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "No changes detected" in made.stdout + made.stderr


async def test_every_migration_runs_from_nothing_and_again_changes_nothing(url):
    assert await migrate.upgrade(url, tell=lambda _line: None) == [
        "0001_initial",
        "0002_doubt_and_keeping",
        "0003_actions",
        "0004_subscriptions",
        "0005_news",
        "0006_confirmations",
    ]
    assert await migrate.upgrade(url, tell=lambda _line: None) == []
    assert await pending_migrations(url) == []


async def test_a_crash_between_a_migration_and_its_record_leaves_neither(url, monkeypatch):
    """Its record was written after the commit, on another connection."""

    async def crash(self, app, name):
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr("tortoise.migrations.recorder.MigrationRecorder.record_applied", crash)
        with pytest.raises(RuntimeError):
            await migrate.upgrade(url, tell=lambda _line: None)
    assert await migrate.upgrade(url, tell=lambda _line: None) == [
        "0001_initial",
        "0002_doubt_and_keeping",
        "0003_actions",
        "0004_subscriptions",
        "0005_news",
        "0006_confirmations",
    ]


async def test_a_database_newer_than_the_program_is_refused_by_name(url):
    await _touch(url)
    async with migrate._executor(url, "storage.migrations") as executor:
        await executor.recorder.record_applied("models", "0099_from_the_future")
    with pytest.raises(DatabaseTooNew, match="0099_from_the_future"):
        async with quiet(url):
            pass


NEXT = """
from tortoise import fields, migrations
from tortoise.migrations import operations as ops

class Migration(migrations.Migration):
    dependencies = [("models", "0006_confirmations")]
    operations = [ops.AddField("IncidentRow", "colour", fields.CharField(max_length=9, null=True))]
"""


async def test_the_next_version_upgrades_a_filled_database_and_readers_do_not(
    url, tmp_path, monkeypatch
):
    await filled(url)
    folder = tmp_path / f"next_{tmp_path.name}"
    shutil.copytree(Path(__file__).parents[2] / "storage/migrations", folder)
    (folder / "0007_next.py").write_text(NEXT)
    monkeypatch.syspath_prepend(tmp_path)
    told: list[str] = []
    steps = {"tell": told.append, "migrations": folder.name}
    with pytest.raises(BotError, match="sitrep migrate"):
        await migrate.upgrade(url, apply=False, **steps)
    assert await migrate.upgrade(url, **steps) == ["0007_next"]
    assert await migrate.upgrade(url, **steps) == []
    assert told[-1] == "upgraded: 0007_next"
    if url.startswith("sqlite"):
        copy = Path(told[0].rpartition(": ")[2])
        rows = shape(tmp_path / "sitrep.db")["rows"]
        assert shape(copy)["rows"] == rows | {"tortoise_migrations": 6}
    with pytest.raises(DatabaseTooNew, match="0007_next"):
        async with quiet(url):
            pass


async def test_reading_a_database_that_is_not_there_yet_finds_nothing(url):
    async with quiet(url, exclusive=False, upgrade=False) as db:
        assert await db.read(lambda w: w.list("all", 1)) == []


async def test_an_upgrade_of_a_file_keeps_a_copy_and_says_where(tmp_path, monkeypatch):
    url = f"sqlite://{tmp_path / 'a.db'}"
    await filled(url)
    async with migrate._executor(url, "storage.migrations") as executor:
        copy = await migrate._copy(executor, tmp_path / "a.db")
    assert shape(copy)["rows"] == shape(tmp_path / "a.db")["rows"]
    assert copy.stat().st_mode & 0o777 == 0o600


async def test_a_postgresql_that_lets_nobody_in_says_so(postgres):
    url = postgres.database().replace("/t", "/nowhere_t", 1)
    with pytest.raises(DatabaseAway, match="nowhere_t"):
        async with quiet(url):
            pass


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://x/y", "is not a database that Sitrep knows"),
        ("sqlite:///proc/nowhere/x.db", "SITREP_HOME"),
        ("postgres://x@/y?host=/nowhere", "/nowhere: No such file or directory; see storage.url"),
    ],
)
async def test_a_database_that_cannot_be_used_says_what_to_do(url, says):
    with pytest.raises(BotError, match=says):
        async with quiet(url):
            pass


async def test_the_error_of_a_transaction_whose_caller_has_gone_is_nobodys(url):
    """Trap 1: it is no task whose exception was never retrieved."""
    told: list[dict] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, about: told.append(about))
    async with quiet(url) as db:

        async def fails(work):
            await work.number("A")
            await pause(url, 0.05)
            raise ValueError("too late")

        task = asyncio.create_task(db.transact(fails))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        del task
        gc.collect()
        await asyncio.sleep(0)
    assert told == []


async def test_whoever_asks_needs_nothing_of_the_librarys_context(url):
    """Trap 5: a server that listens before the database is opened answers outside its context."""
    async with quiet(url) as db:
        await declared(db)
        asked = db.read(lambda work: work.list("open", 5))
        (found,) = await asyncio.create_task(asked, context=contextvars.Context())
        assert found.id == "INC-1"
