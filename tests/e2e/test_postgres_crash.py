"""kill -9 while PostgreSQL hangs, restarts, or ends every session: nothing lost, twice or deaf."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from tests.e2e.test_crash import Child, whole
from tests.peers.postgres import Postgres
from tests.players.scripted import make_sink

TURNS = int(os.environ.get("SITREP_KILLS", "16")) // 16
"""How often each trouble comes, with a kill amid it every other time."""

pytestmark = pytest.mark.crash


def hangs(server: Postgres, _database: str, chance: random.Random) -> None:
    with server.frozen():
        time.sleep(1 + chance.random())  # longer than a statement may take


def restarts(server: Postgres, _database: str, chance: random.Random) -> None:
    server.end(signal.SIGQUIT)
    time.sleep(chance.random())
    server.run()


def ends_sessions(server: Postgres, database: str, _chance: random.Random) -> None:
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'"
    for _ in range(3):
        server.psql(ended.format(database))


TROUBLES: dict[str, Callable[[Postgres, str, random.Random], None]] = {
    "hangs": hangs,
    "restarts": restarts,
    "ends sessions": ends_sessions,
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_server_in_trouble_loses_nothing_and_leaves_nobody_deaf(
    durable_postgres, tmp_path, trouble
):
    """D1 D2 D3 D7 K6"""
    chance = random.Random(trouble)
    url = durable_postgres.database()
    database = urlsplit(url).path.strip("/")
    url += f"{'&' if '?' in url else '?'}command_timeout=1"
    with closing(make_sink(tmp_path / "sink.db")) as sink:
        child = Child(url, tmp_path)
        child.ready()
        for turn in range(max(2, TURNS)):
            child.heard_more(sink)
            if turn % 2:
                child.kill()
                child = Child(url, tmp_path)  # it starts amid the trouble, and may end of it
            TROUBLES[trouble](durable_postgres, database, chance)
            if turn % 2:
                child.kill()
                child = Child(url, tmp_path)
                child.ready()
        child.heard_more(sink)
        (tmp_path / "stop").touch()
        assert child.finish() == "done 0 0"
        asyncio.run(whole(url, sink, names="a", repeats=max(2, TURNS) * 4))
