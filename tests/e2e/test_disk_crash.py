"""kill -9 while a disk is full, fails, or a file is held: nothing lost, twice or deaf (D7)."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest

from tests.e2e.test_crash import Child, whole
from tests.harness.small_disk import failing, filled, small_disk
from tests.players.scripted import make_sink

TURNS = int(os.environ.get("SITREP_KILLS", "16")) // 8
"""How often each trouble comes, with a kill amid it every other time."""

pytestmark = pytest.mark.crash


@contextmanager
def locked(home: Path) -> Iterator[None]:
    with closing(sqlite3.connect(home / "sitrep.db", isolation_level=None, timeout=60)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


TROUBLES: dict[str, Callable[[Path, Child], AbstractContextManager[None]]] = {
    "full": lambda home, _child: filled(home),
    "locked": lambda home, _child: locked(home),
    "failing": lambda _home, child: failing(child.player.pid),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_disk_in_trouble_loses_nothing_and_leaves_nobody_deaf(tmp_path, monkeypatch, trouble):
    """D1 D2 D3 D7 K6"""
    chance = random.Random(trouble)
    monkeypatch.setenv("SITREP_TEST_BUSY_MS", "100")
    with (
        small_disk(tmp_path / "disk", 64) as home,
        closing(make_sink(tmp_path / "sink.db")) as sink,
    ):
        url = f"sqlite://{home / 'sitrep.db'}"
        child = Child(url, tmp_path)
        child.ready()
        for turn in range(max(2, TURNS)):
            child.heard_more(sink)
            with TROUBLES[trouble](home, child):
                time.sleep(chance.random())
                if turn % 2:
                    child.kill()
            if turn % 2:
                child = Child(url, tmp_path)
                child.ready()
        child.heard_more(sink)
        (tmp_path / "stop").touch()
        assert child.finish() == "done 0 0"
        asyncio.run(whole(url, sink, names="a", repeats=max(2, TURNS) * 2))
