"""PostgreSQL behind a pooler, which gives each transaction another session."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from bot.contract.errors import DatabaseAway
from storage import open_database, pending_migrations
from tests.harness.waiting import PATIENCE
from tests.peers.pgbouncer import pgbouncer

ROOT = Path(__file__).parents[2]

STARTS = """
import asyncio, sys
from storage import open_database

async def main():
    sys.stdin.readline()
    async with open_database(sys.argv[1], tell=lambda _line: None) as db:
        await db.ping()

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def pooler(postgres):
    with pgbouncer(postgres) as place:
        yield place


@pytest.fixture
def name(postgres):
    return postgres.database().partition("@/")[2].partition("?")[0]


def test_processes_that_start_at_once_behind_a_pooler_all_come_up(postgres, pooler, name):
    """D7: a lock of the session locked nothing there, and one of them died."""
    url = f"postgres://postgres@/{name}?{pooler}&statement_cache_size=0"
    command = [sys.executable, "-c", STARTS, url]
    running = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    for each in running:
        each.stdin.write(b"\n")
        each.stdin.flush()
    ended = [(each.communicate(timeout=PATIENCE)[1].decode(), each.returncode) for each in running]
    assert ended == [("", 0)] * 3
    assert asyncio.run(pending_migrations(url)) == []
    locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    assert postgres.psql(locks) == "0\n"


async def test_behind_a_pooler_nothing_is_prepared(pooler, name):
    """D7: what asyncpg prepared in one session is looked for in another."""
    url = f"postgres://postgres@/{name}?{pooler}&statement_cache_size=0"

    async def use(url: str) -> None:
        async with open_database(url, tell=lambda _line: None) as db:
            for _ in range(5):
                await asyncio.gather(
                    *(db.transact(lambda w: w.number("A")) for _ in range(6)),
                    *(db.read(lambda w: w.list("all", 1)) for _ in range(6)),
                    *(db.backlog() for _ in range(6)),
                )

    await asyncio.gather(use(url), use(url))
    with pytest.raises(DatabaseAway, match="behind PgBouncer add statement_cache_size=0 to"):
        await use(f"postgres://postgres@/{name}?{pooler}")
