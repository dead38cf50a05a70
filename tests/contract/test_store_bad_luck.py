"""SQLite's file locked, full, failing or read-only is an outage, and a damaged one is told of."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from datetime import timedelta

import pytest

from bot.contract.errors import DatabaseAway, DatabaseBusy, DatabaseDamaged
from storage import copy_database, found_damage, open_database, restore_database, urls
from tests.harness.small_disk import failing, filled, read_only, small_disk
from tests.worlds.domain import START
from tests.worlds.store import declared, post, send


def quiet(url: str, **options: object):
    return open_database(url, tell=lambda _line: None, **options)


@contextmanager
def locked(path):
    """Another program has the file to itself."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


TROUBLES = {
    "locked": (lambda home: locked(home / "a.db"), "another program holds it locked"),
    "full": (filled, "the disk is full"),
    "failing": (lambda _home: failing(), "the disk failed"),
}


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_a_file_that_cannot_be_written_is_a_database_that_is_away(
    tmp_path, trouble, monkeypatch
):
    """D7: nothing is half done, reading goes on, and so does writing when it is over."""
    monkeypatch.setattr(urls, "BUSY_MS", 50)
    begin, why = TROUBLES[trouble]
    with small_disk(tmp_path / "disk") as home:
        async with quiet(f"sqlite://{home / 'a.db'}") as db:
            await send(db, post("before"))
            text = "x" * 4096  # longer than what is left of a page
            with begin(home):
                for _ in range(2):
                    with pytest.raises(DatabaseAway, match=why):
                        await send(db, post(text), post(text))
                with pytest.raises(DatabaseAway, match=why):
                    await db.ping()
                assert (await db.backlog())["waiting"] == 1
            await db.ping()
            await send(db, post("after"))
            assert (await db.backlog())["waiting"] == 2
        assert await found_damage(f"sqlite://{home / 'a.db'}") == []


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_a_file_that_cannot_be_written_at_the_start_is_told_in_one_line(
    tmp_path, trouble, monkeypatch
):
    """D7"""
    monkeypatch.setattr(urls, "BUSY_MS", 50)
    begin, why = TROUBLES[trouble]
    with small_disk(tmp_path / "disk") as home:
        (home / "a.db").touch()
        with begin(home), pytest.raises(DatabaseAway, match=why) as raised:
            async with quiet(f"sqlite://{home / 'a.db'}"):
                pass
        assert "\n" not in str(raised.value)
        async with quiet(f"sqlite://{home / 'a.db'}") as db:
            await send(db, post("after"))


async def test_what_nobody_can_write_to_is_still_read(tmp_path):
    """D7"""
    url = f"sqlite://{tmp_path / 'home/a.db'}"
    async with quiet(url) as db:
        await declared(db)
    with read_only(tmp_path / "home"):
        async with quiet(url, exclusive=False, upgrade=False) as db:
            (found,) = await db.read(lambda w: w.list("all", 10))
            assert found.id == "INC-1"
            with pytest.raises(DatabaseAway, match="cannot be written to"):
                await send(db, post())
        assert await found_damage(url) == []
        await copy_database(url, tmp_path / "copy.db")
        with pytest.raises(Exception, match="Read-only file system"):
            async with quiet(url):
                pass


async def test_at_the_start_a_lane_that_a_dead_process_held_is_free_at_once(tmp_path):
    """D2 D7: the file is one process's, so no other can still be sending."""
    url, until = f"sqlite://{tmp_path / 'a.db'}", START + timedelta(seconds=6)
    async with quiet(url) as db:
        await send(db, post())
        (lease,) = await db.claim("dead", now=START, until=until, limit=5)
        assert await db.hold("session/matrix", "dead", now=START, until=until)
    async with quiet(url) as db:
        (again,) = await db.claim("alive", now=START, until=until, limit=5)
        assert (again.lane, again.fence > lease.fence) == (lease.lane, True)
        row = await db.read(lambda work: work.waiting(again))
        assert row.doubt
        assert await db.hold("session/matrix", "alive", now=START, until=until)


DAMAGE = {
    "a page": lambda raw: raw[:8192] + b"\xde\xad\xbe\xef" * 1024 + raw[12288:],
    "another file": lambda _raw: b"#!/bin/sh\necho this is no database\n" * 400,
    "an end": lambda raw: raw[: len(raw) // 2],
}


@pytest.mark.parametrize("damage", DAMAGE)
async def test_a_damaged_file_is_refused_with_what_to_do(tmp_path, damage):
    """D7"""
    path = tmp_path / "a.db"
    url = f"sqlite://{path}"
    async with quiet(url) as db:
        await declared(db)
        for n in range(20):
            await send(db, post(f"{n}" * 900))
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    for options in ({}, {"exclusive": False, "upgrade": False}):
        with pytest.raises(DatabaseDamaged, match="sitrep restore"):
            async with quiet(url, **options):
                assert await found_damage(url) == []
    with pytest.raises(DatabaseDamaged):
        await copy_database(url, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


async def test_a_flipped_bit_in_an_index_is_found_by_the_deep_look(tmp_path):
    """D7"""
    path = tmp_path / "a.db"
    url = f"sqlite://{path}"
    async with quiet(url) as db:
        await send(db, *(post(f"{n}", lane=f"chat/r{n}") for n in range(50)))
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA writable_schema = ON")
        raw.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'state', 'lane')"
            " WHERE type = 'index' AND tbl_name = 'outbox' AND sql LIKE '%state%'"
        )
        raw.commit()
    assert await found_damage(url) != []


async def test_a_copy_goes_back_and_what_stood_there_is_kept(tmp_path):
    """D7"""
    url, copy = f"sqlite://{tmp_path / 'home/a.db'}", tmp_path / "copy.db"
    async with quiet(url) as db:
        await send(db, post("before"))
        await copy_database(url, copy)
        await send(db, post("after"))
        with pytest.raises(DatabaseBusy):
            await restore_database(url, copy)
    _, aside = await restore_database(url, copy)
    for at, count in ((url, 1), (f"sqlite://{aside}", 2)):
        async with quiet(at) as db:
            assert (await db.backlog())["waiting"] == count
    (tmp_path / "home/a.db").write_bytes(b"\0" * 5000)
    await restore_database(url, copy)
    async with quiet(url) as db:
        assert (await db.backlog())["waiting"] == 1


async def test_a_copy_has_its_name_only_when_it_is_whole(tmp_path):
    """D7: what a kill or a full disk leaves is no backup."""
    url = f"sqlite://{tmp_path / 'a.db'}"
    async with quiet(url) as db:
        await send(db, *(post("x" * 4000) for _ in range(50)))
    with small_disk(tmp_path / "disk") as disk, filled(disk):
        with pytest.raises((DatabaseAway, OSError)):
            await copy_database(url, disk / "sitrep.db")
        assert not (disk / "sitrep.db").exists()
